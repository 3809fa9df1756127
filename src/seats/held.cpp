// SPDX-License-Identifier: MIT
// The rare paths of the held list: two entries with one favourite slot.
#include "seats/held.hpp"

namespace process_shared::seats {

bool push_held_anywhere(seat& mine, held_entry entry) noexcept {
    for (auto& slot : mine.held) {
        if (slot.load(std::memory_order_relaxed) != 0) continue;  // relaxed, here and below: see held.hpp
        slot.store(entry, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        return true;
    }
    return false;
}

void remove_held(seat& mine, held_entry entry) noexcept {
    for (auto& slot : mine.held) {
        if (slot.load(std::memory_order_relaxed) != entry) continue;
        slot.store(0, std::memory_order_relaxed);
        return;
    }
}

}  // namespace process_shared::seats
