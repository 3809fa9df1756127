// SPDX-License-Identifier: MIT
// Errors as people should read them: what was asked, what is wrong, what to do.
#pragma once

#include <process_shared/segment.hpp>

#include <string_view>
#include <system_error>

namespace pshared {

/// "/dev/shm", or what was asked for.
std::string_view directory_of(const process_shared::segment_options& where);

/// To stderr: "pshared: cannot <verb> '<name>' in <directory>: <error>", and a line of advice if there is any.
void complain(std::string_view verb, std::string_view name, const process_shared::segment_options& where,
              const std::error_code& error);

/// To stderr: "pshared: <text>".
void complain(std::string_view text);

}  // namespace pshared
