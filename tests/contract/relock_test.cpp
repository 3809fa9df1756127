// SPDX-License-Identifier: MIT
// What a lock does when its owner locks it again: an error of mutex, a level of recursive_mutex. Threads only.
#include "contract/one_lock.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <thread>

namespace contract {
namespace {

TEST(mutex, relocking_is_an_error_and_the_lock_stays_held) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<mutex>("lock");
    lock.lock();
    for (const auto& failure : {error_of([&] { lock.lock(); }), error_of([&] { (void)lock.try_lock(); }),
                                error_of([&] { (void)lock.try_lock_for(1h); }), error_of([&] { lock.lock([] {}); })})
        EXPECT_TRUE(failure.code() == std::errc::resource_deadlock_would_occur) << failure.what();
    EXPECT_FALSE(is_free(lock));
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_TRUE(is_free(lock));
}

TEST(mutex, relocking_through_another_mapping_is_an_error_too) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<mutex>("lock");
    segment again = segment::from_fd(memory.fd());
    auto& same = again.find<mutex>("lock");
    lock.lock();
    EXPECT_TRUE(error_of([&] { same.lock(); }).code() == std::errc::resource_deadlock_would_occur);
    lock.unlock();
}

TEST(mutex, relocking_while_repairing_is_an_error) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<mutex>("lock");
    std::thread([&] { lock.lock(); }).join();
    lock.lock([&] { EXPECT_TRUE(error_of([&] { lock.lock(); }).code() == errc::would_deadlock); });
    lock.unlock();
    EXPECT_TRUE(is_free(lock));
}

TEST(recursive_mutex, is_free_when_unlocked_as_often_as_locked) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<recursive_mutex>("lock");
    constexpr int levels = 1000;
    for (int i = 0; i < levels; i += 4) {
        lock.lock();
        EXPECT_TRUE(lock.try_lock());
        EXPECT_TRUE(lock.try_lock_for(1h));
        lock.lock([] { ADD_FAILURE() << "nothing to repair"; });
    }
    for (int i = 0; i < levels; ++i) {
        EXPECT_FALSE(is_free(lock));
        lock.unlock();
    }
    EXPECT_TRUE(is_free(lock));
    EXPECT_TRUE(error_of([&] { lock.unlock(); }).code() == std::errc::operation_not_permitted);
}

TEST(recursive_mutex, counts_as_one_hold_at_any_depth) {
    segment memory = segment::anonymous(4096);
    auto& locks = memory.construct<std::array<recursive_mutex, most_holds>>("many");
    for (int depth = 0; depth < 3; ++depth)
        for (auto& lock : locks) EXPECT_NO_THROW(lock.lock());
    for (int depth = 0; depth < 3; ++depth)
        for (auto& lock : locks) lock.unlock();
    for (auto& lock : locks) EXPECT_TRUE(is_free(lock));
}

TEST(recursive_mutex, depth_of_a_dead_owner_is_forgotten) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<recursive_mutex>("lock");
    std::thread([&] {
        for (int i = 0; i < 5; ++i) lock.lock();
    }).join();
    EXPECT_THROW(lock.lock(), owner_died);
    lock.lock([] {});
    lock.unlock();
    EXPECT_TRUE(is_free(lock));
}

TEST(recursive_mutex, repairs_at_the_outermost_level_only) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<recursive_mutex>("lock");
    std::thread([&] { lock.lock(); }).join();
    int repairs = 0;
    lock.lock([&] {
        ++repairs;
        lock.lock([&] { ++repairs; });
        lock.unlock();
    });
    EXPECT_EQ(repairs, 1);
    lock.unlock();
    EXPECT_TRUE(is_free(lock));
}

TEST(recursive_mutex, depth_holds_through_two_mappings) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<recursive_mutex>("lock");
    segment again = segment::from_fd(memory.fd());
    auto& same = again.find<recursive_mutex>("lock");
    lock.lock();
    same.lock();
    lock.unlock();
    EXPECT_FALSE(is_free(lock));
    same.unlock();
    EXPECT_TRUE(is_free(lock));
}

TEST(recursive_mutex, throw_in_a_nested_repair_keeps_the_outer_levels) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<recursive_mutex>("lock");
    std::thread([&] { lock.lock(); }).join();
    EXPECT_THROW(lock.lock([&] {
        const std::lock_guard inner(lock);
        throw 1;
    }),
                 int);
    EXPECT_THROW(lock.lock(), owner_died) << "still abandoned, and not held by this thread";
}

TEST(recursive_mutex, stray_unlocks_beside_a_busy_owner_are_refused) {
    segment memory = segment::anonymous(4096);
    auto& lock = memory.construct<recursive_mutex>("lock");
    std::atomic<bool> done{false};
    int refused = 0, accepted = 0;
    std::thread stray([&] {
        while (!done || refused == 0)
            ++(outcome_of([&] { lock.unlock(); }) == static_cast<int>(errc::not_owner) ? refused : accepted);
    });
    for (int round = 0; round < 500; ++round) {
        for (int depth = 0; depth < 3; ++depth) lock.lock();
        for (int depth = 0; depth < 3; ++depth) lock.unlock();
    }
    done = true;
    stray.join();
    EXPECT_EQ(accepted, 0);
    EXPECT_TRUE(is_free(lock));
}

}  // namespace
}  // namespace contract
