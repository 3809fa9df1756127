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

namespace process_shared::seats {

inline std::atomic<held_entry>& favourite_slot(seat& mine, held_entry entry) noexcept {
    constexpr unsigned favourites = 32;  // owner words lie 8 bytes apart or more
    return mine.held[entry / 8 % favourites];
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

}  // namespace process_shared::seats
