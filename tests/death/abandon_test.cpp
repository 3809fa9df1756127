// SPDX-License-Identifier: MIT
// abandon_held(): a thread that lives on gives up all it holds, as if it had died there; or dies at that.
#include "death/abandon_scenarios.hpp"
#include "death/campaign.hpp"
#include "death/rw_scenarios.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

TEST(abandon_held, dying_in_it_with_sleepers) {
    campaign what{"abandon: two mutexes, read, written, a permit", scenario_of<gives_all_up<once>>()};
    what.under.broken_rule = "readers_never_look_again";  // what would hide a wake that is missing
    expect_no_harm(carry_out(what));
}

TEST(abandon_held, dying_in_it_as_a_reader_without_a_fence) {
    campaign what{"abandon: the same, read without a fence", scenario_of<gives_all_up<unfenced>>()};
    what.under.broken_rule = "readers_never_look_again";
    expect_no_harm(carry_out(what));
}

}  // namespace
}  // namespace death
