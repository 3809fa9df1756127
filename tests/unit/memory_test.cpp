// SPDX-License-Identifier: MIT
// platform/memory.hpp keeps its promises: files made, named, mapped.
#include "platform/memory.hpp"

#include "contract/places.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

using namespace process_shared::platform;
using contract::scratch_directory;
using contract::tiny_file_system;

/// A platform file that closes itself.
class own_file {
public:
    own_file() = default;
    own_file(const own_file&) = delete;
    own_file& operator=(const own_file&) = delete;
    ~own_file() { process_shared::platform::close(number); }
    file number = no_file;
};

bool closed_on_exec(file what) { return (fcntl(what, F_GETFD) & FD_CLOEXEC) != 0; }

mode_t mode_of(file what) {
    struct stat status{};
    return fstat(what, &status) == 0 ? status.st_mode & 07777 : 0;
}

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    EXPECT_FALSE(list(directory, names));
    std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
    std::sort(names.begin(), names.end());
    return names;
}

TEST(memory, anonymous_file_is_empty_regular_mine_and_closed_on_exec) {
    own_file made;
    ASSERT_FALSE(create_anonymous(made.number));
    file_facts found;
    ASSERT_FALSE(facts(made.number, found));
    EXPECT_TRUE(found.regular);
    EXPECT_TRUE(found.mine);
    EXPECT_EQ(found.size, 0u);
    EXPECT_TRUE(closed_on_exec(made.number));
}

TEST(memory, reserved_memory_is_there_and_zero) {
    own_file made;
    ASSERT_FALSE(create_anonymous(made.number));
    ASSERT_FALSE(reserve(made.number, 3 * page_size()));
    file_facts found;
    ASSERT_FALSE(facts(made.number, found));
    EXPECT_EQ(found.size, 3 * page_size());
    mapping at;
    ASSERT_FALSE(map(made.number, found.size, at));
    EXPECT_EQ(at.size, found.size);
    EXPECT_TRUE(std::all_of(at.base, at.base + at.size, [](std::byte value) { return value == std::byte{0}; }));
    unmap(at.base, at.size);
}

TEST(memory, reserving_more_keeps_what_was_written) {
    own_file made;
    ASSERT_FALSE(create_anonymous(made.number));
    ASSERT_FALSE(reserve(made.number, page_size()));
    mapping at;
    ASSERT_FALSE(map(made.number, 4 * page_size(), at));  // address space for more than there is
    at.base[1] = std::byte{7};
    ASSERT_FALSE(reserve(made.number, 4 * page_size()));
    at.base[4 * page_size() - 1] = std::byte{8};
    EXPECT_EQ(at.base[1], std::byte{7});
    unmap(at.base, at.size);
}

TEST(memory, two_mappings_of_a_file_are_the_same_memory_at_two_addresses) {
    own_file made;
    ASSERT_FALSE(create_anonymous(made.number));
    ASSERT_FALSE(reserve(made.number, page_size()));
    mapping first, second;
    ASSERT_FALSE(map(made.number, page_size(), first));
    ASSERT_FALSE(map(made.number, page_size(), second));
    EXPECT_NE(first.base, second.base);
    first.base[100] = std::byte{42};
    EXPECT_EQ(second.base[100], std::byte{42});
    unmap(first.base, first.size);
    EXPECT_EQ(second.base[100], std::byte{42});
    unmap(second.base, second.size);
}

TEST(memory, unmapped_memory_is_gone) {
    mapping at;
    ASSERT_FALSE(map_inherited(page_size(), at));
    EXPECT_EQ(msync(at.base, at.size, MS_ASYNC), 0);
    unmap(at.base, at.size);
    EXPECT_EQ(msync(at.base, at.size, MS_ASYNC), -1);
    EXPECT_EQ(errno, ENOMEM);
}

TEST(memory, inherited_memory_is_zero_and_shared_with_children) {
    mapping at;
    ASSERT_FALSE(map_inherited(page_size(), at));
    EXPECT_EQ(at.base[5], std::byte{0});
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        at.base[5] = std::byte{1};
        _exit(0);
    }
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    EXPECT_EQ(at.base[5], std::byte{1});
    unmap(at.base, at.size);
}

TEST(memory, sealed_file_cannot_shrink_but_grows) {
    own_file made;
    ASSERT_FALSE(create_anonymous(made.number));
    ASSERT_FALSE(reserve(made.number, 2 * page_size()));
    ASSERT_FALSE(seal_against_shrinking(made.number));
    EXPECT_EQ(ftruncate(made.number, 1), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_FALSE(reserve(made.number, 4 * page_size()));
}

TEST(memory, page_size_is_a_power_of_two) {
    EXPECT_GT(page_size(), 0u);
    EXPECT_EQ(page_size() & (page_size() - 1), 0u);
}

TEST(memory, unpublished_file_has_no_name) {
    const scratch_directory here;
    own_file made;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, made.number));
    EXPECT_TRUE(names_in(here.path()).empty());
    EXPECT_TRUE(closed_on_exec(made.number));
}

TEST(memory, mode_is_as_asked_whatever_the_umask) {
    const scratch_directory here;
    for (const mode_t mask : {mode_t{0}, mode_t{077}, mode_t{0777}}) {
        const mode_t before = umask(mask);
        own_file narrow, wide;
        EXPECT_FALSE(create_unpublished(here.path(), 0600, narrow.number));
        EXPECT_FALSE(create_unpublished(here.path(), 0664, wide.number));
        umask(before);
        EXPECT_EQ(mode_of(narrow.number), 0600u);
        EXPECT_EQ(mode_of(wide.number), 0664u);
    }
}

TEST(memory, published_file_has_its_name_and_its_contents) {
    const scratch_directory here;
    own_file made, opened;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, made.number));
    ASSERT_EQ(write(made.number, "whole", 5), 5);
    ASSERT_FALSE(publish(made.number, here.path(), "name"));
    EXPECT_EQ(names_in(here.path()), std::vector<std::string>{"name"});
    ASSERT_FALSE(open(here.path(), "name", opened.number));
    std::array<char, 8> text{};
    EXPECT_EQ(read(opened.number, text.data(), text.size()), 5);
    EXPECT_STREQ(text.data(), "whole");
}

TEST(memory, publishing_under_a_taken_name_is_refused_and_changes_nothing) {
    const scratch_directory here;
    own_file first, second, opened;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, first.number));
    ASSERT_FALSE(create_unpublished(here.path(), 0600, second.number));
    ASSERT_FALSE(publish(first.number, here.path(), "name"));
    EXPECT_TRUE(publish(second.number, here.path(), "name") == std::errc::file_exists);
    ASSERT_FALSE(open(here.path(), "name", opened.number));
    file_facts wanted, found;
    ASSERT_FALSE(facts(first.number, wanted));
    ASSERT_FALSE(facts(opened.number, found));
    EXPECT_EQ(found.id, wanted.id);
}

TEST(memory, of_many_that_publish_one_name_exactly_one_succeeds) {
    const scratch_directory here;
    std::atomic<int> ready{0}, published{0}, refused{0};
    constexpr int count = 8;
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i)
        threads.emplace_back([&] {
            own_file made;
            const auto created = create_unpublished(here.path(), 0600, made.number);
            ++ready;
            while (ready < count) std::this_thread::yield();
            if (created) return;
            const auto result = publish(made.number, here.path(), "name");
            if (!result)
                ++published;
            else if (result == std::errc::file_exists)
                ++refused;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(published, 1);
    EXPECT_EQ(refused, count - 1);
}

TEST(memory, no_room_is_an_error_when_reserving) {
    const tiny_file_system here(64 * 1024);
    if (!here.mounted()) GTEST_SKIP() << here.why_not();
    own_file made;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, made.number));
    EXPECT_TRUE(reserve(made.number, 1024 * 1024) == std::errc::no_space_on_device);
    EXPECT_FALSE(reserve(made.number, page_size()));
}

TEST(memory, directory_that_is_not_there_is_an_error) {
    const scratch_directory here;
    own_file made;
    EXPECT_TRUE(create_unpublished(here.path() + "/none", 0600, made.number) == std::errc::no_such_file_or_directory);
    std::vector<std::string> names;
    EXPECT_TRUE(list(here.path() + "/none", names) == std::errc::no_such_file_or_directory);
}

TEST(memory, opening_what_is_not_there_is_an_error) {
    const scratch_directory here;
    own_file opened;
    EXPECT_TRUE(open(here.path(), "none", opened.number) == std::errc::no_such_file_or_directory);
}

TEST(memory, opening_never_follows_a_symbolic_link) {
    const scratch_directory here;
    own_file made, opened;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, made.number));
    ASSERT_FALSE(publish(made.number, here.path(), "target"));
    ASSERT_EQ(symlink("target", (here.path() + "/link").c_str()), 0);
    EXPECT_TRUE(open(here.path(), "link", opened.number) == std::errc::too_many_symbolic_link_levels);
    EXPECT_LT(opened.number, 0);
}

TEST(memory, opening_a_fifo_does_not_wait_for_its_other_end) {
    const scratch_directory here;
    ASSERT_EQ(mkfifo((here.path() + "/fifo").c_str(), 0600), 0);
    own_file opened;
    if (!open(here.path(), "fifo", opened.number)) {
        file_facts found;
        ASSERT_FALSE(facts(opened.number, found));
        EXPECT_FALSE(found.regular);
    }
}

TEST(memory, facts_tell_files_apart_and_recognise_one_opened_twice) {
    const scratch_directory here;
    own_file first, second, again;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, first.number));
    ASSERT_FALSE(create_unpublished(here.path(), 0600, second.number));
    ASSERT_FALSE(publish(first.number, here.path(), "name"));
    ASSERT_FALSE(open(here.path(), "name", again.number));
    file_facts one, other, same;
    ASSERT_FALSE(facts(first.number, one));
    ASSERT_FALSE(facts(second.number, other));
    ASSERT_FALSE(facts(again.number, same));
    EXPECT_EQ(one.id, same.id);
    EXPECT_FALSE(one.id == other.id);
}

TEST(memory, facts_know_whose_file_it_is) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
    const scratch_directory here;
    own_file made;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, made.number));
    ASSERT_EQ(fchown(made.number, 12345, 12345), 0);
    file_facts found;
    ASSERT_FALSE(facts(made.number, found));
    EXPECT_FALSE(found.mine);
}

TEST(memory, facts_of_a_closed_descriptor_are_an_error) {
    file_facts found;
    EXPECT_TRUE(facts(no_file, found) == std::errc::bad_file_descriptor);
}

TEST(memory, duplicate_outlives_the_original) {
    own_file made, copy;
    ASSERT_FALSE(create_anonymous(made.number));
    file_facts wanted, found;
    ASSERT_FALSE(facts(made.number, wanted));
    ASSERT_FALSE(duplicate(made.number, copy.number));
    EXPECT_TRUE(closed_on_exec(copy.number));
    process_shared::platform::close(made.number);
    made.number = no_file;
    ASSERT_FALSE(facts(copy.number, found));
    EXPECT_EQ(found.id, wanted.id);
    own_file none;
    EXPECT_TRUE(duplicate(no_file, none.number) == std::errc::bad_file_descriptor);
}

TEST(memory, removed_name_is_gone_and_the_file_stays) {
    const scratch_directory here;
    own_file made;
    ASSERT_FALSE(create_unpublished(here.path(), 0600, made.number));
    ASSERT_FALSE(publish(made.number, here.path(), "name"));
    EXPECT_FALSE(remove(here.path(), "name"));
    EXPECT_TRUE(remove(here.path(), "name") == std::errc::no_such_file_or_directory);
    EXPECT_TRUE(names_in(here.path()).empty());
    EXPECT_FALSE(reserve(made.number, page_size()));
}

TEST(memory, random_bytes_fill_the_whole_target_and_differ) {
    std::array<std::uint8_t, 64> first{}, second{};
    random_bytes(first);
    random_bytes(second);
    EXPECT_NE(first, second);
    for (std::size_t part = 0; part < first.size(); part += 16)
        EXPECT_FALSE(std::all_of(first.data() + part, first.data() + part + 16, [](auto value) { return value == 0; }));
}

TEST(memory, boot_id_is_the_same_each_time) {
    EXPECT_EQ(boot_id(), boot_id());
    EXPECT_NE(boot_id(), (std::array<std::uint8_t, 16>{}));
}

TEST(memory, default_directory_can_be_listed) {
    std::vector<std::string> names;
    EXPECT_FALSE(list(default_directory(), names));
}

}  // namespace
