// SPDX-License-Identifier: MIT
// Where one trial takes place: the board that its processes share, the survivors, and whether they get anywhere.
#pragma once

#include "support/child.hpp"
#include "support/scratch.hpp"

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace death {

/// What the processes of a trial tell each other, outside any segment. Sequentially consistent throughout: nothing
/// here is fast, and nothing here may be doubted.
struct board {
    std::atomic<pid_t> victim_task{0};        ///< the thread that is stepped; set when it is ready
    std::atomic<std::uint64_t> victim_id{0};  ///< as owner words name it
    std::atomic<pid_t> dying[4]{};            ///< processes that stand still for the last time, or are dead

    std::atomic<const char*> passed{nullptr};  ///< the last step that the victim passed
    std::atomic<std::uint32_t> steps{0};       ///< how many it passed

    std::atomic<pid_t> inside{0};  ///< who is in the critical section
    std::atomic<int> overlaps{0};  ///< how often somebody met a living one there
    std::atomic<int> visits{0};    ///< of survivors
    std::atomic<int> told{0};      ///< how often owner_died was thrown
    std::atomic<int> repairs{0};
    std::atomic<int> torn{0};  ///< half an invariant seen, and nobody had told

    std::atomic<int> stands{0};             ///< a helper is where it should be
    std::atomic<int> go{0};                 ///< and may go on
    std::atomic<std::int64_t> patience{0};  ///< nanoseconds, of a victim that gives up
};

/// How survivors are doing.
enum class progress { ended, stuck, running };

/// The processes of one trial. Whatever is left of them ends with it.
class stage {
public:
    stage(board& shared, std::chrono::milliseconds limit) : shared_(shared), limit_(limit) {}

    [[nodiscard]] board& shared() const noexcept { return shared_; }

    /// Starts a process that has to end by itself, whatever happens to the victim.
    support::child& start(std::function<void()> part);

    /// Until every one of them has ended, or sleeps.
    void await_rest();

    /// Until all have ended; `stuck` as soon as it is certain that none of them can move but by a timer.
    progress await_progress();
    /// Until all have ended; `running` if one has not within the limit.
    progress await_end();

    /// What the ended ones had to complain about.
    [[nodiscard]] std::string complaints();

private:
    bool all_ended();
    bool all_sleep();

    board& shared_;
    const std::chrono::milliseconds limit_;
    std::deque<support::child> survivors_;  // stays where it is: callers keep references
};

/// To be called before a process is killed: it may be met inside from now on.
void announce_death(board& shared, pid_t process);
[[nodiscard]] bool is_dying(const board& shared, pid_t process);

/// The critical section's door: notes who met a living one inside.
void enter(board& shared);
void leave(board& shared);

}  // namespace death
