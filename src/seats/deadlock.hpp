// SPDX-License-Identifier: MIT
// Who waits for whom. A snapshot, taken without a lock: a cycle that is there is found, but one may be seen that
// dissolves at this moment. Whoever must be certain looks twice.
#pragma once

#include "seats/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace process_shared::seats {

/// What has to happen before a participant that waits can go on.
enum class wait_rule {
    nobody,         // it depends on nobody that is known, or it does not wait
    owner_leaves,   // who holds the object alone
    readers_leave,  // all who hold it, but the waiting one itself
    any_leaves,     // one of those who hold it
};
wait_rule rule_of(lock_kind waited_for, bool holds_it_alone) noexcept;

struct graph_hold {
    std::uint64_t object;
    bool shared;
};
struct graph_node {
    std::uint64_t waits_for = 0;  // an object, numbered as the caller likes
    wait_rule rule = wait_rule::nobody;
    std::vector<graph_hold> holds;
};

/// Cycles of nodes that cannot go on: each waits for the next, the last one for the first. None has a node of another.
std::vector<std::vector<std::size_t>> find_cycles(std::span<const graph_node> nodes);

/// Whether `me`, waiting for what `entry` names, is part of one.
bool closes_a_cycle(const view& in, participant_id me, held_entry entry);

}  // namespace process_shared::seats
