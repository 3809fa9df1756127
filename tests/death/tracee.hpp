// SPDX-License-Identifier: MIT
// A task that is run instruction by instruction, and killed where it stands.
#pragma once

#include "death/machine.hpp"

#include <chrono>
#include <optional>

namespace death {

/// Why a task stands still, or why it does not move.
enum class halt {
    stepped,  ///< after one instruction
    arrived,  ///< at the address asked for
    ended,    ///< at the end mark: the operation is over
    gone,     ///< the task itself has ended
    asleep,   ///< it does not stand: it sleeps in a futex, and goes on when woken
};

/// Traced by the caller from its begin mark on. The process must be the caller's child.
class tracee {
public:
    /// Waits until `task`, a thread of `process`, stands at its begin mark.
    tracee(pid_t process, pid_t task);
    tracee(const tracee&) = delete;
    tracee& operator=(const tracee&) = delete;

    /// To be called in the task to be traced: from now on its traps stop it.
    static void offer();

    halt step();
    halt run_to(address at);
    /// At full speed up to its first sleep; when woken from that, it stands still behind it.
    halt run_to_sleep();
    /// After `asleep`: waits for at most `patience` until it stands again.
    halt go_on(std::chrono::milliseconds patience);

    [[nodiscard]] address at() const { return program_counter(task_); }
    [[nodiscard]] bool stands() const noexcept { return stands_; }

    /// SIGKILL for the whole process. It is left to be reaped.
    void kill();

private:
    void resume(int request);
    halt await_stop(std::optional<std::chrono::milliseconds> patience);
    halt classify(int status);

    pid_t process_;
    pid_t task_;
    bool stands_ = false;
    bool ended_ = false;
    std::optional<breakpoint> breakpoint_;
};

}  // namespace death
