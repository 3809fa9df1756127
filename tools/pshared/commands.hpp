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
/// The exit status of `deadlocks` when there are some.
inline constexpr int found_some = 3;
/// Of the segments named, or of all. `watch`: again and again, and only what is new.
int deadlocks(std::vector<std::string> names, const process_shared::segment_options& where, bool watch, output form);
int remove(const std::vector<std::string>& names, const process_shared::segment_options& where);

}  // namespace pshared
