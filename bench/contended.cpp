// SPDX-License-Identifier: MIT
// How much several processes get done with one lock, and how evenly it serves them.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "semaphores.hpp"
#include "timing.hpp"

#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

constexpr int most_processes = 16;

/// Burns time without a system call or a clock read.
class busy_wait {
public:
    explicit busy_wait(int nanoseconds)
        : turns_(nanoseconds <= 0 ? 0 : static_cast<std::uint64_t>(nanoseconds * turns_per_nanosecond())) {}
    void operator()() const { spin(turns_); }

private:
    static void spin(std::uint64_t turns) {
        for (std::uint64_t i = 0; i < turns; ++i) compiler_barrier();
    }
    static double turns_per_nanosecond() {
        constexpr std::uint64_t turns = 1'000'000;
        double best = std::numeric_limits<double>::max();
        for (int i = 0; i < 10; ++i) {
            const std::int64_t start = now();
            spin(turns);
            best = std::min(best, static_cast<double>(now() - start));
        }
        return static_cast<double>(turns) / best;
    }

    std::uint64_t turns_;
};

struct controls {
    alignas(64) std::atomic<bool> stop{false};
    alignas(64) std::array<std::uint64_t, most_processes> done{};  // each written once, at the end
};

template <class Lock>
void work(cell<Lock>& shared, controls& control, std::uint64_t& done, const busy_wait& critical,
          const busy_wait& think) {
    std::uint64_t mine = 0;
    // relaxed: nothing but the end is told by it.
    while (!control.stop.load(std::memory_order_relaxed)) {
        shared.guard.lock();
        shared.count = shared.count + 1;
        compiler_barrier();
        critical();
        shared.guard.unlock();
        ++mine;
        think();
    }
    done = mine;
}

std::string throughput_name(const std::string& what, int processes) {
    return what + ".contended_" + std::to_string(processes);
}
/// Of mutexes with eight processes a case of its own, else a part of the throughput's.
std::string fairness_name(const std::string& what, int processes) {
    return what == "mutex" && processes == 8 ? "mutex.fairness_8" : throughput_name(what, processes) + "/fairness";
}

template <class Lock>
samples contend(const std::string& what, const std::string& series, int processes, const options& how) {
    use_cores(how.cores);
    const placed<Lock> shared;
    const shared_by_fork<controls> control;
    const busy_wait critical(how.critical_ns);
    const busy_wait think(how.think_ns);
    gate start;
    std::vector<child> children;
    for (int i = 0; i < processes; ++i) {
        children.emplace_back([&, i] {
            shared->guard.lock();  // takes a seat, touches the pages
            shared->guard.unlock();
            start.arrive_and_wait();
            work(*shared.operator->(), *control, control->done[static_cast<std::size_t>(i)], critical, think);
        });
    }
    start.wait_for(processes);
    const std::int64_t from = now();
    start.open();
    std::this_thread::sleep_for(std::chrono::duration<double>(how.seconds));
    control->stop.store(true, std::memory_order_relaxed);  // relaxed: see work
    const auto elapsed = static_cast<double>(now() - from);
    for (auto& one : children) one.wait();

    const auto end = control->done.begin() + processes;
    const auto total = std::accumulate(control->done.begin(), end, std::uint64_t{0});
    if (total != shared->count) throw std::runtime_error("the lock let two in at once: updates were lost");
    const auto [slowest, fastest] = std::minmax_element(control->done.begin(), end);

    samples result;
    result[throughput_name(what, processes)][series].push_back(static_cast<double>(total) / elapsed * 1e3);
    result[fairness_name(what, processes)][series].push_back(static_cast<double>(*slowest) /
                                                             static_cast<double>(*fastest));
    return result;
}

}  // namespace

void add_contended(std::vector<experiment>& to, const options& how) {
    const auto limit = std::chrono::seconds(30 + static_cast<int>(how.seconds));
    const auto add = [&](const std::string& what, int processes, auto... locks) {
        to.push_back({{{throughput_name(what, processes), "Mops/s", true},
                       {fairness_name(what, processes), "slowest/fastest", true}},
                      {leg{locks.series,
                           [=] { return contend<typename decltype(locks)::type>(what, locks.series, processes, how); },
                           limit}...},
                      how.rounds});
    };
    for (const int processes : {2, 4, 8, most_processes})
        add("mutex", processes, named_type<process_shared::mutex>{"process_shared"},
            named_type<pthread_normal>{"pthread"}, named_type<pthread_robust>{"pthread_robust"},
            named_type<boost::interprocess::interprocess_mutex>{"boost"});
    for (const int processes : {2, 8})
        add("semaphore", processes, named_type<our_semaphore>{"process_shared"}, named_type<posix_semaphore>{"sem_t"},
            named_type<boost_semaphore>{"boost"});
    for (const int processes : {2, 8})
        add("owned_semaphore", processes, named_type<our_owned_semaphore>{"process_shared"},
            named_type<posix_semaphore>{"sem_t"}, named_type<boost_semaphore>{"boost"});
}

}  // namespace bench
