// SPDX-License-Identifier: MIT
// Two processes, one counter, one mutex.
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

struct counter {
    process_shared::mutex guard;
    int value = 0;  // under guard
};

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<counter>("counter");

    auto add = [&](int step) {
        for (int i = 0; i < 10; ++i) {
            std::lock_guard hold(shared.guard);
            const int seen = shared.value;
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            shared.value = seen + step;
        }
    };

    if (fork() == 0) {
        add(+1);
        _exit(0);
    }
    if (fork() == 0) {
        add(-1);
        _exit(0);
    }
    while (wait(nullptr) > 0) {}

    std::lock_guard hold(shared.guard);
    std::printf("value should be zero: %d\n", shared.value);
}
