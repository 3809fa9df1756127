// SPDX-License-Identifier: MIT
// The held list: what a sitter holds or is about to take (its intent). Written by the sitter only.
//
// A plain store is enough. Whoever reads the list does so after the kernel has said that the writer is dead, and
// then every instruction up to the last one has taken effect; only the compiler must keep the order, hence the
// signal fences. The order in push and pop also keeps the list whole under a signal handler that locks and unlocks.
#pragma once

#include "seats/attachments.hpp"

namespace process_shared::seats {

/// Adds an entry; false if the list is full (or its length damaged). To be done before the owner word is touched.
inline bool push_held(seat& mine, held_entry entry) noexcept {
    // relaxed, here and below: read by others only after my death, see above.
    const std::uint64_t top = mine.top.load(std::memory_order_relaxed);
    if (top >= max_holds) [[unlikely]] return false;
    mine.top.store(top + 1, std::memory_order_relaxed);
    mine.held[top].store(entry, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return true;
}

/// Makes room by closing holes; false if there are none.
bool compact_held(seat& mine) noexcept;
/// Takes away an entry that is not the last.
void remove_held(seat& mine, held_entry entry) noexcept;

/// Takes away the newest equal entry. To be done after the owner word has been let go.
inline void pop_held(seat& mine, held_entry entry) noexcept {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const std::uint64_t last = mine.top.load(std::memory_order_relaxed) - 1;
    if (last < max_holds && mine.held[last].load(std::memory_order_relaxed) == entry) [[likely]] {
        mine.held[last].store(0, std::memory_order_relaxed);
        mine.top.store(last, std::memory_order_relaxed);
        return;
    }
    remove_held(mine, entry);
}

}  // namespace process_shared::seats
