// SPDX-License-Identifier: MIT
// A death test must be able to fail. Here one rule of a protocol is broken on purpose, and the harness has to see it.
#include "death/abandon_scenarios.hpp"
#include "death/buffer_scenarios.hpp"
#include "death/campaign.hpp"
#include "death/channel_scenarios.hpp"
#include "death/heap_scenarios.hpp"
#include "death/lock_scenarios.hpp"
#include "death/permit_scenarios.hpp"
#include "death/rw_scenarios.hpp"
#include "death/toys.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace death {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t enough_to_see = 3;

template <class Scenario>
totals try_broken(const char* rule, conditions under = campaign::usual_conditions()) {
    under.broken_rule = rule;
    campaign what{std::string("broken: ") + rule, scenario_of<Scenario>(), under};
    what.may_need_backstop = {"P3", "P4", "L5"};  // as for the unbroken rule, in lock_test.cpp
    what.enough = enough_to_see;
    return carry_out(what);
}

/// The backstop as users have it; survivors are waited for.
conditions with_backstop() {
    conditions under;
    under.backstop = process_shared::segment_options().backstop;
    under.limit = 2s;  // twenty backstops: who sleeps so long sleeps for ever
    return under;
}

TEST(broken_rule, unlock_that_wakes_nobody_is_seen) {
    EXPECT_GT((try_broken<woken_waiter<mutex, 1>>("unlock_wakes_nobody").unexpectedly_by_backstop), 0u);
}

TEST(broken_rule, takeover_that_keeps_quiet_is_seen) {
    EXPECT_GT(try_broken<told_of_a_death<mutex>>("takeover_keeps_quiet").unexpectedly_by_backstop, 0u);
}

TEST(broken_rule, sleep_without_backstop_is_seen) {
    // With it, the same scenario needs it at some points, and recovers at all.
    const totals sound = try_broken<told_of_a_death<mutex>>("", with_backstop());
    EXPECT_GT(sound.by_backstop, 0u);
    EXPECT_EQ(sound.unrecovered, 0u);
    EXPECT_GT(try_broken<told_of_a_death<mutex>>("no_backstop", with_backstop()).unrecovered, 0u);
}

/// Nobody has to die for these to be seen: the last kill points come after the operation.
template <class Scenario>
std::size_t left_asleep(const char* rule) {
    return try_broken<Scenario>(rule).unexpectedly_by_backstop;
}

TEST(broken_rule, release_that_wakes_nobody_is_seen) {
    EXPECT_GT(left_asleep<release_permits>("release_wakes_nobody"), 0u);
}

TEST(broken_rule, event_that_wakes_nobody_is_seen) { EXPECT_GT(left_asleep<set_event>("set_wakes_nobody"), 0u); }

TEST(broken_rule, last_count_down_that_wakes_nobody_is_seen) {
    EXPECT_GT(left_asleep<count_down_latch>("last_arrival_wakes_nobody"), 0u);
}

TEST(broken_rule, notification_that_wakes_nobody_is_seen) {
    EXPECT_GT(left_asleep<notify<true>>("notify_wakes_nobody"), 0u);
}

TEST(broken_rule, barrier_that_wakes_nobody_is_seen) {
    EXPECT_GT(left_asleep<march_beside>("barrier_wakes_nobody"), 0u);
}

TEST(broken_rule, reader_that_wakes_no_writer_is_seen) {
    EXPECT_GT(left_asleep<writer_behind_a_reader<once>>("reader_wakes_nobody"), 0u);
}

TEST(broken_rule, reader_that_opens_and_wakes_nobody_is_seen) {
    EXPECT_GT(left_asleep<reader_behind_a_writer>("opener_wakes_nobody"), 0u);
}

TEST(broken_rule, permit_given_back_that_wakes_nobody_is_seen) {
    EXPECT_GT(left_asleep<woken_for_a_permit>("permit_wakes_nobody"), 0u);
}

TEST(broken_rule, index_that_moves_before_the_object_is_there_is_seen) {
    EXPECT_GT(try_broken<store>("object_buffer_publishes_early").unrecovered, 0u);
}

TEST(broken_rule, thread_that_gives_up_quietly_is_seen) {
    EXPECT_GT(try_broken<gives_all_up<once>>("takeover_keeps_quiet").unrecovered, 0u);
}

TEST(broken_rule, description_that_counts_before_it_is_whole_is_seen) {
    // The description of two turns ago counts: the next sender finds no room, the next receiver another message.
    EXPECT_GT(try_broken<send_across_the_end>("channel_commits_early").unexpectedly_by_backstop, 0u);
    EXPECT_GT(try_broken<receive_beside_a_receiver>("channel_commits_early").unrecovered, 0u);
}

TEST(broken_rule, sender_that_notifies_nobody_is_seen) {
    EXPECT_GT(left_asleep<woken_receiver>("channel_notifies_nobody"), 0u);
}

TEST(broken_rule, block_that_is_split_before_its_rest_has_a_header_is_seen) {
    EXPECT_GT(try_broken<allocate>("allocator_splits_first").unrecovered, 0u);
}

}  // namespace
}  // namespace death
