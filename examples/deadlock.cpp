// SPDX-License-Identifier: MIT
// Two processes lock two accounts in opposite orders. One of them is told, lets go, and tries again.
#include <process_shared/process_shared.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <system_error>

struct account {
    process_shared::checked_mutex guard;
    long balance = 1000;
};
struct bank {
    account left, right;
    std::atomic<int> holding{0};
    std::atomic<int> refused{0};
};

static void transfer(bank& in, account& from, account& to) {
    for (bool first = true;; first = false) {
        const std::lock_guard one(from.guard);
        if (first) {
            ++in.holding;
            while (in.holding < 2) usleep(100);  // so that they surely cross
        }
        try {
            const std::lock_guard two(to.guard);
            from.balance -= 100;
            to.balance += 100;
            return;
        } catch (const std::system_error& failure) {
            if (failure.code() != std::errc::resource_deadlock_would_occur) throw;
            ++in.refused;
        }
    }
}

int main() {
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<bank>("bank");

    const pid_t other = fork();
    if (other == 0) {
        transfer(shared, shared.left, shared.right);
        _exit(0);
    }
    transfer(shared, shared.right, shared.left);
    waitpid(other, nullptr, 0);
    std::printf("a deadlock was refused: %s; balances %ld and %ld\n", shared.refused > 0 ? "yes" : "no",
                shared.left.balance, shared.right.balance);
}
