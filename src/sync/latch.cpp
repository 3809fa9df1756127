// SPDX-License-Identifier: MIT
// word  [ W | count: 31 ]     W: somebody sleeps, or is about to
//
// Step  From → To                  By          Order    If the doer dies right after
// C1    n → n - m, W kept          count_down  acq_rel  if that was the last, sleepers were not woken: backstop
// C2    all sleepers woken         count_down  –        nothing is left to do
// C3    n → n W                    wait        relaxed  one needless wake later
// C4    asleep on the word         wait        –        all are woken at once: nothing is swallowed
//
// Steps that need the backstop after one death: C1.
#include <process_shared/latch.hpp>

#include "base/step.hpp"
#include "sync/word_wait.hpp"

namespace process_shared {
namespace {

constexpr std::uint32_t waiters = 0x80000000;
constexpr std::uint32_t count_of(std::uint32_t word) noexcept { return word & ~waiters; }

}  // namespace

void latch::count_down(std::ptrdiff_t by) {
    sync::require_segment_quickly(this);
    std::uint32_t value = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    detail::step("C0");
    do {
        if (by < 0 || by > static_cast<std::ptrdiff_t>(count_of(value))) sync::fail(errc::bad_count);
        // acq_rel: what all who counted down did before comes before what those do who pass (C1).
    } while (!word_.compare_exchange_weak(value, value - static_cast<std::uint32_t>(by), std::memory_order_acq_rel,
                                          std::memory_order_relaxed));
    if (by == 0 || value - static_cast<std::uint32_t>(by) != waiters) return;
    detail::step("C1");
    if (!detail::broken("last_arrival_wakes_nobody")) platform::wake(word_, platform::everyone);
    detail::step("C2");
}

bool latch::try_wait() const {
    sync::require_segment_quickly(this);
    return count_of(word_.load(std::memory_order_acquire)) == 0;  // pairs with C1
}

bool latch::wait_by(deadline until) const {
    if (try_wait()) return true;
    if (until.has_passed()) return false;
    sync::word_wait wait(this, seats::lock_kind::latch, until);
    for (;;) {
        std::uint32_t value = word_.load(std::memory_order_acquire);  // pairs with C1
        if (count_of(value) == 0) return true;
        if (wait.is_over()) return false;
        // relaxed: a glance.
        if (wait.spin([&] { return count_of(word_.load(std::memory_order_relaxed)) == 0; })) continue;
        // relaxed: the bit carries no data; C1 keeps it, or this fails (C3).
        if (!word_.compare_exchange_strong(value, value | waiters, std::memory_order_relaxed)) continue;
        detail::step("C3");
        wait.sleep(word_, value | waiters);
        detail::step("C4");
    }
}

}  // namespace process_shared
