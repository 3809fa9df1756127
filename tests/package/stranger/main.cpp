// SPDX-License-Identifier: MIT
// What a first user might write: a counter under a mutex and an object, shared with forked children.
#include <process_shared/process_shared.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

namespace {

struct counter {
    process_shared::mutex guard;
    int value = 0;  // under guard
};

struct reading {
    double celsius;
    int sensor;
};

constexpr int children = 2;
constexpr int rounds = 1000;

void work(counter& shared, process_shared::object_buffer& box, int child) {
    for (int i = 0; i < rounds; ++i) {
        std::lock_guard hold(shared.guard);
        ++shared.value;
    }
    if (child == 0) box.store(reading{21.5, 7});
}

}  // namespace

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<counter>("counter");
    auto box = process_shared::object_buffer::open_or_create(memory, "reading", sizeof(reading));

    for (int child = 0; child < children; ++child) {
        if (fork() == 0) {
            work(shared, box, child);
            _exit(0);
        }
    }
    int ended_well = 0;
    for (int status = 0; wait(&status) > 0;) ended_well += WIFEXITED(status) && WEXITSTATUS(status) == 0;

    const auto seen = box.load<reading>();
    const bool right = ended_well == children && shared.value == children * rounds && seen.has_value() &&
                       seen->celsius == 21.5 && seen->sensor == 7;
    std::printf("%d children, counter %d, sensor %d: %s\n", ended_well, shared.value, seen ? seen->sensor : -1,
                right ? "right" : "wrong");
    return right ? 0 : 1;
}
