// SPDX-License-Identifier: MIT
// A table that four processes read all the time and one rewrites now and then. A reader that is killed is no matter; a
// writer that is killed half-way is told of, and its work is finished.
#include <process_shared/process_shared.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <shared_mutex>
#include <vector>

struct table {
    process_shared::shared_mutex guard;
    std::array<int, 100> rows{};  // all the same, unless somebody writes
    std::atomic<bool> half_written{false};
};

static bool is_whole(const table& shared) {
    for (const int row : shared.rows)
        if (row != shared.rows[0]) return false;
    return true;
}

static void read_for_ever(table& shared) {
    for (;;) {
        const std::shared_lock reading(shared.guard);
        if (!is_whole(shared)) _exit(1);
    }
}

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<table>("table");

    std::vector<pid_t> readers(4);
    for (pid_t& reader : readers)
        if ((reader = fork()) == 0) read_for_ever(shared);
    for (int round = 1; round <= 1000; ++round) {
        const std::lock_guard writing(shared.guard);
        shared.rows.fill(round);
    }
    for (const pid_t reader : readers) kill(reader, SIGKILL);  // wherever they are, probably inside
    int torn = 0;
    for (const pid_t reader : readers) {
        int status = 0;
        waitpid(reader, &status, 0);
        if (WIFEXITED(status)) ++torn;
    }

    const pid_t writer = fork();
    if (writer == 0) {
        shared.guard.lock();
        shared.rows[0] = 1001;
        shared.half_written = true;
        pause();
    }
    while (!shared.half_written) usleep(100);
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);

    bool told = false;
    try {
        const std::shared_lock reading(shared.guard);
    } catch (const process_shared::owner_died&) {
        told = true;
        shared.guard.lock([&] { shared.rows.fill(shared.rows[0]); });
        shared.guard.unlock();
    }
    const std::shared_lock reading(shared.guard);
    std::printf("1000 rewritten, %d seen torn; told of the dead writer: %s, whole again at %d: %s\n", torn,
                told ? "yes" : "no", shared.rows[0], is_whole(shared) ? "yes" : "no");
}
