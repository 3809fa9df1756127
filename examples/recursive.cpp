// SPDX-License-Identifier: MIT
// A search tree in shared memory, filled by two processes. Each step down locks again, so that every function can
// be called from outside as well as from within.
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <cstdint>
#include <cstdio>
#include <mutex>

/// No pointers in shared memory: nodes are found by their index.
struct tree {
    static constexpr std::uint32_t nobody = 0;

    struct node {
        std::uint32_t key = 0;
        std::uint32_t left = nobody;
        std::uint32_t right = nobody;
    };

    process_shared::recursive_mutex guard;
    std::uint32_t used = 1;  // node 0 stands for "none"
    std::uint32_t root = nobody;
    node nodes[2001];

    std::uint32_t insert(std::uint32_t below, std::uint32_t key) {
        std::lock_guard hold(guard);
        if (below == nobody) {
            nodes[used].key = key;
            return used++;
        }
        std::uint32_t& side = key < nodes[below].key ? nodes[below].left : nodes[below].right;
        side = insert(side, key);
        return below;
    }
    void insert(std::uint32_t key) {
        std::lock_guard hold(guard);
        root = insert(root, key);
    }

    /// How many keys there are, or 0 if one is not above the one before it.
    std::uint32_t count_in_order(std::uint32_t below, std::uint32_t& last) {
        std::lock_guard hold(guard);
        if (below == nobody) return 0;
        const std::uint32_t left = count_in_order(nodes[below].left, last);
        if (nodes[below].key <= last) return 0;
        last = nodes[below].key;
        return left + 1 + count_in_order(nodes[below].right, last);
    }
};

int main() {
    auto memory = process_shared::segment::anonymous(64 * 1024);
    auto& shared = memory.construct<tree>("tree");

    // 48271 generates the numbers below the prime 2^31 - 1: all different.
    auto fill = [&](std::uint64_t number) {
        for (int i = 0; i < 1000; ++i) {
            shared.insert(static_cast<std::uint32_t>(number));
            number = number * 48271 % 2147483647 * 48271 % 2147483647;
        }
    };
    if (fork() == 0) {
        fill(1);
        _exit(0);
    }
    if (fork() == 0) {
        fill(48271);
        _exit(0);
    }
    while (wait(nullptr) > 0) {}

    std::uint32_t last = 0;
    std::printf("%u keys in order\n", shared.count_in_order(shared.root, last));
}
