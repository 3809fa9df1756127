// SPDX-License-Identifier: MIT
// `pshared list`: the segments of this user, one in a line.
#include "commands.hpp"
#include "failure.hpp"
#include "json.hpp"
#include "text.hpp"

#include <process_shared/inspect.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdio>
#include <system_error>

namespace pshared {
namespace {

using process_shared::inspect::segment_view;

/// "counter, frames, guard, +4 more"
std::string objects_text(const segment_view& segment) {
    constexpr std::size_t shown = 3;
    std::string result;
    for (std::size_t i = 0; i < segment.objects.size() && i < shown; ++i)
        result += (i == 0 ? "" : ", ") + printable(segment.objects[i].name);
    if (segment.objects.size() > shown) result += fmt::format(", +{} more", segment.objects.size() - shown);
    return result.empty() ? "-" : result;
}

void print(const std::vector<segment_view>& segments) {
    table rows({{"NAME"},
                {"SIZE", table::side::right},
                {"FREE", table::side::right},
                {"ALIVE", table::side::right},
                {"DEAD", table::side::right},
                {"AGE", table::side::right},
                {"OBJECTS"}});
    for (const auto& each : segments)
        rows.add({printable(each.name), size_text(each.size), size_text(each.free_bytes), fmt::to_string(each.alive()),
                  fmt::to_string(each.dead()), duration_text(each.age), objects_text(each)});
    fmt::print("{}", rows.text());
}

}  // namespace

int list(const process_shared::segment_options& where, output form) {
    std::vector<segment_view> segments;
    for (const auto& name : process_shared::inspect::names(where)) {
        std::error_code error;
        const auto segment = process_shared::segment::open(name, where, error);
        // Removed since, or spoiled since: as if it had never been in the list.
        if (!error) segments.push_back(process_shared::inspect::look(segment));
    }
    if (form == output::json)
        fmt::print("{}\n", json_text(segments, directory_of(where)));
    else if (segments.empty())
        fmt::print("no segments of yours in {}\n", printable(directory_of(where)));
    else
        print(segments);
    return 0;
}

}  // namespace pshared
