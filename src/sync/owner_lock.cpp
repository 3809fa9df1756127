// SPDX-License-Identifier: MIT
// word  [ generation | C | A | R | generation | seat ]   seats/owner.hpp has every bit and its slack
//
// State        owner  A R C    Meaning
// free           0    0 0 0/1  nobody holds; C 0: nobody sleeps, or some were woken and have not come yet; C 1: see T2
// held           s    0 0 0    s holds
// contended      s    0 0 1    s holds; somebody sleeps or is about to
// abandoned      d    1 0 0/1  d died inside (or unlocked unrepaired data); nobody holds
// repairing      s    1 1 0/1  s holds what d abandoned, and has not declared it sound
//
// Step  From → To                            By       Order    If the doer dies right after
// L0    intent on my held list               lock     plain    swept: not owned, two sleepers woken needlessly
// L1    free → held                          lock     acquire  token dead: T1 by whoever comes or sleeps
// L2    free → held, or contended if I slept lock     acquire  as L1
// L3    abandoned → repairing, C kept        lock     acquire  as L1: abandoned again, names the repairer
// L4    held → contended                     lock     relaxed  one needless wake later
// L5    asleep on {word, owner's token}      lock     –        see park.cpp
// L6    gave up: wake one, intent withdrawn  lock     –        a swallowed wake is lost: the second of U3 does
// Q1,   a checked_mutex: in a circle, gave   lock     –        as L5, L6: checked_mutex.cpp
// Q2    up
// T1    wake all who watch the dead token    anybody  –        they look for themselves; not yet done: backstop
// T2    held by dead → abandoned, C kept     anybody  acq_rel  sleepers that T1 missed: backstop
//       (free, C kept, if it was not inside: shared_mutex.cpp)
// T3    wake all sleepers of the word        anybody  –        nothing is left to do
// U0    seen: held, and by me                unlock   relaxed  as L1
// U1    held → free                          unlock   release  intent swept: not owned, two woken
// U2    contended → free                     unlock   release  my token is dead, and whoever watches it (all who slept
//                                                              since I own) is woken: one by the kernel, the others by
//                                                              T1 or P6
// U3    wake two                             unlock   –        both died as well: backstop
// U4    intent withdrawn                     unlock   plain    nothing is left behind
// R1    repairing → held or contended        sound    release  as L1
// R2    repairing → abandoned, C kept        unlock   release  T3 by the next who finds it abandoned; else backstop
//
// M1  owner ≠ 0 and not abandoned ⇒ that participant lives, or is dead and anybody may do T1 to T3.
// M2  somebody sleeps ⇒ C = 1, or a woken one has yet to set it again (L2), or a wake is owed (M3).
// M3  nobody depends on one particular wake: an unlock wakes two (U3); whoever sees a dead token wakes all who watch it
//     (T1); whoever finds the word abandoned wakes all (T3); whoever leaves without the lock passes one wake on (L6);
//     and every sleep ends at the backstop (P5).
// M4  the word names a participant whose held list names the word (L0 before L1, U4 after U1): a sweep misses nothing.
// M5  while the owner lives, the others change nothing but C: so once the owner has seen its own name there (U0), it
//     may exchange the word for 0 without comparing again.
//
// After one death no step needs the backstop. After two, these do (tests/model/README.md has who is left asleep): P3 to
// T2 of the one whom the kernel told of the first death; L2 and P4 of both whom one unlock woke. Without futex_waitv a
// single death of the owner does.
#include "sync/owner_lock.hpp"

#include "seats/deadlock.hpp"
#include "sync/owner_wait.hpp"
#include "sync/readers.hpp"

#include <process_shared/error.hpp>

#include <algorithm>

namespace process_shared::sync {
namespace {

using namespace seats;

[[noreturn]] void fail(errc what) { throw std::system_error(make_error_code(what)); }

/// U3 and U4.
void wake_and_withdraw(const attempt& by, unsigned sleepers) noexcept {
    if (!detail::broken("unlock_wakes_nobody")) wake_sleepers(by.word, sleepers);
    detail::step("U3");
    pop_held(by.mine, by.entry);
    detail::step("U4");
}

thread_local constinit participant_id last_abandoned = 0;

bool worth_trying(std::uint64_t word) noexcept { return is_free(word) || is_abandoned(word); }

/// One attempt that could not have the word at once.
class waiting {
public:
    waiting(const attempt& by, deadline until, if_abandoned what) noexcept : wait_(by, until), what_(what) {}

    ownership run() {
        const attempt& by = wait_.by();
        // A writer would wait for the reader that it is.
        if (kind_of(by.entry) == lock_kind::shared_mutex && my_reader_slot(by.mine, offset_of(by.entry)) != nullptr) {
            withdraw();
            fail(errc::would_deadlock);
        }
        for (;;) {
            // acquire: what I read here decides whether the data behind it is sound; pairs with T2, R1, R2.
            const std::uint64_t value = by.word.load(std::memory_order_acquire);
            if (is_free(value)) {
                if (wait_.take(value, by.me)) return ownership::sound;
            } else if (is_abandoned(value)) {
                if (what_ == if_abandoned::refuse) refuse(value);
                if (wait_.take(value, by.me | abandoned | repairing)) {
                    last_abandoned = owner_of(value);
                    return ownership::abandoned;
                }
            } else if (owner_of(value) == by.me) {
                withdraw();
                fail(errc::would_deadlock);
            } else if (is_dead(wait_.in(), owner_of(value))) {
                wait_.notice_death(owner_of(value));
            } else if (wait_.until().has_passed()) {
                give_up();
                return ownership::none;
            } else {
                // relaxed: a glance.
                wait_.wait(value, look_round(), [&] { return worth_trying(by.word.load(std::memory_order_relaxed)); });
            }
        }
    }

private:
    [[noreturn]] void refuse(std::uint64_t value) {
        wait_.wake_those_behind(value);
        give_up();
        throw owner_died(describe(wait_.in(), owner_of(value)));
    }
    /// How long to sleep before the next look. Of a checked_mutex: throws would_deadlock if I wait for myself.
    deadline look_round() {
        if (kind_of(wait_.by().entry) != lock_kind::checked_mutex) return wait_.until();
        const std::int64_t now = platform::now();
        // The tests that die in it many times cannot wait so long each time.
        const std::int64_t between_looks = detail::broken("looks_sooner") ? 30'000'000 : 100'000'000;
        if (next_look_ == 0) next_look_ = wait_.started() + between_looks;
        if (now >= next_look_) {
            if (closes_a_cycle(wait_.in(), wait_.by().me, wait_.by().entry)) {
                detail::step("Q1");
                give_up();
                detail::step("Q2");
                fail(errc::would_deadlock);
            }
            next_look_ = now + between_looks;
        }
        return std::min(wait_.until(), deadline::from_now(next_look_ - now));
    }
    void withdraw() noexcept { pop_held(wait_.by().mine, wait_.by().entry); }
    void give_up() noexcept {
        wait_.pass_wake_on();
        withdraw();
    }

    owner_wait wait_;
    const if_abandoned what_;
    std::int64_t next_look_ = 0;
};

}  // namespace

ownership acquire_slowly(std::atomic<std::uint64_t>& word, lock_kind kind, deadline until, if_abandoned what) {
    return waiting(attempt_from(*find_seat(&word), word, kind), until, what).run();
}

ownership acquire_from_outside(std::atomic<std::uint64_t>& word, lock_kind kind, deadline until, if_abandoned what) {
    const place* here = find_seat(&word);
    const attempt by = attempt_from(here ? *here : sit(&word), word, kind);
    if (!push_held_anywhere(by.mine, by.entry)) fail(errc::too_many_holds);
    detail::step("L0");
    return waiting(by, until, what).run();
}

void release_slowly(std::atomic<std::uint64_t>& word, lock_kind kind) {
    const place* here = find_seat(&word);
    std::uint64_t value = word.load(std::memory_order_relaxed);  // relaxed: only I change the owner while it is me
    if (here == nullptr || !held_by(value, here->me)) {
        if (inherited_by_fork(&word)) return;  // a guard that the parent's thread made
        fail(here == nullptr && view_of(&word).base == nullptr ? errc::outside_segment : errc::not_owner);
    }
    const attempt by = attempt_from(*here, word, kind);
    const bool unrepaired = (value & abandoned) != 0;
    std::uint64_t next = 0;
    do next = unrepaired ? by.me | abandoned | (value & contended) : 0;
    // release: pairs with the acquire of the next lock (U2, R2). C may be set meanwhile: again then.
    while (!word.compare_exchange_weak(value, next, std::memory_order_release, std::memory_order_relaxed));
    detail::step(unrepaired ? "R2" : "U2");
    wake_and_withdraw(by, (value & contended) == 0 ? 0 : unrepaired ? platform::everyone : sleepers_per_unlock);
}

void finish_contended_release(std::atomic<std::uint64_t>& word, lock_kind kind) {
    detail::step("U2");
    wake_and_withdraw(attempt_from(*find_seat(&word), word, kind), sleepers_per_unlock);
}

bool is_held_by_anybody(const std::atomic<std::uint64_t>& word) noexcept {
    const std::uint64_t value = word.load(std::memory_order_relaxed);  // relaxed: a snapshot
    if (worth_trying(value)) return false;
    const view in = view_of(&word);
    return in.base != nullptr && !is_dead(in, owner_of(value));
}

void declare_word_sound(std::atomic<std::uint64_t>& word) {
    if (!holds(word)) fail(errc::not_owner);
    std::uint64_t value = word.load(std::memory_order_relaxed);  // relaxed: as in release_slowly
    // release: whoever sees it held, not repairing, and takes it over after my death, sees the repair (R1).
    while (!word.compare_exchange_weak(value, value & ~(abandoned | repairing), std::memory_order_release,
                                       std::memory_order_relaxed)) {}
    detail::step("R1");
}

}  // namespace process_shared::sync

namespace process_shared::detail {

participant_name last_abandoned_by(const void* lock) {
    return seats::describe(seats::view_of(lock), sync::last_abandoned);
}

}  // namespace process_shared::detail
