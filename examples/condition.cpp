// SPDX-License-Identifier: MIT
// A bounded buffer: one process puts, another takes, both wait on conditions.
#include <process_shared/condition_variable.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <mutex>

struct buffer {
    process_shared::mutex guard;
    process_shared::condition_variable changed;
    int items[8] = {};
    int count = 0;  // under guard
};

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<buffer>("buffer");

    if (fork() == 0) {
        for (int i = 1; i <= 1000; ++i) {
            std::unique_lock hold(shared.guard);
            shared.changed.wait(hold, [&] { return shared.count < 8; });
            shared.items[shared.count++] = i;
            hold.unlock();
            shared.changed.notify_one();
        }
        _exit(0);
    }
    long sum = 0;
    for (int i = 1; i <= 1000; ++i) {
        std::unique_lock hold(shared.guard);
        shared.changed.wait(hold, [&] { return shared.count > 0; });
        sum += shared.items[--shared.count];
        hold.unlock();
        shared.changed.notify_one();
    }
    wait(nullptr);
    std::printf("the sum of 1 to 1000 is %ld\n", sum);
}
