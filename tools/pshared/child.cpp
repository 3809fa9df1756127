// SPDX-License-Identifier: MIT
#include "child.hpp"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

namespace pshared {
namespace {

/// Nothing may leave it but the end of the process: what is below on the stack belongs to the parent.
[[noreturn]] void run(const std::function<void()>& body) noexcept {
    int status = 0;
    try {
        body();
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "pshared: process %d: %s\n", static_cast<int>(getpid()), failure.what());
        status = 1;
    }
    std::fflush(nullptr);
    _exit(status);
}

/// One byte, whatever signals arrive; false at the end of the stream.
bool read_byte(int from) noexcept {
    char byte;
    ssize_t got;
    do got = read(from, &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 1;
}

}  // namespace

child::child(const std::function<void()>& body) {
    std::fflush(nullptr);  // or the child would print it again
    id_ = fork();
    if (id_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (id_ == 0) run(body);
}

child::~child() {
    if (ended_) return;
    kill();
    wait();
}

void child::kill() const noexcept { ::kill(id_, SIGKILL); }

bool child::wait() noexcept {
    int status = 0;
    pid_t got;
    do got = waitpid(id_, &status, 0);
    while (got < 0 && errno == EINTR);
    ended_ = true;
    return got == id_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

rendezvous::rendezvous() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
}

rendezvous::~rendezvous() {
    close_end(0);
    close_end(1);
}

// Each side closes the other's end: so the death of one is the end of the stream for the other.
void rendezvous::ready_and_stay() {
    close_end(0);
    if (write(ends_[1], "r", 1) == 1) read_byte(ends_[1]);
}

bool rendezvous::await_ready() {
    close_end(1);
    return read_byte(ends_[0]);
}

void rendezvous::close_end(int which) noexcept {
    if (ends_[which] >= 0) close(ends_[which]);
    ends_[which] = -1;
}

}  // namespace pshared
