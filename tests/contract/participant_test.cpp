// SPDX-License-Identifier: MIT
// The contract of explicit participants: what they hold is theirs, whichever thread acts for them.
#include "contract/stage.hpp"
#include "support/child.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/participant.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace contract {
namespace {

using process_shared::mutex;
using process_shared::participant;
using process_shared::recursive_mutex;
using process_shared::segment;

class participants : public testing::Test {
protected:
    /// How an attempt by another thread, acting as itself, ends.
    int tried_by_another_thread() {
        int result = not_yet;
        std::thread([&] {
            result = outcome_of([&] {
                if (!lock.try_lock()) return false;
                lock.unlock();
                return true;
            });
        }).join();
        return result;
    }
    segment memory = segment::anonymous(4096);
    mutex& lock = memory.construct<mutex>("lock");
};

TEST_F(participants, lock_in_one_thread_and_unlock_in_another) {
    const participant me(memory);
    std::thread([&] {
        const participant::scope as(me);
        lock.lock();
    }).join();
    EXPECT_EQ(tried_by_another_thread(), not_locked) << "held, though the thread that locked it has ended";
    std::thread([&] {
        const participant::scope as(me);
        EXPECT_NO_THROW(lock.unlock());
    }).join();
    EXPECT_EQ(tried_by_another_thread(), locked);
}

TEST_F(participants, are_not_the_thread_that_acts_for_them) {
    const participant me(memory);
    lock.lock();
    {
        const participant::scope as(me);
        EXPECT_EQ(outcome_of([&] { return lock.try_lock(); }), not_locked) << "the thread's own, not the participant's";
        EXPECT_EQ(outcome_of([&] { lock.unlock(); }), static_cast<int>(errc::not_owner));
    }
    EXPECT_NO_THROW(lock.unlock());
    {
        const participant::scope as(me);
        lock.lock();
    }
    EXPECT_EQ(outcome_of([&] { lock.unlock(); }), static_cast<int>(errc::not_owner));
    const participant::scope as(me);
    EXPECT_NO_THROW(lock.unlock());
}

TEST_F(participants, relock_is_noticed_across_threads) {
    const participant me(memory);
    {
        const participant::scope as(me);
        lock.lock();
    }
    std::thread([&] {
        const participant::scope as(me);
        EXPECT_EQ(outcome_of([&] { lock.lock(); }), static_cast<int>(errc::would_deadlock));
        lock.unlock();
    }).join();
}

TEST_F(participants, depth_of_a_recursive_mutex_is_theirs) {
    auto& recursive = memory.construct<recursive_mutex>("recursive");
    const participant me(memory);
    for (int i = 0; i < 2; ++i)
        std::thread([&] {
            const participant::scope as(me);
            recursive.lock();
        }).join();
    EXPECT_FALSE(recursive.try_lock());
    for (int i = 0; i < 2; ++i) {
        const participant::scope as(me);
        recursive.unlock();
    }
    EXPECT_TRUE(recursive.try_lock());
    recursive.unlock();
}

TEST_F(participants, exclude_each_other) {
    const participant one(memory), other(memory);
    const participant::scope as_one(one);
    lock.lock();
    {
        const participant::scope as_other(other);
        EXPECT_FALSE(lock.try_lock());
        EXPECT_FALSE(lock.try_lock_for(1ms));
    }
    EXPECT_NO_THROW(lock.unlock()) << "the scope before is back";
}

TEST_F(participants, act_in_every_mapping_of_their_segment_and_in_no_other) {
    segment again = segment::from_fd(memory.fd());
    segment another = segment::anonymous(4096);
    auto& same = again.find<mutex>("lock");
    auto& different = another.construct<mutex>("lock");
    const participant me(memory);
    {
        const participant::scope as(me);
        same.lock();
        different.lock();
    }
    EXPECT_EQ(outcome_of([&] { lock.unlock(); }), static_cast<int>(errc::not_owner));
    EXPECT_NO_THROW(different.unlock()) << "there the thread was itself";
    const participant::scope as(me);
    EXPECT_NO_THROW(lock.unlock());
}

TEST_F(participants, who_end_holding_have_died) {
    {
        const participant me(memory);
        const participant::scope as(me);
        lock.lock();
    }
    EXPECT_THROW(lock.lock(), owner_died);
    EXPECT_EQ(tried_by_another_thread(), died);
    lock.lock([] {});
    lock.unlock();
}

TEST_F(participants, who_end_politely_leave_nothing) {
    process_shared::segment_options few;
    few.seats = 3;
    segment small = segment::anonymous(4096, few);
    auto& guard = small.construct<mutex>("lock");
    for (int i = 0; i < 30; ++i) {
        const participant me(small);
        const participant::scope as(me);
        guard.lock();
        guard.unlock();
    }
    EXPECT_TRUE(process_shared::inspect::look(small).obituaries.empty());
}

TEST_F(participants, take_one_seat_each) {
    process_shared::segment_options few;
    few.seats = 2;
    segment small = segment::anonymous(4096, few);
    const participant one(small), other(small);
    EXPECT_EQ(process_shared::inspect::look(small).alive(), 2u);
    EXPECT_EQ(outcome_of([&] { const participant third(small); }), static_cast<int>(errc::seats_full));
}

TEST_F(participants, can_be_moved_with_what_they_hold) {
    participant first(memory);
    {
        const participant::scope as(first);
        lock.lock();
    }
    participant second = std::move(first);
    EXPECT_EQ(tried_by_another_thread(), not_locked);
    {
        const participant::scope as(second);
        EXPECT_NO_THROW(lock.unlock());
    }
    EXPECT_EQ(outcome_of([&] { const participant::scope as(first); }), static_cast<int>(errc::not_owner));
}

TEST_F(participants, keep_the_segment_they_sit_in) {
    std::optional<participant> me;
    {
        segment gone = segment::anonymous(4096);
        me.emplace(gone);
    }
    { const participant::scope as(*me); }
    me.reset();
}

TEST_F(participants, of_an_empty_handle_are_an_error) {
    segment empty;
    EXPECT_EQ(outcome_of([&] { const participant me(empty); }), static_cast<int>(errc::no_segment));
}

// Forked children. Not for ThreadSanitizer: the parent has threads.

class forked_participants : public participants {};

TEST_F(forked_participants, are_not_inherited) {
    const participant me(memory);
    {
        const participant::scope as(me);
        lock.lock();
    }
    EXPECT_TRUE(support::child([&] {
                    const int outcome = outcome_of([&] { const participant::scope as(me); });
                    EXPECT_EQ(outcome, static_cast<int>(errc::not_owner));
                    EXPECT_FALSE(lock.try_lock()) << "the parent's participant lives";
                    const participant own(memory);
                    const participant::scope as(own);
                    EXPECT_FALSE(lock.try_lock());
                }).wait_success());
    const participant::scope as(me);
    EXPECT_NO_THROW(lock.unlock());
}

TEST_F(forked_participants, scope_open_at_the_fork_closes_quietly_in_the_child) {
    const participant me(memory);
    auto scope = std::make_unique<participant::scope>(me);
    lock.lock();
    EXPECT_TRUE(support::child([&] {
                    lock.unlock();  // a guard of the parent's: nothing happens
                    scope.reset();
                    EXPECT_FALSE(lock.try_lock());
                }).wait_success());
    EXPECT_NO_THROW(lock.unlock());
}

TEST_F(forked_participants, die_with_their_process) {
    support::child owner([&] {
        const participant me(memory);
        const participant::scope as(me);
        lock.lock();
        _exit(0);
    });
    EXPECT_TRUE(owner.wait_success());
    EXPECT_THROW(lock.lock(), owner_died);
}

}  // namespace
}  // namespace contract
