// SPDX-License-Identifier: MIT
// Forks beside threads that change what the library keeps of its own: no child hangs, and nothing is lost by it.
#include "contract/fork_fixture.hpp"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace contract {
namespace {

class forking_beside : public forking {
protected:
    /// Forks again and again while `work` runs in two other threads. Every child must be able to do it, too.
    template <class Work>
    void fork_beside(Work&& work) {
        std::atomic<bool> stop{false};
        std::vector<std::thread> busy;
        for (int i = 0; i < 2; ++i)
            busy.emplace_back([&] {
                // Not for ever: a thread can sit in some 2000 segments, and sanitized forks are slow.
                for (int rounds = 0; !stop && rounds < 1000; ++rounds) work();
            });
        for (int i = 0; i < 60 && !HasFailure(); ++i)
            EXPECT_TRUE(support::child([&] {
                            for (int round = 0; round < 3; ++round) work();
                            std::thread(work).join();
                        }).wait_success());
        stop = true;
        for (auto& thread : busy) thread.join();
    }
};

TEST_F(forking_beside, threads_that_claim_seats_leaves_no_child_hanging) {
    fork_beside([&] { std::thread([&] { const std::lock_guard hold(shared.guard); }).join(); });
    EXPECT_EQ(try_once(shared.guard), locked);
}

TEST_F(forking_beside, threads_that_make_segments_leaves_no_child_hanging) {
    fork_beside([&] {
        segment own = segment::anonymous(4096);
        const std::lock_guard hold(own.construct<mutex>("lock"));
    });
}

TEST_F(forking_beside, threads_that_open_the_segment_leaves_no_child_hanging) {
    fork_beside([&] {
        segment again = segment::from_fd(memory.fd());
        const std::lock_guard hold(again.find<shared_state>("shared").guard);
    });
    EXPECT_EQ(try_once(shared.guard), locked);
}

// A child that was forked while a thread claimed a seat has copies of what the claimer had open.
TEST_F(forking_beside, claiming_threads_costs_no_seats_while_the_children_live) {
    process_shared::segment_options few;
    few.seats = 12;
    segment small = segment::anonymous(4096, few);
    auto& lock = small.construct<mutex>("lock");
    std::vector<support::child> living;
    {
        std::atomic<bool> stop{false};
        std::thread claimer([&] {
            while (!stop) std::thread([&] { const std::lock_guard hold(lock); }).join();
        });
        for (int i = 0; i < 40; ++i) living.emplace_back([] { pause(); });
        stop = true;
        claimer.join();
    }
    // This thread has a seat. All others must be to be had, at once.
    std::atomic<int> seated{0};
    std::vector<std::thread> sitters;
    for (std::uint32_t i = 1; i < few.seats; ++i)
        sitters.emplace_back([&] {
            EXPECT_EQ(outcome_of([&] { const std::lock_guard hold(lock); }), locked);
            ++seated;
            EXPECT_TRUE(support::await([&] { return seated == static_cast<int>(few.seats) - 1; }));
        });
    for (auto& sitter : sitters) sitter.join();
}

}  // namespace
}  // namespace contract
