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

    static constexpr int most_survivors = 16;
    std::atomic<bool> done[most_survivors]{};  ///< who has played its part
};

/// Nanoseconds: long enough to be seen asleep.
inline constexpr std::int64_t patience_that_sleeps = 30'000'000;

/// A process that has to get through its part, whatever happens to the victim. It lives on afterwards, as processes do:
/// its end would wake others who watch for its death, and hide that nobody else does.
class survivor {
public:
    survivor(board& shared, int number, std::function<void()> part);

    [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
    [[nodiscard]] bool done() const { return shared_.done[number_]; }
    /// It failed, and is gone.
    [[nodiscard]] bool failed() { return !process_.running(); }
    [[nodiscard]] bool sleeps() const;
    [[nodiscard]] std::string complaint();

private:
    board& shared_;
    int number_;
    support::child process_;
};

/// How survivors are doing.
enum class progress { done, stuck, running };

/// The processes of one trial. Whatever is left of them ends with it.
class stage {
public:
    stage(board& shared, std::chrono::milliseconds limit) : shared_(shared), limit_(limit) {}

    [[nodiscard]] board& shared() const noexcept { return shared_; }

    survivor& start(std::function<void()> part);
    /// A process that need not get anywhere.
    support::child& start_extra(std::function<void()> part);

    /// Until every survivor is done, or sleeps.
    void await_rest();

    /// Until all are done; `stuck` as soon as it is certain that none of the others can move but by a timer.
    progress await_progress();
    /// Until all are done; `running` if one is not within the limit.
    progress await_end();

    /// What the failed ones had to complain about.
    [[nodiscard]] std::string complaints();

private:
    bool all_done();
    bool all_sleep();

    board& shared_;
    const std::chrono::milliseconds limit_;
    std::deque<survivor> survivors_;  // stay where they are: callers keep references
    std::deque<support::child> extras_;
};

/// To be called before a process is killed: it may be met inside from now on.
void announce_death(board& shared, pid_t process);
[[nodiscard]] bool is_dying(const board& shared, pid_t process);

/// The critical section's door: notes who met a living one inside.
void enter(board& shared);
void leave(board& shared);

}  // namespace death
