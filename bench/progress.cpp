// SPDX-License-Identifier: MIT
#include "progress.hpp"

#include "timing.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <cstdio>

namespace bench {

progress::progress(int experiments)
    : experiments_(experiments), terminal_(isatty(STDERR_FILENO) != 0), started_(now()) {}

void progress::show(const std::string& what, const std::string& leg, int round, int rounds) {
    const auto seconds = (now() - started_) / 1'000'000'000;
    const auto head = fmt::format("[{}/{}] {}", current_, experiments_, what);
    if (terminal_) {
        fmt::print(stderr, "\r\033[K{:02}:{:02} {} · round {}/{} · {}", seconds / 60, seconds % 60, head, round, rounds,
                   leg);
    } else if (what != last_) {  // a log needs no more than one line for each
        fmt::print(stderr, "{:02}:{:02} {}\n", seconds / 60, seconds % 60, head);
        last_ = what;
    }
    std::fflush(stderr);
}

void progress::clear() {
    if (terminal_) fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
}

}  // namespace bench
