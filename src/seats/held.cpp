// SPDX-License-Identifier: MIT
// The rare paths of the held list: locks that are not unlocked in reverse order.
#include "seats/held.hpp"

namespace process_shared::seats {

bool compact_held(seat& mine) noexcept {
    // relaxed throughout: see held.hpp.
    std::uint64_t kept = 0;
    for (std::uint64_t i = 0; i < max_holds; ++i) {
        const held_entry entry = mine.held[i].load(std::memory_order_relaxed);
        if (entry == 0) continue;
        if (i != kept) {
            // Copied before it is cleared: dying in between leaves it twice, which does no harm.
            mine.held[kept].store(entry, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);
            mine.held[i].store(0, std::memory_order_relaxed);
        }
        ++kept;
    }
    mine.top.store(kept, std::memory_order_relaxed);
    return kept < max_holds;
}

void remove_held(seat& mine, held_entry entry) noexcept {
    std::uint64_t top = mine.top.load(std::memory_order_relaxed);
    if (top > max_holds) top = max_holds;  // a stranger wrote it
    for (std::uint64_t i = top; i-- > 0;) {
        if (mine.held[i].load(std::memory_order_relaxed) != entry) continue;
        mine.held[i].store(0, std::memory_order_relaxed);
        break;
    }
    while (top > 0 && mine.held[top - 1].load(std::memory_order_relaxed) == 0) --top;
    mine.top.store(top, std::memory_order_relaxed);
}

}  // namespace process_shared::seats
