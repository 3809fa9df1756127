// SPDX-License-Identifier: MIT
// Objects that one process stores and another loads. A reader sees all of an object or none of it, even if the
// writer is killed meanwhile.
#include <process_shared/object_buffer.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <string>
#include <vector>

struct reading {
    double celsius;
    int sensor;
};

int main() {
    process_shared::object_buffer words(1024);               // any type that MessagePack knows
    process_shared::object_buffer weather(sizeof(reading));  // a trivially copyable one, as it is

    if (fork() == 0) {
        words.store(std::vector<std::string>{"a", "b"});
        weather.store(reading{21.5, 7});
        _exit(0);
    }
    wait(nullptr);

    if (auto seen = words.load<std::vector<std::string>>()) {
        const char* before = "[";
        for (const auto& word : *seen) {
            std::printf("%s\"%s\"", before, word.c_str());
            before = ", ";
        }
        std::printf("]\n");
    }
    if (auto seen = weather.load<reading>()) std::printf("sensor %d says %.1f\n", seen->sensor, seen->celsius);
}
