// SPDX-License-Identifier: MIT
// Readers of a shared_mutex as their seats show them: an entry of the held list is the hold.
//
// It lies in the slot that its offset picks, where a writer looks first. If that is taken by another entry, it lies
// anywhere, and the seat says so by a count (`spilled`) that is raised before and lowered after.
#pragma once

#include "seats/held.hpp"
#include "seats/layout.hpp"

#include <algorithm>
#include <bit>
#include <span>

namespace process_shared::sync {

inline seats::held_entry reader_entry(std::uint64_t offset) noexcept {
    return seats::make_entry(seats::lock_kind::shared_reader, offset);
}
/// Whatever its count.
inline bool is_reader_of(seats::held_entry entry, std::uint64_t offset) noexcept {
    return seats::kind_of(entry) == seats::lock_kind::shared_reader && seats::offset_of(entry) == offset;
}

/// The half of a slot that never reads 0 while an entry is there, and changes with its count: what a writer sleeps on.
inline std::atomic<std::uint32_t>& upper_half(std::atomic<seats::held_entry>& slot) noexcept {
    auto* halves = reinterpret_cast<std::atomic<std::uint32_t>*>(&slot);
    return halves[std::endian::native == std::endian::little ? 1 : 0];
}

/// My slot of a reader; nullptr if I do not read it.
inline std::atomic<seats::held_entry>* my_reader_slot(seats::seat& mine, std::uint64_t offset) noexcept {
    auto& favourite = seats::favourite_slot(mine, offset);
    // relaxed, here and below: my own.
    if (is_reader_of(favourite.load(std::memory_order_relaxed), offset)) return &favourite;
    if (mine.spilled.load(std::memory_order_relaxed) == 0) return nullptr;
    for (auto& slot : mine.held)
        if (is_reader_of(slot.load(std::memory_order_relaxed), offset)) return &slot;
    return nullptr;
}

/// A slot for an entry that may become a reader's, with `entry` in it; nullptr if there is no room.
inline std::atomic<seats::held_entry>* take_reader_slot(seats::seat& mine, seats::held_entry entry) noexcept {
    auto& favourite = seats::favourite_slot(mine, entry);
    if (favourite.load(std::memory_order_relaxed) == 0) {
        favourite.store(entry, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return &favourite;
    }
    for (auto& slot : mine.held) {
        if (slot.load(std::memory_order_relaxed) != 0) continue;
        // seq_cst: before the announcement, as high_water; pairs with for_each_reader.
        mine.spilled.store(mine.spilled.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
        slot.store(entry, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return &slot;
    }
    return nullptr;
}

/// Empties it. release: what was read comes before a writer's writing.
inline void give_reader_slot_back(seats::seat& mine, std::atomic<seats::held_entry>& slot,
                                  seats::held_entry entry) noexcept {
    slot.store(0, std::memory_order_release);
    if (&slot == &seats::favourite_slot(mine, entry)) return;
    mine.spilled.store(mine.spilled.load(std::memory_order_relaxed) - 1, std::memory_order_release);
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
