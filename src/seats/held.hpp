// SPDX-License-Identifier: MIT
// The held list: what a sitter holds or is about to take (its intent). Written by the sitter only.
//
// An entry goes to the place that its offset picks, or to any free one if that is taken: so the quick way needs no
// count, and nothing that it stores depends on anything that it stored before (a count cost 1.5 ns a lock).
//
// A plain store is enough. Whoever reads the list does so after the kernel has said that the writer is dead, and
// then every instruction up to the last one has taken effect; only the compiler must keep the order, hence the
// signal fences. A signal handler that locks and unlocks leaves the list as it found it.
#pragma once

#include "seats/attachments.hpp"

#include <bit>

namespace process_shared::seats {

inline std::atomic<held_entry>& favourite_slot(seat& mine, held_entry entry) noexcept {
    constexpr unsigned favourites = 32;  // owner words lie 8 bytes apart or more
    return mine.held[entry / 8 % favourites];
}

/// The half of a slot that never reads 0 while an entry is there, and changes with its count: what a writer of a
/// shared_mutex sleeps on.
inline std::atomic<std::uint32_t>& upper_half(std::atomic<held_entry>& slot) noexcept {
    auto* halves = reinterpret_cast<std::atomic<std::uint32_t>*>(&slot);
    return halves[std::endian::native == std::endian::little ? 1 : 0];
}

/// Adds an entry if its favourite slot is free. To be done before the owner word is touched.
inline bool push_held(seat& mine, held_entry entry) noexcept {
    std::atomic<held_entry>& slot = favourite_slot(mine, entry);
    // relaxed, here and below: read by others only after my death, see above.
    if (slot.load(std::memory_order_relaxed) != 0) [[unlikely]]
        return false;
    slot.store(entry, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return true;
}

/// Adds an entry wherever there is room; false if there is none.
bool push_held_anywhere(seat& mine, held_entry entry) noexcept;
/// Takes away an equal entry, wherever it is.
void remove_held(seat& mine, held_entry entry) noexcept;

/// Takes away an equal entry. To be done after the owner word has been let go.
inline void pop_held(seat& mine, held_entry entry) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    std::atomic<held_entry>& slot = favourite_slot(mine, entry);
    if (slot.load(std::memory_order_relaxed) == entry) [[likely]] {
        slot.store(0, std::memory_order_relaxed);
        return;
    }
    remove_held(mine, entry);
}

/// For entries that are looked for later: if one is not in its favourite slot, the seat says so by a count (`spilled`),
/// raised before and lowered after. nullptr if there is no room.
inline std::atomic<held_entry>* take_slot(seat& mine, held_entry entry) noexcept {
    auto& favourite = favourite_slot(mine, entry);
    if (push_held(mine, entry)) return &favourite;
    for (auto& slot : mine.held) {
        // relaxed, here and below: my own.
        if (slot.load(std::memory_order_relaxed) != 0) continue;
        // seq_cst: before a reader's announcement, as high_water; pairs with for_each_reader.
        mine.spilled.store(mine.spilled.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
        slot.store(entry, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return &slot;
    }
    return nullptr;
}
/// Empties it. release: what was read comes before a writer's writing.
inline void give_slot_back(seat& mine, std::atomic<held_entry>& slot, held_entry entry) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    slot.store(0, std::memory_order_release);
    if (&slot == &favourite_slot(mine, entry)) [[likely]]
        return;
    mine.spilled.store(mine.spilled.load(std::memory_order_relaxed) - 1, std::memory_order_release);
}
/// The slot whose entry satisfies `is_it`; nullptr if there is none. Only for those that were put there by take_slot.
template <class IsIt>
std::atomic<held_entry>* find_slot(seat& mine, std::uint64_t offset, IsIt&& is_it) noexcept {
    auto& favourite = favourite_slot(mine, offset);
    if (is_it(favourite.load(std::memory_order_relaxed))) return &favourite;  // relaxed, here and below: my own
    if (mine.spilled.load(std::memory_order_relaxed) == 0) return nullptr;
    for (auto& slot : mine.held)
        if (is_it(slot.load(std::memory_order_relaxed))) return &slot;
    return nullptr;
}

}  // namespace process_shared::seats
