// SPDX-License-Identifier: MIT
// What sweepers and lockers both do to an owner word.
#pragma once

#include "platform/wait.hpp"
#include "seats/layout.hpp"

#include <bit>

namespace process_shared::seats {

/// A contended unlock wakes two: one may die between waking and locking.
inline constexpr unsigned sleepers_per_unlock = 2;

/// The half of an owner word that sleepers watch.
inline std::atomic<std::uint32_t>& low_half(std::atomic<std::uint64_t>& word) noexcept {
    auto* halves = reinterpret_cast<std::atomic<std::uint32_t>*>(&word);
    return halves[std::endian::native == std::endian::little ? 0 : 1];
}

inline void wake_sleepers(std::atomic<std::uint64_t>& word, unsigned count) noexcept {
    if (count != 0) platform::wake(low_half(word), count);
}

/// The owner word that an entry names; nullptr if the entry is no lock or lies outside.
inline std::atomic<std::uint64_t>* word_at(const view& in, held_entry entry) noexcept {
    const auto kind = static_cast<unsigned>(kind_of(entry));
    const std::uint64_t offset = offset_of(entry);
    if (kind < 1 || kind > 15 || offset % alignof(std::uint64_t) != 0) return nullptr;
    if (offset > in.reach() - sizeof(std::uint64_t)) return nullptr;
    return reinterpret_cast<std::atomic<std::uint64_t>*>(in.base + offset);
}

/// Whether the word names `who` as holder (also one who repairs), not as the one who abandoned it.
constexpr bool held_by(std::uint64_t value, participant_id who) noexcept {
    return owner_of(value) == who && ((value & abandoned) == 0 || (value & repairing) != 0);
}
constexpr bool is_abandoned(std::uint64_t value) noexcept {
    return (value & abandoned) != 0 && (value & repairing) == 0;
}

/// held by `who` → abandoned by `who`; C stays, for whoever sleeps. False if `who` does not hold it.
inline bool abandon(std::atomic<std::uint64_t>& word, participant_id who) noexcept {
    std::uint64_t value = word.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    while (held_by(value, who))
        // acq_rel: the dead one's stores (seen with its death) come before the abandoned word that the next one reads.
        if (word.compare_exchange_weak(value, who | abandoned | (value & contended), std::memory_order_acq_rel,
                                       std::memory_order_relaxed))
            return true;
    return false;
}

}  // namespace process_shared::seats
