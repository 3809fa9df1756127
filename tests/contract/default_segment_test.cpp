// SPDX-License-Identifier: MIT
// The contract of the segment that every process has: it grows by itself, and forked children share it.
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/error.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace contract {
namespace {

using process_shared::errc;
using process_shared::segment;

struct counter {
    process_shared::mutex guard;
    int value = 0;
};

// Every test that uses the default segment of a process does so in a child of its own: there is but one, and what the
// parent has, its children have, too.

TEST(default_segment, is_one_for_all_threads) {
    EXPECT_TRUE(support::child([] {
                    std::vector<segment*> found(8);
                    std::vector<std::thread> threads;
                    for (auto& place : found) threads.emplace_back([&] { place = &segment::process_default(); });
                    for (auto& thread : threads) thread.join();
                    for (auto* place : found) EXPECT_EQ(place, &segment::process_default());
                    EXPECT_EQ(segment::process_default().name(), "");
                }).wait_success());
}

TEST(default_segment, grows_by_itself_and_nothing_moves) {
    EXPECT_TRUE(support::child([] {
                    segment& memory = segment::process_default();
                    const std::size_t at_first = memory.size();
                    auto& shared = memory.construct<counter>("counter");
                    const std::lock_guard hold(shared.guard);
                    std::vector<std::byte*> blocks;
                    for (int i = 0; i < 200; ++i) {
                        auto* block = static_cast<std::byte*>(memory.allocate(64 * 1024));
                        std::memset(block, i, 64 * 1024);
                        blocks.push_back(block);
                    }
                    EXPECT_GT(memory.size(), at_first);
                    EXPECT_GE(memory.size(), std::size_t{200} * 64 * 1024);
                    for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(blocks[i][64 * 1024 - 1], std::byte(i));
                    EXPECT_EQ(&memory.find<counter>("counter"), &shared);
                }).wait_success());
}

TEST(default_segment, takes_an_object_larger_than_all_it_has) {
    EXPECT_TRUE(support::child([] {
                    segment& memory = segment::process_default();
                    const std::size_t bytes = 16 * 1024 * 1024;
                    auto* block = static_cast<std::byte*>(memory.allocate(bytes));
                    block[bytes - 1] = std::byte{1};
                    memory.deallocate(block);
                }).wait_success());
}

TEST(default_segment, is_full_at_the_end_of_its_address_space) {
    EXPECT_TRUE(support::child([] {
                    segment& memory = segment::process_default();
                    const std::size_t before = memory.size();
                    try {
                        (void)memory.allocate(std::size_t{1} << 45);
                        ADD_FAILURE() << "32 TiB?";
                    } catch (const std::system_error& failure) {
                        EXPECT_TRUE(failure.code() == errc::segment_full) << failure.what();
                    }
                    EXPECT_EQ(memory.size(), before);
                    EXPECT_NO_THROW((void)memory.allocate(100));
                }).wait_success());
}

TEST(default_segment, is_shared_with_forked_children) {
    EXPECT_TRUE(support::child([] {
                    auto& shared = segment::process_default().construct<counter>("counter");
                    std::vector<support::child> children;
                    for (int i = 0; i < 3; ++i)
                        children.emplace_back([&] {
                            for (int round = 0; round < 100; ++round) {
                                const std::lock_guard hold(shared.guard);
                                ++shared.value;
                            }
                        });
                    for (auto& child : children) EXPECT_TRUE(child.wait_success());
                    EXPECT_EQ(shared.value, 300);
                }).wait_success());
}

TEST(default_segment, growth_by_a_child_is_seen_by_the_parent) {
    EXPECT_TRUE(support::child([] {
                    segment& memory = segment::process_default();
                    const std::size_t before = memory.size();
                    EXPECT_TRUE(support::child([&] {
                                    auto* block = static_cast<std::byte*>(memory.allocate(8 * 1024 * 1024));
                                    block[8 * 1024 * 1024 - 1] = std::byte{77};
                                    memory.construct<std::uint64_t>("where", memory.offset_of(block));
                                }).wait_success());
                    EXPECT_GT(memory.size(), before);
                    const std::uint64_t where = memory.find<std::uint64_t>("where");
                    const auto* block = static_cast<const std::byte*>(memory.at(where, 8 * 1024 * 1024));
                    EXPECT_EQ(block[8 * 1024 * 1024 - 1], std::byte{77});
                }).wait_success());
}

TEST(default_segment, of_one_process_is_not_that_of_another) {
    EXPECT_TRUE(support::child([] {
                    segment::process_default().construct<int>("mine", 1);
                    support::check(segment::process_default().find<int>("mine") == 1, "not found");
                }).wait_success());
    EXPECT_TRUE(support::child([] {
                    std::error_code error;
                    EXPECT_EQ(segment::process_default().find<int>("mine", error), nullptr);
                }).wait_success());
}

TEST(default_segment, can_be_passed_to_a_stranger_by_its_descriptor) {
    EXPECT_TRUE(support::child([] {
                    segment& memory = segment::process_default();
                    (void)memory.allocate(1024 * 1024);  // grown once
                    memory.construct<int>("answer", 42);
                    segment again = segment::from_fd(memory.fd());
                    EXPECT_EQ(again.find<int>("answer"), 42);
                    EXPECT_EQ(again.uuid(), memory.uuid());
                    EXPECT_NE(&again.find<int>("answer"), &memory.find<int>("answer"));
                }).wait_success());
}

// Programs close what they do not know, and the numbers are used again.
TEST(default_segment, without_its_descriptor_does_not_grow_into_another_file) {
    EXPECT_TRUE(support::child([] {
                    segment& memory = segment::process_default();
                    auto& shared = memory.construct<counter>("counter");
                    const int number = memory.fd();
                    close(number);
                    const int other = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
                    support::check(dup2(other, number) == number, "cannot take the number over");
                    try {
                        (void)memory.allocate(16 * 1024 * 1024);
                        ADD_FAILURE() << "memory out of nowhere";
                    } catch (const std::system_error& failure) {
                        EXPECT_TRUE(failure.code() == errc::segment_full) << failure.what();
                    }
                    struct stat status{};
                    fstat(number, &status);
                    EXPECT_EQ(status.st_size, 0) << "somebody else's file";
                    const std::lock_guard hold(shared.guard);  // what it has still works
                    (void)memory.allocate(1000);
                }).wait_success());
}

TEST(default_segment, fork_beside_its_making_leaves_the_child_able_to_make_one) {
    for (int round = 0; round < 20; ++round)
        EXPECT_TRUE(support::child([] {
                        std::atomic<bool> begin{false};
                        std::thread maker([&] {
                            while (!begin) {}
                            (void)segment::process_default().allocate(16);
                        });
                        begin = true;
                        support::child forked([] { (void)segment::process_default().allocate(16); });
                        EXPECT_TRUE(forked.wait_success());
                        maker.join();
                    }).wait_success());
}

}  // namespace
}  // namespace contract
