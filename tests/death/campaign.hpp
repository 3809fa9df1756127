// SPDX-License-Identifier: MIT
// A scenario tried at every kill point, and what came of it.
#pragma once

#include "death/director.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace death {

using make_scenario = std::function<std::unique_ptr<scenario>(const conditions&)>;

struct campaign {
    std::string name;
    make_scenario make;
    conditions under = usual_conditions();
    /// Steps after which survivors may be left to the backstop: what the protocol blocks say. "" is: before any step.
    std::set<std::string> may_need_backstop = {};
    bool any_may_need_backstop = false;
    plan_options how = usual_plan();
    unsigned recordings = 1;         ///< more for operations that can go several ways
    std::size_t enough = 1'000'000;  ///< unrecovered points after which it stops

    /// The plain library with its default backstop, or the library with named steps and the backstop out of reach.
    static conditions usual_conditions();
    /// Everything if PROCESS_SHARED_LONG asks for it.
    static plan_options usual_plan();
};

struct totals {
    std::size_t points = 0;
    std::size_t instructions = 0;  ///< of the longest recording
    std::size_t unrecovered = 0;
    std::size_t missed = 0;
    std::size_t by_backstop = 0;
    std::size_t unexpectedly_by_backstop = 0;
    std::map<std::string, std::size_t> backstop_steps;  ///< how often after which
    std::vector<std::string> complaints;                ///< the first few
    std::chrono::milliseconds took{};
};

/// Tries them all, and prints the totals.
totals carry_out(const campaign& what);

/// Zero unrecovered, and no step but those listed needed the backstop.
void expect_no_harm(const totals& result);

template <class Scenario>
make_scenario scenario_of() {
    return [](const conditions& under) { return std::make_unique<Scenario>(under); };
}

/// With the usual conditions.
template <class Scenario>
totals try_all(const char* name, std::set<std::string> may_need_backstop = {}, unsigned recordings = 1) {
    campaign what{name, scenario_of<Scenario>()};
    what.may_need_backstop = std::move(may_need_backstop);
    what.recordings = recordings;
    return carry_out(what);
}

/// Whether long runs were asked for: PROCESS_SHARED_LONG=1.
bool long_run();

/// For everything random in these tests; printed, and set by PROCESS_SHARED_SEED.
std::uint64_t seed();

}  // namespace death
