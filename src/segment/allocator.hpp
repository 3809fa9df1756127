// SPDX-License-Identifier: MIT
// Blocks in a segment's heap. Everything here is called under the segment's guard. The protocol is in allocator.cpp.
#pragma once

#include "platform/memory.hpp"
#include "seats/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace process_shared::segments {

inline constexpr std::uint64_t unit = 16;
inline constexpr std::uint64_t header_size = sizeof(seats::block_header);

enum class block_state : std::uint8_t { free = 1, used = 2, pending = 3 };

/// A block as the walk sees it. Offsets are from the segment's first byte.
struct block {
    std::uint64_t offset;  // of its header
    std::uint64_t size;    // header included
    block_state state;

    [[nodiscard]] std::uint64_t payload() const noexcept { return offset + header_size; }
    [[nodiscard]] std::uint64_t end() const noexcept { return offset + size; }
};

class allocator {
public:
    explicit allocator(const seats::view& in) noexcept : in_(in) {}

    /// Makes the whole heap one free block. For a segment that nobody else can see yet.
    void format(std::uint64_t heap_size) noexcept;

    /// A pending block with zeroed bytes; returns its payload's offset, 0 if nothing fits. Throws damaged.
    std::uint64_t allocate(std::uint64_t bytes, std::uint64_t alignment);
    /// pending ↔ used, and either to free.
    void set_state(std::uint64_t payload, block_state state);
    void free(std::uint64_t payload);

    /// The used or pending block whose payload starts here; nothing if there is none.
    [[nodiscard]] std::optional<block> find(std::uint64_t payload) const;
    [[nodiscard]] std::uint64_t free_bytes() const;

    /// The block at this offset. Throws damaged if there is none.
    [[nodiscard]] block at(std::uint64_t offset) const;
    [[nodiscard]] std::uint64_t begin() const noexcept { return in_.heap; }
    [[nodiscard]] std::uint64_t end() const;

    /// For every block in address order.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (std::uint64_t offset = begin(), last = end(); offset < last;) {
            const block here = at(offset);
            offset = here.end();
            visit(here);
        }
    }

    /// More heap at the end, `heap_size` bytes in all, backed by memory already.
    void extend(std::uint64_t heap_size);
    /// After an owner of the guard died.
    void forget_rover() noexcept;

private:
    [[nodiscard]] seats::block_header& header(std::uint64_t offset) const noexcept;
    [[nodiscard]] std::uint64_t check_of(std::uint64_t offset) const noexcept;
    void write_header(std::uint64_t offset, std::uint64_t size, block_state state) noexcept;
    void set_word(std::uint64_t offset, std::uint64_t size, block_state state) noexcept;
    block merge_following(block first);
    std::uint64_t carve(const block& from, std::uint64_t payload, std::uint64_t bytes);
    std::uint64_t search(std::uint64_t from, std::uint64_t to, std::uint64_t bytes, std::uint64_t alignment);

    const seats::view& in_;
};

}  // namespace process_shared::segments
