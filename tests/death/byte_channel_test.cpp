// SPDX-License-Identifier: MIT
// byte_channel: whoever dies at any instruction of it, every message is whole, in order and there once, and nobody waits
// for the dead. At most the one message is lost that a dead receiver was taking.
#include "death/campaign.hpp"
#include "death/channel_scenarios.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

/// What the protocol block says: from the change to the wake.
const std::set<std::string> not_yet_notified = {"CH4", "U0", "U1", "U4", "CH5", "N0", "N1"};

TEST(byte_channel, dying_in_send) {
    expect_no_harm(try_all<send_beside_a_sender>("channel: send, a sender behind"));
    expect_no_harm(try_all<send_across_the_end>("channel: send across the ring's end"));
}

TEST(byte_channel, dying_in_send_with_a_receiver_asleep) {
    expect_no_harm(try_all<send_to_a_sleeper>("channel: send, a receiver asleep", not_yet_notified));
}

TEST(byte_channel, dying_in_receive) {
    expect_no_harm(try_all<receive_beside_a_receiver>("channel: receive, a receiver behind"));
}

TEST(byte_channel, dying_in_receive_with_senders_asleep) {
    expect_no_harm(try_all<receive_with_senders_asleep<true>>("channel: receive, two wait for room", not_yet_notified));
    expect_no_harm(
        try_all<receive_with_senders_asleep<false>>("channel: receive, two wait for their turn", not_yet_notified));
}

TEST(byte_channel, dying_as_a_woken_receiver) {
    expect_no_harm(try_all<woken_receiver>("channel: woken receiver, another behind", {}, 2));
}

TEST(byte_channel, dying_as_a_receiver_that_gives_up) {
    expect_no_harm(try_all<receiver_gives_up>("channel: receiver gives up beside another"));
}

TEST(byte_channel, dying_as_a_woken_sender) {
    expect_no_harm(try_all<woken_sender>("channel: woken sender, another behind"));
}

TEST(byte_channel, dying_in_close_with_sleepers) {
    // The receivers are told first: the senders wait until then.
    std::set<std::string> until_both_are_told = not_yet_notified;
    until_both_are_told.insert("CH6");
    expect_no_harm(try_all<close_with_sleepers<false>>("channel: close, two wait for a message", not_yet_notified));
    expect_no_harm(try_all<close_with_sleepers<true>>("channel: close, two wait for room", until_both_are_told));
}

TEST(byte_channel, dying_while_making_room) {
    expect_no_harm(try_all<make_room<false>>("channel: more messages, one waits", not_yet_notified));
    expect_no_harm(try_all<make_room<true>>("channel: clear, one waits", not_yet_notified));
}

}  // namespace
}  // namespace death
