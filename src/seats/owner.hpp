// SPDX-License-Identifier: MIT
// The owner word, 64 bits, all-zero when free. The low half is what sleepers watch.
//
//  63 ............ 32 31 30 29 28 ...... 16 15 ........ 0
//  generation, high   C  A  R  generation   seat + 1
//                               (low 13)
//
//  bit  meaning                                       which way it may err
//  C    contended: somebody sleeps, or is about to    may be set with nobody asleep (a needless wake); never unset
//                                                     while somebody sleeps whom no wake is owed
//  A    abandoned: an owner died inside, and nobody   exact
//       has repaired it since
//  R    repairing: the owner named is alive and       exact; A without R: the owner named is the one who died
//       holds an abandoned word
//  R without A: tentative. The owner opens a shared_mutex for readers, and is not inside; exact
//  C alone: free, after the death of one who was not inside; whoever takes it keeps C
#pragma once

#include <cstdint>

namespace process_shared::seats {

/// Who: a seat and which of its sitters. Zero: nobody. Never reused (a generation has 45 bits and starts at random).
using participant_id = std::uint64_t;

inline constexpr std::uint64_t contended = std::uint64_t{1} << 31;
inline constexpr std::uint64_t abandoned = std::uint64_t{1} << 30;
inline constexpr std::uint64_t repairing = std::uint64_t{1} << 29;
inline constexpr std::uint64_t owner_flags = contended | abandoned | repairing;

inline constexpr unsigned generation_bits = 45;
inline constexpr std::uint64_t generation_mask = (std::uint64_t{1} << generation_bits) - 1;
inline constexpr unsigned low_generation_bits = 13;

constexpr participant_id make_id(std::uint32_t seat, std::uint64_t generation) noexcept {
    const std::uint64_t low = generation & ((1u << low_generation_bits) - 1);
    const std::uint64_t high = (generation & generation_mask) >> low_generation_bits;
    return high << 32 | low << 16 | (seat + 1);
}
constexpr participant_id owner_of(std::uint64_t word) noexcept { return word & ~owner_flags; }
/// Meaningless for nobody; check against the number of seats before use: a stranger may have written the word.
constexpr std::uint32_t seat_of(participant_id id) noexcept { return static_cast<std::uint32_t>(id & 0xffff) - 1; }
constexpr std::uint64_t generation_of(participant_id id) noexcept {
    return (id >> 32) << low_generation_bits | ((id >> 16) & ((1u << low_generation_bits) - 1));
}

static_assert(seat_of(make_id(64999, 123456789012345 & generation_mask)) == 64999);
static_assert(generation_of(make_id(7, 123456789012345 & generation_mask)) == (123456789012345 & generation_mask));
static_assert((make_id(0xfffe, generation_mask) & owner_flags) == 0);

}  // namespace process_shared::seats
