// SPDX-License-Identifier: MIT
// What sweepers and lockers both do to an owner word.
#pragma once

#include "platform/wait.hpp"
#include "seats/layout.hpp"

#include <process_shared/last_read.hpp>

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

/// A shared_mutex: its gate follows its owner word.
constexpr bool has_gate(lock_kind kind) noexcept {
    return kind == lock_kind::shared_mutex || kind == lock_kind::shared_reader || kind == lock_kind::shared_waiter;
}
inline std::atomic<std::uint32_t>& gate_behind(std::atomic<std::uint64_t>& word) noexcept {
    return *reinterpret_cast<std::atomic<std::uint32_t>*>(&word + 1);
}
/// The owner word that an entry names; nullptr if the entry is no lock or lies outside.
inline std::atomic<std::uint64_t>* word_at(const view& in, held_entry entry) noexcept {
    const auto kind = static_cast<unsigned>(kind_of(entry));
    const std::uint64_t offset = offset_of(entry);
    if (kind < 1 || kind > 15 || offset % alignof(std::uint64_t) != 0) return nullptr;
    const std::uint64_t size = has_gate(kind_of(entry)) ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
    if (offset > in.reach() - size) return nullptr;
    return reinterpret_cast<std::atomic<std::uint64_t>*>(in.base + offset);
}

/// Whether the word names `who` as holder (also one who repairs), not as the one who abandoned it.
constexpr bool held_by(std::uint64_t value, participant_id who) noexcept {
    return owner_of(value) == who && ((value & abandoned) == 0 || (value & repairing) != 0);
}
constexpr bool is_abandoned(std::uint64_t value) noexcept {
    return (value & abandoned) != 0 && (value & repairing) == 0;
}

constexpr bool is_tentative(std::uint64_t value) noexcept { return (value & (abandoned | repairing)) == repairing; }
/// Nobody's, whether or not somebody sleeps.
constexpr bool is_free(std::uint64_t value) noexcept { return (value & ~contended) == 0; }

/// Whether an owner named by `value` has not come to what the lock guards: a shared_mutex's, that opens the gate for
/// readers or still waits for them. Only the owner changes that part of the gate.
inline bool owner_is_not_inside(std::atomic<std::uint64_t>& word, std::uint64_t value, lock_kind kind) noexcept {
    if (is_tentative(value)) return true;
    // relaxed: read after the owner's death was.
    return has_gate(kind) &&
           (gate_behind(word).load(std::memory_order_relaxed) & (detail::gate_open | detail::gate_draining)) != 0;
}

/// What became of a word.
enum class legacy { not_held, freed, left_abandoned };

/// held by `who` → abandoned by `who`, or free if it was not inside; C stays, for whoever sleeps.
inline legacy abandon(std::atomic<std::uint64_t>& word, lock_kind kind, participant_id who) noexcept {
    std::uint64_t value = word.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    while (held_by(value, who)) {
        const bool outside = owner_is_not_inside(word, value, kind);
        const std::uint64_t next = outside ? value & contended : who | abandoned | (value & contended);
        // acq_rel: the dead one's stores (seen with its death) come before the word that the next one reads.
        if (word.compare_exchange_weak(value, next, std::memory_order_acq_rel, std::memory_order_relaxed))
            return outside ? legacy::freed : legacy::left_abandoned;
    }
    return legacy::not_held;
}

}  // namespace process_shared::seats
