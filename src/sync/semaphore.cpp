// SPDX-License-Identifier: MIT
// word  [ W | permits: 31, of which a half is room for releasers at once ]
// W: somebody sleeps, or is about to. Sticky: it goes when a wake has found nobody.
//
// Step  From → To                             By       Order    If the doer dies right after
// A1    n → n - 1, W kept                     acquire  acquire  the permit is gone with it (documented)
// A2    0 → 0 W                               acquire  relaxed  one needless wake later
// A3    asleep on the word                    acquire  –        a wake is swallowed: V2 woke one more
// A4    n → n - 1 W, having slept             acquire  acquire  as A1
// A5    gave up: wakes one if permits are     acquire  –        a wake is swallowed: V2 woke one more
//       there
// V1    n → n + m, W kept                     release  release  permits are there, sleepers were not woken: backstop
// V2    m + 1 sleepers woken                  release  –        nothing is left to do
// V3    n W → n, when V2 woke nobody, n > 0   release  relaxed  nothing is left to do
//
// M1  somebody sleeps ⇒ W, or a woken one has yet to set it again (A4), or a wake is owed (V1, V2).
// M2  V3 cannot hide a sleeper: one that is queued saw "0 W" there, so permits came later, by a release that saw W and
//     wakes for itself.
//
// Steps that need the backstop after one death: V1.
#include <process_shared/semaphore.hpp>

#include "base/step.hpp"
#include "sync/word_wait.hpp"

namespace process_shared::detail {
namespace {

constexpr std::uint32_t waiters = 0x80000000;
constexpr std::uint32_t permits_of(std::uint32_t word) noexcept { return word & ~waiters; }

bool take(std::atomic<std::uint32_t>& word, std::uint32_t mark) noexcept {
    std::uint32_t value = word.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    while (permits_of(value) != 0)
        // acquire: pairs with V1 (A1, A4).
        if (word.compare_exchange_weak(value, (value - 1) | mark, std::memory_order_acquire, std::memory_order_relaxed))
            return true;
    return false;
}

bool take_slowly(std::atomic<std::uint32_t>& word, deadline until) {
    sync::word_wait wait(&word, seats::lock_kind::counting_semaphore, until);
    for (;;) {
        // Others may sleep behind me when I was woken (A4).
        if (take(word, wait.slept() ? waiters : 0)) {
            step("A4");
            return true;
        }
        if (wait.is_over()) {
            // Perhaps I was woken for a permit, and nobody else was (A5). relaxed: whoever made it wakes, too.
            if (wait.slept() && permits_of(word.load(std::memory_order_relaxed)) != 0) platform::wake(word, 1);
            step("A5");
            return false;
        }
        // relaxed: a glance; take() decides.
        if (wait.spin([&] { return permits_of(word.load(std::memory_order_relaxed)) != 0; })) continue;
        std::uint32_t value = 0;
        // relaxed: the bit carries no data; V1 sees it, or this fails (A2).
        if (!word.compare_exchange_strong(value, waiters, std::memory_order_relaxed) && value != waiters) continue;
        step("A2");
        wait.sleep(word, waiters);
        step("A3");
    }
}

void wake_for(std::atomic<std::uint32_t>& word, std::uint32_t count) noexcept {
    step("V1");
    // One more than there are permits: one may die between waking and taking.
    const unsigned woken =
        broken("release_wakes_nobody") ? 1 : platform::wake(word, count < platform::everyone ? count + 1 : count);
    step("V2");
    std::uint32_t value = word.load(std::memory_order_relaxed);
    // relaxed: M2.
    if (woken == 0 && value > waiters)
        word.compare_exchange_strong(value, permits_of(value), std::memory_order_relaxed);
    step("V3");
}

std::uint32_t add(std::atomic<std::uint32_t>& word, std::uint32_t count, std::uint32_t max) {
    std::uint32_t value = word.load(std::memory_order_relaxed);  // relaxed: the exchange decides
    step("V0");
    do {
        if (permits_of(value) > max || count > max - permits_of(value)) sync::fail(errc::too_many_permits);
        // release: pairs with A1 and A4 (V1).
    } while (!word.compare_exchange_weak(value, value + count, std::memory_order_release, std::memory_order_relaxed));
    return value;
}

}  // namespace

void semaphore_word::release_one(std::uint32_t max) {
    sync::require_segment_quickly(this);
    std::uint32_t before = 0;
    if (max == most) {
        // An addition need not wait for what it adds to. There is as much room above as there are permits, so those
        // who come between the look and the addition do no harm.
        if (permits_of(word_.load(std::memory_order_relaxed)) >= most) sync::fail(errc::too_many_permits);
        step("V0");
        before = word_.fetch_add(1, std::memory_order_release);  // pairs with A1 and A4 (V1)
    } else {
        before = add(word_, 1, max);
    }
    if ((before & waiters) != 0) [[unlikely]]
        wake_for(word_, 1);
}

void semaphore_word::release(std::ptrdiff_t count, std::uint32_t max) {
    if (count < 0) sync::fail(errc::bad_count);
    sync::require_segment_quickly(this);
    if (count > static_cast<std::ptrdiff_t>(most)) sync::fail(errc::too_many_permits);
    if (count == 0) return;
    if ((add(word_, static_cast<std::uint32_t>(count), max) & waiters) != 0)
        wake_for(word_, static_cast<std::uint32_t>(count));
}

void semaphore_word::acquire() {
    sync::require_segment_quickly(this);
    if (!take(word_, 0)) [[unlikely]]
        (void)take_slowly(word_, deadline::never());
    step("A1");
}

bool semaphore_word::try_acquire() {
    sync::require_segment_quickly(this);
    return take(word_, 0);
}

bool semaphore_word::acquire_by(deadline until) {
    sync::require_segment_quickly(this);
    return take(word_, 0) || (!until.has_passed() && take_slowly(word_, until));
}

std::ptrdiff_t semaphore_word::value() const {
    sync::require_segment_quickly(this);
    return static_cast<std::ptrdiff_t>(permits_of(word_.load(std::memory_order_relaxed)));  // relaxed: a snapshot
}

}  // namespace process_shared::detail
