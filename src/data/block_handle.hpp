// SPDX-License-Identifier: MIT
// What the handles of this room have in common: memory without a name, and errors without exceptions.
#pragma once

#include "platform/clock.hpp"
#include "platform/liveness.hpp"
#include "platform/memory.hpp"
#include "seats/attachments.hpp"

#include <process_shared/segment.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <system_error>

namespace process_shared::detail {

/// Sizes beyond this are mistakes; all arithmetic on smaller ones fits.
inline constexpr std::size_t largest_size = std::numeric_limits<std::size_t>::max() / 8;

/// Zeroed memory of the default segment. The last handle frees it, unless some other process may use it: one forked
/// since then (here), or the one that made it (in a forked child). Then it is nobody's until all of them have ended.
inline std::shared_ptr<void> anonymous_block(std::size_t bytes, std::size_t alignment) {
    const std::uint64_t epoch = seats::fork_epoch();
    const std::uint64_t forks = platform::forks_made();
    const auto release = [epoch, forks](void* block) noexcept {
        if (seats::fork_epoch() != epoch || platform::forks_made() != forks) return;
        try {
            segment::process_default().deallocate(block);
        } catch (const std::exception&) {
            // No seat to be had, say. A destructor cannot tell; the block is lost until the processes end.
        }
    };
    return {segment::process_default().allocate(bytes, alignment), release};
}

/// A mapping of its own. Unmapped with the last handle of this process; a child that has it mapped keeps it.
inline std::shared_ptr<void> own_mapping(std::size_t bytes) {
    platform::mapping made;
    if (const std::error_code error = platform::map_inherited(bytes, made); error)
        throw std::system_error(error, "memory without a name");
    const std::size_t size = made.size;
    return {made.base, [size](void* base) noexcept { platform::unmap(static_cast<std::byte*>(base), size); }};
}

/// Zeroed memory without a name. A page or more is a mapping, whose users the kernel counts; less is a block.
inline std::shared_ptr<void> anonymous_memory(std::size_t bytes, std::size_t alignment) {
    return bytes < platform::page_size() ? anonymous_block(bytes, alignment) : own_mapping(bytes);
}

}  // namespace process_shared::detail
