// SPDX-License-Identifier: MIT
// What a death test is made of: who does what, who is to survive it, and what has to hold afterwards.
#pragma once

#include "death/stage.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace death {

/// Under which conditions a scenario is tried.
struct conditions {
    std::chrono::nanoseconds backstop{};      ///< of the segments in it
    std::chrono::milliseconds limit{10'000};  ///< for the survivors
    bool backstop_is_out_of_reach = false;    ///< then survivors that sleep are not waited for
    const char* broken_rule = "";             ///< on purpose, see base/step.hpp
};

/// One trial: made anew, in a process of its own (the director), for each point at which the victim is killed.
/// Called in this order; "director" and "victim" say where.
class scenario {
public:
    scenario() = default;
    scenario(const scenario&) = delete;
    scenario& operator=(const scenario&) = delete;
    virtual ~scenario() = default;

    /// Director: memory, objects, and those who must be there first.
    virtual void prepare(stage& on) = 0;
    /// Memory whose changes are worth a kill point.
    [[nodiscard]] virtual std::span<const std::byte> shared_memory() const { return {}; }

    /// Victim: what is not to be stepped through, and warms up what libc does once.
    virtual void warm_up(board&) {}
    /// Director: the victim stands before the first instruction of its operation.
    virtual void victim_is_ready(stage&) {}
    /// Victim: the operation, stepped through.
    virtual void operation(board& shared) = 0;
    /// Whether the operation runs in a second thread and ends by that thread's end.
    [[nodiscard]] virtual bool ends_its_thread() const { return false; }
    /// Director: the victim sleeps for the first time.
    virtual void victim_sleeps(stage&) {}
    /// Director: the victim stands (or sleeps) at its last instruction.
    virtual void victim_is_about_to_die(stage&) {}
    /// Director: it is dead and buried.
    virtual void victim_is_dead(stage& on) = 0;

    /// Director: all survivors are through. Those who start now find what is left behind.
    virtual void survivors_are_through(stage&) {}
    /// Director: they are through, too. Throws check_failed if something does not hold.
    virtual void judge(stage&) {}
};

}  // namespace death
