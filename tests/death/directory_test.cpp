// SPDX-License-Identifier: MIT
// Objects and blocks in a segment: whoever dies while making, finding or unmaking one, it is whole or not there, the
// others go on, and the heap loses nothing, or one block without a name.
#include "death/campaign.hpp"
#include "death/heap_scenarios.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

template <class Scenario>
void try_all(const char* name) {
    expect_no_harm(carry_out({name, scenario_of<Scenario>()}));
}

TEST(directory, dying_in_construct) { try_all<construct>("construct"); }
TEST(directory, dying_in_construct_beside_others) { try_all<construct_beside_others>("construct beside others"); }
TEST(directory, dying_in_find) { try_all<find>("find"); }
TEST(directory, dying_in_destroy) { try_all<destroy>("destroy"); }
TEST(directory, dying_in_repair_and_construct) { try_all<repair_then<construct>>("repair, then construct"); }
TEST(directory, dying_in_repair_and_destroy) { try_all<repair_then<destroy>>("repair, then destroy"); }
TEST(heap, dying_in_allocate) { try_all<allocate>("allocate"); }
TEST(heap, dying_in_aligned_allocate) { try_all<allocate_aligned>("allocate, aligned"); }
TEST(heap, dying_in_deallocate) { try_all<deallocate>("deallocate"); }

}  // namespace
}  // namespace death
