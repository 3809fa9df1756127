// SPDX-License-Identifier: MIT
// Freeing what the dead held.
//
// Any number of sweepers may sweep one dead seat at once, and a stalled one may go on long after: each change is a
// compare-exchange that names the dead sitter's generation, which never comes again. So a sweep needs no lock, and a
// dead sweeper needs no successor: whoever meets the seat next starts anew.
//
// Step  From → To                                    By       Order    If the doer dies right after
// S1    wake all who watch the dead token            sweeper  –        they look for themselves
// S2    per entry: held by dead → abandoned, or      sweeper  acq_rel  its sleepers: backstop, unless woken by S1
//       free if it was not inside; C kept
//       permits of a semaphore: see sync/owned_semaphore.cpp
// S3    per entry: wake its sleepers                 sweeper  –        the next sweeper does it again
// S4    obituary written                             sweeper  relaxed  no obituary, or one whose sum is wrong: ignored
// S5    taken or leaving → free                      sweeper  release  –
//
// Y1    a sitter that lives on, per entry: S2, or      sitter   acq_rel  swept like any sitter: the entry is still there
//       a reader's hold gone
// Y2    per entry: its sleepers woken                sitter   –        as Y1
// Y3    per entry: withdrawn                         sitter   plain    nothing is left behind
// Y4    obituary written, if any was abandoned       sitter   relaxed  as S4
//
// Only S2 may need the backstop: its sleepers were perhaps watching an earlier owner's token.
// An entry that the dead does not own was an intent, or already let go: the dead may have swallowed a wake there, so
// wake as an unlock would.
#include "base/step.hpp"
#include "platform/clock.hpp"
#include "platform/wait.hpp"
#include "seats/held.hpp"
#include "seats/obituary.hpp"
#include "seats/owner_word.hpp"
#include "seats/permits.hpp"
#include "seats/registry.hpp"

#include <algorithm>

namespace process_shared::seats {
namespace {

/// True if the dead one left it abandoned.
bool sweep_entry(const view& in, participant_id who, held_entry entry) noexcept {
    if (kind_of(entry) == lock_kind::owned_semaphore || kind_of(entry) == lock_kind::owned_semaphores) {
        free_permits(in, entry, who);
        return false;
    }
    std::atomic<std::uint64_t>* word = word_at(in, entry);
    if (word == nullptr) return false;
    const legacy left = abandon(*word, kind_of(entry), who);
    if (left != legacy::not_held) {
        detail::step("S2");
        wake_sleepers(*word, detail::broken("takeover_keeps_quiet") ? 0 : platform::everyone);
        detail::step("S3");
        return left == legacy::left_abandoned;
    }
    wake_sleepers(*word, sleepers_per_unlock);
    // relaxed: for the obituary. Whoever noticed the death has abandoned this one already, as a rule.
    const std::uint64_t value = word->load(std::memory_order_relaxed);
    return is_abandoned(value) && owner_of(value) == who;
}

/// What the seat names; what is 0 or not a lock is passed over.
template <class Visit>
void for_each_entry(const seat& here, Visit&& visit) {
    for (const auto& slot : here.held)
        // relaxed: the writer is dead, and its death was read with acquire (token_of).
        if (const held_entry entry = slot.load(std::memory_order_relaxed)) visit(entry);
}

}  // namespace

void sweep(const view& in, participant_id who) noexcept {
    const std::uint32_t index = seat_of(who);
    if (index >= in.seats || !is_dead(in, who)) return;
    seat& here = in.seat_at(index);
    // acquire: pairs with C4; the list below is this sitter's.
    std::uint64_t state = here.state.load(std::memory_order_acquire);
    if (state_generation(state) != generation_of(who)) return;
    if (state_of(state) != seat_state::taken && state_of(state) != seat_state::leaving) return;

    if (!detail::broken("takeover_keeps_quiet")) pass_on_death(in, who);
    detail::step("S1");
    std::uint32_t abandoned_locks = 0;
    bool named_any = false;
    for_each_entry(here, [&](held_entry entry) {
        named_any = true;
        if (sweep_entry(in, who, entry)) ++abandoned_locks;
    });
    if (named_any) write_obituary(in, who, here, abandoned_locks);
    detail::step("S4");
    // release: pairs with the acquire of the next claimer (C2).
    here.state.compare_exchange_strong(state, make_state(seat_state::free, generation_of(who)),
                                       std::memory_order_release, std::memory_order_relaxed);
    detail::step("S5");
}

bool sweep_range(const view& in, std::uint64_t begin, std::uint64_t end) noexcept {
    bool living = false;
    // relaxed: a seat claimed just now names nothing in a block that is about to be freed.
    const std::uint32_t used = in.header().high_water.load(std::memory_order_relaxed);
    for (std::uint32_t index = 0; index < in.seats && index < used; ++index) {
        const seat& here = in.seat_at(index);
        const std::uint64_t state = here.state.load(std::memory_order_acquire);  // pairs with C4
        if (state_of(state) != seat_state::taken && state_of(state) != seat_state::leaving) continue;
        bool names = false;
        for_each_entry(
            here, [&](held_entry entry) { names = names || (offset_of(entry) >= begin && offset_of(entry) < end); });
        if (!names) continue;
        const participant_id who = make_id(index, state_generation(state));
        if (is_dead(in, who))
            sweep(in, who);
        else
            living = true;
    }
    return living;
}

void abandon_held(const view& in, participant_id me) noexcept {
    seat& here = in.seat_at(seat_of(me));
    std::uint32_t abandoned_locks = 0;
    for (auto& slot : here.held) {
        const held_entry entry = slot.load(std::memory_order_relaxed);  // relaxed: my own
        if (entry == 0) continue;
        if (kind_of(entry) == lock_kind::shared_reader) {
            // seq_cst: before the look at who waits for it; a writer announces itself, and then looks here.
            slot.exchange(0, std::memory_order_seq_cst);
            detail::step("Y1");
            platform::wake(upper_half(slot), platform::everyone);
            detail::step("Y2");
        } else if (sweep_entry(in, me, entry)) {
            ++abandoned_locks;
        }
        std::atomic_signal_fence(std::memory_order_seq_cst);
        slot.store(0, std::memory_order_relaxed);
        detail::step("Y3");
    }
    here.spilled.store(0, std::memory_order_release);                      // pairs with for_each_reader
    detail::my_last_read->lock.store(nullptr, std::memory_order_relaxed);  // my own
    // The thread may end, and its seat be another's, before anybody asks who it was.
    if (abandoned_locks != 0) write_obituary(in, me, here, abandoned_locks);
    detail::step("Y4");
}

std::uint32_t count_waiting(const view& in, held_entry what) noexcept {
    // relaxed throughout: for people.
    const std::uint32_t used = std::min(in.header().high_water.load(std::memory_order_relaxed), in.seats);
    std::uint32_t count = 0;
    for (std::uint32_t index = 0; index < used; ++index) {
        const seat& there = in.seat_at(index);
        const std::uint64_t state = there.state.load(std::memory_order_acquire);  // pairs with C4
        if (state_of(state) == seat_state::taken && there.waits_for.load(std::memory_order_relaxed) == what &&
            !is_dead(in, make_id(index, state_generation(state))))
            ++count;
    }
    return count;
}

}  // namespace process_shared::seats
