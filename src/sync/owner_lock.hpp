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

/// The calling thread, about to lock or unlock one word.
struct attempt {
    std::atomic<std::uint64_t>& word;
    seats::held_entry entry;
    seats::participant_id me;
    seats::seat& mine;
};

inline attempt attempt_on(std::atomic<std::uint64_t>& word, seats::lock_kind kind) {
    const seats::place& here = seats::place_for(&word);
    return {word, seats::make_entry(kind, here.offset_of(&word)), here.me, *here.mine};
}

/// Everything but the first try: waits, takes over, gives up. Afterwards the entry is on the held list if the word is
/// ours, and not if it is not. Throws owner_died and would_deadlock.
ownership acquire_slowly(const attempt& by, deadline until, if_abandoned what);

/// Makes room on a full held list; throws too_many_holds if there is none.
void push_slowly(const attempt& by);

inline ownership acquire_word(const attempt& by, deadline until, if_abandoned what) {
    if (!seats::push_held(by.mine, by.entry)) [[unlikely]] push_slowly(by);
    detail::step("L0");
    std::uint64_t value = 0;
    // acquire: pairs with the release of the last unlock, U1 or U2 (L1).
    if (by.word.compare_exchange_strong(value, by.me, std::memory_order_acquire, std::memory_order_relaxed)) [[likely]] {
        detail::step("L1");
        return ownership::sound;
    }
    return acquire_slowly(by, until, what);
}

/// Unlocks a word that is not simply ours: contended, unrepaired, or not ours at all. Throws not_owner.
void release_slowly(const attempt& by);

inline void release_word(const attempt& by) {
    std::uint64_t value = by.me;
    // release: pairs with the acquire of the next lock (U1).
    if (by.word.compare_exchange_strong(value, 0, std::memory_order_release, std::memory_order_relaxed)) [[likely]] {
        detail::step("U1");
        seats::pop_held(by.mine, by.entry);
        detail::step("U4");
        return;
    }
    release_slowly(by);
}

/// The word is ours and was repaired. Throws not_owner.
void declare_word_sound(const attempt& by);

/// The seat to unlock with, if the thread has one: unlocking claims none. Otherwise nullptr, for a lock that stayed
/// behind in the parent process, or throws not_owner or outside_segment.
const seats::place* place_to_unlock(const void* lock);

}  // namespace process_shared::sync
