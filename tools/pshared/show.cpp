// SPDX-License-Identifier: MIT
// `pshared show`: one segment, its objects, who takes part, who died.
#include "commands.hpp"
#include "failure.hpp"
#include "json.hpp"
#include "text.hpp"

#include <process_shared/inspect.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <system_error>

namespace pshared {
namespace {

namespace inspect = process_shared::inspect;

/// How file names of segments begin: part of the format.
constexpr std::string_view file_prefix = "pshared.";

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }
std::string id_text(std::uint64_t id) { return id == 0 ? "-" : fmt::to_string(id); }

/// "counter", "counter+16", or "0x2f40" for a lock outside every named object.
std::string lock_text(const inspect::lock_view& lock) {
    return lock.object.empty() ? fmt::format("{:#x}", lock.offset) : printable(lock.object);
}

/// What it holds; with a question mark what it is just taking or letting go, unless the next column says so.
std::string holds_text(const inspect::seat_view& seat) {
    std::string result;
    for (const auto& lock : seat.holds) {
        if (!lock.held && seat.waits_for && lock.offset == seat.waits_for->offset) continue;
        if (!result.empty()) result += ", ";
        result += lock_text(lock) + (lock.held ? "" : "?");
        if (lock.shared) result += " (reading)";
        if (lock.permits > 1) result += fmt::format(" ({} permits)", lock.permits);
    }
    return or_dash(result);
}

std::string waits_text(const inspect::seat_view& seat) {
    if (!seat.waits_for) return "-";
    return fmt::format("{} for {}", lock_text(*seat.waits_for), duration_text(seat.waiting));
}

void print_facts(const inspect::segment_view& segment, std::string_view directory) {
    const auto line = [](std::string_view what, const std::string& fact) {
        fmt::print("{} {}\n", painted(tone::quiet, fmt::format("{:<9}", what)), fact);
    };
    fmt::print("{}\n", painted(tone::heading, printable(segment.name)));
    line("memory", fmt::format("{}, {} free", size_text(segment.size), size_text(segment.free_bytes)));
    line("file", fmt::format("{}/{}{}, {}", printable(directory), file_prefix, printable(segment.name),
                             size_text(segment.file_size)));
    line("made", fmt::format("{} ago by process {}", duration_text(segment.age), id_text(segment.creator)));
    line("seats", fmt::format("{} alive, {} dead, room for {}", segment.alive(), segment.dead(), segment.seats));
    line("names", fmt::format("{}, room for {}", segment.objects.size(), segment.names));
    line("backstop", duration_text(segment.backstop));
    line("layout", fmt::format("{:#x}", segment.layout));
    line("uuid", printable(segment.uuid));
}

void print_objects(const inspect::segment_view& segment) {
    table rows({{"OBJECT"}, {"OFFSET", table::side::right}, {"SIZE", table::side::right}, {"TYPE"}});
    for (const auto& object : segment.objects)
        rows.add({printable(object.name), fmt::format("{:#x}", object.offset), size_text(object.size),
                  printable(object.type)});
    if (!segment.objects.empty()) fmt::print("\n{}", rows.text());
}

void print_participants(const inspect::segment_view& segment) {
    table rows({{"SEAT", table::side::right},
                {"PROCESS", table::side::right},
                {"THREAD", table::side::right},
                {"NAME"},
                {"STATE"},
                {"AGE", table::side::right},
                {"HOLDS"},
                {"WAITS FOR"}});
    for (const auto& seat : segment.participants)
        rows.add({fmt::to_string(seat.seat), id_text(seat.who.process), id_text(seat.who.thread),
                  or_dash(printable(seat.who.thread_name)), std::string(inspect::to_string(seat.state)),
                  duration_text(seat.age), holds_text(seat), waits_text(seat)});
    if (!segment.participants.empty()) fmt::print("\n{}", rows.text());
}

void print_obituaries(const inspect::segment_view& segment) {
    table rows({{"DIED", table::side::right},
                {"SEAT", table::side::right},
                {"PROCESS", table::side::right},
                {"THREAD", table::side::right},
                {"NAME"},
                {"LOCKS LEFT", table::side::right}});
    for (const auto& death : segment.obituaries)
        rows.add({duration_text(death.ago) + " ago", fmt::to_string(death.who.seat), id_text(death.who.process),
                  id_text(death.who.thread), or_dash(printable(death.who.thread_name)), fmt::to_string(death.locks)});
    if (!segment.obituaries.empty()) fmt::print("\n{}", rows.text());
}

}  // namespace

int show(const std::string& name, const process_shared::segment_options& where, output form) {
    std::error_code error;
    const auto segment = process_shared::segment::open(name, where, error);
    if (error) {
        complain("show", name, where, error);
        return 1;
    }
    const auto seen = inspect::look(segment);
    if (form == output::json) {
        fmt::print("{}\n", json_text(seen));
        return 0;
    }
    print_facts(seen, directory_of(where));
    print_objects(seen);
    print_participants(seen);
    print_obituaries(seen);
    return 0;
}

}  // namespace pshared
