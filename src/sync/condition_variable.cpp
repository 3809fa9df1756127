// SPDX-License-Identifier: MIT
// word  [ notifications: 31 | W ]     W: somebody waits, or did lately. Lowest, so that counting cannot carry into it.
//
// Step  From → To                         By      Order    If the doer dies right after
// W1    W set, with the lock held         wait    relaxed  one needless wake later
// W2    the lock let go                   wait    –        as unlock
// W3    asleep until the count changes    wait    –        a wake is swallowed: N2 woke one more, if it was for one
// N1    count + 1                         notify  release  sleepers were not woken: they see the count at the backstop
// N2    two sleepers woken, or all        notify  –        nothing is left to do
// N3    W unset, when N2 woke nobody      notify  relaxed  who slept since N2 is not marked: backstop
// N4    all woken, if N3 unset it         notify  –        nothing is left to do
//
// M1  No notification is lost: who let the lock go (W2) has seen a count (W1); whoever changes the condition after that
//     counts (N1), and W3 does not sleep on another count, nor does it return while the count is the old one.
// M2  somebody sleeps ⇒ W, or the count is another than the one it saw, or it is about to be woken: N3 succeeds only on
//     the word that N1 made, so a waiter that came since saw that count. If it slept already, N4 wakes it; if not, its W3
//     finds the word changed. It sees the same count, and sets W again before it sleeps (W4).
// W4    W set again                       wait    relaxed  one needless wake later
// A1    count + 1 and W unset, if W: with the lock held, by a monitor's unlock; N2 follows when the lock is free. Who came
//       before is woken, or sees the count; who comes later sets W (W1).
//
// Steps that need the backstop after one death: N1, N3. And with a predicate: whatever a notifier does before it.
#include <process_shared/condition_variable.hpp>

#include "base/step.hpp"
#include "sync/word_wait.hpp"

namespace process_shared::detail {
namespace {

constexpr std::uint32_t waiters = 1;
constexpr std::uint32_t one_notification = 2;
constexpr std::uint32_t count_of(std::uint32_t word) noexcept { return word & ~waiters; }

}  // namespace

void condition_word::notify(bool everyone) {
    sync::require_segment_quickly(this);
    step("N0");
    // release: a waiter that sees the count sees what the notifier did before it; pairs with sleep()'s acquire (N1).
    const std::uint32_t before = word_.fetch_add(one_notification, std::memory_order_release);
    if ((before & waiters) == 0) return;
    step("N1");
    // One more than asked for: one may die between waking and locking.
    const unsigned woken = broken("notify_wakes_nobody") ? 1 : platform::wake(word_, everyone ? platform::everyone : 2);
    step("N2");
    std::uint32_t mine = before + one_notification;
    if (woken != 0) return;
    // relaxed: M2.
    if (!word_.compare_exchange_strong(mine, count_of(mine), std::memory_order_relaxed)) return;
    step("N3");
    platform::wake(word_, platform::everyone);
    step("N4");
}

std::uint32_t condition_word::prepare() {
    sync::seat_near(this);                                                            // so that sleep() cannot fail
    const std::uint32_t before = word_.fetch_or(waiters, std::memory_order_relaxed);  // relaxed: under the lock (W1)
    step("W1");
    return count_of(before);
}

condition_word::outcome condition_word::sleep(std::uint32_t prepared, deadline until) noexcept {
    step("W2");
    sync::word_wait wait(this, seats::lock_kind::condition_variable, until);
    // relaxed: a glance.
    wait.spin([&] { return count_of(word_.load(std::memory_order_relaxed)) != prepared; });
    for (;;) {
        std::uint32_t value = word_.load(std::memory_order_acquire);  // pairs with N1
        if (count_of(value) != prepared) return outcome::notified;
        if (wait.is_over()) return outcome::timed_out;
        if (wait.slept()) return outcome::look_again;  // the backstop, or no reason
        // relaxed: the bit carries no data; N1 sees it, or this fails (W4).
        if ((value & waiters) == 0 && !word_.compare_exchange_strong(value, value | waiters, std::memory_order_relaxed))
            continue;
        wait.sleep(word_, value | waiters);
        step("W3");
    }
}

bool condition_word::announce() noexcept {
    // relaxed, but for the release of N1: under the lock, as W1; nobody but a waiter that W4 concerns changes it beside.
    std::uint32_t before = word_.load(std::memory_order_relaxed);
    do
        if ((before & waiters) == 0) return false;
    while (!word_.compare_exchange_weak(before, count_of(before) + one_notification, std::memory_order_release,
                                        std::memory_order_relaxed));
    step("N1");
    return true;
}

void condition_word::wake_all() noexcept {
    if (!broken("notify_wakes_nobody")) platform::wake(word_, platform::everyone);
    step("N2");
}

}  // namespace process_shared::detail
