// SPDX-License-Identifier: MIT
// `pshared deadlocks`: who waits for whom in a circle, across processes and segments.
#include "commands.hpp"
#include "failure.hpp"
#include "json.hpp"
#include "text.hpp"

#include <process_shared/inspect.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <system_error>
#include <thread>

namespace pshared {
namespace {

using namespace std::chrono_literals;
using process_shared::inspect::deadlock_view;
using process_shared::inspect::segment_view;

/// Waits end for a moment at every backstop, so a circle may be missed in one look.
constexpr int looks = 5;
constexpr auto between_looks = 20ms;
constexpr auto between_rounds = 1s;

std::vector<segment_view> look_at(const std::vector<std::string>& names, const process_shared::segment_options& where) {
    std::vector<segment_view> segments;
    for (const auto& name : names) {
        std::error_code error;
        const auto segment = process_shared::segment::open(name, where, error);
        if (!error) segments.push_back(process_shared::inspect::look(segment));
    }
    return segments;
}

/// Who they are: the same circle later has the same key.
std::string key_of(const deadlock_view& circle) {
    std::string key;
    for (const auto& member : circle.members)
        key += fmt::format("{}/{}/{}/{}\n", member.who.process, member.who.thread, member.segment,
                           member.waits_for.offset);
    return key;
}

/// Those that are there in one look and still there in a later one.
std::vector<deadlock_view> certain(const std::vector<std::string>& names,
                                   const process_shared::segment_options& where) {
    std::set<std::string> before;
    std::set<std::string> told;
    std::vector<deadlock_view> found;
    for (int i = 0; i < looks; ++i) {
        if (i > 0) std::this_thread::sleep_for(between_looks);
        for (auto& circle : process_shared::inspect::deadlocks(look_at(names, where))) {
            const std::string key = key_of(circle);
            if (!before.insert(key).second && told.insert(key).second) found.push_back(std::move(circle));
        }
    }
    return found;
}

std::string object_text(const deadlock_view::member& member) {
    const auto& lock = member.waits_for;
    const std::string object = lock.object.empty() ? fmt::format("{:#x}", lock.offset) : printable(lock.object);
    return fmt::format("{} ({}) of {}", object, lock.kind, printable(member.segment));
}

void print(const deadlock_view& circle) {
    fmt::print("{}\n", painted(tone::bad, fmt::format("deadlock of {}", circle.members.size())));
    for (std::size_t i = 0; i < circle.members.size(); ++i) {
        const auto& member = circle.members[i];
        const auto& next = circle.members[(i + 1) % circle.members.size()];
        fmt::print("  process {}, thread {} \"{}\" has waited {} for {}, held by process {}\n", member.who.process,
                   member.who.thread, printable(member.who.thread_name), duration_text(member.waiting),
                   object_text(member), next.who.process);
    }
}

}  // namespace

int deadlocks(std::vector<std::string> names, const process_shared::segment_options& where, bool watch, output form) {
    const bool all = names.empty();
    for (const auto& name : names) {
        std::error_code error;
        const auto segment = process_shared::segment::open(name, where, error);
        if (!error) continue;
        complain("look at", name, where, error);
        return 1;
    }
    std::set<std::string> known;
    for (bool first = true;; first = false) {
        if (!first) std::this_thread::sleep_for(between_rounds);
        if (all) names = process_shared::inspect::names(where);
        const auto found = certain(names, where);
        if (!watch) {
            if (form == output::json) fmt::print("{}\n", json_text(found));
            for (const auto& circle : found)
                if (form == output::table) print(circle);
            if (found.empty() && form == output::table) fmt::print("no deadlocks\n");
            return found.empty() ? 0 : found_some;
        }
        std::set<std::string> now;
        for (const auto& circle : found) {
            const std::string key = key_of(circle);
            now.insert(key);
            if (known.contains(key)) continue;
            if (form == output::json)
                fmt::print("{}\n", json_text({circle}));
            else
                print(circle);
        }
        known = std::move(now);
        if (std::fflush(stdout) != 0) return 1;
    }
}

}  // namespace pshared
