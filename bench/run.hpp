// SPDX-License-Identifier: MIT
// Rounds, and what they come down to.
#pragma once

#include "experiment.hpp"
#include "progress.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct series_result {
    std::string name;
    double value = 0;            ///< median of the rounds; of all events where the tail matters
    double p99 = 0;              ///< of all events; only where the tail matters
    std::vector<double> rounds;  ///< each round's median
};

struct result {
    quantity what;
    std::vector<series_result> series;
    std::vector<result> parts;
    std::vector<std::pair<std::string, std::string>> failures;  ///< leg and text

    [[nodiscard]] const series_result* find(std::string_view name) const;
};

/// The experiments that yield a case whose name starts with one of `how.prefixes`.
std::vector<experiment> chosen(const options& how);
bool is_chosen(const quantity& what, const options& how);

/// Runs one experiment; its cases, without those that were not asked for. Ends early when interrupted.
std::vector<result> run(const experiment& what, const options& how, progress& shown);

}  // namespace bench
