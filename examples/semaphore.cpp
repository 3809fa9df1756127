// SPDX-License-Identifier: MIT
// Six workers, three tools: a semaphore keeps count.
#include <process_shared/segment.hpp>
#include <process_shared/semaphore.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <cstdio>

struct workshop {
    process_shared::counting_semaphore<> tools{3};
    std::atomic<int> working{0};
    std::atomic<int> most{0};
};

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shop = memory.construct<workshop>("workshop");

    for (int worker = 0; worker < 6; ++worker) {
        if (fork() != 0) continue;
        for (int piece = 0; piece < 200; ++piece) {
            shop.tools.acquire();
            const int now = ++shop.working;
            for (int most = shop.most; now > most && !shop.most.compare_exchange_weak(most, now);) {}
            --shop.working;
            shop.tools.release();
        }
        _exit(0);
    }
    while (wait(nullptr) > 0) {}
    std::printf("never more than three at once: %s, %td tools are back\n", shop.most <= 3 ? "yes" : "no",
                shop.tools.value());
}
