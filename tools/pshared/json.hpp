// SPDX-License-Identifier: MIT
// Segments as JSON. The keys are a promise, described in pshared(1): add some, never rename or remove one.
#pragma once

#include <process_shared/inspect.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace pshared {

std::string json_text(const process_shared::inspect::segment_view& segment);
std::string json_text(const std::vector<process_shared::inspect::segment_view>& segments, std::string_view directory);

std::string json_text(const std::vector<process_shared::inspect::deadlock_view>& circles);

}  // namespace pshared
