// SPDX-License-Identifier: MIT
// Workers that come up together: a latch for "all have loaded", an event for "begin", call_once for what one must do.
#include <process_shared/event.hpp>
#include <process_shared/latch.hpp>
#include <process_shared/once.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cstdio>

struct startup {
    process_shared::latch loaded{4};
    process_shared::event begin;
    process_shared::once_flag table_filled;
    int table[100] = {};
    std::atomic<int> filled{0};
    std::atomic<int> right{0};
};

int main() {
    auto memory = process_shared::segment::anonymous(8192);
    auto& shared = memory.construct<startup>("startup");

    for (int worker = 0; worker < 4; ++worker) {
        if (fork() != 0) continue;
        process_shared::call_once(shared.table_filled, [&] {
            for (int i = 0; i < 100; ++i) shared.table[i] = i * i;
            ++shared.filled;
        });
        shared.loaded.count_down();
        shared.begin.wait();
        if (shared.table[99] == 9801) ++shared.right;
        _exit(0);
    }
    shared.loaded.wait();
    shared.begin.set();
    while (wait(nullptr) > 0) {}
    std::printf("filled %d time, right for %d workers\n", shared.filled.load(), shared.right.load());
}
