// SPDX-License-Identifier: MIT
// The other half of with_cpp.rb, which starts it with the name of a segment and what to do.
#include <process_shared/mutex.hpp>
#include <process_shared/object_buffer.hpp>
#include <process_shared/segment.hpp>
#include <process_shared/shared_memory.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

using process_shared::object_buffer;
using process_shared::segment;
using process_shared::shared_memory;

int run(const char* name, std::string_view task) {
    auto memory = segment::open(name);
    auto& guard = memory.find<process_shared::mutex>("guard");
    auto numbers = shared_memory::open(memory, "numbers");  // SharedMemory.new(:int, 10, …) of Ruby
    auto box = object_buffer::open(memory, "box");

    if (task == "count") {
        for (int i = 0; i < 1000; ++i) {
            std::lock_guard hold(guard);
            numbers.put<int>(0, numbers.get<int>(0) + 1);
        }
    } else if (task == "sort") {
        std::lock_guard hold(guard);
        std::ranges::sort(numbers.as<int>(0, 10));
    } else if (task == "answer") {
        const auto question = box.load<std::map<std::string, std::vector<double>>>();
        if (!question || !question->contains("numbers")) return 1;
        double sum = 0;
        for (const double number : question->at("numbers")) sum += number;
        box.store(std::map<std::string, double>{{"sum", sum}});
    } else if (task == "die") {
        guard.lock();
        std::raise(SIGKILL);
    }
    return 0;
}

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s SEGMENT count|sort|answer|die\n", argv[0]);
        return 2;
    }
    try {
        return run(argv[1], argv[2]);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "with_cpp: %s\n", failure.what());
        return 1;
    }
}
