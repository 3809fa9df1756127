// SPDX-License-Identifier: MIT
// The contract of a lock between participants who live: exclusion, waiting, time limits, and who may unlock.
#include "contract/lock_fixture.hpp"

#include <process_shared/inspect.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <mutex>

namespace contract {
namespace {

constexpr int not_owner = static_cast<int>(errc::not_owner);

TEST_P(lock_test, only_one_is_inside_at_a_time) {
    std::vector<std::unique_ptr<performer>> actors;
    for (unsigned i = 0; i < 4; ++i) actors.push_back(start(i % 2 ? "counts" : "counts_by_trying", i));
    for (int i = 0; i < counting_rounds; ++i) {
        const std::lock_guard hold(guard);
        ++shared.value;
    }
    for (const auto& actor : actors) EXPECT_TRUE(actor->finished());
    EXPECT_EQ(shared.value, 5u * counting_rounds);
}

TEST_P(lock_test, two_locks_taken_in_any_order_do_not_deadlock) {
    std::vector<std::unique_ptr<performer>> actors;
    for (unsigned i = 0; i < 4; ++i)
        actors.push_back(start(i % 2 ? "counts_under_both" : "counts_under_both_in_reverse", i));
    for (const auto& actor : actors) EXPECT_TRUE(actor->finished());
    EXPECT_EQ(shared.value, 4u * counting_rounds);
}

TEST_P(lock_test, try_lock_fails_while_another_holds_it) {
    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    EXPECT_FALSE(guard.try_lock());
    EXPECT_FALSE(guard.try_lock([] { ADD_FAILURE() << "there is nothing to repair"; }));
    shared.actors[0].told = cue::unlock;
    EXPECT_TRUE(holder->finished());
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
}

TEST_P(lock_test, timed_attempts_wait_at_least_as_long_as_asked) {
    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    using steady = std::chrono::steady_clock;
    auto begin = steady::now();
    EXPECT_FALSE(guard.try_lock_for(15ms));
    EXPECT_GE(steady::now() - begin, 15ms);
    begin = steady::now();
    EXPECT_FALSE(guard.try_lock_until(begin + 15ms));
    EXPECT_GE(steady::now() - begin, 15ms);
    begin = steady::now();
    EXPECT_FALSE(guard.try_lock_for(15ms, [] { ADD_FAILURE() << "there is nothing to repair"; }));
    EXPECT_GE(steady::now() - begin, 15ms);
    const auto point = std::chrono::system_clock::now() + 15ms;
    EXPECT_FALSE(guard.try_lock_until(point));
    EXPECT_GE(std::chrono::system_clock::now(), point);
    shared.actors[0].told = cue::unlock;
    EXPECT_TRUE(holder->finished());
}

TEST_P(lock_test, timed_attempts_whose_time_is_over_only_try) {
    EXPECT_TRUE(guard.try_lock_for(-1h));
    guard.unlock();
    EXPECT_TRUE(guard.try_lock_until(std::chrono::steady_clock::time_point::min()));
    guard.unlock();

    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    EXPECT_FALSE(guard.try_lock_for(0s));
    EXPECT_FALSE(guard.try_lock_for(std::chrono::hours::min()));
    EXPECT_FALSE(guard.try_lock_until(std::chrono::system_clock::now() - 1h));
    shared.actors[0].told = cue::unlock;
    EXPECT_TRUE(holder->finished());
}

TEST_P(lock_test, lock_blocks_until_the_holder_unlocks) {
    const auto holder = start("holds_until_the_waiter_sleeps");
    ASSERT_TRUE(ready());
    shared.waiter = gettid();
    guard.lock();
    EXPECT_EQ(shared.value, 42u);
    guard.unlock();
    EXPECT_TRUE(holder->finished());
}

TEST_P(lock_test, timed_attempt_succeeds_when_the_holder_unlocks_in_time) {
    const auto holder = start("holds_until_the_waiter_sleeps");
    ASSERT_TRUE(ready());
    shared.waiter = gettid();
    ASSERT_TRUE(guard.try_lock_for(std::chrono::hours::max()));
    EXPECT_EQ(shared.value, 42u);
    guard.unlock();
    EXPECT_TRUE(holder->finished());
}

TEST_P(lock_test, all_waiters_get_it_one_after_another) {
    guard.lock();
    const auto waiters = start_many(4, "locks");
    ASSERT_TRUE(asleep(4));
    guard.unlock();
    for (unsigned i = 0; i < 4; ++i) {
        EXPECT_TRUE(waiters[i]->finished());
        EXPECT_EQ(outcome(i), locked);
    }
}

TEST_P(lock_test, nobody_but_the_owner_may_unlock) {
    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    EXPECT_EQ(outcome_of([&] { guard.unlock(); }), not_owner);
    EXPECT_FALSE(guard.try_lock()) << "it must still be held";
    shared.actors[0].told = cue::unlock;
    EXPECT_TRUE(holder->finished());
}

// A forked child's guards may be copies of its parent's: they do nothing, and say nothing.
TEST_P(lock_test, unlock_from_elsewhere_changes_nothing) {
    guard.lock();
    run("unlocks_what_it_does_not_hold", 0);
    EXPECT_EQ(outcome(0), GetParam().actor == actor_kind::forked ? locked : not_owner);
    run("tries", 1);
    EXPECT_EQ(outcome(1), not_locked);
    EXPECT_EQ(outcome_of([&] { guard.unlock(); }), locked);
}

TEST_P(lock_test, participant_that_ends_politely_leaves_nothing) {
    run("locks_and_unlocks_once");
    const auto seen = process_shared::inspect::look(here.memory());
    EXPECT_TRUE(seen.obituaries.empty());
    for (const auto& seat : seen.participants) EXPECT_TRUE(seat.holds.empty());
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
}

class lock_between_processes : public lock_test {};

TEST_P(lock_between_processes, killed_waiter_leaves_it_to_its_owner_and_the_others) {
    guard.lock();
    const auto waiters = start_many(3, "locks");
    ASSERT_TRUE(asleep(3));
    waiters[0]->die();
    guard.unlock();
    EXPECT_TRUE(waiters[1]->finished());
    EXPECT_TRUE(waiters[2]->finished());
    EXPECT_EQ(outcome(1), locked);
    EXPECT_EQ(outcome(2), locked);
    EXPECT_EQ(outcome_of([&] { guard.lock(); }), locked);
    guard.unlock();
}

TEST_P(lock_between_processes, stopped_owner_is_alive) {
    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    const auto pid = static_cast<pid_t>(holder->process());
    holder->signal(SIGSTOP);
    ASSERT_TRUE(support::await([&] { return support::task_state(pid) == 'T'; }));
    EXPECT_FALSE(guard.try_lock());
    EXPECT_FALSE(guard.try_lock_for(250ms)) << "longer than the backstop";
    holder->signal(SIGCONT);
    shared.actors[0].told = cue::unlock;
    EXPECT_TRUE(holder->finished());
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
}

TEST_P(lock_between_processes, stopped_owner_that_is_killed_is_dead) {
    const auto holder = start("holds");
    ASSERT_TRUE(ready());
    const auto pid = static_cast<pid_t>(holder->process());
    holder->signal(SIGSTOP);
    ASSERT_TRUE(support::await([&] { return support::task_state(pid) == 'T'; }));
    holder->die();
    expect_owner_died();
}

INSTANTIATE_TEST_SUITE_P(threads, lock_test, testing::ValuesIn(combinations_of({actor_kind::thread})), name_of);
INSTANTIATE_TEST_SUITE_P(processes, lock_test, testing::ValuesIn(process_combinations()), name_of);
INSTANTIATE_TEST_SUITE_P(processes, lock_between_processes, testing::ValuesIn(process_combinations()), name_of);

}  // namespace
}  // namespace contract
