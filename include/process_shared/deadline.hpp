// SPDX-License-Identifier: MIT
// The only "until when".
#pragma once

#include <process_shared/export.hpp>

#include <chrono>
#include <cstdint>
#include <limits>

namespace process_shared {
namespace detail {

/// Whether a signal handler has run during a sleep of the calling thread. Set by the sleeping loop, unset by whoever
/// begins a wait that is to end then.
extern PROCESS_SHARED_API thread_local constinit bool was_interrupted __attribute__((tls_model("initial-exec")));

}  // namespace detail

/// A point on the steady clock, in nanoseconds, after which a wait gives up.
///
/// Durations and time points of any clock become one of these once, at the door; what follows only compares.
/// Negative and zero durations are "now"; anything beyond some 285 years is "never", so hours::max() does not overflow.
///
/// An interruptible one has also passed once a signal handler has run during the wait, so that a wait gives up then as
/// it does when its time is over: that is how the C interface returns for a signal.
/// (A handler with SA_RESTART does not end every wait: the kernel goes on with some. One that runs just before a sleep
/// ends nothing.)
class deadline {
public:
    static constexpr deadline never() noexcept { return deadline(std::numeric_limits<std::int64_t>::max()); }
    static constexpr deadline passed() noexcept { return deadline(0); }

    template <class Rep, class Period>
    static deadline after(const std::chrono::duration<Rep, Period>& wait) noexcept {
        // Compared in floating point first: the cast below would overflow for long waits in coarse units.
        const double seconds = std::chrono::duration<double>(wait).count();
        if (!(seconds > 0)) return passed();
        if (seconds >= longest_seconds) return never();
        return from_now(std::chrono::ceil<std::chrono::nanoseconds>(wait).count());
    }

    template <class Clock, class Duration>
    static deadline at(const std::chrono::time_point<Clock, Duration>& point) {
        const auto now = Clock::now();
        // Compared in floating point first, as in after: the exact difference may not fit.
        const double left = std::chrono::duration<double>(point.time_since_epoch()).count() -
                            std::chrono::duration<double>(now.time_since_epoch()).count();
        if (left >= longest_seconds) return never();
        if (left <= -longest_seconds || point <= now) return passed();
        return after(point - now);
    }

    /// Nanoseconds of the steady clock.
    [[nodiscard]] constexpr std::int64_t nanoseconds() const noexcept { return at_; }
    [[nodiscard]] constexpr bool is_never() const noexcept { return *this == never(); }
    [[nodiscard]] bool has_passed() const noexcept {
        return (interruptible_ && detail::was_interrupted) || (!is_never() && now() >= at_);
    }
    /// The same moment, passed also when a signal handler runs from now on.
    [[nodiscard]] deadline or_signal() const noexcept {
        deadline both = *this;
        both.interruptible_ = true;
        detail::was_interrupted = false;
        return both;
    }

    /// Never, but passed when a signal handler runs if this one is.
    [[nodiscard]] constexpr deadline or_signal_only() const noexcept {
        deadline endless = never();
        endless.interruptible_ = interruptible_;
        return endless;
    }

    /// By the moment only.
    friend constexpr auto operator<=>(const deadline& left, const deadline& right) noexcept {
        return left.at_ <=> right.at_;
    }
    friend constexpr bool operator==(const deadline& left, const deadline& right) noexcept {
        return left.at_ == right.at_;
    }

    /// The same clock as platform/clock.hpp: CLOCK_MONOTONIC on Linux.
    static std::int64_t now() noexcept {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
            .count();
    }

    /// `nanoseconds` from now, or never when that cannot be counted.
    static deadline from_now(std::int64_t nanoseconds) noexcept {
        const std::int64_t start = now();
        if (nanoseconds >= never().at_ - start) return never();
        return deadline(start + nanoseconds);
    }

    explicit constexpr deadline(std::int64_t at) noexcept : at_(at) {}

private:
    static constexpr double longest_seconds = 9.0e9;

    std::int64_t at_;
    bool interruptible_ = false;
};

}  // namespace process_shared
