// SPDX-License-Identifier: MIT
// Numbers that processes share as a range: the standard algorithms, and atomic access to single elements.
#include <process_shared/shared_array.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <numeric>

int main() {
    process_shared::shared_array<int> numbers(1000);
    std::iota(numbers.rbegin(), numbers.rend(), 0);

    if (fork() == 0) {
        std::ranges::sort(numbers);
        _exit(0);
    }
    wait(nullptr);
    for (int child = 0; child < 3; ++child) {
        if (fork() != 0) continue;
        for (int i = 0; i < 1000; ++i) numbers.ref(0).fetch_add(1);
        _exit(0);
    }
    while (wait(nullptr) > 0) {}
    std::printf("sorted: %s, counted: %d\n", std::ranges::is_sorted(numbers.span().subspan(1)) ? "yes" : "no",
                numbers[0]);
}
