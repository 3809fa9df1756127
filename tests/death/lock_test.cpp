// SPDX-License-Identifier: MIT
// Locking and unlocking: whoever dies at any instruction of it, the others get the lock, and are told if need be.
#include "death/campaign.hpp"
#include "death/lock_scenarios.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

// One death leaves nobody to the backstop. Two may: here an owner has died before the victim does, and the kernel has
// told the victim alone. It is still asleep, as far as it knows, or has just come back from its sleep
// (sync/park.cpp, P3 and P4) and has not told the others (sync/owner_lock.cpp, T1).
const std::set<std::string> told_and_not_passed_on = {"P3", "P4", "L5"};

template <class Mutex>
class lock : public ::testing::Test {};
using mutexes = ::testing::Types<mutex, recursive_mutex>;
TYPED_TEST_SUITE(lock, mutexes);

TYPED_TEST(lock, dying_in_lock) { expect_no_harm(try_all<lock_alone<TypeParam>>("lock")); }

TYPED_TEST(lock, dying_in_unlock) { expect_no_harm(try_all<unlock_alone<TypeParam>>("unlock")); }

TYPED_TEST(lock, dying_between_lock_and_unlock) {
    expect_no_harm(try_all<lock_and_unlock_alone<TypeParam>>("lock and unlock"));
}

TYPED_TEST(lock, dying_with_sleepers_behind) {
    expect_no_harm(try_all<lock_and_unlock_with_sleepers_behind<TypeParam>>("lock and unlock, sleepers behind"));
}

TYPED_TEST(lock, dying_in_unlock_with_a_sleeper) {
    expect_no_harm(try_all<unlock_with_sleepers<TypeParam, 1>>("unlock with a sleeper"));
}

TYPED_TEST(lock, dying_in_unlock_with_three_sleepers) {
    expect_no_harm(try_all<unlock_with_sleepers<TypeParam, 3>>("unlock with three sleepers"));
}

TYPED_TEST(lock, dying_as_a_woken_waiter_with_another_behind) {
    expect_no_harm(try_all<woken_waiter<TypeParam, 1>>("woken waiter, another behind", {}, 3));
}

TYPED_TEST(lock, dying_as_a_woken_waiter_with_three_behind) {
    expect_no_harm(try_all<woken_waiter<TypeParam, 3>>("woken waiter, three behind", {}, 3));
}

TYPED_TEST(lock, dying_while_giving_up_beside_a_sleeper) {
    expect_no_harm(try_all<timed_out_waiter<TypeParam>>("timed-out waiter beside a sleeper", {}, 2));
}

TYPED_TEST(lock, dying_while_repairing) {
    expect_no_harm(try_all<repair<TypeParam, 0>>("repair"));
    expect_no_harm(try_all<repair<TypeParam, 2>>("repair, sleepers behind"));
}

TYPED_TEST(lock, dying_while_leaving_it_unrepaired) {
    expect_no_harm(try_all<leave_unrepaired<TypeParam>>("unlock of unrepaired data"));
}

TYPED_TEST(lock, dying_when_told_of_a_death_first) {
    expect_no_harm(try_all<told_of_a_death<TypeParam>>("told of a death, others behind", told_and_not_passed_on));
}

TYPED_TEST(lock, dying_when_refused_after_a_death) {
    expect_no_harm(
        try_all<refused_after_a_death<TypeParam>>("refused after a death, others behind", told_and_not_passed_on));
}

TYPED_TEST(lock, dying_with_two_locks) {
    expect_no_harm(try_all<two_locks<TypeParam>>("two locks, sleepers behind each"));
}

TYPED_TEST(lock, dying_in_the_end_of_a_thread_that_holds) {
    expect_no_harm(try_all<thread_ends_holding<TypeParam>>("thread that ends holding"));
}

TEST(lock, dying_while_refused_in_a_circle) {
    campaign what{"checked_mutex: refused in a circle, others behind", scenario_of<closes_a_circle>()};
    what.under.broken_rule = "looks_sooner";
    what.how.every_up_to = 500;
    what.how.sample = 30;
    expect_no_harm(carry_out(what));
}

TEST(lock, dying_with_a_checked_mutex) {
    expect_no_harm(try_all<lock_and_unlock_with_sleepers_behind<checked_mutex>>("checked_mutex: lock and unlock"));
}

TEST(lock, dying_in_recursion) {
    expect_no_harm(try_all<recursive_lock_and_unlock>("recursive lock and unlock, sleepers behind"));
}

}  // namespace
}  // namespace death
