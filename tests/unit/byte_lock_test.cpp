// SPDX-License-Identifier: MIT
// platform::byte_lock excludes threads and processes, and ends with its holder.
#include "platform/memory.hpp"

#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <optional>
#include <thread>

namespace {

using namespace process_shared::platform;
using result = byte_lock::result;

class byte_locks : public testing::Test {
protected:
    void SetUp() override {
        ASSERT_FALSE(create_anonymous(made));
        file_facts found;
        ASSERT_FALSE(facts(made, found));
        which = found.id;
    }
    void TearDown() override { process_shared::platform::close(made); }

    result try_once(std::uint64_t byte) const {
        byte_lock attempt;
        return attempt.try_lock(made, which, byte);
    }

    struct flags {
        std::atomic<bool> holding, release;
    };

    file made = no_file;
    file_id which;
    support::scratch<flags> seen;
};

TEST_F(byte_locks, exclude_another_of_the_same_thread) {
    byte_lock first;
    ASSERT_EQ(first.try_lock(made, which, 3), result::locked);
    EXPECT_EQ(try_once(3), result::taken);
}

TEST_F(byte_locks, exclude_another_thread) {
    byte_lock first;
    ASSERT_EQ(first.try_lock(made, which, 3), result::locked);
    std::thread([&] { EXPECT_EQ(try_once(3), result::taken); }).join();
}

TEST_F(byte_locks, exclude_a_forked_child) {
    byte_lock first;
    ASSERT_EQ(first.try_lock(made, which, 3), result::locked);
    EXPECT_TRUE(support::child([&] { EXPECT_EQ(try_once(3), result::taken); }).wait_success());
}

TEST_F(byte_locks, of_different_bytes_do_not_meet) {
    byte_lock first;
    ASSERT_EQ(first.try_lock(made, which, 3), result::locked);
    EXPECT_EQ(try_once(2), result::locked);
    EXPECT_EQ(try_once(4), result::locked);
    EXPECT_EQ(try_once(64'999), result::locked);
}

TEST_F(byte_locks, end_with_the_object) {
    EXPECT_EQ(try_once(3), result::locked);
    EXPECT_EQ(try_once(3), result::locked);
}

TEST_F(byte_locks, end_with_the_process) {
    support::child holder([&] {
        byte_lock held;
        EXPECT_EQ(held.try_lock(made, which, 3), result::locked);
        seen->holding = true;
        pause();
    });
    ASSERT_TRUE(support::await([&] { return seen->holding.load(); }));
    EXPECT_EQ(try_once(3), result::taken);
    holder.kill();
    EXPECT_EQ(try_once(3), result::locked);
}

TEST_F(byte_locks, do_not_end_when_another_descriptor_of_the_file_is_closed) {
    byte_lock first;
    ASSERT_EQ(first.try_lock(made, which, 3), result::locked);
    file copy = no_file;
    ASSERT_FALSE(duplicate(made, copy));
    process_shared::platform::close(copy);
    EXPECT_EQ(try_once(3), result::taken);
}

// Another thread may fork at any time: its child has copies of all descriptors, and may live for days.
TEST_F(byte_locks, end_with_the_object_even_if_a_child_was_forked_meanwhile) {
    std::optional<byte_lock> first;
    first.emplace();
    ASSERT_EQ(first->try_lock(made, which, 3), result::locked);
    support::child bystander([] { pause(); });
    first.reset();
    EXPECT_EQ(try_once(3), result::locked);
}

TEST_F(byte_locks, are_impossible_on_another_file_than_expected) {
    byte_lock attempt;
    EXPECT_EQ(attempt.try_lock(made, {which.device, which.inode + 1}, 3), result::impossible);
}

TEST_F(byte_locks, are_impossible_without_a_file) {
    byte_lock attempt;
    EXPECT_EQ(attempt.try_lock(no_file, which, 3), result::impossible);
}

}  // namespace
