// SPDX-License-Identifier: MIT
// Legal names, and how the OS spells a segment's.
#pragma once

#include <string>
#include <string_view>

namespace process_shared::segments {

inline constexpr std::size_t longest_segment_name = 200;
inline constexpr std::size_t longest_object_name = 63;
inline constexpr std::string_view file_prefix = "pshared.";

/// The name without one leading slash (POSIX writes "/name"). Throws bad_name or name_too_long.
std::string checked_segment_name(std::string_view name);
std::string file_of(const std::string& checked_name);
/// Throws bad_name or name_too_long.
void check_object_name(std::string_view name);

}  // namespace process_shared::segments
