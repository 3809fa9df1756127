// SPDX-License-Identifier: MIT
// Owning a word: what mutex and recursive_mutex are made of. The protocol is at the head of owner_lock.cpp.
#pragma once

#include "base/step.hpp"
#include "seats/held.hpp"
#include "seats/owner_word.hpp"

#include <process_shared/deadline.hpp>
#include <process_shared/lockable.hpp>

#include <atomic>
#include <cstdint>

namespace process_shared::sync {

using detail::ownership;

/// What to do when the last owner died inside.
enum class if_abandoned { refuse, take };

// The quick ways below keep everything in registers and leave by tail calls, so that they cost two exchanges and little
// else; the slow ones look everything up again.

/// Everything but the first try, with the entry on the held list: waits, takes over, gives up. Afterwards the entry is
/// there if the word is ours, and not if it is not. Throws owner_died and would_deadlock.
ownership acquire_slowly(std::atomic<std::uint64_t>& word, seats::lock_kind kind, deadline until, if_abandoned what);

/// The same, with the entry not yet on the list: the thread sits elsewhere, or its list is full.
/// Throws outside_segment, unsupported_thread, seats_full, too_many_holds, too.
ownership acquire_from_outside(std::atomic<std::uint64_t>& word, seats::lock_kind kind, deadline until,
                               if_abandoned what);

inline ownership acquire_word(std::atomic<std::uint64_t>& word, seats::lock_kind kind, deadline until,
                              if_abandoned what) {
    std::uint64_t offset = 0;
    const seats::place* here = seats::find_place(&word, offset);
    if (here == nullptr || !seats::push_held(*here->mine, seats::make_entry(kind, offset))) [[unlikely]]
        return acquire_from_outside(word, kind, until, what);
    detail::step("L0");
    std::uint64_t value = 0;
    // acquire: pairs with the release of the last unlock, U1 or U2 (L1).
    if (!word.compare_exchange_strong(value, here->me, std::memory_order_acquire, std::memory_order_relaxed))
        [[unlikely]]
        return acquire_slowly(word, kind, until, what);
    detail::step("L1");
    return ownership::sound;
}

/// Unlocks a word that is not simply ours: contended, unrepaired, of a segment not used lately, or not ours at all.
/// Throws not_owner and outside_segment.
void release_slowly(std::atomic<std::uint64_t>& word, seats::lock_kind kind);

/// The word was ours, and is free now; somebody had added C meanwhile.
void finish_contended_release(std::atomic<std::uint64_t>& word, seats::lock_kind kind);

/// From where the calling thread is known to sit.
inline void release_word_from(const seats::place* here, std::uint64_t offset, std::atomic<std::uint64_t>& word,
                              seats::lock_kind kind) {
    // relaxed: while I own it, the others only add C (M5). So this look decides, and a plain exchange may follow: it is
    // faster than a compare-exchange by 8 %.
    if (word.load(std::memory_order_relaxed) != here->me) [[unlikely]]
        return release_slowly(word, kind);
    detail::step("U0");
    // release: pairs with the acquire of the next lock (U1).
    if (word.exchange(0, std::memory_order_release) != here->me) [[unlikely]]
        return finish_contended_release(word, kind);
    detail::step("U1");
    seats::pop_held(*here->mine, seats::make_entry(kind, offset));
    detail::step("U4");
}

inline void release_word(std::atomic<std::uint64_t>& word, seats::lock_kind kind) {
    std::uint64_t offset = 0;
    const seats::place* here = seats::find_place(&word, offset);
    if (here == nullptr) [[unlikely]]
        return release_slowly(word, kind);
    release_word_from(here, offset, word, kind);
}

/// Whether the calling thread holds the word.
inline bool holds(const std::atomic<std::uint64_t>& word) noexcept {
    std::uint64_t offset = 0;
    const seats::place* here = seats::find_place(&word, offset);
    if (here == nullptr) [[unlikely]]
        here = seats::find_seat(&word);
    // relaxed: only I write my name there, and only I take it away.
    return here != nullptr && seats::held_by(word.load(std::memory_order_relaxed), here->me);
}

/// Whether somebody living holds what begins with such a word. A snapshot.
bool is_held_by_anybody(const std::atomic<std::uint64_t>& word) noexcept;
template <class Lock>
bool is_held(const Lock& lock) noexcept {
    return is_held_by_anybody(reinterpret_cast<const std::atomic<std::uint64_t>&>(lock));
}

/// The word is ours and was repaired. Throws not_owner.
void declare_word_sound(std::atomic<std::uint64_t>& word);

}  // namespace process_shared::sync
