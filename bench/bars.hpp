// SPDX-License-Identifier: MIT
// The bars that this library sets itself, and whether a run met them. A missed bar is reported; it fails nothing.
#pragma once

#include "run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace bench {

struct bar {
    std::string where;            ///< the case
    std::string what;             ///< "process_shared / floor"
    std::string wanted;           ///< "<= 1.15"
    std::optional<double> value;  ///< none: a series is missing
    bool met = false;
};

/// The bars of those cases that were measured.
std::vector<bar> judge(const std::vector<result>& results);

}  // namespace bench
