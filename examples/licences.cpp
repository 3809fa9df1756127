// SPDX-License-Identifier: MIT
// Three licences for eight workers, some of whom are killed with one in hand: they come back by themselves.
#include <process_shared/process_shared.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <vector>

using licences = process_shared::owned_semaphore<3>;

static void work_for_ever(licences& shared) {
    for (;;) {
        const auto mine = shared.acquire_permit();
        usleep(200);
    }
}

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<licences>("licences");

    std::vector<pid_t> workers(8);
    for (pid_t& worker : workers)
        if ((worker = fork()) == 0) work_for_ever(shared);
    for (pid_t& worker : workers) {
        usleep(2000);
        kill(worker, SIGKILL);  // perhaps with a licence in hand, perhaps waiting for one
        waitpid(worker, nullptr, 0);
    }

    std::vector<process_shared::permit> all;
    for (int i = 0; i < 3; ++i) all.push_back(shared.acquire_permit());
    std::printf("8 workers killed, and all %zu licences are here\n", all.size());
}
