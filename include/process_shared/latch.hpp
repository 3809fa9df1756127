// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace process_shared {

/// A count that goes down to zero once, and lets everybody pass then. To be placed inside a segment.
///
///     auto memory = process_shared::segment::open_or_create("start", 65536);
///     auto& loaded = memory.find_or_construct<process_shared::latch>("loaded", 4);   // four workers
///     loaded.count_down();                         // in each worker, when it has loaded its part
///     loaded.wait();                               // in whoever needs all parts
///     loaded.arrive_and_wait();                    // both
///
/// Blocks: wait() and arrive_and_wait() until the count is zero, wait_for/until to the deadline, the others never.
/// Throws: std::system_error equal to invalid_argument (a count that is negative or larger than what is left; nothing
///     is counted then), operation_not_permitted (outside any attached segment), no_lock_available (to wait takes a
///     seat, and none is free).
/// Synchronizes with: count_down() with each wait that returns.
/// On death: nobody knows who was to count down, so a process that dies before it does leaves the rest waiting; use a
///     barrier where that must not be. Who is killed inside count_down() has counted or not; if it dies before it wakes
///     the sleepers, they find out within the backstop (100 ms).
/// Differs from std::latch: wait_for, wait_until; wrong counts are errors instead of undefined.
/// Sizes: 4 bytes, 4-aligned; all-zero bytes are a latch that lets everybody pass. At most 2^31 - 1.
class PROCESS_SHARED_API latch {
public:
    explicit constexpr latch(std::ptrdiff_t count) : word_(checked(count)) {}
    latch(const latch&) = delete;
    latch& operator=(const latch&) = delete;

    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return most; }

    void count_down(std::ptrdiff_t by = 1);
    [[nodiscard]] bool try_wait() const;
    void wait() const { (void)wait_by(deadline::never()); }
    void arrive_and_wait(std::ptrdiff_t by = 1) {
        count_down(by);
        wait();
    }
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(const std::chrono::duration<Rep, Period>& wait) const {
        return wait_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration>& point) const {
        return wait_by(deadline::at(point));
    }
    /// The part that the above and the bindings are made of.
    [[nodiscard]] bool wait_by(deadline until) const;

private:
    static constexpr std::uint32_t most = 0x7fffffff;

    static constexpr std::uint32_t checked(std::ptrdiff_t count) {
        if (count < 0 || count > max()) throw std::system_error(make_error_code(errc::bad_count));
        return static_cast<std::uint32_t>(count);
    }

    mutable std::atomic<std::uint32_t> word_;
};

static_assert(sizeof(latch) == 4);

}  // namespace process_shared
