// SPDX-License-Identifier: MIT
// The arena of thread blocks. Which blocks are taken is kept in ordinary memory: a child must not hand out its
// parent's blocks, to whose (zeroed) bytes its first thread still points.
#include "seats/thread_block.hpp"

#include "platform/clock.hpp"
#include "platform/liveness.hpp"
#include "platform/memory.hpp"

#include <process_shared/error.hpp>

#include <bit>
#include <new>

namespace process_shared::seats {
namespace {

constexpr std::uint32_t most_blocks = 65'536;
constexpr std::uint32_t most_sittings =
    2'000;  // the kernel walks at most 2048 robust entries; libc's share is the rest

/// The first block's room: wiped by a fork like the others.
struct process_page {
    std::atomic<std::uint32_t> alive;
    std::atomic<std::uint32_t> lock;
};
static_assert(sizeof(process_page) <= sizeof(thread_block));

constinit std::atomic<std::byte*> arena{nullptr};
constinit std::atomic<std::uint64_t> taken[most_blocks / 64]{1};  // block 0 is the process page
constinit std::atomic<std::uint64_t> epoch{0};

constinit thread_cache nowhere{};
thread_local constinit bool forked = false;

process_page& page_of(std::byte* memory) noexcept { return *reinterpret_cast<process_page*>(memory); }

/// The arena, made once. Also notices that this process is a new one.
std::byte* process_arena() {
    std::byte* memory = arena.load(std::memory_order_acquire);  // pairs with the exchange below
    if (memory == nullptr) {
        auto* made = static_cast<std::byte*>(platform::wiped_on_fork(most_blocks * sizeof(thread_block)));
        if (made == nullptr) throw std::system_error(make_error_code(errc::unsupported_thread));
        // acq_rel: publishes nothing but the address; the loser's stays unused.
        if (arena.compare_exchange_strong(memory, made, std::memory_order_acq_rel)) memory = made;
    }
    std::uint32_t expected = 0;
    // relaxed: one thread of a new process counts it; the count itself orders nothing.
    if (page_of(memory).alive.load(std::memory_order_relaxed) == 0 &&
        page_of(memory).alive.compare_exchange_strong(expected, 1, std::memory_order_relaxed))
        epoch.fetch_add(1, std::memory_order_relaxed);
    return memory;
}

thread_block& block_at(std::byte* memory, std::uint32_t index) noexcept {
    return *reinterpret_cast<thread_block*>(memory + std::size_t{index} * sizeof(thread_block));
}

/// Takes a free block.
thread_block& take_block() {
    std::byte* memory = process_arena();
    for (std::uint32_t word = 0; word < most_blocks / 64; ++word) {
        std::uint64_t seen = taken[word].load(std::memory_order_relaxed);  // relaxed: the exchange decides
        while (~seen != 0) {
            const auto bit = static_cast<unsigned>(std::countr_one(seen));
            // acquire: pairs with the release of the thread that gave it back.
            if (taken[word].compare_exchange_weak(seen, seen | std::uint64_t{1} << bit, std::memory_order_acquire,
                                                  std::memory_order_relaxed))
                return *new (&block_at(memory, word * 64 + bit)) thread_block{};
        }
    }
    throw std::system_error(make_error_code(errc::unsupported_thread),
                            "65 535 threads of this process are in segments");
}

void give_back(thread_block& block) noexcept {
    std::byte* memory = arena.load(std::memory_order_relaxed);  // relaxed: made long ago by whoever took the block
    const auto index = static_cast<std::uint32_t>((reinterpret_cast<std::byte*>(&block) - memory) /
                                                  static_cast<std::ptrdiff_t>(sizeof(thread_block)));
    block.alive = 0;
    while (sitting_page* page = block.more) {
        block.more = page->next;
        platform::unmap(reinterpret_cast<std::byte*>(page), sizeof(sitting_page));
    }
    for (place& here : block.cache.recent) here.size.store(0, std::memory_order_relaxed);  // relaxed, below: my own
    block.cache.read.lock.store(nullptr, std::memory_order_relaxed);
    // release: pairs with the next taker.
    taken[index / 64].fetch_and(~(std::uint64_t{1} << index % 64), std::memory_order_release);
}

using end_action = void (*)(thread_block&);
thread_local constinit end_action on_end = nullptr;

void end_thread(void*) {
    if (this_thread == &nowhere) return;
    auto& block = reinterpret_cast<thread_block&>(*this_thread);
    if (block.alive != 0) {
        if (on_end) on_end(block);
        give_back(block);
    }
    this_thread = &nowhere;
    detail::my_last_read = &nowhere.read;
}

}  // namespace

thread_local constinit thread_cache* this_thread = &nowhere;

bool forked_from_participant() noexcept {
    return forked || (this_thread != &nowhere && reinterpret_cast<const thread_block*>(this_thread)->alive == 0);
}

thread_block* my_block_if_any() noexcept {
    if (this_thread == &nowhere) return nullptr;
    auto* block = reinterpret_cast<thread_block*>(this_thread);
    return block->alive != 0 ? block : nullptr;
}

thread_block& my_block(void (*ended)(thread_block&)) {
    if (this_thread != &nowhere) {
        auto& block = reinterpret_cast<thread_block&>(*this_thread);
        if (block.alive != 0) return block;
        forked = true;
    }
    thread_block& block = take_block();
    block.alive = 1;
    on_end = ended;
    if (!platform::at_thread_exit(end_thread, nullptr)) {
        give_back(block);
        throw std::bad_alloc();
    }
    this_thread = &block.cache;
    detail::my_last_read = &block.cache.read;
    return block;
}

std::uint64_t fork_epoch() noexcept {
    process_arena();
    return epoch.load(std::memory_order_relaxed);  // relaxed: only compared
}

void forget_everywhere(std::uintptr_t base) noexcept {
    std::byte* memory = arena.load(std::memory_order_acquire);
    if (memory == nullptr) return;
    for (std::uint32_t word = 0; word < most_blocks / 64; ++word) {
        // relaxed: a thread that takes a block now cannot come upon a mapping that is no longer listed.
        std::uint64_t left = taken[word].load(std::memory_order_relaxed);
        if (word == 0) left &= ~std::uint64_t{1};
        for (; left != 0; left &= left - 1) {
            thread_cache& cache = block_at(memory, word * 64 + static_cast<unsigned>(std::countr_zero(left))).cache;
            cache.read.lock.store(nullptr, std::memory_order_relaxed);  // wherever that is
            for (place& here : cache.recent)
                if (here.base.load(std::memory_order_relaxed) == base) here.size.store(0, std::memory_order_relaxed);
        }
    }
}

process_lock::process_lock() {
    auto& word = page_of(process_arena()).lock;
    // acquire, release below: what the last holder changed. No death to mind: a process dies with all its threads.
    while (word.exchange(1, std::memory_order_acquire) != 0) platform::yield();
}

process_lock::~process_lock() { page_of(process_arena()).lock.store(0, std::memory_order_release); }

participant_id find_sitting(const thread_block& block, const attachment* where) noexcept {
    participant_id found = 0;
    for_each_sitting(block, [&](const sitting& one) {
        if (one.where == where) found = one.me;
    });
    return found;
}

void make_room_for_sitting(thread_block& block) {
    if (block.near_count < thread_block::near_capacity) return;
    if (block.more && block.more->count < sitting_page::capacity) return;
    std::uint32_t total = block.near_count;
    for (const sitting_page* page = block.more; page; page = page->next) total += page->count;
    if (total + sitting_page::capacity > most_sittings)
        throw std::system_error(make_error_code(errc::seats_full),
                                "this thread sits in some 2000 segments, the most the kernel watches");
    auto* page = static_cast<sitting_page*>(platform::wiped_on_fork(sizeof(sitting_page)));
    if (page == nullptr) throw std::bad_alloc();
    page->next = block.more;
    block.more = page;
}

void add_sitting(thread_block& block, sitting added) noexcept {
    if (block.near_count < thread_block::near_capacity)
        block.near[block.near_count++] = added;
    else
        block.more->sittings[block.more->count++] = added;
}

}  // namespace process_shared::seats

namespace process_shared::detail {

thread_local constinit last_read* my_last_read = &seats::nowhere.read;

}  // namespace process_shared::detail
