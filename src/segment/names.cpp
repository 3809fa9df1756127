// SPDX-License-Identifier: MIT
// Legal names.
#include "segment/names.hpp"

#include <process_shared/error.hpp>

namespace process_shared::segments {
namespace {

/// Quoted, with whatever a terminal should not see left out.
std::string shown(std::string_view name) {
    std::string text = "\"";
    for (const char c : name.substr(0, 80)) text += c >= ' ' && c != 127 ? c : '?';
    return text + (name.size() > 80 ? "…\"" : "\"");
}

void check(std::string_view name, std::size_t longest) {
    if (name.size() > longest) throw std::system_error(make_error_code(errc::name_too_long), shown(name));
    const bool legal = !name.empty() && name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos &&
                       name != "." && name != "..";
    if (!legal) throw std::system_error(make_error_code(errc::bad_name), shown(name));
}

}  // namespace

std::string checked_segment_name(std::string_view name) {
    const std::string_view bare = name.starts_with('/') ? name.substr(1) : name;
    check(bare, longest_segment_name);
    return std::string(bare);
}

std::string file_of(const std::string& checked_name) { return std::string(file_prefix) + checked_name; }

void check_object_name(std::string_view name) { check(name, longest_object_name); }

}  // namespace process_shared::segments
