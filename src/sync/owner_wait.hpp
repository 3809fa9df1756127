// SPDX-License-Identifier: MIT
// What everybody does who waits for an owner word: the steps L2 to L6 and T1 to T3 of owner_lock.cpp.
#pragma once

#include "base/step.hpp"
#include "platform/clock.hpp"
#include "platform/wait.hpp"
#include "seats/attachments.hpp"
#include "seats/owner_word.hpp"
#include "seats/registry.hpp"
#include "sync/park.hpp"

#include <process_shared/deadline.hpp>

#include <atomic>
#include <cstdint>

namespace process_shared::sync {

/// The calling thread, locking or unlocking one word.
struct attempt {
    std::atomic<std::uint64_t>& word;
    seats::held_entry entry;
    seats::participant_id me;
    seats::seat& mine;
};

inline attempt attempt_from(const seats::place& here, std::atomic<std::uint64_t>& word,
                            seats::lock_kind kind) noexcept {
    std::uint64_t offset = 0;
    here.locate(reinterpret_cast<std::uintptr_t>(&word), offset);
    return {word, seats::make_entry(kind, offset), here.me, *here.mine};
}

/// One attempt that could not have the word at once. Its entry is on the held list, and stays there.
class owner_wait {
public:
    owner_wait(const attempt& by, deadline until) noexcept : by_(by), until_(until), in_(seats::view_of(&by.word)) {}

    /// L2 and L3. `to` without C; it is added if others may sleep behind me.
    bool take(std::uint64_t from, std::uint64_t to) noexcept {
        const std::uint64_t kept = slept_ ? seats::contended : from & seats::contended;
        // acquire: pairs with U1, U2, R2 and T2. relaxed on failure: the caller loads again.
        if (!by_.word.compare_exchange_strong(from, to | kept, std::memory_order_acquire, std::memory_order_relaxed))
            return false;
        detail::step("L2");
        return true;
    }

    void notice_death(seats::participant_id dead) noexcept {
        const bool quiet = detail::broken("takeover_keeps_quiet");
        if (!quiet) seats::pass_on_death(in_, dead);
        detail::step("T1");
        seats::abandon(by_.word, seats::kind_of(by_.entry), dead);
        detail::step("T2");
        if (!quiet) seats::wake_sleepers(by_.word, platform::everyone);
        detail::step("T3");
        seats::sweep(in_, dead);
    }

    /// Whoever made it abandoned may have died before waking the others (T3).
    void wake_those_behind(std::uint64_t abandoned_value) const noexcept {
        if ((abandoned_value & seats::contended) != 0 && !detail::broken("takeover_keeps_quiet"))
            seats::wake_sleepers(by_.word, platform::everyone);
    }

    /// Until the word is no longer `value`, its owner is dead, the backstop, or `limit`. May have looked only: `ready`
    /// is a glance at whether it is worth going on.
    template <class Ready>
    void wait(std::uint64_t value, deadline limit, Ready&& ready) noexcept {
        const sleeper me{in_, by_.mine, by_.me, by_.entry, started()};
        if (spin(me, ready)) return;
        if ((value & seats::contended) == 0) {
            // relaxed: the bit carries no data; the owner's unlock sees it or the exchange fails (L4).
            if (!by_.word.compare_exchange_strong(value, value | seats::contended, std::memory_order_relaxed)) return;
            value |= seats::contended;
            detail::step("L4");
        }
        slept_ = true;
        park(me, seats::low_half(by_.word), static_cast<std::uint32_t>(value), seats::owner_of(value), limit);
        detail::step("L5");
    }

    /// Perhaps I was woken for a free word, and nobody else was (M3). The entry is still to be withdrawn.
    void pass_wake_on() const noexcept {
        if (slept_) seats::wake_sleepers(by_.word, 1);
        detail::step("L6");
    }

    /// When this wait began.
    std::int64_t started() noexcept {
        if (started_ == 0) started_ = platform::now();
        return started_;
    }
    [[nodiscard]] bool slept() const noexcept { return slept_; }
    [[nodiscard]] const attempt& by() const noexcept { return by_; }
    [[nodiscard]] deadline until() const noexcept { return until_; }
    [[nodiscard]] const seats::view& in() const noexcept { return in_; }

private:
    const attempt by_;
    const deadline until_;
    const seats::view in_;
    bool slept_ = false;
    std::int64_t started_ = 0;
};

}  // namespace process_shared::sync
