// SPDX-License-Identifier: MIT
// A forked process that a test owns: it says what went wrong, and never outlives the test.
#pragma once

#include "support/await.hpp"
#include "support/scratch.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace support {
namespace detail {

/// What a child wants to tell. Shared memory, so that a child that is killed while telling blocks nobody.
struct message {
    char text[2000];
};

inline void tell(message& to, const std::string& what) { std::strncpy(to.text, what.c_str(), sizeof to.text - 1); }

/// Expectations that failed in this process, after the first `already` results of the running test.
inline std::string failed_expectations(int already) {
    std::string all;
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    if (test == nullptr) return all;
    for (int i = already; i < test->result()->total_part_count(); ++i) {
        const auto& part = test->result()->GetTestPartResult(i);
        if (!part.failed()) continue;
        all += std::string(part.file_name() ? part.file_name() : "?") + ":" + std::to_string(part.line_number()) +
               ": " + part.message() + "\n";
    }
    return all;
}

inline int expectations_so_far() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return test == nullptr ? 0 : test->result()->total_part_count();
}

/// Runs `body`; what it throws and what it expected in vain becomes the exit code and the message.
template <class Body>
int play(Body&& body, message& report) {
    const int already = expectations_so_far();
    try {
        std::forward<Body>(body)();
    } catch (const std::exception& failure) {
        tell(report, std::string("it threw: ") + failure.what());
        return 1;
    } catch (...) {
        tell(report, "it threw something that is no std::exception");
        return 1;
    }
    const std::string failed = failed_expectations(already);
    if (failed.empty()) return 0;
    tell(report, failed);
    return 2;
}

/// The caller is killed when the thread that made it ends, so no process outlives its test.
inline void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);  // it had ended before the line above
}

}  // namespace detail

/// Runs a callable in a forked process. The destructor kills and reaps it.
///     support::child holder([&] { std::lock_guard hold(shared.guard); … });
///     EXPECT_TRUE(holder.wait_success());
/// EXPECT_…, support::check and exceptions in the callable make wait_success() fail with their text.
/// It dies with the thread that made it: do not make one in a thread that ends before the child does.
class child {
public:
    template <class Body>
    explicit child(Body&& body) : report_(std::make_unique<scratch<detail::message>>()) {
        std::fflush(nullptr);  // or the child prints the parent's pending output again
        const pid_t parent = getpid();
        pid_ = fork();
        if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
        if (pid_ != 0) return;
        detail::die_with(parent);
        const int code = detail::play(std::forward<Body>(body), **report_);
        std::fflush(nullptr);
        _exit(code);
    }
    child(child&& from) noexcept
        : report_(std::move(from.report_)), pid_(std::exchange(from.pid_, 0)), status_(from.status_) {}
    child& operator=(child&& from) noexcept {
        if (this == &from) return *this;
        kill();
        report_ = std::move(from.report_);
        pid_ = std::exchange(from.pid_, 0);
        status_ = from.status_;
        return *this;
    }
    ~child() { kill(); }

    /// Takes charge of a process that was started in another way.
    static child adopt(pid_t pid) { return child(pid); }

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    void signal(int number) const { ::kill(pid_, number); }

    /// SIGKILL, and waits until the kernel has buried it: all it held has been announced by then.
    void kill() {
        if (pid_ == 0 || status_) return;
        ::kill(pid_, SIGKILL);
        reap(0);
    }

    [[nodiscard]] bool running() { return !status_ && !reap(WNOHANG); }

    /// The status as waitpid gives it; nothing if it still runs after `limit`.
    std::optional<int> wait(std::chrono::milliseconds limit = watchdog) {
        if (status_) return status_;
        const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
        if (handle < 0) {  // refused by a sandbox, or older than Linux 5.3
            (void)await([&] { return reap(WNOHANG); }, limit);
            return status_;
        }
        const auto end = std::chrono::steady_clock::now() + limit;
        for (;;) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
            pollfd ended{handle, POLLIN, 0};
            const int count = poll(&ended, 1, static_cast<int>(left.count() > 0 ? left.count() : 0));
            if (count == 0 || (count < 0 && errno != EINTR)) break;
            if (count > 0 && reap(WNOHANG)) break;
        }
        ::close(handle);
        return status_;
    }

    /// Whether it ends by itself, with nothing to complain about. One that is still running after `limit` is killed.
    [[nodiscard]] ::testing::AssertionResult wait_success(std::chrono::milliseconds limit = watchdog) {
        const std::optional<int> status = wait(limit);
        if (!status) {
            kill();
            return ::testing::AssertionFailure()
                   << "process " << pid_ << " did not end within " << limit.count() << " ms";
        }
        if (WIFSIGNALED(*status))
            return ::testing::AssertionFailure() << "process " << pid_ << " was ended by signal " << WTERMSIG(*status);
        if (WEXITSTATUS(*status) != 0)
            return ::testing::AssertionFailure()
                   << "process " << pid_ << " failed (" << WEXITSTATUS(*status) << "): " << message();
        return ::testing::AssertionSuccess();
    }

    /// What it had to complain about; empty if nothing.
    [[nodiscard]] std::string message() const { return report_ ? std::string((*report_)->text) : std::string(); }

private:
    explicit child(pid_t pid) : pid_(pid) {}

    bool reap(int flags) {
        int status = 0;
        pid_t reaped = 0;
        do reaped = waitpid(pid_, &status, flags);
        while (reaped < 0 && errno == EINTR);
        if (reaped == 0) return false;
        if (reaped == pid_ && WIFSTOPPED(status)) return flags == 0 ? reap(flags) : false;  // traced by this test
        status_ = reaped == pid_ ? status : -1;
        return true;
    }

    std::unique_ptr<scratch<detail::message>> report_;
    pid_t pid_ = 0;
    std::optional<int> status_;
};

}  // namespace support
