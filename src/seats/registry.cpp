// SPDX-License-Identifier: MIT
// Claiming a seat, and asking whether a sitter lives.
//
// Step  From → To                       By       Order    If the doer dies right after
// C1    byte lock of the seat           claimer  –        the kernel drops it
// C2    free → claiming                 claimer  acquire  the next claimer gets the byte lock: C2'
// C2'   claiming → claiming, next gen.  claimer  acquire  as C2
// C3    held list cleared, token armed  claimer  –        as C2; the token is dead, nobody looks at it
// C4    claiming → taken                claimer  release  the token is dead: swept like any sitter
// C5    byte lock dropped               claimer  –        –
//
// Without a byte lock (file closed, no /proc) C2 goes to `unguarded` instead: if the claimer dies before C4 the seat is
// lost to everybody, and nothing worse. Nobody ever waits for a claimer.
// No step relies on the backstop: no lock names a generation before C4.
#include "seats/registry.hpp"

#include "base/step.hpp"
#include "platform/clock.hpp"
#include "platform/wait.hpp"
#include "seats/obituary.hpp"

#include <bit>
#include <cstring>

namespace process_shared::seats {
namespace {

std::uint64_t name_part(const std::array<char, 16>& name, std::size_t part) noexcept {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, name.data() + part * 8, 8);
    return bytes;
}

/// Who sits here, for people. Plain facts about the claimer; published by C4's release.
void write_facts(seat& here) noexcept {
    const platform::thread_identity me = platform::who_am_i();
    // relaxed: C4 publishes them; readers look at the state first.
    here.process.store(me.process, std::memory_order_relaxed);
    here.thread.store(me.thread, std::memory_order_relaxed);
    here.since.store(static_cast<std::uint64_t>(platform::now()), std::memory_order_relaxed);
    here.waits_for.store(0, std::memory_order_relaxed);
    here.name[0].store(name_part(me.name, 0), std::memory_order_relaxed);
    here.name[1].store(name_part(me.name, 1), std::memory_order_relaxed);
}

void raise_high_water(header& head, std::uint32_t above) noexcept {
    // Sweepers and the curious who miss a seat that is just being claimed would find nothing in it. But a writer of a
    // shared_mutex must not miss a reader: seq_cst, before the reader's announcement; pairs with readers::for_each.
    std::uint32_t seen = head.high_water.load(std::memory_order_relaxed);
    while (seen < above && !head.high_water.compare_exchange_weak(seen, above, std::memory_order_seq_cst)) {}
}

/// Starts at random, so that no user data in a reused block looks like an owner word by accident.
std::uint64_t next_generation(std::uint64_t last) noexcept {
    if (last != 0) return last == generation_mask ? 1 : last + 1;
    std::uint64_t random = 0;
    platform::random_bytes({reinterpret_cast<std::uint8_t*>(&random), sizeof random});
    random &= generation_mask;
    return random == 0 ? 1 : random;
}

/// The state that a claimer may leave for `claiming`; nothing if the seat is not to be had.
std::optional<std::uint64_t> claimable(const view& in, std::uint32_t index, bool guarded) noexcept {
    seat& here = in.seat_at(index);
    // acquire: pairs with the release that made it free (sweep) or taken (C4).
    std::uint64_t state = here.state.load(std::memory_order_acquire);
    if (state_of(state) == seat_state::taken || state_of(state) == seat_state::leaving) {
        const participant_id sitter = make_id(index, state_generation(state));
        if (!is_dead(in, sitter)) return std::nullopt;
        sweep(in, sitter);
        state = here.state.load(std::memory_order_acquire);
    }
    if (state_of(state) == seat_state::free) return state;
    // We hold the byte lock that a living claimer would hold: this one is dead.
    if (state_of(state) == seat_state::claiming && guarded) return state;
    return std::nullopt;
}

/// A glance before the byte lock, which costs some microseconds: most seats that are taken are taken by the living.
bool looks_claimable(const view& in, std::uint32_t index) noexcept {
    const std::uint64_t state = in.seat_at(index).state.load(std::memory_order_relaxed);  // relaxed: C2 decides
    switch (state_of(state)) {
        case seat_state::unguarded:
            return false;
        case seat_state::taken:
        case seat_state::leaving:
            return is_dead(in, make_id(index, state_generation(state)));
        default:
            return true;
    }
}

/// The whole claim of one seat; 0 if it is not to be had.
participant_id try_claim(const view& in, const lock_file& file, std::uint32_t index) {
    seat& here = in.seat_at(index);
    if (!looks_claimable(in, index)) return 0;

    platform::byte_lock guard;
    const auto locked = guard.try_lock(file.file, file.id, index);
    if (locked == platform::byte_lock::result::taken) return 0;
    const bool guarded = locked == platform::byte_lock::result::locked;
    detail::step("C1");

    std::optional<std::uint64_t> state = claimable(in, index, guarded);
    if (!state) return 0;
    const std::uint64_t generation = next_generation(state_generation(*state));
    const std::uint64_t mine = make_state(guarded ? seat_state::claiming : seat_state::unguarded, generation);
    // acquire: what the last sitter wrote comes before what we write (C2).
    if (!here.state.compare_exchange_strong(*state, mine, std::memory_order_acquire, std::memory_order_relaxed))
        return 0;
    detail::step("C2");

    for (auto& entry : here.held) entry.store(0, std::memory_order_relaxed);  // relaxed, also below: C4 publishes
    here.spilled.store(0, std::memory_order_relaxed);
    const platform::arming armed = platform::arm(here.token);
    if (armed.error) {
        // release: the seat is as free as before; pairs with the next claimer's acquire.
        here.state.store(make_state(seat_state::free, generation), std::memory_order_release);
        throw std::system_error(armed.error);
    }
    here.token_word.store(armed.word_offset, std::memory_order_relaxed);  // relaxed: C4 publishes
    write_facts(here);
    raise_high_water(in.header(), index + 1);
    detail::step("C3");

    // release: pairs with everyone who reads `taken` (token_of).
    here.state.store(make_state(seat_state::taken, generation), std::memory_order_release);
    detail::step("C4");
    return make_id(index, generation);
}

std::string name_of(const seat& here) {
    char text[17] = {};
    for (std::size_t part = 0; part < 2; ++part) {
        const std::uint64_t bytes = here.name[part].load(std::memory_order_relaxed);  // relaxed: for people
        std::memcpy(text + part * 8, &bytes, 8);
    }
    return text;
}

}  // namespace

void write_name(seat& mine) noexcept {
    const platform::thread_identity me = platform::who_am_i();
    // relaxed: for people.
    mine.name[0].store(name_part(me.name, 0), std::memory_order_relaxed);
    mine.name[1].store(name_part(me.name, 1), std::memory_order_relaxed);
}

participant_id claim(const view& in, const lock_file& file) {
    for (std::uint32_t index = 0; index < in.seats; ++index)
        if (const participant_id me = try_claim(in, file, index)) return me;
    throw std::system_error(make_error_code(errc::seats_full));
}

bool leave(const view& in, participant_id me) noexcept {
    seat& here = in.seat_at(seat_of(me));
    // relaxed: my own list.
    for (const auto& entry : here.held)
        if (entry.load(std::memory_order_relaxed) != 0) return false;
    std::uint64_t state = make_state(seat_state::taken, generation_of(me));
    // release: pairs with the claimer that finds the token dead.
    return here.state.compare_exchange_strong(state, make_state(seat_state::leaving, generation_of(me)),
                                              std::memory_order_release, std::memory_order_relaxed);
}

std::atomic<std::uint32_t>* token_word(const view& in, participant_id who) noexcept {
    const std::uint32_t index = seat_of(who);
    if (index >= in.seats) return nullptr;  // a stranger wrote the word that named it
    seat& here = in.seat_at(index);
    // acquire: pairs with C4, which published token_word.
    const std::uint64_t state = here.state.load(std::memory_order_acquire);
    if (state_generation(state) != generation_of(who)) return nullptr;
    if (state_of(state) != seat_state::taken && state_of(state) != seat_state::leaving) return nullptr;
    const std::uint32_t offset = here.token_word.load(std::memory_order_relaxed);  // relaxed: behind the acquire
    if (offset > sizeof here.token.opaque - sizeof(std::uint32_t) || offset % 4 != 0) return nullptr;
    return reinterpret_cast<std::atomic<std::uint32_t>*>(here.token.opaque + offset);
}

std::optional<std::uint32_t> token_of(const view& in, participant_id who) noexcept {
    const std::atomic<std::uint32_t>* word = token_word(in, who);
    if (word == nullptr) return std::nullopt;
    // acquire: what the dead one did last comes before the kernel's mark.
    const std::uint32_t value = word->load(std::memory_order_acquire);
    if (platform::says_dead(value)) return std::nullopt;
    return value;
}

void pass_on_death(const view& in, participant_id who) noexcept {
    if (const auto* word = token_word(in, who)) platform::wake(*word, platform::everyone);
}

participant_name describe(const view& in, participant_id who) {
    participant_name name;
    name.seat = seat_of(who);
    name.generation = generation_of(who);
    if (name.seat >= in.seats) return name;

    const seat& here = in.seat_at(name.seat);
    const auto still_there = [&] {
        return state_generation(here.state.load(std::memory_order_acquire)) == name.generation;
    };
    if (still_there()) {
        participant_name found = name;
        found.process = here.process.load(std::memory_order_relaxed);  // relaxed: between two looks at the state
        found.thread = here.thread.load(std::memory_order_relaxed);
        found.thread_name = name_of(here);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (still_there()) return found;
    }
    for (const obituary& notice : in.header().obituaries)
        if (auto found = read_obituary(notice); found && found->id == who) {
            found->who.seat = name.seat;
            found->who.generation = name.generation;
            return found->who;
        }
    return name;
}

}  // namespace process_shared::seats
