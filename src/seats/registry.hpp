// SPDX-License-Identifier: MIT
// Seats: claiming one, asking whether its sitter lives, freeing what the dead held.
#pragma once

#include "seats/attachments.hpp"
#include "seats/layout.hpp"

#include <process_shared/error.hpp>

#include <cstdint>
#include <optional>

namespace process_shared::seats {

/// Claims a seat for the calling thread. Throws unsupported_thread or seats_full.
participant_id claim(const view& in, const lock_file& file);

/// The calling thread's name, into its own seat.
void write_name(seat& mine) noexcept;

/// The sitter is about to end and holds nothing: its seat can be had as soon as its thread is gone.
/// False if it still holds something; then its end is a death like any other.
bool leave(const view& in, participant_id me) noexcept;

/// What the word of a participant's token holds; nothing if the participant is certainly gone.
std::optional<std::uint32_t> token_of(const view& in, participant_id who) noexcept;
inline bool is_dead(const view& in, participant_id who) noexcept { return !token_of(in, who); }

/// The word to sleep on beside a lock's, so that the death of `who` ends the sleep.
std::atomic<std::uint32_t>* token_word(const view& in, participant_id who) noexcept;

/// Wakes everyone who watches the token of a dead participant: the kernel wakes only one of them.
void pass_on_death(const view& in, participant_id who) noexcept;

/// Frees the seat of a dead participant: what it held is abandoned, all who wait for that are woken.
/// Any number of sweepers may do it at once, and any may die in it. Does nothing for the living.
void sweep(const view& in, participant_id who) noexcept;
/// Sweeps every dead seat whose held list names an offset in [begin, end). True if a living one names it.
bool sweep_range(const view& in, std::uint64_t begin, std::uint64_t end) noexcept;

/// The living sitter `me` gives up what it holds, as a sweep would after its death: for runtimes whose threads end before
/// those that they ran on. To be called by that participant itself.
void abandon_held(const view& in, participant_id me) noexcept;

/// How many living participants sleep, waiting for `what`. A snapshot.
std::uint32_t count_waiting(const view& in, held_entry what) noexcept;

/// Who that is or was, as far as the registry still knows.
participant_name describe(const view& in, participant_id who);

}  // namespace process_shared::seats
