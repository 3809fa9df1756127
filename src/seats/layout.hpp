// SPDX-License-Identifier: MIT
// Every byte of a segment's header and registry. docs/format.md says the same in words.
//
//   header | registry: seat[seats] | directory: entry[names] | heap: block, block, …
//
// Anything here may have been written by a stranger: bounds-check, copy once. Atomics are for words that several
// participants change; plain fields are written before the segment is published, and never again.
#pragma once

#include "platform/liveness.hpp"
#include "seats/owner.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace process_shared::seats {

inline constexpr std::uint32_t max_holds = 60;
inline constexpr std::uint32_t max_seats = 65'000;
inline constexpr std::uint32_t max_names = 65'536;
inline constexpr std::uint32_t obituary_count = 32;
inline constexpr std::uint32_t spinner_slots = 32;

/// What an entry of a held list is about, or what a sleeper waits for. Numbers are part of the format. Kinds from 1 to
/// 15 begin with an owner word; the others have no owner, and are only waited for.
enum class lock_kind : std::uint8_t {
    none = 0,
    mutex = 1,
    recursive_mutex = 2,
    once_flag = 3,
    barrier = 4,
    shared_mutex = 5,   // its writer, or who wants to be
    shared_reader = 6,  // the entry itself is the hold; the word may name its writer only while it opens the gate
    shared_waiter = 7,  // a reader who waits
    checked_mutex = 8,
    counting_semaphore = 16,
    condition_variable = 17,
    event = 18,
    latch = 19,
    barrier_turn = 20,
    owned_semaphore = 21,   // on held lists, too: one permit, times_more is its slot
    owned_semaphores = 22,  // several permits, times_more is the slot taken last
};

/// An entry: kind in the top byte, how often beyond the first in the next 12 bits, offset in the segment below. Zero:
/// none.
using held_entry = std::uint64_t;
inline constexpr unsigned offset_bits = 44;
inline constexpr std::uint64_t largest_offset = (std::uint64_t{1} << offset_bits) - 1;
inline constexpr held_entry once_more = std::uint64_t{1} << offset_bits;
inline constexpr std::uint32_t most_times_more = (1u << (56 - offset_bits)) - 1;
constexpr held_entry make_entry(lock_kind kind, std::uint64_t offset) noexcept {
    return static_cast<std::uint64_t>(kind) << 56 | offset;
}
constexpr std::uint64_t offset_of(held_entry entry) noexcept { return entry & largest_offset; }
constexpr std::uint32_t times_more(held_entry entry) noexcept {
    return static_cast<std::uint32_t>(entry >> offset_bits) & most_times_more;
}
constexpr lock_kind kind_of(held_entry entry) noexcept { return static_cast<lock_kind>(entry >> 56); }

/// A seat's state and generation in one word, changed by compare-exchange only, so that whoever acts on an old sitter
/// fails.
///
///   state      generation   who may leave it, and how
///   free       last sitter  a claimer: claiming, next generation
///   claiming   claimer      the claimer: taken. If the claimer died (its byte lock can be had): the next claimer
///   unguarded  claimer      the claimer: taken. If the claimer dies: nobody, the seat is lost (no byte lock to tell)
///   taken      sitter       the sitter: leaving. If its token is dead: whoever sweeps it, to free
///   leaving    sitter       as taken; the sitter holds nothing, its thread is about to end
enum class seat_state : std::uint8_t { free = 0, claiming = 1, unguarded = 2, taken = 3, leaving = 4 };
constexpr std::uint64_t make_state(seat_state state, std::uint64_t generation) noexcept {
    return generation << 8 | static_cast<std::uint64_t>(state);
}
constexpr seat_state state_of(std::uint64_t word) noexcept { return static_cast<seat_state>(word & 0xff); }
constexpr std::uint64_t state_generation(std::uint64_t word) noexcept { return word >> 8; }

/// One participant's place. The first eight lines are the sitter's alone while it lives, so that a lock costs no
/// transfer of them; the others read them only after its death (and the curious at any time).
struct alignas(64) seat {
    std::atomic<held_entry> held[max_holds];  // what the sitter holds or is about to take; 0: nothing
    std::atomic<std::uint32_t> spilled;       // of `held`: how many are looked for and not in their favourite slot
    std::uint32_t reserved_half;
    std::uint64_t reserved[3];
    platform::token token;
    std::atomic<std::uint64_t> state;
    std::atomic<std::uint32_t> token_word;  // where in the token others look
    std::atomic<std::uint32_t> process;     // for people
    std::atomic<std::uint64_t> thread;      // for people
    std::atomic<std::uint64_t> since;       // steady clock
    std::atomic<held_entry> waits_for;      // for people, and for finding deadlocks
    std::atomic<std::uint64_t> waits_since;
    std::atomic<std::uint64_t> name[2];  // thread name, NUL-padded
};
static_assert(sizeof(seat) == 640 && alignof(seat) == 64);

/// Who died holding or about to take something. Kept because the seat is soon reused. Written without a lock by
/// whoever sweeps: `sum` is right only when one writer's fields are all there.
struct alignas(64) obituary {
    std::atomic<std::uint64_t> who;  // participant_id; 0: none
    std::atomic<std::uint64_t> process_and_locks;
    std::atomic<std::uint64_t> thread;
    std::atomic<std::uint64_t> when;  // steady clock
    std::atomic<std::uint64_t> name[2];
    std::atomic<std::uint64_t> sum;
    std::uint64_t reserved;
};
static_assert(sizeof(obituary) == 64);

inline constexpr std::array<char, 8> magic = {'p', 's', 'h', 'a', 'r', 'e', 'd', '\n'};
inline constexpr std::uint32_t byte_order = 0x01020304;

/// Every user's threads can be reached by platform::fence_everyone: readers may do without fences of their own.
inline constexpr std::uint64_t feature_unfenced_reads = 1;
inline constexpr std::uint64_t known_features = feature_unfenced_reads;

struct alignas(64) header {
    std::array<char, 8> magic;
    std::uint32_t layout;  // version and field sizes, see layout_version
    std::uint32_t byte_order;
    std::uint64_t features;  // bits that an opener must know
    std::uint64_t file_size;
    std::array<std::uint8_t, 16> uuid;
    std::array<std::uint8_t, 16> boot;
    std::uint64_t registry;  // offsets from the header's first byte
    std::uint64_t directory;
    std::uint64_t heap;
    std::uint32_t seats;
    std::uint32_t names;
    std::int64_t backstop;      // nanoseconds
    std::int64_t created;       // steady clock
    std::uint32_t creator;      // pid, for people
    std::uint32_t growing;      // 1: heap_size may grow, the address space for it is reserved by every user
    std::uint64_t reservation;  // address space, from the header's first byte, that users must map

    alignas(64) std::atomic<std::uint64_t> heap_size;  // changes only under `guard`, and only upwards
    std::atomic<std::uint32_t> high_water;             // no seat at or above it was ever claimed
    std::atomic<std::uint32_t> next_obituary;
    std::uint64_t guard[2];            // a recursive_mutex for directory and heap
    std::atomic<std::uint64_t> rover;  // where to look for a free block first; any value is legal
    std::uint64_t reserved[3];

    alignas(64) std::atomic<std::uint64_t> spinners[spinner_slots];  // participant_id of who spins; by word offset
    obituary obituaries[obituary_count];
};
static_assert(sizeof(header) == 128 + 64 + 256 + 2048);
static_assert(offsetof(header, heap_size) == 128);

/// A named object.
struct entry {
    std::atomic<std::uint64_t> state;  // 0: free; 1: the rest is valid
    std::uint64_t offset;
    std::uint64_t size;
    std::uint64_t type;
    std::uint32_t alignment;
    std::uint32_t reserved;
    std::uint64_t reserved2;
    char name[64];
    char type_name[80];  // cut if longer, for people
};
static_assert(sizeof(entry) == 192);

/// Before each block of the heap. Every transition is one store of `word`.
struct block_header {
    std::atomic<std::uint64_t> word;   // size in units of 16 bytes, header included << 4 | state
    std::atomic<std::uint64_t> check;  // block_check(offset, uuid): a block's first byte, and no other, has it
};
static_assert(sizeof(block_header) == 16);

/// Version in the low 8 bits, above it a fold of every size that two builds must agree on.
inline constexpr std::uint32_t layout_version =
    1u | ((sizeof(header) ^ (sizeof(seat) << 3) ^ (sizeof(entry) << 7) ^ (sizeof(platform::token) << 11) ^
           (sizeof(block_header) << 13) ^ (max_holds << 17))
              << 8 &
          0xffffff00u);

static_assert(std::is_standard_layout_v<header> && std::is_standard_layout_v<seat> && std::is_standard_layout_v<entry>);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

/// One mapping of a checked segment, in this process.
struct view {
    std::byte* base = nullptr;
    std::size_t size = 0;

    [[nodiscard]] seats::header& header() const noexcept { return *reinterpret_cast<seats::header*>(base); }
    [[nodiscard]] seat& seat_at(std::uint32_t index) const noexcept {
        return *reinterpret_cast<seat*>(base + registry + std::size_t{index} * sizeof(seat));
    }

    // Copied from the header when it was checked; never read from it again.
    std::uint64_t registry = 0;
    std::uint32_t seats = 0;
    std::uint32_t names = 0;
    std::uint64_t directory = 0;
    std::uint64_t heap = 0;
    bool unfenced_reads = false;

    /// The end of what may be touched: the mapping of a growing segment goes on beyond its memory.
    [[nodiscard]] std::uint64_t reach() const noexcept {
        // relaxed: it only grows, and whoever names an offset has seen it grown so far.
        const std::uint64_t grown = header().heap_size.load(std::memory_order_relaxed);
        return grown <= size - heap ? heap + grown : heap;
    }
};

}  // namespace process_shared::seats
