// SPDX-License-Identifier: MIT
// A guard (a mutex), a turn to sleep on, and a place for each member with the turn that it arrived for last. There is no
// count of those who have arrived: whoever wants to know counts the places, so nothing can disagree with them.
//
// turn  [ BROKEN | resets: 15 | number: 16 ]
//
// Step  From → To                                By      Order    If the doer dies right after
// B1    guard: mine                              all     acquire  the next one takes it over, and does what B3 left
// B2    place: arrived for turn + 1              arrive  relaxed  as any member: B6
// B3    turn → turn + 1, if that was the last    arrive  release  whoever watches its token looks at the turn
// B4    guard: free, all sleepers woken          all     release  turn is set; not yet woken: as B3
// B5    asleep on {turn, the other members}      wait    –        a death among them wakes somebody
// B6    turn → broken, by whoever finds a        all     release  the next one finds the same
//       member dead before B3
// B7    place: empty                             drop    relaxed  one less is expected already: B6 by the others
// B8    turn → first of the next reset, sound    reset   release  whoever waited for the broken turn is told (B6)
//
// A turn is over when the word is another. It was completed, unless it is the one that broke, which is written down
// before B6: somebody may look only after the next turn broke and was reset.
// Whoever finds nobody missing, and the turn not over, takes the guard, and so does B3 for one that died before it.
// No step needs the backstop after one death: all who sleep watch all others, in a barrier of up to 16. Only 15 tokens
// can be watched at once: in a larger one a death may be found out at the backstop.
#include <process_shared/barrier.hpp>

#include "base/step.hpp"
#include "seats/obituary.hpp"
#include "seats/registry.hpp"
#include "sync/word_wait.hpp"

#include <algorithm>
#include <vector>

namespace process_shared::detail {
namespace {

constexpr std::uint32_t broken_bit = 0x80000000;
constexpr std::uint32_t number_bits = 0xffff;
constexpr std::uint32_t one_reset = number_bits + 1;
constexpr std::uint32_t resets_of(std::uint32_t turn) noexcept { return turn & ~broken_bit & ~number_bits; }
constexpr std::uint32_t turn_after(std::uint32_t turn) noexcept { return resets_of(turn) | ((turn + 1) & number_bits); }
constexpr std::uint32_t turn_after_reset(std::uint32_t turn) noexcept { return resets_of(resets_of(turn) + one_reset); }

// relaxed throughout: places change under the guard; those who look without it take the guard before they decide.
constexpr auto relaxed = std::memory_order_relaxed;

bool has_arrived(const barrier_place& place, std::uint32_t turn) noexcept {
    return place.member.load(relaxed) != 0 && place.arrived.load(relaxed) == turn_after(turn);
}

}  // namespace

/// The guard, and what may be done under it.
struct barrier_guard {
    barrier_guard(barrier_core& of, std::span<barrier_place> in) : core(of), places(in) {
        core.guard_.lock([] {});  // whoever died inside left places that say everything
        step("B1");
        complete_if_all_arrived();
    }
    ~barrier_guard() {
        core.guard_.unlock();
        if (changed) platform::wake(core.turn_, platform::everyone);
        step("B4");
    }
    barrier_guard(const barrier_guard&) = delete;
    barrier_guard& operator=(const barrier_guard&) = delete;

    [[nodiscard]] std::uint32_t turn() const noexcept { return core.turn_.load(relaxed); }
    [[nodiscard]] bool broken() const noexcept { return (turn() & broken_bit) != 0; }

    void set_turn(std::uint32_t to) noexcept {
        core.turn_.store(to, std::memory_order_release);  // pairs with the acquire of those who wait
        changed = !detail::broken("barrier_wakes_nobody");
    }

    void complete_if_all_arrived() noexcept {
        std::uint32_t arrived = 0;
        for (const barrier_place& place : places) arrived += has_arrived(place, turn()) ? 1u : 0u;
        if (broken() || arrived == 0 || arrived < core.expected_.load(relaxed)) return;
        // Whoever arrived and died since is not there any more: nobody may pass as if it were. (One that died while it
        // dropped out, B7, had not arrived, and is no longer expected.)
        const seats::view in = seats::view_of(&core);
        for (const barrier_place& place : places)
            if (has_arrived(place, turn()) && seats::is_dead(in, place.member.load(relaxed)))
                return break_by(place.member.load(relaxed), turn());
        set_turn(turn_after(turn()));
        step("B3");
    }

    barrier_place* place_of(seats::participant_id who) noexcept {
        for (barrier_place& place : places)
            if (place.member.load(relaxed) == who) return &place;
        return nullptr;
    }

    [[nodiscard]] std::uint32_t members() const noexcept {
        std::uint32_t count = 0;
        for (const barrier_place& place : places) count += place.member.load(relaxed) != 0 ? 1u : 0u;
        return count;
    }

    /// Throws participant_died, if it is broken.
    void check_sound() const {
        if (broken()) throw participant_died(seats::describe(seats::view_of(&core), core.died_.load(relaxed)));
    }
    /// Throws not_a_member.
    barrier_place& my_place() {
        barrier_place* mine = place_of(sync::seat_near(&core).me);
        if (mine == nullptr) sync::fail(errc::not_a_member);
        return *mine;
    }

    /// B6, if `dead` is still missing in that turn.
    void break_by(seats::participant_id dead, std::uint32_t in_turn) noexcept {
        seats::pass_on_death(seats::view_of(&core), dead);
        if (turn() != in_turn || place_of(dead) == nullptr) return;
        // Those who come when its seat has another sitter ask who it was, and it may have held nothing.
        const seats::view in = seats::view_of(&core);
        if (const std::uint32_t index = seats::seat_of(dead); index < in.seats) {
            const seats::seat& its = in.seat_at(index);
            if (seats::state_generation(its.state.load(std::memory_order_acquire)) == seats::generation_of(dead))
                seats::write_obituary(in, dead, its, 0);
        }
        core.died_.store(dead, relaxed);
        core.broke_at_.store(in_turn, relaxed);
        set_turn(in_turn | broken_bit);
        step("B6");
    }

    barrier_core& core;
    std::span<barrier_place> places;
    bool changed = false;
};

void barrier_core::join(std::span<barrier_place> places) {
    barrier_guard hold(*this, places);
    hold.check_sound();
    const seats::participant_id me = sync::seat_near(this).me;
    if (hold.place_of(me) != nullptr) return;
    barrier_place* free = hold.place_of(0);
    if (free == nullptr || hold.members() >= expected_.load(relaxed)) sync::fail(errc::barrier_full);
    free->arrived.store(hold.turn(), relaxed);
    free->member.store(me, relaxed);
    step("B2");
}

std::uint32_t barrier_core::arrive(std::span<barrier_place> places) {
    barrier_guard hold(*this, places);
    hold.check_sound();
    barrier_place& mine = hold.my_place();
    const std::uint32_t turn = hold.turn();
    mine.arrived.store(turn_after(turn), relaxed);
    step("B2");
    hold.complete_if_all_arrived();
    return turn;
}

bool barrier_core::wait_by(std::span<const barrier_place> places, std::uint32_t turn, deadline until) {
    sync::require_segment_quickly(this);
    const auto is_over = [&] { return turn_.load(std::memory_order_acquire) != turn; };  // pairs with B3, B6, B8
    if (!is_over() && until.has_passed()) return false;
    const std::span<barrier_place> all{const_cast<barrier_place*>(places.data()), places.size()};
    while (!is_over()) {
        sync::word_wait wait(this, seats::lock_kind::barrier_turn, until);
        if (wait.spin(is_over)) break;
        if (wait.is_over()) return false;
        // Those who have not arrived first: only so many can be watched.
        std::vector<seats::participant_id> others;
        std::uint32_t missing = 0;
        for (const barrier_place& place : places) {
            const std::uint64_t who = place.member.load(relaxed);
            if (who == 0 || who == wait.me()) continue;
            const bool arrived = has_arrived(place, turn);
            others.insert(arrived ? others.end() : others.begin(), who);
            missing += arrived ? 0u : 1u;
        }
        const auto dead = std::find_if(others.begin(), others.end(),
                                       [&](seats::participant_id who) { return seats::is_dead(wait.in(), who); });
        // All have arrived, and it is not over: the last of them may have died before B3.
        if (missing == 0 || dead != others.end()) {
            barrier_guard hold(*this, all);
            if (dead != others.end()) hold.break_by(*dead, turn);
        }
        if (is_over()) break;
        wait.sleep(turn_, turn, others);
        step("B5");
    }
    const std::uint32_t now = turn_.load(std::memory_order_acquire);  // as above
    const bool broke =
        broke_at_.load(relaxed) == turn && (now == (turn | broken_bit) || resets_of(now) != resets_of(turn));
    // Of a turn that two resets have passed since, nothing is known but that somebody died.
    const bool known = resets_of(now) == resets_of(turn) || resets_of(now) == turn_after_reset(turn);
    if (known && !broke) return true;
    throw participant_died(seats::describe(seats::view_of(this), died_.load(relaxed)));
}

void barrier_core::arrive_and_drop(std::span<barrier_place> places) {
    barrier_guard hold(*this, places);
    hold.check_sound();
    barrier_place& mine = hold.my_place();
    if (const std::uint32_t left = expected_.load(relaxed); left > 0) expected_.store(left - 1, relaxed);
    step("B7");
    mine.member.store(0, relaxed);
    hold.complete_if_all_arrived();
}

void barrier_core::reset(std::span<barrier_place> places, std::ptrdiff_t expected) {
    barrier_guard hold(*this, places);
    if (!hold.broken()) {
        if (expected == 0 || expected == static_cast<std::ptrdiff_t>(expected_.load(relaxed))) return;
        sync::fail(errc::busy);
    }
    const seats::view in = seats::view_of(this);
    const std::uint32_t next = turn_after_reset(hold.turn());
    std::uint32_t living = 0;
    for (const barrier_place& place : places)
        if (const std::uint64_t who = place.member.load(relaxed); who != 0 && !seats::is_dead(in, who)) ++living;
    if (expected != 0 && expected < static_cast<std::ptrdiff_t>(living)) sync::fail(errc::bad_count);
    for (barrier_place& place : places) {
        if (const std::uint64_t who = place.member.load(relaxed); who != 0 && seats::is_dead(in, who))
            place.member.store(0, relaxed);
        place.arrived.store(next, relaxed);
    }
    if (expected != 0) expected_.store(static_cast<std::uint32_t>(expected), relaxed);
    hold.set_turn(next);
    step("B8");
}

std::ptrdiff_t barrier_core::expected() const {
    sync::require_segment_quickly(this);
    return static_cast<std::ptrdiff_t>(expected_.load(relaxed));
}

bool barrier_core::is_broken() const {
    sync::require_segment_quickly(this);
    return (turn_.load(std::memory_order_acquire) & broken_bit) != 0;
}

}  // namespace process_shared::detail
