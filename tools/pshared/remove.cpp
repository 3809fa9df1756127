// SPDX-License-Identifier: MIT
// `pshared remove`: takes names away. Whoever uses such a segment keeps it.
#include "commands.hpp"
#include "failure.hpp"
#include "text.hpp"

#include <process_shared/error.hpp>
#include <process_shared/inspect.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdio>
#include <system_error>

namespace pshared {
namespace {

/// How many still use it; 0 also if it cannot be opened, which is no reason not to remove it.
std::size_t users_of(const std::string& name, const process_shared::segment_options& where) {
    std::error_code error;
    const auto segment = process_shared::segment::open(name, where, error);
    return error ? 0 : process_shared::inspect::look(segment).alive();
}

}  // namespace

int remove(const std::vector<std::string>& names, const process_shared::segment_options& where) {
    int status = 0;
    for (const auto& name : names) {
        const std::size_t users = users_of(name, where);
        std::error_code error;
        const bool removed = process_shared::segment::remove(name, where, error);
        if (!error && !removed) error = process_shared::errc::no_such_name;
        if (error) {
            complain("remove", name, where, error);
            status = 1;
        } else if (users > 0) {
            fmt::print("removed {}, still used by {} living participant{}\n", printable(name), users,
                       users == 1 ? "" : "s");
        } else {
            fmt::print("removed {}\n", printable(name));
        }
    }
    return status;
}

}  // namespace pshared
