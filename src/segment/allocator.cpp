// SPDX-License-Identifier: MIT
// First fit over blocks in address order. A block's header is one 64-bit word (size and state) and a check; the words
// alone say how the heap is divided, and each transition is one store of one word.
//
// State    Meaning
// free     nobody's
// pending  being made or unmade by whoever has the guard
// used     named by the directory, or handed out by segment::allocate
//
// Step  From → To                             Order    If the doer dies right after
// A1    rover := a block that stays           relaxed  nothing: the next owner of the guard resets it
// A2    free + free → one free                relaxed  nothing is left to do
// A3    a header inside a free block          relaxed  bytes in a free block, no more
// A4    free → free, shorter (front split)    relaxed  nothing is left to do
// A5    free → pending, perhaps shorter       relaxed  the next owner of the guard frees it (directory.cpp: repair)
// A6    payload zeroed                        plain    as A5
// A7    pending → used                        relaxed  a block without a name: leaked, if its caller died as well
// A8    used or pending → free                relaxed  nothing is left to do
//
// All under the guard (a recursive_mutex), whose release and acquire order everything; the words are atomic so that
// they change whole. No step relies on the backstop.
#include "segment/allocator.hpp"

#include "base/step.hpp"

#include <process_shared/error.hpp>

#include <algorithm>
#include <cstring>

namespace process_shared::segments {
namespace {

constexpr std::uint64_t smallest_block = 2 * unit;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) noexcept { return (value + to - 1) / to * to; }

constexpr std::uint64_t make_word(std::uint64_t size, block_state state) noexcept {
    return size / unit << 4 | static_cast<std::uint64_t>(state);
}

[[noreturn]] void damaged() { throw std::system_error(make_error_code(errc::damaged)); }

}  // namespace

seats::block_header& allocator::header(std::uint64_t offset) const noexcept {
    return *reinterpret_cast<seats::block_header*>(in_.base + offset);
}

std::uint64_t allocator::check_of(std::uint64_t offset) const noexcept {
    // Of the segment's own, so that no copied bytes pass for a header.
    std::uint64_t secret = 0;
    std::memcpy(&secret, in_.header().uuid.data(), sizeof secret);
    const std::uint64_t mixed = (offset ^ secret) * 0x9e3779b97f4a7c15u;
    return mixed ^ mixed >> 32;
}

void allocator::write_header(std::uint64_t offset, std::uint64_t size, block_state state) noexcept {
    // relaxed, here and below: under the guard, see the head.
    header(offset).check.store(check_of(offset), std::memory_order_relaxed);
    set_word(offset, size, state);
}

void allocator::set_word(std::uint64_t offset, std::uint64_t size, block_state state) noexcept {
    // A killed process leaves its stores in program order; only the compiler must not change it.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    header(offset).word.store(make_word(size, state), std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

std::uint64_t allocator::end() const {
    const std::uint64_t size = in_.header().heap_size.load(std::memory_order_relaxed);
    if (size > in_.size - in_.heap || size % unit != 0) damaged();
    return in_.heap + size;
}

void allocator::format(std::uint64_t heap_size) noexcept {
    in_.header().heap_size.store(heap_size, std::memory_order_relaxed);
    write_header(in_.heap, heap_size, block_state::free);
}

block allocator::at(std::uint64_t offset) const {
    const std::uint64_t last = end();
    if (offset < in_.heap || offset >= last || last - offset < smallest_block || offset % unit != 0) damaged();
    const std::uint64_t word = header(offset).word.load(std::memory_order_relaxed);  // copied once
    const std::uint64_t size = (word >> 4) * unit;
    const std::uint64_t state = word & 15;
    if (header(offset).check.load(std::memory_order_relaxed) != check_of(offset)) damaged();
    if (size < smallest_block || size > last - offset || word >> 60 != 0) damaged();
    if (state < 1 || state > 3) damaged();
    return {offset, size, static_cast<block_state>(state)};
}

block allocator::merge_following(block first) {
    while (first.end() < end()) {
        const block next = at(first.end());
        if (next.state != block_state::free) break;
        // The rover must always name a block.
        if (in_.header().rover.load(std::memory_order_relaxed) == next.offset) {
            in_.header().rover.store(first.offset, std::memory_order_relaxed);
            detail::step("A1");
        }
        first.size += next.size;
        set_word(first.offset, first.size, block_state::free);
        detail::step("A2");
    }
    return first;
}

std::uint64_t allocator::carve(const block& from, std::uint64_t payload, std::uint64_t bytes) {
    const std::uint64_t start = payload - header_size;
    const std::uint64_t size = from.end() - start;
    const std::uint64_t wanted = std::max(header_size + bytes, smallest_block);
    const std::uint64_t rest = size - wanted;
    const bool split = rest >= smallest_block;
    if (detail::broken("allocator_splits_first") && split) {
        set_word(from.offset, start + wanted - from.offset, block_state::free);
        detail::step("A4");
        write_header(start + wanted, rest, block_state::free);
    } else if (split) {
        write_header(start + wanted, rest, block_state::free);
        detail::step("A3");
    }
    const std::uint64_t own = split ? wanted : size;
    if (start != from.offset) {
        // The front stays free. Its new end must be a whole block before it is one.
        write_header(start, split ? size : own, block_state::free);
        detail::step("A3");
        set_word(from.offset, start - from.offset, block_state::free);
        detail::step("A4");
    }
    set_word(start, own, block_state::pending);
    detail::step("A5");
    std::memset(in_.base + payload, 0, own - header_size);
    detail::step("A6");
    return payload;
}

std::uint64_t allocator::search(std::uint64_t from, std::uint64_t to, std::uint64_t bytes, std::uint64_t alignment) {
    for (std::uint64_t offset = from; offset < to;) {
        block here = at(offset);
        if (here.state == block_state::free) {
            here = merge_following(here);
            std::uint64_t payload = round_up(here.payload(), alignment);
            // What is left in front must be a block, or nothing.
            if (payload != here.payload() && payload - here.payload() < smallest_block)
                payload = round_up(here.payload() + smallest_block, alignment);
            if (payload <= here.end() && here.end() - payload >= bytes) {
                in_.header().rover.store(here.offset, std::memory_order_relaxed);
                detail::step("A1");
                return carve(here, payload, bytes);
            }
        }
        offset = here.end();
    }
    return 0;
}

std::uint64_t allocator::allocate(std::uint64_t bytes, std::uint64_t alignment) {
    if (bytes > end() - begin()) return 0;  // before anything is added to it
    bytes = round_up(std::max(bytes, std::uint64_t{1}), unit);
    alignment = std::max(alignment, unit);
    std::uint64_t rover = in_.header().rover.load(std::memory_order_relaxed);
    if (rover < begin() || rover >= end()) rover = begin();
    if (const std::uint64_t found = search(rover, end(), bytes, alignment)) return found;
    // From the start to the end: a free block before the rover may reach beyond it.
    return search(begin(), end(), bytes, alignment);
}

std::optional<block> allocator::find(std::uint64_t payload) const {
    if (payload % unit != 0 || payload < begin() + header_size || payload >= end()) return std::nullopt;
    const std::uint64_t offset = payload - header_size;
    if (header(offset).check.load(std::memory_order_relaxed) != check_of(offset)) return std::nullopt;
    const block here = at(offset);
    if (here.state == block_state::free) return std::nullopt;
    return here;
}

void allocator::set_state(std::uint64_t payload, block_state state) {
    const block here = at(payload - header_size);
    set_word(here.offset, here.size, state);
    detail::step("A7");
}

void allocator::free(std::uint64_t payload) {
    const block here = at(payload - header_size);
    set_word(here.offset, here.size, block_state::free);
    detail::step("A8");
    merge_following({here.offset, here.size, block_state::free});
}

std::uint64_t allocator::free_bytes() const {
    std::uint64_t sum = 0;
    for_each([&](const block& here) {
        if (here.state == block_state::free) sum += here.size - header_size;
    });
    return sum;
}

void allocator::extend(std::uint64_t heap_size) {
    const std::uint64_t old = end();
    write_header(old, in_.heap + heap_size - old, block_state::free);
    detail::step("A3");
    in_.header().heap_size.store(heap_size, std::memory_order_relaxed);
    detail::step("A4");
}

void allocator::forget_rover() noexcept { in_.header().rover.store(0, std::memory_order_relaxed); }

}  // namespace process_shared::segments
