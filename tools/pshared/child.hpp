// SPDX-License-Identifier: MIT
// A forked process that cannot outlive the interest in it.
#pragma once

#include <sys/types.h>
#include <functional>

namespace pshared {

/// Runs `body` in a forked process, which ends with it: status 0, or 1 if it threw (and then it has said what).
class child {
public:
    explicit child(const std::function<void()>& body);
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child();  ///< kills it, unless wait() has seen its end

    [[nodiscard]] pid_t id() const noexcept { return id_; }
    void kill() const noexcept;  ///< SIGKILL
    /// True if it ended by itself, with status 0.
    bool wait() noexcept;

private:
    pid_t id_;
    bool ended_ = false;
};

/// Lets a child say that it is ready and then stand still until it is killed, or its parent is gone.
class rendezvous {
public:
    rendezvous();
    rendezvous(const rendezvous&) = delete;
    rendezvous& operator=(const rendezvous&) = delete;
    ~rendezvous();

    void ready_and_stay();             ///< in the child; returns when the parent is gone
    [[nodiscard]] bool await_ready();  ///< in the parent; false if the child ended first

private:
    void close_end(int which) noexcept;
    int ends_[2];  // a socket pair: the parent's, the child's
};

}  // namespace pshared
