// SPDX-License-Identifier: MIT
// The contract of a lock whose owner died inside: who is told, until when, and how it becomes sound again.
#include "contract/lock_fixture.hpp"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace contract {
namespace {

class owner_death : public lock_test {};

TEST_P(owner_death, next_locker_is_told_who_died) {
    const std::uint32_t process = abandon();
    try {
        guard.lock();
        FAIL() << "nobody told";
    } catch (const owner_died& death) {
        EXPECT_TRUE(death.code() == std::errc::owner_dead);
        EXPECT_EQ(death.who().process, process);
        EXPECT_EQ(death.who().thread_name, actor_name);
        EXPECT_NE(death.who().thread, 0u);
    }
}

TEST_P(owner_death, leaves_it_abandoned_until_it_is_repaired) {
    const std::uint32_t process = abandon();
    expect_owner_died();
    for (unsigned i = 0; i < 2; ++i) {
        run("locks", i);
        EXPECT_EQ(outcome(i), died);
        EXPECT_EQ(shared.actors[i].dead_process, process);
    }
    expect_owner_died();
}

TEST_P(owner_death, makes_lock_throw_and_hold_nothing) {
    abandon();
    expect_owner_died();
    EXPECT_EQ(outcome_of([&] { guard.unlock(); }), static_cast<int>(errc::not_owner));
    EXPECT_THROW(std::lock_guard hold(guard), owner_died);
    std::unique_lock later(guard, std::defer_lock);
    EXPECT_THROW(later.lock(), owner_died);
    EXPECT_FALSE(later.owns_lock());
    EXPECT_THROW(std::scoped_lock both(second, guard), owner_died);
    EXPECT_TRUE(second.try_lock()) << "what was locked on the way must be free again";
    second.unlock();
}

TEST_P(owner_death, is_repaired_once_and_under_the_lock) {
    abandon();
    int repairs = 0;
    guard.lock([&] {
        ++repairs;
        run("tries");
        EXPECT_EQ(outcome(0), not_locked);
    });
    EXPECT_EQ(repairs, 1);
    EXPECT_EQ(outcome_of([&] { guard.unlock(); }), locked);
    run("locks", 1);
    EXPECT_EQ(outcome(1), locked);
    guard.lock([&] { ++repairs; });
    EXPECT_EQ(repairs, 1) << "nothing was broken any more";
    guard.unlock();
}

TEST_P(owner_death, is_repaired_by_every_way_to_lock) {
    int repairs = 0;
    const any_lock::repair repair = [&] { ++repairs; };
    abandon();
    EXPECT_TRUE(guard.try_lock(repair));
    guard.unlock();
    abandon();
    EXPECT_TRUE(guard.try_lock_for(1h, repair));
    guard.unlock();
    abandon();
    EXPECT_TRUE(guard.try_lock_until(std::chrono::steady_clock::now() + 1h, repair));
    guard.unlock();
    EXPECT_EQ(repairs, 3);
}

TEST_P(owner_death, stays_when_the_repair_throws) {
    abandon();
    EXPECT_THROW(guard.lock([] { throw std::runtime_error("beyond repair"); }), std::runtime_error);
    run("locks");
    EXPECT_EQ(outcome(0), died);
    expect_owner_died();
}

TEST_P(owner_death, stays_when_the_repairer_dies) {
    abandon();
    const auto repairer = start("repairs");
    ASSERT_TRUE(ready());
    EXPECT_FALSE(guard.try_lock()) << "somebody alive holds it";
    repairer->die();
    expect_owner_died();
    int repairs = 0;
    guard.lock([&] { ++repairs; });
    EXPECT_EQ(repairs, 1);
    guard.unlock();
}

TEST_P(owner_death, is_told_to_all_waiters) {
    const auto owner = start("holds", 7);
    ASSERT_TRUE(ready(7));
    const auto waiters = start_many(4, "locks");
    ASSERT_TRUE(asleep(4));
    owner->die();
    for (unsigned i = 0; i < 4; ++i) {
        EXPECT_TRUE(waiters[i]->finished());
        EXPECT_EQ(outcome(i), died);
        EXPECT_EQ(shared.actors[i].dead_process, owner->process());
    }
}

TEST_P(owner_death, is_repaired_by_one_of_many_waiters_and_all_go_on) {
    const auto owner = start("holds", 7);
    ASSERT_TRUE(ready(7));
    const auto waiters = start_many(4, "locks_repairing");
    ASSERT_TRUE(asleep(4));
    owner->die();
    for (const auto& waiter : waiters) EXPECT_TRUE(waiter->finished());
    EXPECT_EQ(shared.repairs, 1);
    EXPECT_EQ(shared.value, 4u);
}

TEST_P(owner_death, is_told_to_those_who_wait_while_a_repair_fails) {
    abandon();
    std::vector<std::unique_ptr<performer>> waiters;
    const auto fail = [&] {
        waiters = start_many(3, "locks");
        EXPECT_TRUE(asleep(3));
        throw std::runtime_error("beyond repair");
    };
    EXPECT_THROW(guard.lock(fail), std::runtime_error);
    for (unsigned i = 0; i < waiters.size(); ++i) {
        EXPECT_TRUE(waiters[i]->finished());
        EXPECT_EQ(outcome(i), died);
    }
}

TEST_P(owner_death, is_told_to_a_timed_waiter_before_its_time_is_over) {
    const auto owner = start("holds");
    ASSERT_TRUE(ready());
    shared.waiter = gettid();
    // The main thread waits: processes die with the thread that made them, so this one may only give the signal.
    std::thread killer([&] {
        EXPECT_TRUE(await_asleep(shared.waiter));
        if (GetParam().actor == actor_kind::thread)
            shared.actors[0].told = cue::leave;
        else
            owner->signal(SIGKILL);
    });
    EXPECT_EQ(outcome_of([&] { return guard.try_lock_for(std::chrono::hours(24)); }), died);
    killer.join();
}

TEST_P(owner_death, of_two_locks_leaves_both_abandoned) {
    const auto owner = start("holds_both");
    ASSERT_TRUE(ready());
    owner->die();
    EXPECT_EQ(outcome_of([&] { guard.lock(); }), died);
    EXPECT_EQ(outcome_of([&] { second.lock(); }), died);
}

TEST_P(owner_death, does_not_touch_what_was_unlocked_before) {
    const auto owner = start("holds_after_letting_go_of_another");
    ASSERT_TRUE(ready());
    owner->die();
    EXPECT_EQ(outcome_of([&] { guard.lock(); }), died);
    EXPECT_EQ(outcome_of([&] { second.lock(); }), locked);
    second.unlock();
}

TEST_P(owner_death, is_remembered_after_the_seat_was_taken_again) {
    const std::uint32_t process = abandon();
    for (unsigned i = 0; i < 5; ++i) run("locks", i);
    try {
        guard.lock();
        FAIL() << "nobody told";
    } catch (const owner_died& death) {
        EXPECT_EQ(death.who().process, process);
        EXPECT_EQ(death.who().thread_name, actor_name);
    }
}

TEST_P(owner_death, by_ending_without_unlocking_is_a_death_too) {
    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    shared.actors[0].told = cue::leave;
    EXPECT_TRUE(holder->finished());
    expect_owner_died();
}

INSTANTIATE_TEST_SUITE_P(threads, owner_death, testing::ValuesIn(combinations_of({actor_kind::thread})), name_of);
INSTANTIATE_TEST_SUITE_P(processes, owner_death, testing::ValuesIn(process_combinations()), name_of);

}  // namespace
}  // namespace contract
