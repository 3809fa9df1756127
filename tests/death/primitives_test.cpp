// SPDX-License-Identifier: MIT
// Whoever dies giving, taking, telling or waiting: the others get what is there, and nobody waits for the dead.
#include "death/campaign.hpp"
#include "death/toys.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

/// For operations of several parts, any of which may be the last: a predicate is looked at again at the backstop.
template <class Scenario>
totals try_all_with_predicates(const char* name) {
    campaign what{name, scenario_of<Scenario>()};
    what.any_may_need_backstop = true;
    return carry_out(what);
}

// The sets are what the protocol blocks at the heads of the files say, each with the step before: the change itself
// comes between the two.

TEST(semaphore, dying_in_release) { expect_no_harm(try_all<release_permits>("release, two sleepers", {"V0", "V1"})); }

TEST(semaphore, dying_as_a_woken_waiter) {
    expect_no_harm(try_all<acquire_permit>("acquire, woken, another behind", {"V0", "V1"}, 3));
}

TEST(semaphore, dying_in_a_timed_wait) {
    expect_no_harm(try_all<acquire_permit_in_time>("timed acquire, another behind", {"V0", "V1"}, 2));
}

TEST(event, dying_in_set) { expect_no_harm(try_all<set_event>("set, two sleepers", {"E0", "E1"})); }

TEST(event, dying_as_a_woken_waiter) {
    expect_no_harm(try_all<wait_for_turn>("automatic event, woken, another behind", {"E0", "E1"}, 3));
}

TEST(latch, dying_in_the_last_count_down) {
    expect_no_harm(try_all<count_down_latch>("count down, two sleepers", {"C0", "C1"}));
}

TEST(once, dying_in_it) { expect_no_harm(try_all<do_once>("call once, two behind")); }

TEST(condition, dying_in_notify_all) {
    expect_no_harm(try_all<notify<true>>("notify all, two sleepers", {"N0", "N1", "N3"}));
}

TEST(condition, dying_in_notify_one) {
    expect_no_harm(try_all<notify<false>>("notify one twice, two sleepers", {"N0", "N1", "N3"}));
}

TEST(condition, dying_between_change_and_notification) {
    expect_no_harm(try_all_with_predicates<change_and_tell<room_with_a_condition>>("change and notify, two sleepers"));
}

TEST(monitor, dying_between_change_and_unlock) {
    expect_no_harm(try_all_with_predicates<change_and_tell<room_with_a_monitor>>("change in a monitor, two sleepers"));
}

TEST(barrier, dying_as_the_first_to_arrive) {
    expect_no_harm(try_all<arrive_first_at_barrier>("arrive first, two others come", {}, 3));
}

TEST(barrier, dying_while_leaving) { expect_no_harm(try_all<drop_from_barrier>("arrive and drop, two waiting")); }

TEST(barrier, dying_in_reset) { expect_no_harm(try_all<reset_barrier>("reset after a death")); }

TEST(barrier, dying_on_arrival) { expect_no_harm(try_all<arrive_at_barrier>("arrive, two waiting")); }

}  // namespace
}  // namespace death
