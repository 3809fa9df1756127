// SPDX-License-Identifier: MIT
// What a registry full of bystanders costs: uncontended locks and takeover while others sit in the segment.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "takeover.hpp"
#include "timing.hpp"

#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

constexpr int threads_each = 100;
constexpr int batch_pairs = 5000;

/// Seats `threads` threads for as long as this process lives.
template <class Lock>
[[noreturn]] void sit(cell<Lock>& shared, std::atomic<int>& seated, int threads) {
    for (int i = 0; i < threads; ++i) {
        std::thread([&] {
            shared.guard.lock();
            shared.guard.unlock();
            seated.fetch_add(1, std::memory_order_relaxed);  // relaxed: counted, nothing is read after it
            for (;;) pause();
        }).detach();
    }
    for (;;) pause();
}

template <class Lock>
std::vector<child> seat_bystanders(cell<Lock>& shared, int count) {
    const shared_by_fork<std::atomic<int>> seated(0);
    std::vector<child> sitters;
    for (int left = count; left > 0; left -= threads_each) {
        sitters.emplace_back([&, left] { sit(shared, *seated, std::min(left, threads_each)); });
    }
    while (seated->load(std::memory_order_relaxed) < count) {  // relaxed: see sit
        for (const auto& one : sitters) wait_until_asleep(one.pid());
    }
    return sitters;
}

/// Microseconds of the first lock and unlock of a fresh process, which has to find a seat.
template <class Lock>
double first_lock(cell<Lock>& shared) {
    const shared_by_fork<double> took(0.0);
    child newcomer([&] {
        const std::int64_t start = now();
        shared.guard.lock();
        shared.guard.unlock();
        *took = static_cast<double>(now() - start) / 1e3;
    });
    newcomer.wait();
    return *took;
}

template <class Heir, class Lock>
samples measure(const std::string& name, const std::string& series, const placed<Lock>& home, int bystanders,
                const options& how) {
    use_cores(how.cores);
    const auto sitters = seat_bystanders(*home.operator->(), bystanders);
    samples result;
    take_over_often<Heir>(result, name + "/takeover", "", series, *home.operator->(), 1, how.repetitions(50));
    for (int i = 0; i < how.repetitions(50); ++i)
        result[name + "/first_lock"][series].push_back(first_lock(*home.operator->()));

    use_one_core(how.cores);
    const placed<floor_lock> floor;
    std::vector<contestant> contestants{{series, [&] { return nanoseconds_per_pair(home->guard, batch_pairs); }}};
    if (series == us) contestants.push_back({"floor", [&] { return nanoseconds_per_pair(floor->guard, batch_pairs); }});
    for (const auto& [who, cost] : compare(contestants, how.repetitions(1000))) result[name][who].push_back(cost);
    return result;
}

}  // namespace

void add_scale(std::vector<experiment>& to, const options& how) {
    for (const int seats : {2, 100, 1000}) {
        const std::string name = "scale.seats_" + std::to_string(seats);
        // The process that measures sits, too; owners and heirs of the takeover come on top.
        const auto ours = [=] {
            process_shared::segment_options roomy;
            roomy.seats = 1100;
            const placed<process_shared::mutex> home(roomy);
            return measure<our_heir>(name, "process_shared", home, seats - 1, how);
        };
        const auto peers = [=] {
            const placed<pthread_robust> home;
            return measure<pthread_heir>(name, "pthread_robust", home, seats - 1, how);
        };
        to.push_back(
            {{{name, "ns/op"}, {name + "/takeover", "us", false, true}, {name + "/first_lock", "us", false, true}},
             {{"process_shared", ours}, {"pthread_robust", peers}},
             how.rounds});
    }
}

}  // namespace bench
