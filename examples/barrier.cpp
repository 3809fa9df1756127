// SPDX-License-Identifier: MIT
// Three workers march in step. One of them is killed: the others learn of it, take it out, and go on.
#include <process_shared/barrier.hpp>
#include <process_shared/segment.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>

int main() {
    auto memory = process_shared::segment::anonymous(8192);
    auto& step = memory.construct<process_shared::barrier<>>("step", 3);

    for (int worker = 0; worker < 3; ++worker) {
        if (fork() != 0) continue;
        step.join();
        for (int turn = 0; turn < 10; ++turn) {
            if (worker == 2 && turn == 5) kill(getpid(), SIGKILL);
            try {
                step.arrive_and_wait();
            } catch (const process_shared::participant_died&) {
                step.reset(2);  // by both: whoever comes second finds it done
                step.arrive_and_wait();
            }
        }
        _exit(worker);
    }
    int through = 0;
    for (int status = 0; wait(&status) > 0;) through += WIFEXITED(status) ? 1 : 0;
    std::printf("%d of 3 marched on\n", through);
}
