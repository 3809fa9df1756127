// SPDX-License-Identifier: MIT
// A writer or reader of an object_buffer dies: everybody else reads a whole object, old or new, and can store.
#include "death/buffer_scenarios.hpp"
#include "death/campaign.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

template <class Scenario>
void try_all(const char* name) {
    expect_no_harm(carry_out({name, scenario_of<Scenario>()}));
}

TEST(object_buffer, dying_in_store) { try_all<store>("object_buffer: store"); }
TEST(object_buffer, dying_in_load) { try_all<load>("object_buffer: load"); }
TEST(object_buffer, dying_in_store_after_a_death) {
    try_all<store_after_a_death>("object_buffer: store after a death");
}

}  // namespace
}  // namespace death
