// SPDX-License-Identifier: MIT
// Deadlines: every duration and time point that std can spell becomes "passed", "never" or the right moment.
#include <process_shared/deadline.hpp>

#include "platform/clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ratio>

namespace {

using process_shared::deadline;
using namespace std::chrono_literals;

using years = std::chrono::duration<std::int64_t, std::ratio<31'556'952>>;
using picoseconds = std::chrono::duration<std::int64_t, std::pico>;

/// A clock whose time points are counted in whole hours.
struct sundial {
    using duration = std::chrono::hours;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<sundial>;
    static time_point now() noexcept { return time_point(duration(1000)); }
};

TEST(deadline, zero_and_negative_durations_have_passed) {
    EXPECT_EQ(deadline::after(0s), deadline::passed());
    EXPECT_EQ(deadline::after(-1ns), deadline::passed());
    EXPECT_EQ(deadline::after(std::chrono::hours(-3)), deadline::passed());
    EXPECT_EQ(deadline::after(std::chrono::duration<double>(-0.5)), deadline::passed());
    EXPECT_TRUE(deadline::passed().has_passed());
}

TEST(deadline, smallest_durations_have_passed) {
    EXPECT_EQ(deadline::after(std::chrono::nanoseconds::min()), deadline::passed());
    EXPECT_EQ(deadline::after(std::chrono::hours::min()), deadline::passed());
    EXPECT_EQ(deadline::after(years::min()), deadline::passed());
}

TEST(deadline, largest_durations_are_never) {
    EXPECT_TRUE(deadline::after(std::chrono::nanoseconds::max()).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::milliseconds::max()).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::hours::max()).is_never());
    EXPECT_TRUE(deadline::after(years::max()).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).is_never());
    EXPECT_TRUE(deadline::after(std::chrono::duration<float, std::ratio<3600>>(1e30f)).is_never());
}

TEST(deadline, never_never_passes) {
    EXPECT_FALSE(deadline::never().has_passed());
    EXPECT_GT(deadline::never(), deadline::after(years(200)));
}

TEST(deadline, what_is_not_a_number_has_passed) {
    EXPECT_EQ(deadline::after(std::chrono::duration<double>(std::nan(""))), deadline::passed());
}

TEST(deadline, durations_of_any_unit_end_no_earlier_than_asked) {
    const std::int64_t start = deadline::now();
    EXPECT_GE(deadline::after(1ns).nanoseconds(), start + 1);
    EXPECT_GE(deadline::after(7ms).nanoseconds(), start + 7'000'000);
    EXPECT_GE(deadline::after(std::chrono::duration<int, std::ratio<3600>>(1000)).nanoseconds(),
              start + 3'600'000'000'000'000);
    EXPECT_GE(deadline::after(years(200)).nanoseconds(), start + years(200) / 1ns);
    EXPECT_GE(deadline::after(std::chrono::duration<double>(0.25)).nanoseconds(), start + 250'000'000);
    EXPECT_GE(deadline::after(std::chrono::duration<unsigned char>(255)).nanoseconds(), start + 255'000'000'000);
}

TEST(deadline, longer_waits_end_later) {
    EXPECT_LT(deadline::after(1h), deadline::after(2h));
    EXPECT_FALSE(deadline::after(1h).has_passed());
}

TEST(deadline, fraction_of_a_nanosecond_is_not_rounded_down_to_nothing) {
    const std::int64_t start = deadline::now();
    EXPECT_GE(deadline::after(picoseconds(1)).nanoseconds(), start + 1);
}

TEST(deadline, time_points_of_the_past_have_passed) {
    EXPECT_EQ(deadline::at(std::chrono::steady_clock::now() - 1s), deadline::passed());
    EXPECT_EQ(deadline::at(std::chrono::system_clock::now() - 1s), deadline::passed());
    EXPECT_EQ(deadline::at(std::chrono::steady_clock::time_point::min()), deadline::passed());
    EXPECT_EQ(deadline::at(std::chrono::system_clock::time_point::min()), deadline::passed());
}

TEST(deadline, time_points_of_the_future_end_no_earlier_than_asked) {
    const std::int64_t start = deadline::now();
    EXPECT_GE(deadline::at(std::chrono::steady_clock::now() + 1h).nanoseconds(), start + 3'600'000'000'000);
    EXPECT_GE(deadline::at(std::chrono::system_clock::now() + 1h).nanoseconds(), start + 3'600'000'000'000);
    EXPECT_GE(deadline::at(sundial::now() + 2h).nanoseconds(), start + 7'200'000'000'000);
}

TEST(deadline, largest_time_points_do_not_wrap_into_the_past) {
    const deadline far = deadline::after(years(100));
    EXPECT_GT(deadline::at(std::chrono::steady_clock::time_point::max()), far);
    EXPECT_GT(deadline::at(std::chrono::system_clock::time_point::max()), far);
    EXPECT_GT(deadline::at(sundial::time_point::max()), far);
}

// Comparing such a point with a clock that counts nanoseconds would overflow.
TEST(deadline, largest_time_points_of_coarse_units_are_never) {
    using std::chrono::time_point;
    EXPECT_TRUE(deadline::at(time_point<std::chrono::system_clock, std::chrono::hours>::max()).is_never());
    EXPECT_TRUE(deadline::at(time_point<std::chrono::steady_clock, std::chrono::seconds>::max()).is_never());
    EXPECT_TRUE(deadline::at(time_point<std::chrono::steady_clock, years>::max()).is_never());
}

TEST(deadline, smallest_time_points_of_coarse_units_have_passed) {
    using std::chrono::time_point;
    EXPECT_EQ(deadline::at(time_point<std::chrono::system_clock, std::chrono::hours>::min()), deadline::passed());
    EXPECT_EQ(deadline::at(time_point<std::chrono::steady_clock, years>::min()), deadline::passed());
}

TEST(deadline, counting_from_now_saturates) {
    EXPECT_TRUE(deadline::from_now(std::numeric_limits<std::int64_t>::max()).is_never());
    EXPECT_FALSE(deadline::from_now(1'000'000'000).is_never());
}

TEST(deadline, is_on_the_clock_of_the_platform_and_of_std) {
    const std::int64_t first = process_shared::platform::now();
    const std::int64_t second = deadline::now();
    const std::int64_t third = std::chrono::steady_clock::now().time_since_epoch() / 1ns;
    const std::int64_t fourth = process_shared::platform::now();
    EXPECT_LE(first, second);
    EXPECT_LE(second, third);
    EXPECT_LE(third, fourth);
}

}  // namespace
