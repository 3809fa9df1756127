// SPDX-License-Identifier: MIT
// Sleeping until one of several words of shared memory changes, and waking those who do.
#pragma once

#include <process_shared/deadline.hpp>

#include <atomic>
#include <cstdint>
#include <span>

namespace process_shared::platform {

/// A word in memory that other processes map, too, and what it is believed to hold.
struct watched_word {
    const std::atomic<std::uint32_t>* word;
    std::uint32_t expected;
};

enum class wait_outcome {
    woken,        ///< by wake(), by the kernel, or for no reason
    changed,      ///< a word did not hold what was expected: nobody slept
    timed_out,    ///< the deadline passed
    interrupted,  ///< a signal handler ran
};

/// Sleeps until somebody wakes one of `words` (at most 16), the deadline passes or a signal arrives.
/// A word that no longer holds `expected` ends the sleep before it starts: no wake between check and sleep is lost.
/// Whatever it returns, the caller looks at its words again. Waking of the words after the first may be late by up to
/// 50 ms where the OS can only watch one (Linux without futex_waitv).
wait_outcome wait(std::span<const watched_word> words, deadline until) noexcept;

/// Wakes up to `count` sleepers of any process on this word. How many there were.
unsigned wake(const std::atomic<std::uint32_t>& word, unsigned count) noexcept;
inline constexpr unsigned everyone = 0x7fffffff;

}  // namespace process_shared::platform
