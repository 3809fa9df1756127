// SPDX-License-Identifier: MIT
// Readers of a shared_mutex as their seats show them: an entry of the held list is the hold.
//
// It lies in its favourite slot, where a writer looks first, or anywhere, and the seat says so: see take_slot.
#pragma once

#include "seats/held.hpp"
#include "seats/layout.hpp"

#include <algorithm>
#include <span>

namespace process_shared::sync {

inline seats::held_entry reader_entry(std::uint64_t offset) noexcept {
    return seats::make_entry(seats::lock_kind::shared_reader, offset);
}
/// Whatever its count.
inline bool is_reader_of(seats::held_entry entry, std::uint64_t offset) noexcept {
    return seats::kind_of(entry) == seats::lock_kind::shared_reader && seats::offset_of(entry) == offset;
}

using seats::upper_half;

/// My slot of a reader; nullptr if I do not read it.
inline std::atomic<seats::held_entry>* my_reader_slot(seats::seat& mine, std::uint64_t offset) noexcept {
    return seats::find_slot(mine, offset, [&](seats::held_entry entry) { return is_reader_of(entry, offset); });
}

/// Calls `visit(slot, seat index)` for each slot that shows a reader, dead ones' too, until it returns false.
/// To be called after the gate was closed: seq_cst throughout, against the readers' announcement and their look at it.
template <class Visit>
bool for_each_reader(const seats::view& in, std::uint64_t offset, Visit&& visit) {
    const std::uint32_t used = std::min(in.header().high_water.load(std::memory_order_seq_cst), in.seats);
    for (std::uint32_t index = 0; index < used; ++index) {
        seats::seat& there = in.seat_at(index);
        auto& favourite = seats::favourite_slot(there, offset);
        if (is_reader_of(favourite.load(std::memory_order_seq_cst), offset) && !visit(favourite, index)) return false;
        if (there.spilled.load(std::memory_order_seq_cst) == 0) continue;
        for (auto& slot : there.held)
            if (is_reader_of(slot.load(std::memory_order_seq_cst), offset) && !visit(slot, index)) return false;
    }
    return true;
}

}  // namespace process_shared::sync
