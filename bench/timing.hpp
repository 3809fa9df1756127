// SPDX-License-Identifier: MIT
// The clock, the loop that every lock is measured by, and medians.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// Nanoseconds of the steady clock, which all processes of a machine share.
inline std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// The compiler must assume that memory changes here, so nothing moves across.
inline void compiler_barrier() { asm volatile("" ::: "memory"); }

/// The same loop for every lock; only lock() and unlock() differ.
template <class Lock>
[[gnu::noinline]] double nanoseconds_per_pair(Lock& lock, int pairs) {
    const std::int64_t start = now();
    for (int i = 0; i < pairs; ++i) {
        lock.lock();
        compiler_barrier();
        lock.unlock();
    }
    return static_cast<double>(now() - start) / pairs;
}

/// The same with two locks in turn.
template <class Lock>
[[gnu::noinline]] double nanoseconds_per_pair(Lock& first, Lock& second, int pairs) {
    const std::int64_t start = now();
    for (int i = 0; i < pairs; i += 2) {
        first.lock();
        compiler_barrier();
        first.unlock();
        second.lock();
        compiler_barrier();
        second.unlock();
    }
    return static_cast<double>(now() - start) / pairs;
}

/// The value below which `share` of the values lie.
inline double quantile(std::vector<double> values, double share) {
    if (values.empty()) return std::nan("");
    const auto last = static_cast<double>(values.size() - 1);
    const auto place = static_cast<std::ptrdiff_t>(std::lround(share * last));
    std::nth_element(values.begin(), values.begin() + place, values.end());
    return values[static_cast<std::size_t>(place)];
}
/// The middle value, or the mean of the two in the middle.
inline double median(const std::vector<double>& values) {
    if (values.size() % 2 == 1) return quantile(values, 0.5);
    const double halves = static_cast<double>(values.size()) / 2;
    const double last = static_cast<double>(values.size()) - 1;
    return values.empty() ? std::nan("")
                          : (quantile(values, (halves - 1) / last) + quantile(values, halves / last)) / 2;
}

/// Something to measure: runs one short batch and says what an operation cost.
struct contestant {
    std::string series;
    std::function<double()> batch;
};

/// Which turns count. Whoever shares the core with us (another tenant, on a virtual machine) slows a turn down, and the
/// longer code more than the shorter. The floor tells: a turn in which it took 3 % more than in its best twentieth was
/// disturbed, and counts for nobody. Without a floor, or if hardly any turn was quiet, all count.
inline std::vector<bool> quiet_turns(const std::vector<contestant>& contestants,
                                     const std::vector<std::vector<double>>& seen) {
    const auto floor = std::find_if(contestants.begin(), contestants.end(),
                                    [](const contestant& one) { return one.series == "floor"; });
    const std::size_t turns = seen.front().size();
    std::vector<bool> quiet(turns, true);
    if (floor == contestants.end()) return quiet;
    const auto& control = seen[static_cast<std::size_t>(floor - contestants.begin())];
    const double most = quantile(control, 0.05) * 1.03;
    for (std::size_t i = 0; i < turns; ++i) quiet[i] = control[i] <= most;
    if (std::count(quiet.begin(), quiet.end(), true) * 20 < static_cast<std::ptrdiff_t>(turns))
        quiet.assign(turns, true);
    return quiet;
}

/// Runs the contestants' batches in turn, so that a disturbance meets all of them; the median quiet batch of each.
inline std::vector<std::pair<std::string, double>> compare(const std::vector<contestant>& contestants, int batches) {
    std::vector<std::vector<double>> seen(contestants.size());
    for (const auto& one : contestants) one.batch();  // warms up
    for (int i = 0; i < batches; ++i) {
        for (std::size_t k = 0; k < contestants.size(); ++k) {
            const std::size_t turn = (k + static_cast<std::size_t>(i)) % contestants.size();
            seen[turn].push_back(contestants[turn].batch());
        }
    }
    std::vector<std::pair<std::string, double>> medians;
    const std::vector<bool> quiet = quiet_turns(contestants, seen);
    for (std::size_t k = 0; k < contestants.size(); ++k) {
        std::vector<double> counted;
        for (std::size_t i = 0; i < quiet.size(); ++i)
            if (quiet[i]) counted.push_back(seen[k][i]);
        medians.emplace_back(contestants[k].series, median(counted));
    }
    return medians;
}

}  // namespace bench
