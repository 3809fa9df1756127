// SPDX-License-Identifier: MIT
// The contract of segments as wholes: how they are made, found, shared, and taken away.
#include "contract/places.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/names.hpp"
#include "support/role.hpp"
#include "support/scratch.hpp"

#include <process_shared/error.hpp>
#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace contract {
namespace {

using process_shared::errc;
using process_shared::segment;
using process_shared::segment_options;

struct counter {
    process_shared::mutex guard;
    int value = 0;
};

/// Where named segments of a test live, so that it can look what else is there.
class segment_test : public testing::Test {
protected:
    segment_test() { here.directory = place.path(); }
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(place.path())) ++count;
        return count;
    }
    [[nodiscard]] struct stat status_of(const segment& of) const {
        struct stat status{};
        EXPECT_EQ(fstat(of.fd(), &status), 0);
        return status;
    }
    const scratch_directory place;
    segment_options here;
};

const support::role adds_one("adds_one", [](const support::role::words& words) {
    segment memory = segment::open(words.at(0));
    auto& shared = memory.find<counter>("counter");
    const std::lock_guard hold(shared.guard);
    ++shared.value;
});

TEST_F(segment_test, anonymous_memory_holds_objects) {
    segment memory = segment::anonymous(4096);
    ASSERT_TRUE(memory.valid());
    EXPECT_TRUE(static_cast<bool>(memory));
    EXPECT_EQ(memory.name(), "");
    EXPECT_GE(memory.size(), 4096u);
    EXPECT_GE(memory.free_bytes(), 4096u);
    memory.construct<counter>("counter").value = 7;
    EXPECT_EQ(memory.find<counter>("counter").value, 7);
}

TEST_F(segment_test, promised_bytes_can_be_one_object) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{15}, std::size_t{4096}, std::size_t{1'000'001}}) {
        segment memory = segment::anonymous(bytes);
        EXPECT_GE(memory.size(), bytes);
        EXPECT_NE(memory.allocate(bytes), nullptr) << bytes;
    }
}

TEST_F(segment_test, anonymous_memory_cannot_be_shrunk_by_anybody) {
    segment memory = segment::anonymous(4096);
    EXPECT_EQ(ftruncate(memory.fd(), 1), -1);
    EXPECT_EQ(errno, EPERM);
}

TEST_F(segment_test, created_one_is_opened_by_name) {
    segment made = segment::create("tally", 4096, here);
    EXPECT_EQ(made.name(), "tally");
    made.construct<int>("answer", 42);
    segment opened = segment::open("tally", here);
    EXPECT_EQ(opened.name(), "tally");
    EXPECT_EQ(opened.find<int>("answer"), 42);
    EXPECT_EQ(opened.uuid(), made.uuid());
    EXPECT_EQ(opened.size(), made.size());
    EXPECT_EQ(files(), 1u);
}

TEST_F(segment_test, is_opened_by_an_unrelated_process) {
    const support::segment_name name;
    segment memory = segment::create(name, 4096);
    auto& shared = memory.construct<counter>("counter");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(adds_one.start({name}).wait_success());
    EXPECT_EQ(shared.value, 3);
}

TEST_F(segment_test, outlives_its_handles) {
    segment::create("tally", 4096, here).construct<int>("answer", 42);
    EXPECT_EQ(segment::open("tally", here).find<int>("answer"), 42);
}

TEST_F(segment_test, leading_slash_is_the_posix_spelling_of_the_same_name) {
    segment::create("/tally", 4096, here).construct<int>("answer", 42);
    EXPECT_EQ(segment::open("tally", here).find<int>("answer"), 42);
    EXPECT_TRUE(segment::remove("/tally", here));
}

TEST_F(segment_test, mode_is_private_unless_asked_and_the_umask_changes_nothing) {
    const mode_t before = umask(0777);
    segment secret = segment::create("secret", 4096, here);
    segment_options wide = here;
    wide.mode = 0664;
    segment open = segment::create("open", 4096, wide);
    umask(before);
    EXPECT_EQ(status_of(secret).st_mode & 07777u, 0600u);
    EXPECT_EQ(status_of(open).st_mode & 07777u, 0664u);
}

TEST_F(segment_test, memory_is_there_at_creation) {
    segment memory = segment::create("tally", 1024 * 1024, here);
    EXPECT_GE(status_of(memory).st_blocks * 512, 1024 * 1024);
}

TEST_F(segment_test, handles_move_and_the_moved_from_is_empty) {
    segment first = segment::anonymous(4096);
    auto& shared = first.construct<counter>("counter");
    segment second = std::move(first);
    EXPECT_FALSE(first.valid());  // NOLINT: what it promises
    EXPECT_EQ(&second.find<counter>("counter"), &shared);
    first = std::move(second);
    EXPECT_EQ(&first.find<counter>("counter"), &shared);
}

TEST_F(segment_test, empty_handle_says_that_it_is_empty) {
    segment empty;
    EXPECT_FALSE(empty.valid());
    EXPECT_EQ(empty.name(), "");
    const auto code_of = [](auto&& operation) {
        try {
            operation();
        } catch (const std::system_error& failure) {
            return failure.code();
        }
        return std::error_code();
    };
    EXPECT_TRUE(code_of([&] { empty.construct<int>("a"); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { (void)empty.find<int>("a"); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { empty.destroy<int>("a"); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { (void)empty.allocate(1); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { empty.deallocate(&empty); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { (void)empty.size(); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { (void)empty.free_bytes(); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { (void)empty.uuid(); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { (void)empty.fd(); }) == errc::no_segment);
    EXPECT_TRUE(code_of([&] { process_shared::inspect::look(empty); }) == errc::no_segment);
}

TEST_F(segment_test, two_handles_are_the_same_memory_at_two_addresses) {
    segment first = segment::anonymous(4096);
    segment second = segment::from_fd(first.fd());
    auto& here_one = first.construct<counter>("counter");
    auto& there = second.find<counter>("counter");
    EXPECT_NE(&here_one, &there);
    here_one.value = 5;
    EXPECT_EQ(there.value, 5);
    EXPECT_EQ(first.offset_of(&here_one), second.offset_of(&there));
    EXPECT_EQ(first.uuid(), second.uuid());
}

TEST_F(segment_test, handle_from_a_descriptor_does_not_need_it_any_more) {
    segment first = segment::anonymous(4096);
    first.construct<int>("answer", 42);
    const int passed = dup(first.fd());
    segment second = segment::from_fd(passed);
    EXPECT_NE(fcntl(passed, F_GETFD), -1) << "it stays the caller's";
    close(passed);
    first = segment();
    EXPECT_EQ(second.find<int>("answer"), 42);
}

TEST_F(segment_test, descriptor_of_the_segment_is_not_passed_through_exec) {
    segment memory = segment::anonymous(4096);
    EXPECT_NE(fcntl(memory.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(segment_test, is_inherited_by_fork) {
    segment memory = segment::anonymous(4096);
    auto& shared = memory.construct<counter>("counter");
    EXPECT_TRUE(support::child([&] {
                    const std::lock_guard hold(memory.find<counter>("counter").guard);
                    ++shared.value;
                    memory.construct<int>("from the child", 3);
                }).wait_success());
    EXPECT_EQ(shared.value, 1);
    EXPECT_EQ(memory.find<int>("from the child"), 3);
}

TEST_F(segment_test, removed_one_stays_with_its_users) {
    segment memory = segment::create("tally", 4096, here);
    memory.construct<int>("answer", 42);
    EXPECT_TRUE(segment::remove("tally", here));
    EXPECT_FALSE(segment::remove("tally", here));
    EXPECT_EQ(files(), 0u);
    EXPECT_EQ(memory.find<int>("answer"), 42);
    memory.construct<int>("still", 1);
}

TEST_F(segment_test, removed_and_created_again_is_another_segment) {
    segment old = segment::create("tally", 4096, here);
    auto& old_counter = old.construct<counter>("counter");
    EXPECT_TRUE(segment::remove("tally", here));
    segment fresh = segment::create("tally", 4096, here);
    EXPECT_NE(old.uuid(), fresh.uuid());
    std::error_code error;
    EXPECT_EQ(fresh.find<counter>("counter", error), nullptr);
    auto& fresh_counter = fresh.construct<counter>("counter");
    const std::lock_guard hold(old_counter.guard);
    EXPECT_TRUE(fresh_counter.guard.try_lock()) << "a lock of one is no lock of the other";
    fresh_counter.guard.unlock();
}

TEST_F(segment_test, open_or_create_makes_one_and_then_finds_it) {
    segment first = segment::open_or_create("tally", 4096, here);
    segment second = segment::open_or_create("tally", 4096, here);
    EXPECT_EQ(first.uuid(), second.uuid());
    segment smaller = segment::open_or_create("tally", 100, here);
    EXPECT_EQ(first.uuid(), smaller.uuid());
    EXPECT_EQ(files(), 1u);
}

TEST_F(segment_test, open_or_create_of_a_smaller_one_is_an_error_that_leaves_it_alone) {
    segment first = segment::create("tally", 4096, here);
    std::error_code error;
    EXPECT_FALSE(segment::open_or_create("tally", first.size() + 1, here, error).valid());
    EXPECT_TRUE(error == errc::too_small) << error.message();
    EXPECT_TRUE(segment::open_or_create("tally", first.size(), here, error).valid());
    EXPECT_FALSE(error);
}

TEST_F(segment_test, processes_that_race_get_the_same_segment) {
    constexpr int racers = 6;
    struct flags {
        std::atomic<int> ready;
        std::atomic<std::uint64_t> sum;
    };
    support::scratch<flags> seen;
    for (int round = 0; round < 10; ++round) {
        seen->ready = 0;
        std::vector<support::child> children;
        for (int i = 0; i < racers; ++i)
            children.emplace_back([&] {
                ++seen->ready;
                support::check(support::await([&] { return seen->ready == racers; }), "the others never came");
                segment memory = segment::open_or_create("tally", 4096, here);
                auto& shared = memory.find_or_construct<counter>("counter");
                const std::lock_guard hold(shared.guard);
                ++shared.value;
            });
        for (auto& child : children) EXPECT_TRUE(child.wait_success());
        EXPECT_EQ(segment::open("tally", here).find<counter>("counter").value, racers);
        EXPECT_TRUE(segment::remove("tally", here));
    }
}

TEST_F(segment_test, of_processes_that_race_to_create_one_wins) {
    constexpr int racers = 6;
    support::scratch<std::atomic<int>> won, lost;
    std::vector<support::child> children;
    for (int i = 0; i < racers; ++i)
        children.emplace_back([&] {
            std::error_code error;
            const segment memory = segment::create("tally", 4096, here, error);
            ++*(memory.valid() ? won : lost);
            EXPECT_TRUE(memory.valid() || error == errc::name_taken) << error.message();
        });
    for (auto& child : children) EXPECT_TRUE(child.wait_success());
    EXPECT_EQ(*won, 1);
    EXPECT_EQ(*lost, racers - 1);
    EXPECT_EQ(files(), 1u);
}

TEST_F(segment_test, is_listed_by_inspect_while_it_has_a_name) {
    EXPECT_TRUE(process_shared::inspect::names(here).empty());
    segment b = segment::create("b", 4096, here);
    segment a = segment::create("a", 4096, here);
    EXPECT_EQ(process_shared::inspect::names(here), (std::vector<std::string>{"a", "b"}));
    segment::remove("a", here);
    EXPECT_EQ(process_shared::inspect::names(here), std::vector<std::string>{"b"});
}

TEST_F(segment_test, options_are_those_it_was_made_with) {
    segment_options how = here;
    how.seats = 17;
    how.names = 5;
    how.backstop = std::chrono::milliseconds(250);
    segment made = segment::create("tally", 4096, how);
    segment opened = segment::open("tally", here);
    EXPECT_EQ(opened.seats(), 17u);
    const auto seen = process_shared::inspect::look(opened);
    EXPECT_EQ(seen.seats, 17u);
    EXPECT_EQ(seen.names, 5u);
    EXPECT_EQ(seen.backstop, std::chrono::milliseconds(250));
    EXPECT_EQ(seen.name, "tally");
    EXPECT_EQ(seen.creator, static_cast<std::uint32_t>(getpid()));
}

TEST_F(segment_test, of_root_can_be_opened_by_others_if_both_want_it) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    segment_options shared = here;
    shared.mode = 0666;
    segment memory = segment::create("tally", 4096, shared);
    ASSERT_EQ(chmod(place.path().c_str(), 0755), 0);
    EXPECT_TRUE(support::child([&] {
                    support::check(setresuid(12345, 12345, 12345) == 0, "cannot become another user");
                    std::error_code error;
                    EXPECT_FALSE(segment::open("tally", here, error).valid());
                    EXPECT_TRUE(error == errc::not_yours) << error.message();
                    EXPECT_TRUE(process_shared::inspect::names(here).empty());
                    segment_options others = here;
                    others.others = true;
                    segment opened = segment::open("tally", others, error);
                    EXPECT_TRUE(opened.valid()) << error.message();
                    opened.construct<int>("answer", 42);
                }).wait_success());
    EXPECT_EQ(memory.find<int>("answer"), 42);
}

}  // namespace
}  // namespace contract
