// SPDX-License-Identifier: MIT
// shared_mutex: readers who die leave nothing, writers who die inside are told of, and nobody waits for the dead.
#include "death/campaign.hpp"
#include "death/lock_scenarios.hpp"
#include "death/rw_scenarios.hpp"

#include <gtest/gtest.h>

namespace death {
namespace {

const std::set<std::string> told_and_not_passed_on = {"P3", "P4", "L5"};  // two deaths, see lock_test.cpp

/// Readers look again after a millisecond, which would hide a wake that is missing: not here.
template <class Scenario>
void try_with_patience(const char* name, std::set<std::string> may_need_backstop = {}) {
    campaign what{name, scenario_of<Scenario>()};
    what.may_need_backstop = std::move(may_need_backstop);
    what.under.broken_rule = "readers_never_look_again";
    expect_no_harm(carry_out(what));
}

TEST(shared_mutex, dying_in_a_read) {
    try_with_patience<read_alone<never>>("read, gate closed");
    try_with_patience<read_alone<once>>("read, gate open");
    try_with_patience<read_alone<unfenced>>("read without a fence");
}

TEST(shared_mutex, dying_in_a_read_with_others_behind) {
    try_with_patience<read_with_others_behind<never>>("read, gate closed, others behind");
    try_with_patience<read_with_others_behind<once>>("read, gate open, others behind");
    try_with_patience<read_with_others_behind<unfenced>>("read without a fence, others behind");
}

TEST(shared_mutex, dying_in_a_read_in_another_slot) {
    try_with_patience<read_in_another_slot>("read twice in another slot");
}

TEST(shared_mutex, dying_at_the_end_of_reading_with_a_writer_asleep) {
    try_with_patience<stop_reading<once>>("end of reading, writer and reader asleep");
    try_with_patience<stop_reading<unfenced>>("end of reading without a fence, writer and reader asleep");
}

TEST(shared_mutex, dying_in_a_write_with_others_behind) {
    try_with_patience<write_after_reads<never>>("write, others behind");
    try_with_patience<write_after_reads<once>>("write after a read, others behind");
    try_with_patience<write_after_reads<unfenced>>("write after reads without a fence, others behind");
}

TEST(shared_mutex, dying_at_the_end_of_writing_with_sleepers) {
    try_with_patience<stop_writing<never>>("end of writing, readers and writer asleep");
    try_with_patience<stop_writing<once>>("end of writing that lets readers in");
}

TEST(shared_mutex, dying_as_a_writer_behind_a_reader) {
    try_with_patience<writer_behind_a_reader<once>>("writer behind a reader, others behind");
    try_with_patience<writer_behind_a_reader<unfenced>>("writer behind a reader without a fence, others behind");
}

TEST(shared_mutex, dying_as_a_writer_that_gives_way) {
    expect_no_harm(try_all<write_in_the_turn_of_a_dead_reader>("write in the turn of a dead reader, others behind"));
}

TEST(shared_mutex, dying_as_a_writer_that_gives_up) {
    try_with_patience<writer_gives_up>("writer gives up behind a reader");
}

TEST(shared_mutex, dying_as_a_reader_behind_a_writer) {
    try_with_patience<reader_behind_a_writer>("reader behind a writer, others behind");
    expect_no_harm(try_all<reader_behind_a_writer>("reader behind a writer, with turns", {}, 2));
}

TEST(shared_mutex, dying_as_a_reader_that_gives_up) {
    try_with_patience<reader_gives_up>("reader gives up behind a writer");
}

TEST(shared_mutex, dying_when_told_of_a_death_first) {
    try_with_patience<writer_told_of_a_death<once>>("writer told of a reader's death", told_and_not_passed_on);
    try_with_patience<writer_told_of_a_death<unfenced>>("writer told of the death of one without a fence",
                                                        told_and_not_passed_on);
    try_with_patience<reader_told_of_a_death>("reader told of a writer's death", told_and_not_passed_on);
}

TEST(shared_mutex, dying_as_a_sweeper_of_a_reader) { try_with_patience<sweep_a_reader>("sweep of a dead reader"); }

TEST(shared_mutex, dying_in_what_mutexes_do) {
    expect_no_harm(try_all<repair<shared_mutex, 2>>("shared_mutex: repair, sleepers behind"));
    expect_no_harm(try_all<leave_unrepaired<shared_mutex>>("shared_mutex: unlock of unrepaired data"));
    expect_no_harm(try_all<woken_waiter<shared_mutex, 1>>("shared_mutex: woken waiter, another behind", {}, 2));
    expect_no_harm(try_all<thread_ends_holding<shared_mutex>>("shared_mutex: thread that ends holding"));
}

}  // namespace
}  // namespace death
