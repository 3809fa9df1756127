// SPDX-License-Identifier: MIT
// Six processes use every primitive there is, in random order, and every few milliseconds one of them is killed,
// wherever it is, and replaced.
#include "death/campaign.hpp"
#include "death/lock_scenario.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/process_shared.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <shared_mutex>
#include <thread>

namespace death {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
namespace ps = process_shared;

constexpr int workers = 6;
constexpr auto stuck = 30s;  // what waits this long waits for ever

/// Two halves, equal unless somebody died between them.
struct pair_of_halves {
    std::atomic<std::uint64_t> first{0};
    std::atomic<std::uint64_t> second{0};

    [[nodiscard]] bool differ() const { return first != second; }
    void repair() { second = first.load(); }
    /// Takes long enough to be killed in.
    void change() {
        ++first;
        for (int i = 0; i < 20'000; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
        ++second;
    }
};

struct everything {
    ps::mutex plain;
    ps::recursive_mutex again;
    ps::checked_mutex left, right;
    ps::shared_mutex shared;
    ps::monitor room;
    ps::mutex table;
    ps::condition_variable laid;
    ps::counting_semaphore<> tokens{2};
    ps::owned_semaphore<100> permits{3};
    ps::event bell{ps::event_reset::automatic};
    ps::event gate{};
    ps::latch start{1};
    ps::barrier<8> step{3};
    std::array<ps::once_flag, 64> once;
    std::array<std::atomic<int>, 64> done{};
    pair_of_halves under_plain, under_again, under_shared, in_room;
    std::atomic<int> on_table{0};
};

struct sightings {
    std::atomic<std::uint64_t> rounds[workers];
    std::atomic<std::int64_t> busy_since[workers];
    std::atomic<int> doing[workers];
    std::atomic<std::uint64_t> violations;
    std::atomic<int> last_violation;
    std::atomic<std::uint64_t> told;
};

std::int64_t now() { return clock::now().time_since_epoch().count(); }

class worker {
public:
    worker(everything& all, ps::object_buffer& buffer, sightings& seen, int number)
        : all_(all), buffer_(buffer), seen_(seen), number_(number), random_(static_cast<unsigned>(now() + number)) {}

    [[noreturn]] void run() {
        for (;;) round();
    }
    void round() {
        const int what = static_cast<int>(random_() % 13);
        seen_.doing[number_] = what;
        seen_.busy_since[number_] = now();
        try {
            perform(what);
        } catch (const std::exception&) {
            violation(100 + what);
        }
        seen_.busy_since[number_] = 0;
        ++seen_.rounds[number_];
    }

private:
    void violation(int which) {
        ++seen_.violations;
        seen_.last_violation = which;
    }

    void perform(int what) {
        switch (what) {
            case 0:
                return exclusively(all_.plain, all_.under_plain, what);
            case 1:
                return exclusively(all_.again, all_.under_again, what);
            case 2:
                return exclusively(all_.shared, all_.under_shared, what);
            case 3:
            case 4:
                return read(what);
            case 5:
                return both_in_any_order();
            case 6:
                return in_the_room(what);
            case 7:
                return at_the_table();
            case 8:
                return with_tokens();
            case 9:
                return with_permits();
            case 10:
                return with_events();
            case 11:
                return at_the_barrier();
            default:
                return once_and_store(what);
        }
    }

    template <class Lock>
    void exclusively(Lock& lock, pair_of_halves& halves, int what) {
        lock.lock([&] {
            ++seen_.told;
            halves.repair();
        });
        const std::lock_guard hold(lock, std::adopt_lock);
        if (halves.differ()) violation(what);
        halves.change();
    }

    void read(int what) {
        try {
            const std::shared_lock hold(all_.shared);
            if (all_.under_shared.differ()) violation(what);
        } catch (const ps::owner_died&) {
            exclusively(all_.shared, all_.under_shared, what);
        }
    }

    void both_in_any_order() {
        ps::checked_mutex& first = random_() % 2 == 0 ? all_.left : all_.right;
        ps::checked_mutex& second = &first == &all_.left ? all_.right : all_.left;
        first.lock([] {});
        const std::lock_guard hold(first, std::adopt_lock);
        try {
            if (second.try_lock_for(150ms, [] {})) second.unlock();
        } catch (const std::system_error& failure) {
            if (failure.code() != std::errc::resource_deadlock_would_occur) throw;
        }
    }

    void in_the_room(int what) {
        all_.room.lock([&] { all_.in_room.repair(); });
        const std::lock_guard hold(all_.room, std::adopt_lock);
        if (all_.in_room.differ()) violation(what);
        all_.in_room.change();
    }

    void at_the_table() {
        all_.table.lock([] {});
        std::unique_lock hold(all_.table, std::adopt_lock);
        if (random_() % 2 == 0) {
            ++all_.on_table;
            hold.unlock();
            all_.laid.notify_one();
            return;
        }
        try {
            if (all_.laid.wait_for(hold, 3ms, [&] { return all_.on_table > 0; })) --all_.on_table;
        } catch (const ps::owner_died&) {
            hold.release();
        }
    }

    void with_tokens() {
        if (all_.tokens.try_acquire_for(2ms))
            all_.tokens.release();
        else if (all_.tokens.value() == 0)
            all_.tokens.release();  // gone with a dead one: documented
    }

    void with_permits() {
        const ps::permit one = all_.permits.acquire_permit();
        const auto two = all_.permits.try_acquire_permit_for(1ms);
        all_.permits.try_acquire_permit().reset();
    }

    void with_events() {
        all_.bell.set();
        (void)all_.bell.wait_for(1ms);
        if (random_() % 2 == 0)
            all_.gate.set();
        else
            all_.gate.reset();
        all_.start.wait();
    }

    void at_the_barrier() {
        try {
            all_.step.join();
            const auto token = all_.step.arrive();
            (void)all_.step.wait_by(token, ps::deadline::after(2ms));
        } catch (const ps::participant_died&) {
            all_.step.reset();
        } catch (const std::system_error& failure) {
            // As many have joined as are expected.
            if (failure.code() != std::errc::no_lock_available) throw;
        }
    }

    void once_and_store(int what) {
        const std::size_t which = random_() % all_.once.size();
        ps::call_once(all_.once[which], [&] { all_.done[which] = 7; });
        if (all_.done[which] != 7) violation(what);
        buffer_.store(std::array<std::uint64_t, 8>{which, which, which, which, which, which, which, which});
        const auto loaded = buffer_.load<std::array<std::uint64_t, 8>>();
        if (!loaded) return violation(what);
        for (const std::uint64_t each : *loaded)
            if (each != loaded->front()) violation(what);
    }

    everything& all_;
    ps::object_buffer& buffer_;
    sightings& seen_;
    int number_;
    std::mt19937 random_;
};

TEST(storm, kills_at_any_moment_leave_every_primitive_in_order) {
    const auto duration = long_run() ? 600s : 60s;
    conditions under;
    under.backstop = ps::segment_options().backstop;
    auto memory = ps::segment::anonymous(64 * 1024, small_segment(under, 32));
    auto& all = memory.construct<everything>("everything");
    auto buffer = ps::object_buffer::create(memory, "buffer", 256);
    all.start.count_down();
    support::scratch<sightings> seen;
    std::mt19937_64 random(seed());

    std::array<std::optional<support::child>, workers> crew;
    const auto start = [&](int number) {
        seen->busy_since[number] = 0;
        crew[static_cast<std::size_t>(number)].emplace([&, number] { worker(all, buffer, *seen, number).run(); });
    };
    for (int i = 0; i < workers; ++i) start(i);
    const auto anybody_stuck = [&] {
        const std::int64_t limit = now() - std::chrono::nanoseconds(stuck).count();
        for (const auto& busy : seen->busy_since)
            if (const std::int64_t since = busy; since != 0 && since < limit) return true;
        return false;
    };
    std::uint64_t kills = 0;
    const auto end = clock::now() + duration;
    while (clock::now() < end && !anybody_stuck() && seen->violations == 0) {
        // The pace of the storm, not a wait for anything.
        std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 6000));
        const int which = static_cast<int>(random() % workers);
        crew[static_cast<std::size_t>(which)]->kill();
        start(which);
        ++kills;
    }
    EXPECT_FALSE(anybody_stuck());
    std::string doing;
    for (int i = 0; i < workers; ++i) doing += std::to_string(seen->doing[i]) + (seen->busy_since[i] == 0 ? " " : "* ");
    for (auto& one : crew) one->kill();

    std::uint64_t rounds = 0;
    for (const auto& one : seen->rounds) rounds += one;
    std::printf("mixed storm: %llu kills, %llu rounds, %llu repairs; at the end %s; PROCESS_SHARED_SEED=%llu\n",
                static_cast<unsigned long long>(kills), static_cast<unsigned long long>(rounds),
                static_cast<unsigned long long>(seen->told.load()), doing.c_str(),
                static_cast<unsigned long long>(seed()));
    EXPECT_EQ(seen->violations, 0u) << "the last was " << seen->last_violation;
    EXPECT_GT(kills, 100u);
    EXPECT_GT(rounds, 1000u);
    EXPECT_GT(seen->told, 0u);

    // All are dead: one alone finds everything usable, and every permit there.
    support::child last([&] {
        worker one(all, buffer, *seen, 0);
        for (int i = 0; i < 500; ++i) one.round();
        std::vector<ps::permit> mine;
        for (int i = 0; i < 3; ++i) mine.push_back(all.permits.acquire_permit());
        support::check(!all.permits.try_acquire(), "there are too many permits");
    });
    EXPECT_TRUE(support::await([&] { return !last.running(); }, 60s));
    EXPECT_EQ(seen->violations, 0u) << "the last was " << seen->last_violation;
    EXPECT_EQ(all.permits.value(), 3);
}

}  // namespace
}  // namespace death
