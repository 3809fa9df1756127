// SPDX-License-Identifier: MIT
// Waiting for a condition in a test: the only loop here that sleeps, and the limit that ends a hung test.
#pragma once

#include <sched.h>
#include <time.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace support {

/// Far above anything a healthy test needs, sanitizers and a busy machine included. Not a statement about speed.
inline constexpr std::chrono::milliseconds watchdog{60'000};

/// True as soon as `holds()` is; false if it still is not after `limit`.
///     ASSERT_TRUE(support::await([&] { return flags->holding.load() == 1; }));
template <class Condition>
[[nodiscard]] bool await(Condition&& holds, std::chrono::nanoseconds limit = watchdog) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (unsigned round = 0; !holds(); ++round) {
        if (std::chrono::steady_clock::now() >= end) return holds();
        if (round < 50) {
            sched_yield();
        } else {
            const timespec moment{0, 50'000};
            nanosleep(&moment, nullptr);
        }
    }
    return true;
}

/// What `check` throws. In a child it becomes the message of wait_success(); in a test, a failure.
class check_failed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// For code that runs in children, where ASSERT_… cannot end the function it is used in.
inline void check(bool holds, const std::string& what) {
    if (!holds) throw check_failed(what);
}

}  // namespace support
