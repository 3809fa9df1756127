// SPDX-License-Identifier: MIT
// Children that never outlive their parent, legs in processes of their own, and where all of them may run.
#pragma once

#include "experiment.hpp"

#include <sys/types.h>
#include <functional>
#include <initializer_list>
#include <string>

namespace bench {

/// A forked process that runs `body` and exits: 0, or 1 if `body` throws. Killed with its parent.
class child {
public:
    explicit child(const std::function<void()>& body);
    child(child&& from) noexcept;
    child& operator=(child&&) = delete;
    ~child();  ///< kills and reaps it if nobody waited

    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill();
    /// Until it has exited; throws if that was not by exit(0).
    void wait();

private:
    pid_t pid_;
};

/// Until `process` sleeps in a system call, and goes on sleeping.
void wait_until_asleep(pid_t process);

/// Where children stop until all are there.
class gate {
public:
    gate();
    ~gate();
    gate(const gate&) = delete;
    gate& operator=(const gate&) = delete;

    void arrive_and_wait();        ///< in a child
    void wait_for(int processes);  ///< in the parent
    void open();                   ///< in the parent, once

private:
    void close_end(int& end);
    int arrived_[2];
    int opened_[2];
};

/// Rung by one process, heard by another; both inherited it.
class bell {
public:
    bell();
    ~bell();
    bell(const bell&) = delete;
    bell& operator=(const bell&) = delete;

    void ring();
    void wait();  ///< for one ring; throws if it does not come within ten seconds

private:
    int ends_[2];
};

/// Restricts the caller and its future children to `cores` processors, of those that it may use.
void use_cores(int cores);
/// To one processor: the last of those, as the first serves most interrupts.
void use_one_core(int cores);

/// libc leaves the atomic instructions of a process-private mutex out while a process has only one thread.
/// Nobody needs a mutex then: with a second thread, asleep, all are measured as they are used.
void start_idle_thread();

/// Runs another program of this folder and gives what it prints.
std::string output_of(const std::string& program, std::initializer_list<std::string> arguments);

/// Brings home what a leg measured, or why it could not. The leg runs in a process group of its own that is killed
/// at the end, at its limit, or when this program is interrupted.
struct outcome {
    samples values;
    std::string failure;
};
outcome run_leg(const leg& what);

/// From now on SIGINT, SIGTERM and SIGHUP end the running leg instead of this process.
void catch_interrupts();
bool interrupted();

/// While it lives, the end of the parent does not end this process: for steps that must not be left half-done.
class uninterrupted {
public:
    uninterrupted();
    ~uninterrupted();
    uninterrupted(const uninterrupted&) = delete;
    uninterrupted& operator=(const uninterrupted&) = delete;
};

}  // namespace bench
