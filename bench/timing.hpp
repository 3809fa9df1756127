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

/// Runs the contestants' batches in turn, so that a disturbance meets all of them; the median batch of each.
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
    for (std::size_t k = 0; k < contestants.size(); ++k) medians.emplace_back(contestants[k].series, median(seen[k]));
    return medians;
}

}  // namespace bench
