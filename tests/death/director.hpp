// SPDX-License-Identifier: MIT
// One trial: sets the scene, leads the victim to its last instruction, kills it, and sees what becomes of the others.
#pragma once

#include "death/recording.hpp"
#include "death/scenario.hpp"
#include "death/tracee.hpp"
#include "support/child.hpp"

#include <cstdint>
#include <optional>

namespace death {

/// Lies in memory that the director shares with the harness.
struct outcome {
    bool over;            ///< the director came to the end of the trial
    bool by_backstop;     ///< survivors slept, and nothing but a timer could wake them
    bool missed;          ///< the victim took another way and did not come by the kill point: it died elsewhere
    char step[48];        ///< the step in effect when it died
    char complaint[800];  ///< what did not hold; empty if all did
};

class director {
public:
    director(scenario& what, const conditions& under, board& shared)
        : what_(what), under_(under), shared_(shared), on_(shared, under.limit) {}

    /// Kills the victim at `where`.
    void direct(const kill_point& where, outcome& result);
    /// Records the whole operation, and kills the victim at its end.
    void record(recording& into, outcome& result);

private:
    void set_the_scene();
    void play_the_victim();
    void play_in_this_thread();
    void frame_operation();
    halt reach(const kill_point& where);
    halt past_sleep(halt reason, bool stay_asleep = false);
    halt step_through(recording& into);
    void end_the_victim(halt reason);
    void see_to_the_survivors(outcome& result);
    bool all_end_well(outcome& result);
    template <class Lead>
    void perform(Lead&& lead, outcome& result);

    scenario& what_;
    const conditions& under_;
    board& shared_;
    stage on_;
    std::optional<support::child> victim_;
    std::optional<tracee> traced_;
    bool slept_ = false;
};

}  // namespace death
