// SPDX-License-Identifier: MIT
// Where numbers come from: without it they mean nothing.
#pragma once

#include "experiment.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace bench {

using json = nlohmann::ordered_json;

/// Facts as text, by name.
json describe_machine(const options& how);
/// What makes the numbers doubtful.
std::vector<std::string> doubts();
/// Load averages now.
std::string load_average();

}  // namespace bench
