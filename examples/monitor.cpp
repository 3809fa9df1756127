// SPDX-License-Identifier: MIT
// Ping and pong: each waits until it is its turn, and nobody needs to be notified.
#include <process_shared/monitor.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <mutex>

struct table {
    process_shared::monitor guard;
    int strokes = 0;  // under guard
};

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<table>("table");

    auto play = [&](int side) {
        for (int i = 0; i < 500; ++i) {
            std::lock_guard hold(shared.guard);
            shared.guard.when([&] { return shared.strokes % 2 == side; });
            ++shared.strokes;
        }
    };
    if (fork() == 0) {
        play(1);
        _exit(0);
    }
    play(0);
    wait(nullptr);
    std::printf("%d strokes, in turn\n", shared.strokes);
}
