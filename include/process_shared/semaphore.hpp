// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace process_shared {
namespace detail {

/// The word that every counting_semaphore is.
class PROCESS_SHARED_API semaphore_word {
public:
    static constexpr std::uint32_t most = 0x40000000;

    explicit constexpr semaphore_word(std::uint32_t permits) noexcept : word_(permits) {}

    PROCESS_SHARED_DIRECT void release_one(std::uint32_t max);
    void release(std::ptrdiff_t count, std::uint32_t max);
    PROCESS_SHARED_DIRECT void acquire();
    [[nodiscard]] PROCESS_SHARED_DIRECT bool try_acquire();
    [[nodiscard]] bool acquire_by(deadline until);
    [[nodiscard]] std::ptrdiff_t value() const;

private:
    std::atomic<std::uint32_t> word_;
};

}  // namespace detail

/// A count of permits between processes; anyone may release. To be placed inside a segment.
///
///     auto memory = process_shared::segment::open_or_create("jobs", 65536);
///     auto& waiting = memory.find_or_construct<process_shared::counting_semaphore<>>("waiting", 0);
///     waiting.release();                              // in the process that adds a job
///     waiting.acquire();                              // in the one that takes it
///     if (!waiting.try_acquire_for(5s)) go_home();
///
/// Blocks: acquire() until a permit is there, try_acquire_for/until to the deadline, the others never.
/// Throws: std::system_error equal to value_too_large (release beyond Max: nothing is released then),
///     invalid_argument (a negative count), operation_not_permitted (outside any attached segment),
///     no_lock_available (to wait takes a seat, and none is free).
/// Synchronizes with: release() with each acquire() that takes one of its permits, as std::counting_semaphore.
/// On death: permits belong to nobody, so the dead take theirs along. Use owned_semaphore where they must come back.
///     Whoever waits goes on waiting for others. A releaser that is killed inside release() has released all or
///     nothing; if it dies before it wakes a sleeper, that one finds out within the backstop (100 ms).
/// Differs from std::counting_semaphore: value(); too many permits are an error instead of undefined;
///     the constructor throws for a bad count.
/// Sizes: 4 bytes, 4-aligned; all-zero bytes are a semaphore without permits. Max is at most 2^30,
///     and exact but for that: some releasers at once may pass 2^30 before they see it.
/// Source: the usual futex semaphore; the sticky "somebody sleeps" bit instead of a count of sleepers is ours, as a
///     count would be wrong for ever after a sleeper's death.
template <std::ptrdiff_t Max = detail::semaphore_word::most>
class counting_semaphore {
    static_assert(Max >= 0 && Max <= detail::semaphore_word::most, "Max lies between 0 and 2^30");

public:
    explicit constexpr counting_semaphore(std::ptrdiff_t permits) : word_(checked(permits)) {}
    counting_semaphore(const counting_semaphore&) = delete;
    counting_semaphore& operator=(const counting_semaphore&) = delete;

    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return Max; }

    void release() { word_.release_one(Max); }
    void release(std::ptrdiff_t count) { word_.release(count, Max); }
    void acquire() { word_.acquire(); }
    [[nodiscard]] bool try_acquire() { return word_.try_acquire(); }
    template <class Rep, class Period>
    [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& wait) {
        return word_.acquire_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& point) {
        return word_.acquire_by(deadline::at(point));
    }
    /// The part that the two above and the bindings are made of.
    [[nodiscard]] bool try_acquire_by(deadline until) { return word_.acquire_by(until); }

    /// How many permits there are at the moment; out of date as soon as it is known.
    [[nodiscard]] std::ptrdiff_t value() const { return word_.value(); }

private:
    static constexpr std::uint32_t checked(std::ptrdiff_t permits) {
        if (permits < 0 || permits > Max) throw std::system_error(make_error_code(errc::bad_count));
        return static_cast<std::uint32_t>(permits);
    }

    detail::semaphore_word word_;
};

using binary_semaphore = counting_semaphore<1>;

static_assert(sizeof(binary_semaphore) == 4);

/// Alike for all compilers, and for other languages.
template <std::ptrdiff_t Max>
struct type_name<counting_semaphore<Max>> {
    static constexpr std::string_view prefix = "process_shared::counting_semaphore";
    static constexpr detail::numbered_name<prefix.size(), static_cast<std::uint64_t>(Max)> spelled{prefix};
    static constexpr std::string_view value = spelled.view();
};

}  // namespace process_shared
