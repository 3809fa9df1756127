// SPDX-License-Identifier: MIT
// owned_semaphore: whoever dies at any instruction, all permits come back, and those who wait get them.
#include "death/campaign.hpp"
#include "death/lock_scenario.hpp"
#include "death/permit_scenarios.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

const std::set<std::string> told_and_not_passed_on = {"P3", "P4", "H5"};  // two deaths, see lock_test.cpp

TEST(owned_semaphore, dying_with_a_permit) {
    expect_no_harm(try_all<acquire_and_release>("owned: acquire and release"));
    expect_no_harm(try_all<acquire_and_release_with_sleepers_behind>("owned: acquire and release, sleepers behind"));
}

TEST(owned_semaphore, dying_with_several_permits) {
    expect_no_harm(try_all<several_permits>("owned: three permits, given back in another order"));
}

TEST(owned_semaphore, dying_in_a_release_with_sleepers) {
    expect_no_harm(try_all<release_with_sleepers>("owned: release, two sleepers"));
}

TEST(owned_semaphore, dying_in_a_release_with_nobody_left_to_wake) {
    expect_no_harm(try_all<release_with_a_stale_mark>("owned: release, a waiter has given up"));
}

TEST(owned_semaphore, dying_as_a_woken_waiter) {
    expect_no_harm(try_all<woken_for_a_permit>("owned: woken waiter, two behind", {}, 2));
}

TEST(owned_semaphore, dying_while_giving_up) {
    expect_no_harm(try_all<gives_up_waiting>("owned: timed-out waiter beside a sleeper", {}, 2));
}

TEST(owned_semaphore, dying_when_told_of_a_death_first) {
    expect_no_harm(
        try_all<told_of_a_holders_death>("owned: told of a holder's death, others behind", told_and_not_passed_on));
}

TEST(owned_semaphore, dying_in_search_of_the_last_free_permit) {
    expect_no_harm(try_all<search_for_the_last>("owned: the last of 130 permits"));
    expect_no_harm(try_all<search_in_vain>("owned: none of 130 permits, and one comes free"));
}

TEST(owned_semaphore, dying_as_a_sweeper) {
    expect_no_harm(try_all<sweep_a_holder>("owned: sweep of a dead holder, sleepers behind"));
}

}  // namespace
}  // namespace death
