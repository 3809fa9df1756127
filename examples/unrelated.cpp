// SPDX-License-Identifier: MIT
// Two processes that know nothing of each other but a name. Each runs this program anew; whoever comes first makes
// the segment, and the other one opens it.
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <mutex>
#include <string>

using process_shared::segment;

struct tally {
    process_shared::mutex guard;
    int value = 0;  // under guard
};

int count(const char* name) {
    auto memory = segment::open_or_create(name, 4096);
    auto& shared = memory.find_or_construct<tally>("tally");
    for (int i = 0; i < 1000; ++i) {
        std::lock_guard hold(shared.guard);
        ++shared.value;
    }
    return 0;
}

int main(int argc, char** argv) {
    if (argc > 1) return count(argv[1]);

    const std::string name = "example-" + std::to_string(getpid());
    for (int i = 0; i < 2; ++i)
        if (fork() == 0) {
            execl("/proc/self/exe", argv[0], name.c_str(), static_cast<char*>(nullptr));
            _exit(127);
        }
    while (wait(nullptr) > 0) {}

    auto memory = segment::open(name);
    std::printf("two unrelated processes counted to %d\n", memory.find<tally>("tally").value);
    segment::remove(name);
}
