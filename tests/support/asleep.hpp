// SPDX-License-Identifier: MIT
// Whether a task sleeps in a futex, so that a test can await a sleeper instead of hoping for one.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace support {
namespace detail {

/// The beginning of a file in /proc; empty if it cannot be read.
inline std::string read_proc(pid_t task, const char* file) {
    const std::string path = "/proc/" + std::to_string(task) + "/" + file;
    const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0) return {};
    char text[2048];
    const ssize_t length = ::read(opened, text, sizeof text);
    ::close(opened);
    return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

inline bool in_futex(pid_t task) {
    // "202 0x… …", or "running". Not readable without the right to trace; then the place where it waits must do.
    const std::string call = read_proc(task, "syscall");
    if (!call.empty()) {
        char* end = nullptr;
        const long number = std::strtol(call.c_str(), &end, 10);
        return end != call.c_str() && (number == SYS_futex || number == SYS_futex_waitv);
    }
    return read_proc(task, "wchan").find("futex") != std::string::npos;
}

}  // namespace detail

/// The letter ps shows: R running, S asleep, T stopped, t traced, Z ended; 0 if there is no such task.
inline char task_state(pid_t task) {
    const std::string stat = detail::read_proc(task, "stat");
    const std::size_t name_end = stat.rfind(')');  // the name before it may hold anything
    return name_end == std::string::npos || name_end + 2 >= stat.size() ? '\0' : stat[name_end + 2];
}

/// Whether this task (a pid stands for the process's main thread; a tid works as well) sleeps in a futex now.
///     ASSERT_TRUE(support::await([&] { return support::is_asleep(waiter.pid()); }));
inline bool is_asleep(pid_t task) { return task_state(task) == 'S' && detail::in_futex(task); }

}  // namespace support
