// SPDX-License-Identifier: MIT
// Six processes share one lock, and every few milliseconds one of them is killed, wherever it is, and replaced.
#include "death/campaign.hpp"
#include "death/lock_scenario.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace death {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using process_shared::mutex;

constexpr int workers = 6;
// A stuck lock, not a slow machine: what waits this long waits for ever.
constexpr auto stuck = 30s;

struct weather {
    std::atomic<pid_t> inside;
    std::atomic<std::uint64_t> overlaps;
    std::atomic<std::uint64_t> torn;
    std::atomic<std::uint64_t> told;
    std::atomic<std::uint64_t> repairs;
    std::atomic<std::uint64_t> rounds[workers];
    std::atomic<std::int64_t> waits_since[workers];  // 0: does not wait
    std::atomic<std::int64_t> longest_wait;
};

std::int64_t now() { return clock::now().time_since_epoch().count(); }

/// One worker: locks, changes both halves, unlocks, for ever.
class worker {
public:
    worker(account<mutex>& shared, weather& seen, int number) : shared_(shared), seen_(seen), number_(number) {}

    [[noreturn]] void run() {
        for (;;) {
            lock();
            if (seen_.inside.exchange(getpid()) != 0) ++seen_.overlaps;
            if (shared_.first != shared_.second) ++seen_.torn;
            write(shared_.first, shared_.first + 1);
            write(shared_.second, shared_.second + 1);
            ++seen_.rounds[number_];
            seen_.inside = 0;
            shared_.guard.unlock();
        }
    }

private:
    void lock() {
        const std::int64_t start = now();
        seen_.waits_since[number_] = start;
        try {
            shared_.guard.lock();
        } catch (const process_shared::owner_died&) {
            ++seen_.told;
            shared_.guard.lock([&] {
                ++seen_.repairs;
                seen_.inside = 0;  // the dead one was
                write(shared_.second, shared_.first);
            });
        }
        seen_.waits_since[number_] = 0;
        const std::int64_t waited = now() - start;
        std::int64_t longest = seen_.longest_wait;
        while (waited > longest && !seen_.longest_wait.compare_exchange_weak(longest, waited)) {}
    }

    static void write(volatile std::uint64_t& to, std::uint64_t value) { to = value; }

    account<mutex>& shared_;
    weather& seen_;
    int number_;
};

/// All workers, each replaced when killed.
class crew {
public:
    crew(account<mutex>& shared, weather& seen) : shared_(shared), seen_(seen) {
        for (int i = 0; i < workers; ++i) start(i);
    }
    void replace(int number) {
        crew_[number]->kill();
        seen_.waits_since[number] = 0;
        start(number);
    }
    [[nodiscard]] bool anybody_stuck() const {
        const std::int64_t limit = now() - std::chrono::nanoseconds(stuck).count();
        return std::any_of(std::begin(seen_.waits_since), std::end(seen_.waits_since),
                           [&](const std::int64_t since) { return since != 0 && since < limit; });
    }
    void end() {
        for (auto& one : crew_) one->kill();
    }

private:
    void start(int number) {
        crew_[number].emplace([this, number] { worker(shared_, seen_, number).run(); });
    }

    account<mutex>& shared_;
    weather& seen_;
    std::optional<support::child> crew_[workers];
};

TEST(storm, kills_at_any_moment_leave_the_lock_and_the_account_in_order) {
    const auto duration = long_run() ? 120s : 20s;
    conditions under;
    under.backstop = process_shared::segment_options().backstop;
    auto memory = process_shared::segment::anonymous(4096, small_segment(under));
    auto& shared = memory.construct<account<mutex>>("account");
    support::scratch<weather> seen;
    std::mt19937_64 random(seed());

    crew all(shared, *seen);
    std::uint64_t kills = 0;
    const auto end = clock::now() + duration;
    while (clock::now() < end && !all.anybody_stuck()) {
        // The pace of the storm, not a wait for anything.
        std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 4000));
        all.replace(static_cast<int>(random() % workers));
        ++kills;
    }
    const bool anybody_stuck = all.anybody_stuck();
    all.end();
    shared.guard.lock([&] { shared.second = shared.first; });
    shared.guard.unlock();

    std::uint64_t rounds = 0;
    for (const auto& one : seen->rounds) rounds += one;
    std::printf("kill storm: %llu kills, %llu rounds, %llu repairs, longest wait %.1f ms; PROCESS_SHARED_SEED=%llu\n",
                static_cast<unsigned long long>(kills), static_cast<unsigned long long>(rounds),
                static_cast<unsigned long long>(seen->repairs.load()), static_cast<double>(seen->longest_wait) / 1e6,
                static_cast<unsigned long long>(seed()));
    EXPECT_FALSE(anybody_stuck);
    EXPECT_EQ(seen->overlaps, 0u);
    EXPECT_EQ(seen->torn, 0u);
    EXPECT_GT(kills, 100u);
    EXPECT_GT(seen->repairs, 0u);
    // Whoever dies between the first half and its own count leaves a round uncounted, the last ones as well.
    EXPECT_GE(shared.first, rounds);
    EXPECT_LE(shared.first, rounds + kills + workers);
}

}  // namespace
}  // namespace death
