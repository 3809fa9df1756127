// SPDX-License-Identifier: MIT
// The same uncontended loop in a program that is linked to the shared library. Started by pshared_bench, which pins it;
// prints "process_shared NS floor NS".

#include "locks.hpp"
#include "timing.hpp"

#include <cstdio>
#include <cstdlib>

int main(int count, char** words) {
    if (count != 3) {
        std::fputs("usage: pshared_bench_shared BATCHES PAIRS (started by pshared_bench)\n", stderr);
        return 2;
    }
    const int batches = std::atoi(words[1]);
    const int pairs = std::atoi(words[2]);
    try {
        const bench::placed<process_shared::mutex> ours;
        const bench::placed<bench::floor_lock> floor;
        const auto costs =
            bench::compare({{"process_shared", [&] { return bench::nanoseconds_per_pair(ours->guard, pairs); }},
                            {"floor", [&] { return bench::nanoseconds_per_pair(floor->guard, pairs); }}},
                           batches);
        for (const auto& [series, cost] : costs) std::printf("%s %.6f ", series.c_str(), cost);
        std::printf("\n");
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "pshared_bench_shared: %s\n", failure.what());
        return 1;
    }
    return 0;
}
