// SPDX-License-Identifier: MIT
// `pshared demo`: the first two programs, and what the three have in common.
#include "demo.hpp"

#include "child.hpp"
#include "commands.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/object_buffer.hpp>
#include <process_shared/segment.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pshared {
namespace {

struct counter {
    process_shared::mutex guard;
    int value = 0;  // under guard
};

/// Ten times: read, sleep, write. Without the lock, the other's steps in between would be lost.
void step_ten_times(counter& shared, int step) {
    using namespace std::chrono_literals;
    for (int i = 0; i < 10; ++i) {
        std::lock_guard hold(shared.guard);
        const int seen = shared.value;
        std::this_thread::sleep_for(10ms);
        shared.value = seen + step;
        fmt::print(" {}", shared.value);  // in order: the lock is still held
        std::fflush(stdout);
    }
}

struct program {
    std::string_view name;
    bool (*run)();
};
constexpr std::array programs = {program{"counter", demo_counter}, program{"objects", demo_objects},
                                 program{"crash", demo_crash}};

bool run(const program& chosen) {
    try {
        if (chosen.run()) return true;
        std::fflush(stdout);
        fmt::print(stderr, "pshared: demo {}: a wrong result, see above\n", chosen.name);
    } catch (const std::exception& failure) {
        std::fflush(stdout);
        fmt::print(stderr, "pshared: demo {}: {}\n", chosen.name, failure.what());
    }
    return false;
}

}  // namespace

void say(std::string_view line, tone how) {
    fmt::print("{}\n", painted(how, line));
    std::fflush(stdout);
}

void title(std::string_view name, std::string_view subject) {
    say(fmt::format("{}: {}", painted(tone::heading, name), subject));
}

bool demo_counter() {
    title("counter", "two processes, one number, one mutex");
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<counter>("counter");

    std::unique_lock start(shared.guard);  // nobody runs before the line below is out
    child adder([&] { step_ten_times(shared, +1); });
    child subtracter([&] { step_ten_times(shared, -1); });
    say(fmt::format("process {} adds 1 ten times, process {} subtracts 1 ten times,", adder.id(), subtracter.id()),
        tone::quiet);
    say("each holding the lock while it reads, sleeps 10 ms, and writes", tone::quiet);
    start.unlock();

    const bool added = adder.wait();
    const bool subtracted = subtracter.wait();
    fmt::print("\n");
    std::lock_guard hold(shared.guard);
    say(fmt::format("value should be zero: {}", shared.value), shared.value == 0 ? tone::good : tone::bad);
    return added && subtracted && shared.value == 0;
}

bool demo_objects() {
    using words = std::vector<std::string>;
    const words sent = {"a", "b"};

    title("objects", "a list goes from one process to another");
    process_shared::object_buffer buffer(1024);
    child writer([&] { buffer.store(sent); });
    const bool stored = writer.wait();
    say(fmt::format("process {} stored a list in 1024 bytes of shared memory and ended; this process reads:",
                    writer.id()),
        tone::quiet);

    const auto seen = buffer.load<words>();
    const bool right = stored && seen == sent;
    say(seen ? fmt::format("{}", *seen) : "nothing", right ? tone::good : tone::bad);
    return right;
}

int demo(const std::string& chosen) {
    bool right = true;
    bool first = true;
    for (const auto& each : programs) {
        if (!chosen.empty() && each.name != chosen) continue;
        if (!first) say("");
        first = false;
        right = run(each) && right;
    }
    return right ? 0 : 1;
}

}  // namespace pshared
