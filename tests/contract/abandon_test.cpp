// SPDX-License-Identifier: MIT
// The contract of abandon_held(): the calling thread gives up all it holds as if it had died, and goes on. And of what
// bindings are told when they take over.
#include "contract/one_lock.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <process_shared/condition_variable.hpp>
#include <process_shared/inspect.hpp>
#include <process_shared/lockable.hpp>
#include <process_shared/monitor.hpp>
#include <process_shared/once.hpp>
#include <process_shared/owned_semaphore.hpp>
#include <process_shared/participant.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>

namespace contract {
namespace {

using process_shared::abandon_held;
using process_shared::deadline;
using process_shared::monitor;
using process_shared::owned_semaphore;
using process_shared::participant;
using process_shared::participant_name;
using process_shared::detail::last_abandoned_by;
using process_shared::detail::ownership;

struct lock_names {
    template <class Lock>
    static std::string GetName(int) {
        if (std::is_same_v<Lock, shared_mutex>) return "shared_mutex";
        if (std::is_same_v<Lock, checked_mutex>) return "checked_mutex";
        if (std::is_same_v<Lock, monitor>) return "monitor";
        return std::is_same_v<Lock, mutex> ? "mutex" : "recursive_mutex";
    }
};

/// The caller, as owner_died names it.
void expect_named(const participant_name& who, pid_t thread, const char* name) {
    EXPECT_EQ(who.process, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ(who.thread, static_cast<std::uint64_t>(thread));
    EXPECT_EQ(who.thread_name, name);
}

template <class Lock>
class abandoned_lock : public testing::Test {
protected:
    /// How another thread's lock() ends; it unlocks again.
    int told_to_another() {
        int result = not_yet;
        std::thread([&] {
            result = outcome_of([&] {
                guard.lock();
                guard.unlock();
            });
        }).join();
        return result;
    }
    segment memory = segment::anonymous(64 * 1024);
    Lock& guard = memory.construct<Lock>("lock");
};
using all_kinds = testing::Types<mutex, recursive_mutex, shared_mutex, checked_mutex, monitor>;
TYPED_TEST_SUITE(abandoned_lock, all_kinds, lock_names);

TYPED_TEST(abandoned_lock, is_told_of_until_somebody_repairs) {
    this->guard.lock();
    abandon_held();
    EXPECT_EQ(this->told_to_another(), died);
    EXPECT_EQ(this->told_to_another(), died);
    int repairs = 0;
    std::thread([&] {
        this->guard.lock([&] { ++repairs; });
        this->guard.unlock();
    }).join();
    EXPECT_EQ(repairs, 1);
    EXPECT_EQ(this->told_to_another(), locked);
}

TYPED_TEST(abandoned_lock, is_no_longer_held_by_the_one_who_gave_it_up) {
    this->guard.lock();
    abandon_held();
    EXPECT_EQ(outcome_of([&] { this->guard.unlock(); }), static_cast<int>(errc::not_owner));
    EXPECT_EQ(outcome_of([&] { this->guard.lock(); }), died) << "told as others are";
    this->guard.lock([] {});
    EXPECT_FALSE(is_free(this->guard));
    this->guard.unlock();
    EXPECT_TRUE(is_free(this->guard));
}

TYPED_TEST(abandoned_lock, names_the_thread_that_lives_on) {
    pthread_setname_np(pthread_self(), "a_living_one");
    segment fresh = segment::anonymous(4096);  // where this thread sits down with that name
    auto& lock = fresh.construct<TypeParam>("lock");
    const pid_t me = gettid();
    lock.lock();
    abandon_held();
    std::thread([&] {
        try {
            lock.lock();
            ADD_FAILURE() << "nobody told";
        } catch (const owner_died& death) {
            expect_named(death.who(), me, "a_living_one");
        }
    }).join();
}

TYPED_TEST(abandoned_lock, names_the_thread_when_its_seat_is_long_another_ones) {
    process_shared::segment_options few;
    few.seats = 2;
    segment small = segment::anonymous(4096, few);
    auto& lock = small.construct<TypeParam>("lock");
    auto& other = small.construct<mutex>("other");
    pid_t thread = 0;
    std::thread([&] {
        thread = gettid();
        pthread_setname_np(pthread_self(), "gone");
        lock.lock();
        abandon_held();
    }).join();
    for (int i = 0; i < 5; ++i) std::thread([&] { const std::lock_guard hold(other); }).join();
    try {
        lock.lock();
        ADD_FAILURE() << "nobody told";
    } catch (const owner_died& death) {
        expect_named(death.who(), thread, "gone");
    }
}

TYPED_TEST(abandoned_lock, wakes_those_who_wait) {
    std::atomic<pid_t> waiters[2] = {};
    std::atomic<int> told{0};
    this->guard.lock();
    const auto wait = [&](int which) {
        waiters[which] = gettid();
        if (outcome_of([&] { this->guard.lock(); }) == died) ++told;
    };
    std::thread first(wait, 0), second(wait, 1);
    for (const auto& waiter : waiters) EXPECT_TRUE(await_asleep(waiter));
    abandon_held();
    first.join();
    second.join();
    EXPECT_EQ(told, 2);
}

TYPED_TEST(abandoned_lock, half_repaired_stays_abandoned) {
    this->guard.lock();
    abandon_held();
    ASSERT_EQ(this->guard.acquire(deadline::never()), ownership::abandoned);
    abandon_held();
    EXPECT_EQ(this->told_to_another(), died);
}

TYPED_TEST(abandoned_lock, says_who_abandoned_it_to_whoever_takes_it_over) {
    pid_t first = 0, second = 0;
    const auto die_inside = [&](pid_t& who, const char* name) {
        std::thread([&] {
            who = gettid();
            pthread_setname_np(pthread_self(), name);
            (void)this->guard.acquire(deadline::never());
        }).join();
    };
    die_inside(first, "first");
    ASSERT_EQ(this->guard.acquire(deadline::never()), ownership::abandoned);
    expect_named(last_abandoned_by(&this->guard), first, "first");
    this->guard.declare_sound();
    this->guard.unlock();
    die_inside(second, "second");
    ASSERT_EQ(this->guard.acquire(deadline::passed()), ownership::abandoned);
    expect_named(last_abandoned_by(&this->guard), second, "second");
    this->guard.declare_sound();
    this->guard.unlock();
}

// Of several things at once, and of those that are no such locks.

class abandon : public testing::Test {
protected:
    segment memory = segment::anonymous(64 * 1024);
};

TEST_F(abandon, gives_up_all_that_is_held_in_every_segment) {
    segment other = segment::anonymous(64 * 1024);
    auto& here = memory.construct<std::array<mutex, 40>>("locks");
    auto& there = other.construct<mutex>("lock");
    for (mutex& one : here) one.lock();
    there.lock();
    abandon_held();
    for (mutex& one : here) EXPECT_EQ(outcome_of([&] { one.lock(); }), died);
    EXPECT_EQ(outcome_of([&] { there.lock(); }), died);
    for (const auto& one : process_shared::inspect::look(memory).participants) EXPECT_TRUE(one.holds.empty());
}

TEST_F(abandon, goes_through_the_mapping_that_is_still_open) {
    for (const bool close_the_first : {true, false}) {
        segment first = segment::anonymous(4096);
        segment second = segment::from_fd(first.fd());
        auto& in_first = first.construct<mutex>("lock");
        auto& in_second = second.find<mutex>("lock");
        (close_the_first ? in_first : in_second).lock();
        (close_the_first ? first : second) = segment();
        abandon_held();
        EXPECT_EQ(outcome_of([&] { (close_the_first ? in_second : in_first).lock(); }), died);
    }
}

TEST_F(abandon, what_lies_in_a_closed_segment_stays_held_until_the_thread_ends) {
    const support::segment_name name;
    std::thread([&] {
        segment closed = segment::create(name, 4096);
        closed.construct<mutex>("lock").lock();
        closed = segment();
        abandon_held();
        segment again = segment::open(name);
        std::thread([&] { EXPECT_FALSE(again.find<mutex>("lock").try_lock()); }).join();
    }).join();
    segment again = segment::open(name);
    EXPECT_EQ(outcome_of([&] { again.find<mutex>("lock").lock(); }), died);
}

TEST_F(abandon, read_lock_is_gone_and_nobody_is_told) {
    auto& table = memory.construct<shared_mutex>("table");
    for (int deep = 0; deep < 3; ++deep) table.lock_shared();
    EXPECT_FALSE(is_free(table));
    abandon_held();
    EXPECT_TRUE(is_free(table));
    EXPECT_EQ(outcome_of([&] { table.unlock_shared(); }), static_cast<int>(errc::not_owner));
    table.lock_shared();
    EXPECT_FALSE(is_free(table)) << "and the thread can read again";
    table.unlock_shared();
    EXPECT_TRUE(is_free(table));
}

TEST_F(abandon, writer_that_waits_for_a_reader_goes_on) {
    auto& table = memory.construct<shared_mutex>("table");
    table.lock_shared();
    std::atomic<pid_t> waiter{0};
    std::thread writer([&] {
        waiter = gettid();
        table.lock();
        table.unlock();
    });
    EXPECT_TRUE(await_asleep(waiter));
    abandon_held();
    writer.join();
}

TEST_F(abandon, permits_come_back) {
    auto& permits = memory.construct<owned_semaphore<100>>("permits", 100);
    auto& other = memory.construct<owned_semaphore<1>>("other", 1);
    for (int i = 0; i < 70; ++i) permits.acquire();
    other.acquire();
    std::atomic<pid_t> waiter{0};
    std::thread next([&] {
        waiter = gettid();
        other.acquire();
        other.release();
    });
    EXPECT_TRUE(await_asleep(waiter));
    abandon_held();
    next.join();
    EXPECT_EQ(permits.value(), 100);
    EXPECT_EQ(permits.held(), 0);
    EXPECT_EQ(outcome_of([&] { permits.release(); }), static_cast<int>(errc::not_owner));
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(permits.try_acquire());
    permits.release(100);
}

TEST_F(abandon, thread_goes_on_as_if_nothing_were_held) {
    auto& lock = memory.construct<recursive_mutex>("lock");
    lock.lock();
    lock.lock();
    abandon_held();
    EXPECT_EQ(lock.depth(), 0u);
    lock.lock([] {});
    EXPECT_EQ(lock.depth(), 1u);
    lock.unlock();
    for (unsigned i = 0; i < 3 * most_holds; ++i) {
        lock.lock();
        lock.unlock();
    }
}

TEST_F(abandon, who_holds_nothing_changes_nothing) {
    abandon_held();
    std::thread([] { abandon_held(); }).join();  // one that sits nowhere
    auto& lock = memory.construct<mutex>("lock");
    lock.lock();
    std::thread([&] {
        auto& own = memory.construct<mutex>("own");
        own.lock();
        own.unlock();
        abandon_held();
    }).join();
    EXPECT_NO_THROW(lock.unlock()) << "what others hold stays theirs";
    EXPECT_TRUE(process_shared::inspect::look(memory).obituaries.empty());
}

TEST_F(abandon, is_noted_as_a_death) {
    auto& locks = memory.construct<std::array<mutex, 3>>("locks");
    std::thread([&] {
        for (mutex& one : locks) one.lock();
        abandon_held();
    }).join();
    const auto seen = process_shared::inspect::look(memory).obituaries;
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].locks, 3u);
}

TEST_F(abandon, participants_keep_what_they_hold) {
    auto& lock = memory.construct<mutex>("lock");
    auto& own = memory.construct<mutex>("own");
    const participant me(memory);
    own.lock();
    const participant::scope as(me);
    lock.lock();
    abandon_held();
    EXPECT_NO_THROW(lock.unlock());
    EXPECT_EQ(outcome_of([&] { own.lock(); }), died) << "what the thread itself held is given up";
}

class forked_abandon : public abandon {};

TEST_F(forked_abandon, child_gives_up_nothing_of_its_parents) {
    auto& lock = memory.construct<mutex>("lock");
    lock.lock();
    EXPECT_TRUE(support::child([&] {
                    abandon_held();
                    EXPECT_FALSE(lock.try_lock());
                }).wait_success());
    EXPECT_NO_THROW(lock.unlock());
}

TEST_F(forked_abandon, processes_are_told_too) {
    auto& lock = memory.construct<mutex>("lock");
    lock.lock();
    abandon_held();
    EXPECT_TRUE(support::child([&] {
                    try {
                        lock.lock();
                        ADD_FAILURE() << "nobody told";
                    } catch (const owner_died& death) {
                        EXPECT_EQ(death.who().process, static_cast<std::uint32_t>(getppid()));
                    }
                }).wait_success());
}

// Locking to a depth.

template <class Lock>
class lock_with_depth : public testing::Test {
protected:
    segment memory = segment::anonymous(4096);
    Lock& guard = memory.construct<Lock>("lock");
};
using deep_kinds = testing::Types<recursive_mutex, monitor>;
TYPED_TEST_SUITE(lock_with_depth, deep_kinds, lock_names);

TYPED_TEST(lock_with_depth, is_taken_as_deep_as_it_was_let_go) {
    for (int i = 0; i < 3; ++i) this->guard.lock();
    const std::uint32_t depth = this->guard.unlock_fully();
    EXPECT_EQ(depth, 3u);
    EXPECT_TRUE(is_free(this->guard));
    EXPECT_EQ(this->guard.acquire_to_depth(depth, deadline::never()), ownership::sound);
    EXPECT_EQ(this->guard.depth(), 3u);
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(is_free(this->guard));
        this->guard.unlock();
    }
    EXPECT_TRUE(is_free(this->guard));
}

TYPED_TEST(lock_with_depth, is_not_taken_after_its_deadline) {
    std::thread([&] {
        this->guard.lock();
        std::thread([&] {
            EXPECT_EQ(this->guard.acquire_to_depth(5, deadline::passed()), ownership::none);
            EXPECT_EQ(this->guard.acquire_to_depth(5, deadline::after(5ms)), ownership::none);
            EXPECT_EQ(this->guard.depth(), 0u);
        }).join();
        EXPECT_EQ(this->guard.depth(), 1u) << "the owner's is the owner's";
        this->guard.unlock();
    }).join();
}

TYPED_TEST(lock_with_depth, is_taken_abandoned_and_as_deep) {
    std::thread([&] { this->guard.lock(); }).join();
    EXPECT_EQ(this->guard.acquire_to_depth(2, deadline::never()), ownership::abandoned);
    EXPECT_EQ(this->guard.depth(), 2u);
    this->guard.unlock();
    this->guard.declare_sound();
    this->guard.unlock();
    EXPECT_TRUE(is_free(this->guard));
}

}  // namespace
}  // namespace contract
