// SPDX-License-Identifier: MIT
#include "failure.hpp"

#include "text.hpp"

#include <process_shared/error.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace pshared {
namespace {

using process_shared::errc;
using process_shared::segment_options;

/// Empty where the error's own text already says what to do, or nobody knows.
std::string advice(const std::error_code& error, std::string_view name, const segment_options& where) {
    const std::string place = where.directory.empty() ? "" : fmt::format(" --directory {}", printable(where.directory));
    if (error == errc::no_such_name) return fmt::format("'pshared list{}' shows those that exist", place);
    if (error == errc::bad_name) return "give the name alone, and where it lives with --directory";
    if (error == errc::not_yours) return "ask its owner, or run pshared as that user";
    if (error == errc::not_a_segment || error == errc::other_layout || error == errc::damaged ||
        error == errc::other_boot)
        return fmt::format("'pshared remove{} {}' removes it", place, printable(name));
    return {};
}

}  // namespace

std::string_view directory_of(const segment_options& where) {
    return where.directory.empty() ? std::string_view("/dev/shm") : std::string_view(where.directory);
}

void complain(std::string_view verb, std::string_view name, const segment_options& where,
              const std::error_code& error) {
    complain(fmt::format("cannot {} '{}' in {}: {}", verb, printable(name), printable(directory_of(where)),
                         error.message()));
    if (const std::string what_to_do = advice(error, name, where); !what_to_do.empty()) complain(what_to_do);
}

void complain(std::string_view text) {
    std::fflush(stdout);  // in the order in which things happened, where both go to one place
    fmt::print(stderr, "pshared: {}\n", text);
}

}  // namespace pshared
