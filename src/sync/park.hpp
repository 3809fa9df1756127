// SPDX-License-Identifier: MIT
// The only sleeping loop's body: spin a little, sleep until a word changes, somebody dies or the backstop passes.
#pragma once

#include "seats/layout.hpp"

#include <process_shared/deadline.hpp>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace process_shared::sync {

/// Who sleeps, and over what: for people, and for finding deadlocks.
struct sleeper {
    const seats::view& in;
    seats::seat& seat;
    seats::participant_id me;
    seats::held_entry what;
    std::int64_t since;  // steady clock: when this wait began
};

/// A turn at spinning. One spinner a slot: more would only take the line from whoever is to change the word. The slot
/// names a seat, not a count, so that a dead spinner gives it back.
class spinner {
public:
    explicit spinner(const sleeper& who) noexcept;
    ~spinner();
    spinner(const spinner&) = delete;
    spinner& operator=(const spinner&) = delete;

    /// Lets some time pass, each time more. False when it is time to sleep, at once if another spins already.
    bool pause() noexcept;

private:
    std::atomic<std::uint64_t>* slot_ = nullptr;
    std::int64_t end_ = 0;
    unsigned pauses_ = 0;
};

/// Spins until `ready()`, for a few microseconds at most. Whether it was, at the last look.
template <class Ready>
bool spin(const sleeper& who, Ready&& ready) noexcept {
    spinner turn(who);
    while (turn.pause())
        if (ready()) return true;
    return false;
}

/// How many deaths a sleeper can watch for at once: the OS waits for 16 words, and one is the lock's.
inline constexpr std::size_t most_watched = 15;

/// Sleeps while `word` holds `expected` and each of `watched` lives (the first `most_watched` of them); until the
/// deadline or the backstop at the latest. Why it ended the caller finds out by looking. False if a signal handler ran.
bool park(const sleeper& who, const std::atomic<std::uint32_t>& word, std::uint32_t expected,
          std::span<const seats::participant_id> watched, deadline until) noexcept;

/// The same for one owner.
inline bool park(const sleeper& who, const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                 seats::participant_id owner, deadline until) noexcept {
    return park(who, word, expected, std::span(&owner, 1), until);
}

}  // namespace process_shared::sync
