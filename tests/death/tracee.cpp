// SPDX-License-Identifier: MIT
// ptrace: PTRACE_TRACEME in the victim, single steps and one breakpoint in the harness.
#include "death/tracee.hpp"

#include "support/asleep.hpp"
#include "support/await.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace death {
namespace {

using clock = std::chrono::steady_clock;

// A step takes a few microseconds: asked this often, waitpid has mostly seen its end.
constexpr unsigned rounds_at_once = 40;
constexpr timespec moment{0, 500'000};
constexpr std::chrono::nanoseconds quick{300'000};

/// Sleeps until a child of ours stops or ends, or for a moment. The signal is blocked, so it is never lost.
void await_child_news() {
    static const sigset_t news = [] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        return set;
    }();
    sigtimedwait(&news, nullptr, &moment);
}

[[noreturn]] void fail(const std::string& what) { throw support::check_failed("the victim " + what); }

}  // namespace

void tracee::offer() {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "PTRACE_TRACEME");
}

tracee::tracee(pid_t process, pid_t task) : process_(process), task_(task) {
    int status = 0;
    if (waitpid(task_, &status, __WALL) != task_ || !WIFSTOPPED(status)) fail("ended before its operation");
    stands_ = true;
    if (WSTOPSIG(status) != SIGTRAP || at() != after_mark(death_mark_begin)) fail("stopped before its operation");
    // No stop at exit: it would delay what the kernel tells of a death.
    if (ptrace(PTRACE_SETOPTIONS, task_, nullptr, PTRACE_O_EXITKILL) != 0)
        throw std::system_error(errno, std::generic_category(), "PTRACE_SETOPTIONS");
}

void tracee::resume(int request) {
    // The kernel takes an enum in C++ and an int elsewhere.
    if (ptrace(static_cast<__ptrace_request>(request), task_, nullptr, nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "resuming the victim");
    stands_ = false;
}

halt tracee::step() {
    resume(PTRACE_SINGLESTEP);
    return await_stop(std::nullopt);
}

halt tracee::run_to(address target) {
    if (at() == target) return halt::arrived;
    breakpoint_.emplace(task_, target);
    resume(PTRACE_CONT);
    return await_stop(std::nullopt);
}

halt tracee::go_on(std::chrono::milliseconds patience) { return await_stop(patience); }

halt tracee::await_stop(std::optional<std::chrono::milliseconds> patience) {
    const auto start = clock::now();
    for (unsigned round = 0;; ++round) {
        int status = 0;
        const pid_t stopped = waitpid(task_, &status, __WALL | WNOHANG);
        if (stopped == task_) return classify(status);
        if (stopped < 0 && errno != EINTR) fail("cannot be waited for");
        if (round < rounds_at_once) continue;
        await_child_news();
        const auto waited = clock::now() - start;
        if (waited > (patience ? std::chrono::nanoseconds(*patience) : quick) && support::is_asleep(task_))
            return halt::asleep;
        if (waited > support::watchdog) fail("neither goes on nor sleeps");
    }
}

halt tracee::run_to_sleep() {
    resume(PTRACE_CONT);
    const halt reason = await_stop(std::nullopt);
    if (reason != halt::asleep) return reason;
    // A signal that is never delivered: it only ends the sleep, and the kernel begins it anew.
    tgkill(process_, task_, SIGSTOP);
    int status = 0;
    if (waitpid(task_, &status, __WALL) != task_ || !WIFSTOPPED(status)) fail("ended in its sleep");
    stands_ = true;
    if (WSTOPSIG(status) != SIGSTOP) return classify(status);
    return step();
}

halt tracee::classify(int status) {
    if (!WIFSTOPPED(status)) {
        ended_ = true;
        return halt::gone;
    }
    stands_ = true;
    if (WSTOPSIG(status) != SIGTRAP) fail("got signal " + std::to_string(WSTOPSIG(status)));
    const address here = at();
    if (breakpoint_) {
        const bool arrived = breakpoint_->stops_at(here);
        breakpoint_->remove(arrived);
        breakpoint_.reset();
        if (arrived) return halt::arrived;
    }
    return here == after_mark(death_mark_end) ? halt::ended : halt::stepped;
}

void tracee::kill() {
    ::kill(process_, SIGKILL);
    if (task_ == process_ || ended_) return;
    // A traced thread is reaped by its tracer; its process can be only then.
    int status = 0;
    while (waitpid(task_, &status, __WALL) == task_ && WIFSTOPPED(status)) {}
}

}  // namespace death
