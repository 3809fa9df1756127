// SPDX-License-Identifier: MIT
// An owned_semaphore as bytes: what a sweep must know of it. Everything else is in sync/owned_semaphore.cpp.
//
//   permit_header | slot[capacity]: participant_id, 0: free | link[capacity]: the owner's own, see there
#pragma once

#include "platform/wait.hpp"
#include "seats/layout.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

namespace process_shared::seats {

inline constexpr std::uint32_t most_permits = 4096;
inline constexpr std::uint32_t permits_per_group = 64;

struct alignas(64) permit_header {
    std::atomic<std::uint32_t> sequence;  // [ count: 31 | W ]  W: somebody sleeps, or did lately
    std::uint32_t permits;                // as many slots as are used
    std::uint32_t capacity;               // as many as there are
    std::atomic<std::uint32_t> hint;      // a slot that was free lately; any value is legal
    std::atomic<std::uint64_t> groups;    // bit g: among slots 64 g … 64 g + 63 may be a free one
    std::uint32_t home_mask;              // the largest power of two up to `permits`, less 1
    std::uint32_t reserved_half;
    std::uint64_t reserved[4];
};
static_assert(sizeof(permit_header) == 64);

inline constexpr std::uint32_t permit_sleepers = 1;  // W
inline constexpr std::uint32_t one_release = 2;

/// The used slots of the semaphore that an entry names; none if that makes no sense: a stranger may have written it.
inline std::span<std::atomic<std::uint64_t>> permit_slots(const view& in, held_entry entry) noexcept {
    const std::uint64_t offset = offset_of(entry);
    const std::uint64_t reach = in.reach();
    const lock_kind kind = kind_of(entry);
    if (kind != lock_kind::owned_semaphore && kind != lock_kind::owned_semaphores) return {};
    if (offset % alignof(permit_header) != 0 || reach < sizeof(permit_header) || offset > reach - sizeof(permit_header))
        return {};
    const std::uint32_t permits = reinterpret_cast<permit_header*>(in.base + offset)->permits;
    if (permits > most_permits || reach - sizeof(permit_header) - offset < permits * sizeof(std::uint64_t)) return {};
    return {reinterpret_cast<std::atomic<std::uint64_t>*>(in.base + offset + sizeof(permit_header)), permits};
}

/// A release, beginning when the slot is free: whoever looks for it finds it, and sleepers are told.
void announce_free_permits(permit_header& head, std::uint64_t groups, std::uint32_t count) noexcept;

/// Takes a dead participant's permits away. How many there were.
std::uint32_t free_permits(const view& in, held_entry entry, participant_id who) noexcept;

/// How many a participant holds.
inline std::uint32_t count_permits(const view& in, held_entry entry, participant_id who) noexcept {
    const auto slots = permit_slots(in, entry);
    // relaxed: a snapshot for people.
    return static_cast<std::uint32_t>(std::count_if(
        slots.begin(), slots.end(), [&](const auto& slot) { return slot.load(std::memory_order_relaxed) == who; }));
}

}  // namespace process_shared::seats
