// SPDX-License-Identifier: MIT
// word  [ W | times set: 29 | AUTO | SET ]     W: somebody sleeps, or is about to
//
// Step  From → To                              By     Order    If the doer dies right after
// E1    unset → set, times + 1; W dropped if   set    release  sleepers were not woken: backstop
//       manual (all are woken)
// E2    all sleepers woken, if automatic two   set    –        nothing is left to do
// E3    set → unset                            reset  relaxed  nothing is left to do
// E4    unset → unset W                        wait   relaxed  one needless wake later
// E5    asleep on the word                     wait   –        automatic: a wake is swallowed, E2 woke one more
// E6    set → unset, automatic only; W if I    wait   acquire  it was told to me (documented)
//       have slept
// E7    gave up: wakes one if it is set        wait   –        a wake is swallowed: E2 woke one more
//
// A waiter of a manual event passes when `times set` has changed since it came, so a reset cannot hide a set.
// Steps that need the backstop after one death: E1.
#include <process_shared/event.hpp>

#include "base/step.hpp"
#include "sync/word_wait.hpp"

namespace process_shared {
namespace {

constexpr std::uint32_t waiters = 0x80000000;
constexpr std::uint32_t one_time = 4;
constexpr std::uint32_t times = waiters - one_time;

constexpr std::uint32_t next_time(std::uint32_t word) noexcept { return (word & ~times) | ((word + one_time) & times); }

}  // namespace

void event::set() {
    sync::require_segment_quickly(this);
    std::uint32_t value = word_.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    std::uint32_t next = 0;
    detail::step("E0");
    do {
        if ((value & happened) != 0) {
            // Whoever set it may have died before it woke anybody (E2). Ordered by its own release, or by mine next.
            if ((value & waiters) == 0) return;
            next = value;
            break;
        }
        next = next_time(value) | happened;
        if ((value & automatic) == 0) next &= ~waiters;
        // release: pairs with the acquire of those who pass (E1).
    } while (!word_.compare_exchange_weak(value, next, std::memory_order_release, std::memory_order_relaxed));
    if ((value & waiters) == 0) return;
    detail::step("E1");
    if (!detail::broken("set_wakes_nobody")) platform::wake(word_, (value & automatic) != 0 ? 2 : platform::everyone);
    detail::step("E2");
}

void event::reset() {
    sync::require_segment_quickly(this);
    word_.fetch_and(~happened, std::memory_order_relaxed);  // relaxed: unsetting tells nobody anything (E3)
    detail::step("E3");
}

bool event::is_set() const {
    sync::require_segment_quickly(this);
    return (word_.load(std::memory_order_acquire) & happened) != 0;  // pairs with E1
}

bool event::wait_by(deadline until) {
    sync::require_segment_quickly(this);
    std::uint32_t value = word_.load(std::memory_order_acquire);  // pairs with E1
    const std::uint32_t came_at = value & times;
    // Others may sleep behind me when I was woken (E6).
    const auto passes = [&](std::uint32_t mark) {
        while ((value & automatic) != 0 && (value & happened) != 0)
            // acquire: pairs with E1.
            if (word_.compare_exchange_weak(value, (value & ~happened) | mark, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                detail::step("E6");
                return true;
            }
        return (value & automatic) == 0 && ((value & happened) != 0 || (value & times) != came_at);
    };
    if (passes(0)) return true;
    if (until.has_passed()) return false;
    sync::word_wait wait(this, seats::lock_kind::event, until);
    for (;;) {
        value = word_.load(std::memory_order_acquire);  // pairs with E1
        if (passes(wait.slept() ? waiters : 0)) return true;
        if (wait.is_over()) {
            // Perhaps I was woken, and nobody else was (E7). relaxed: whoever sets it wakes, too.
            if (wait.slept() && (word_.load(std::memory_order_relaxed) & happened) != 0) platform::wake(word_, 1);
            detail::step("E7");
            return false;
        }
        // relaxed: a glance.
        if (wait.spin([&] { return word_.load(std::memory_order_relaxed) != value; })) continue;
        // relaxed: the bit carries no data; E1 sees it, or this fails (E4).
        if (!word_.compare_exchange_strong(value, value | waiters, std::memory_order_relaxed)) continue;
        detail::step("E4");
        wait.sleep(word_, value | waiters);
        detail::step("E5");
    }
}

}  // namespace process_shared
