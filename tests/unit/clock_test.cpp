// SPDX-License-Identifier: MIT
// platform/clock.hpp keeps its promises.
#include "platform/clock.hpp"

#include "support/child.hpp"
#include "support/scratch.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace {

using namespace process_shared::platform;
using namespace std::chrono_literals;

TEST(clock, never_goes_back) {
    std::int64_t last = now();
    for (int i = 0; i < 10'000; ++i) {
        const std::int64_t next = now();
        ASSERT_GE(next, last);
        last = next;
    }
}

TEST(clock, is_the_same_for_all_processes) {
    support::scratch<std::atomic<std::int64_t>> seen;
    const std::int64_t before = now();
    EXPECT_TRUE(support::child([&] { *seen = now(); }).wait_success());
    EXPECT_LE(before, seen->load());
    EXPECT_LE(seen->load(), now());
}

TEST(clock, calendar_counts_nanoseconds_since_1970) {
    const auto seconds = [](std::chrono::system_clock::time_point point) { return point.time_since_epoch() / 1s; };
    const auto before = seconds(std::chrono::system_clock::now());
    const std::int64_t between = calendar_now() / 1'000'000'000;
    EXPECT_LE(before, between);
    EXPECT_LE(between, seconds(std::chrono::system_clock::now()));
}

TEST(clock, processors_are_those_this_process_may_use) {
    EXPECT_GE(processors(), 1u);
    EXPECT_TRUE(support::child([] {
                    cpu_set_t one;
                    CPU_ZERO(&one);
                    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
                    support::check(sched_setaffinity(0, sizeof one, &one) == 0, "cannot pin to one processor");
                    EXPECT_EQ(processors(), 1u);
                }).wait_success());
}

TEST(clock, pausing_and_yielding_return) {
    relax();
    yield();
}

}  // namespace
