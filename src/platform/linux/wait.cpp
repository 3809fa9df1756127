// SPDX-License-Identifier: MIT
// wait.hpp on Linux: futex_waitv, or a plain futex on the first word and short sleeps where that is missing.
#include "platform/wait.hpp"

#include "platform/clock.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace process_shared::platform {
namespace {

constexpr long futex_waitv_call = 449;  // the same on every architecture
constexpr std::size_t most_words = 16;

// The kernel's struct futex_waitv, declared here because Debian 12's headers may be older than the kernel.
struct waitv_word {
    std::uint64_t expected;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
};
constexpr std::uint32_t size_32_shared = 2;  // FUTEX_32 without FUTEX_PRIVATE_FLAG: sleepers are in other processes

enum class support { unknown, yes, no };
std::atomic<support> waitv_support{support::unknown};  // relaxed: each thread may find out by itself

timespec to_timespec(std::int64_t nanoseconds) noexcept {
    timespec time{};
    time.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
    time.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
    return time;
}

wait_outcome outcome_of(int error) noexcept {
    switch (error) {
        case EAGAIN:
            return wait_outcome::changed;
        case ETIMEDOUT:
            return wait_outcome::timed_out;
        case EINTR:
            return wait_outcome::interrupted;
        default:
            return wait_outcome::woken;  // EFAULT and the like: the caller's look at the words tells
    }
}

bool is_refusal(int error) noexcept { return error == ENOSYS || error == EPERM; }

// How long to trust a sleep on the first word alone: doubles while nothing happens.
constexpr std::int64_t shortest_nap = 1'000'000;
constexpr std::int64_t longest_nap = 50'000'000;
thread_local constinit std::int64_t nap = shortest_nap;

wait_outcome wait_for_first(std::span<const watched_word> words, deadline until) noexcept {
    for (const watched_word& other : words.subspan(1))
        // relaxed: a hint that spares a nap; the caller looks again in any case.
        if (other.word->load(std::memory_order_relaxed) != other.expected) return wait_outcome::changed;
    const bool alone = words.size() == 1;
    const deadline end = alone ? until : std::min(until, deadline::from_now(nap));
    const timespec time = to_timespec(end.nanoseconds());
    const long result = syscall(SYS_futex, words[0].word, FUTEX_WAIT_BITSET, words[0].expected,
                                end.is_never() ? nullptr : &time, nullptr, FUTEX_BITSET_MATCH_ANY);
    const wait_outcome outcome = result == 0 ? wait_outcome::woken : outcome_of(errno);
    if (outcome != wait_outcome::timed_out) {
        nap = shortest_nap;
        return outcome;
    }
    if (end == until) return outcome;
    nap = std::min(2 * nap, longest_nap);
    return wait_outcome::woken;
}

wait_outcome wait_for_all(std::span<const watched_word> words, deadline until) noexcept {
    waitv_word list[most_words] = {};
    const std::size_t count = std::min(words.size(), most_words);
    for (std::size_t i = 0; i < count; ++i)
        list[i] = {words[i].expected, reinterpret_cast<std::uintptr_t>(words[i].word), size_32_shared, 0};
    const timespec time = to_timespec(until.nanoseconds());
    const long result = syscall(futex_waitv_call, list, static_cast<unsigned>(count), 0u,
                                until.is_never() ? nullptr : &time, CLOCK_MONOTONIC);
    if (result >= 0) return wait_outcome::woken;
    if (!is_refusal(errno)) return outcome_of(errno);
    // A filter that was installed since we asked: never again.
    waitv_support.store(support::no, std::memory_order_relaxed);  // relaxed: each thread may find out by itself
    return wait_for_first(words, until);
}

bool has_waitv() noexcept {
    support known = waitv_support.load(std::memory_order_relaxed);
    if (known == support::unknown) {
        const char* off = std::getenv("PROCESS_SHARED_NO_WAITV");
        if (off && *off && *off != '0') {
            known = support::no;
        } else {
            // No words is an error everywhere: EINVAL where the call exists, ENOSYS where it does not,
            // EPERM where a filter forbids it.
            syscall(futex_waitv_call, nullptr, 0u, 0u, nullptr, CLOCK_MONOTONIC);
            known = is_refusal(errno) ? support::no : support::yes;
        }
        waitv_support.store(known, std::memory_order_relaxed);
    }
    return known == support::yes;
}

}  // namespace

wait_outcome wait(std::span<const watched_word> words, deadline until) noexcept {
    if (until.has_passed()) return wait_outcome::timed_out;  // cheaper than the kernel's timer (26 us)
    // For one word the plain call does, and does it faster.
    return words.size() > 1 && has_waitv() ? wait_for_all(words, until) : wait_for_first(words, until);
}

unsigned wake(const std::atomic<std::uint32_t>& word, unsigned count) noexcept {
    const long woken = syscall(SYS_futex, &word, FUTEX_WAKE, static_cast<int>(count), nullptr, nullptr, 0);
    return woken > 0 ? static_cast<unsigned>(woken) : 0;
}

}  // namespace process_shared::platform
