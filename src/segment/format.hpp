// SPDX-License-Identifier: MIT
// How a segment's bytes come to be, and whether they may be trusted.
#pragma once

#include "platform/memory.hpp"
#include "seats/layout.hpp"

#include <process_shared/segment.hpp>

#include <cstdint>

namespace process_shared::segments {

/// Where the parts of a segment lie; follows from the numbers of seats and names alone.
struct sections {
    std::uint64_t registry;
    std::uint64_t directory;
    std::uint64_t heap;

    sections(std::uint32_t seats, std::uint32_t names) noexcept;
};

/// How large a file is needed. Throws bad_size for options or sizes that make no sense.
std::uint64_t file_size_for(std::size_t bytes, const segment_options& how);

/// Writes everything into zeroed memory that nobody else can see yet. `reservation` is 0 unless the heap may grow.
seats::view format(const platform::mapping& memory, std::uint64_t file_size, std::uint64_t reservation,
                   const segment_options& how) noexcept;

/// Checks what a stranger wrote; everything used later is copied. Throws not_a_segment, other_layout, damaged,
/// other_boot.
seats::view check(const platform::mapping& memory, std::uint64_t file_size);

/// How much address space the segment in this file wants; throws as check.
std::uint64_t wanted_mapping(const platform::mapping& first_page, std::uint64_t file_size);

}  // namespace process_shared::segments
