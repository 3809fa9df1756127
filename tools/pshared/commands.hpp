// SPDX-License-Identifier: MIT
// What the command can do. Each returns the exit status: 0, or 1 after it has said on stderr what went wrong.
#pragma once

#include <process_shared/segment.hpp>

#include <string>
#include <vector>

namespace pshared {

enum class output { table, json };

/// `program`: counter, objects or crash; empty: all three.
int demo(const std::string& program);

int list(const process_shared::segment_options& where, output form);
int show(const std::string& name, const process_shared::segment_options& where, output form);
int remove(const std::vector<std::string>& names, const process_shared::segment_options& where);

}  // namespace pshared
