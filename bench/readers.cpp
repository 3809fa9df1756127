// SPDX-License-Identifier: MIT
// Readers-writer locks: what a read and a write cost alone, and how much several processes get done.

#include "experiment.hpp"
#include "processes.hpp"
#include "rwlocks.hpp"
#include "timing.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

constexpr int batch_pairs = 5000;
constexpr int full_batches = 1500;
constexpr int most_processes = 8;
constexpr int reads_before = 200'000;  // ours needs no fence after the first 100 000

template <class Lock>
contestant hot(const std::string& series) {
    auto home = std::make_shared<placed<Lock>>();
    for (int i = 0; i < reads_before; ++i) {
        (*home)->guard.lock();
        (*home)->guard.unlock();
    }
    return {series, [home] { return nanoseconds_per_pair((*home)->guard, batch_pairs); }};
}

samples compare_hot(const std::string& name, const std::vector<contestant>& contestants, const options& how) {
    samples result;
    for (const auto& [series, cost] : compare(contestants, how.repetitions(full_batches)))
        result[name][series].push_back(cost);
    return result;
}

samples reads_alone(const options& how) {
    use_one_core(how.cores);
    start_idle_thread();
    return compare_hot("shared_mutex.read_uncontended",
                       {hot<read_side<our_rwlock>>("process_shared"), hot<floor_lock>("floor"),
                        hot<read_side<pthread_rwlock>>("pthread"), hot<read_side<boost_rwlock>>("boost"),
                        hot<read_side<std::shared_mutex>>("std_shared_mutex")},
                       how);
}

/// With so many seats taken, all but one by sleeping processes.
samples writes_alone(const std::string& name, int seats, const options& how) {
    use_one_core(how.cores);
    start_idle_thread();
    process_shared::segment_options roomy;
    roomy.seats = 1100;
    auto home = std::make_shared<placed<our_rwlock>>(roomy);
    const auto read = [home] {
        (*home)->guard.lock_shared();
        (*home)->guard.unlock_shared();
    };
    gate seated;
    std::vector<child> sleepers;
    for (int i = 1; i < seats; ++i)
        sleepers.emplace_back([&] {
            read();
            seated.arrive_and_wait();
        });
    seated.wait_for(seats - 1);
    const contestant ours{std::string(us), [home] { return nanoseconds_per_pair((*home)->guard, batch_pairs); }};
    // Each write comes after a read, so that the writer has to look at every seat.
    const contestant after_reads{std::string(us), [home, read] {
                                     constexpr int pairs = 500;
                                     const std::int64_t start = now();
                                     for (int i = 0; i < pairs; ++i) {
                                         read();
                                         (*home)->guard.lock();
                                         (*home)->guard.unlock();
                                     }
                                     return static_cast<double>(now() - start) / pairs;
                                 }};
    const std::string part = name + "/seats_" + std::to_string(seats);
    samples result;
    for (const auto& [series, cost] : compare({ours, hot<floor_lock>("floor"), hot<pthread_rwlock>("pthread"),
                                               hot<boost_rwlock>("boost"), hot<std::shared_mutex>("std_shared_mutex")},
                                              how.repetitions(full_batches))) {
        if (seats == 2) result[name][series].push_back(cost);
        result[part][series].push_back(cost);
    }
    for (const auto& [series, cost] : compare({after_reads}, how.repetitions(full_batches / 5)))
        result[part + "_after_a_read"][series].push_back(cost);
    seated.open();
    return result;
}

struct mixed_controls {
    alignas(64) std::atomic<bool> stop{false};
    struct alignas(64) share {
        std::uint64_t done;
        std::uint64_t writes;
        std::uint64_t torn;
    };
    std::array<share, most_processes> shares{};  // each written once, at the end
};

template <class Lock>
struct guarded_pair {
    Lock guard;
    alignas(64) std::atomic<std::uint64_t> first{0};
    std::atomic<std::uint64_t> second{0};
};

/// Every operation writes with the given chance, else it reads.
template <class Lock>
void work(guarded_pair<Lock>& shared, const std::atomic<bool>& stop, mixed_controls::share& mine, double writes,
          std::uint32_t seed) {
    mixed_controls::share done{};
    const auto limit = static_cast<std::uint32_t>(4294967295.0 * writes);
    std::uint32_t random = seed;
    const auto relaxed = std::memory_order_relaxed;  // throughout: the lock orders; stop only ends
    while (!stop.load(relaxed)) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        if (limit != 0 && random < limit) {
            shared.guard.lock();
            shared.first.store(shared.first.load(relaxed) + 1, relaxed);
            shared.second.store(shared.second.load(relaxed) + 1, relaxed);
            shared.guard.unlock();
            ++done.writes;
        } else {
            shared.guard.lock_shared();
            if (shared.first.load(relaxed) != shared.second.load(relaxed)) ++done.torn;
            shared.guard.unlock_shared();
        }
        ++done.done;
    }
    mine = done;
}

/// `apart`: every process has a lock of its own, in a segment of its own: the control.
template <class Lock>
samples mix(const std::string& name, const std::string& series, int processes, double writes, bool apart,
            const options& how) {
    use_cores(how.cores);
    std::vector<std::shared_ptr<home_of<guarded_pair<Lock>, is_ours<Lock>>>> homes;
    for (int i = 0; i < (apart ? processes : 1); ++i)
        homes.push_back(std::make_shared<home_of<guarded_pair<Lock>, is_ours<Lock>>>());
    const shared_by_fork<mixed_controls> control;
    gate start;
    std::vector<child> children;
    for (int i = 0; i < processes; ++i) {
        children.emplace_back([&, i] {
            guarded_pair<Lock>& mine = *homes[apart ? static_cast<std::size_t>(i) : 0]->operator->();
            for (int k = 0; k < reads_before; ++k) {
                mine.guard.lock_shared();
                mine.guard.unlock_shared();
            }
            start.arrive_and_wait();
            work(mine, control->stop, control->shares[static_cast<std::size_t>(i)], writes,
                 static_cast<std::uint32_t>(i * 7919 + 1));
        });
    }
    start.wait_for(processes);
    const std::int64_t from = now();
    start.open();
    std::this_thread::sleep_for(std::chrono::duration<double>(how.seconds));
    control->stop.store(true, std::memory_order_relaxed);  // relaxed: see work
    const auto elapsed = static_cast<double>(now() - from);
    for (auto& one : children) one.wait();
    std::uint64_t total = 0;
    std::uint64_t written = 0;
    std::uint64_t torn = 0;
    for (const auto& share : control->shares) {
        total += share.done;
        written += share.writes;
        torn += share.torn;
    }
    if (torn != 0 || (!apart && written != (*homes[0])->first)) throw std::runtime_error("a reader met a writer");
    samples result;
    result[name][series].push_back(static_cast<double>(total) / elapsed * 1e3);
    return result;
}

}  // namespace

void add_readers(std::vector<experiment>& to, const options& how) {
    to.push_back({{{"shared_mutex.read_uncontended", "ns/op"}},
                  {{"one program", [=] { return reads_alone(how); }}},
                  how.rounds * 3});
    const std::string write = "shared_mutex.write_uncontended";
    experiment writing{{{write, "ns/op"}}, {}, how.rounds};
    for (const int seats : {2, 100, 1000}) {
        const std::string name = write + "/seats_" + std::to_string(seats);
        writing.quantities.push_back({name, "ns/op"});
        writing.quantities.push_back({name + "_after_a_read", "ns/op"});
        writing.legs.push_back({std::to_string(seats) + " seats", [=] { return writes_alone(write, seats, how); }});
    }
    to.push_back(std::move(writing));
    const auto limit = std::chrono::seconds(30 + 2 * static_cast<int>(how.seconds));
    const auto add = [&](const std::string& name, double writes, bool alone) {
        const auto run = [=]<class Lock>(const std::string& series, bool apart) {
            const auto both = [=] {
                samples result = mix<Lock>(name, series, 2, writes, apart, how);
                if (!alone) result.merge(mix<Lock>(name + "/processes_8", series, 8, writes, apart, how));
                return result;
            };
            return leg{series, both, limit};
        };
        std::vector<leg> legs = {
            run.template operator()<our_rwlock>("process_shared", false),
            run.template operator()<pthread_rwlock>("pthread", false),
            run.template operator()<boost_rwlock>("boost", false)
        };
        std::vector<quantity> what = {{name, "Mops/s", true}};
        if (alone) legs.push_back(run.template operator()<our_rwlock>("own_lines", true));
        if (!alone) what.push_back({name + "/processes_8", "Mops/s", true});
        to.push_back({std::move(what), std::move(legs), how.rounds});
    };
    add("shared_mutex.read_2", 0, true);
    add("shared_mutex.read_99_1", 0.01, false);
    add("shared_mutex.read_90_10", 0.10, false);
}

}  // namespace bench
