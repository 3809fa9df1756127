// SPDX-License-Identifier: MIT
// What a thread knows of its seats. Lives in memory that a forked child finds zeroed.
#pragma once

#include "seats/attachments.hpp"

#include <atomic>
#include <cstdint>

namespace process_shared::seats {

/// A page of them, for threads that sit in many segments.
struct sitting_page {
    static constexpr std::uint32_t capacity = 254;
    sitting sittings[capacity];
    std::uint32_t count;
    sitting_page* next;
};
static_assert(sizeof(sitting_page) <= 4096);

struct alignas(64) thread_block {
    static constexpr std::uint32_t near_capacity = 7;

    thread_cache cache;   // first: the thread's pointer to it is also the pointer to the block
    std::uint32_t alive;  // 1 in use; 0: free, or wiped by a fork
    std::uint32_t next_recent;
    acting as;
    std::uint32_t near_count;
    sitting near[near_capacity];
    sitting_page* more;
};
static_assert(sizeof(thread_block) == 320);

/// The calling thread's block, made if need be. Throws unsupported_thread if there is no wiped memory.
/// `ended` runs when the thread ends in an orderly way.
thread_block& my_block(void (*ended)(thread_block&));

/// The same, but nullptr if the thread has none in this process.
thread_block* my_block_if_any() noexcept;

/// True in a thread whose block was wiped by a fork: it was a participant of the parent's.
bool forked_from_participant() noexcept;

/// Forgets this range in the cache of every thread.
void forget_everywhere(std::uintptr_t base) noexcept;

/// Excludes other threads of this process, never a forked child: the word is wiped, too. For short sections.
class process_lock {
public:
    process_lock();
    ~process_lock();
    process_lock(const process_lock&) = delete;
    process_lock& operator=(const process_lock&) = delete;
};

/// The sitting of this block in that segment; 0 if none.
participant_id find_sitting(const thread_block& block, const attachment* where) noexcept;
/// Throws std::bad_alloc if there is no memory for another page, too_many if the OS watches no more (2048 entries).
void make_room_for_sitting(thread_block& block);
void add_sitting(thread_block& block, sitting added) noexcept;

template <class Visit>
void for_each_sitting(const thread_block& block, Visit&& visit) {
    for (std::uint32_t i = 0; i < block.near_count; ++i) visit(block.near[i]);
    for (const sitting_page* page = block.more; page; page = page->next)
        for (std::uint32_t i = 0; i < page->count; ++i) visit(page->sittings[i]);
}

}  // namespace process_shared::seats
