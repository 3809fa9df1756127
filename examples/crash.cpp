// SPDX-License-Identifier: MIT
// A process is killed with the lock in its hands; the next one is told, repairs, and goes on.
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <mutex>

struct account {
    process_shared::mutex guard;
    int parts[2] = {100, 100};  // under guard
    int total = 200;            // under guard: the sum of the parts
};

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<account>("account");

    if (fork() == 0) {
        std::lock_guard hold(shared.guard);
        shared.parts[0] -= 30;
        std::raise(SIGKILL);  // before parts[1] gets them
    }
    wait(nullptr);

    try {
        std::lock_guard hold(shared.guard);
    } catch (const process_shared::owner_died& death) {
        std::printf("process %u died inside, repairing\n", death.who().process);
    }

    shared.guard.lock([&] { shared.parts[1] = shared.total - shared.parts[0]; });
    std::lock_guard hold(shared.guard, std::adopt_lock);
    std::printf("total %d, and all goes on\n", shared.parts[0] + shared.parts[1]);
}
