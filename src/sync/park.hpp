// SPDX-License-Identifier: MIT
// The only sleeping loop's body: spin a little, sleep until a word changes, its owner dies or the backstop passes.
#pragma once

#include "seats/layout.hpp"

#include <process_shared/deadline.hpp>

#include <atomic>
#include <cstdint>

namespace process_shared::sync {

/// Who sleeps, and over what: for people, and for finding deadlocks.
struct sleeper {
    const seats::view& in;
    seats::seat& seat;
    seats::participant_id me;
    seats::held_entry what;
    std::int64_t since;  // steady clock: when this wait began
};

/// Spins while somebody holds `word`, for a few microseconds at most, and only one thread of all at a time.
/// True if the word looked free, or abandoned, at the end.
bool spin(const sleeper& who, const std::atomic<std::uint64_t>& word) noexcept;

/// Sleeps while `word` holds `expected` and `owner` lives; until the deadline or the backstop at the latest. Why it
/// ended the caller finds out by looking. False if a signal handler ran.
bool park(const sleeper& who, const std::atomic<std::uint32_t>& word, std::uint32_t expected,
          seats::participant_id owner, deadline until) noexcept;

}  // namespace process_shared::sync
