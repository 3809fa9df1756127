// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/mutex.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace process_shared {
namespace detail {

/// A member, and the turn for which it arrived last.
struct barrier_place {
    std::atomic<std::uint64_t> member{0};
    std::atomic<std::uint64_t> arrived{0};
};

class PROCESS_SHARED_API barrier_core {
public:
    constexpr barrier_core(std::ptrdiff_t expected, std::ptrdiff_t max) : expected_(checked(expected, max)) {}

    void join(std::span<barrier_place> places);
    [[nodiscard]] std::uint32_t arrive(std::span<barrier_place> places);
    [[nodiscard]] bool wait_by(std::span<const barrier_place> places, std::uint32_t turn, deadline until);
    void arrive_and_drop(std::span<barrier_place> places);
    void reset(std::span<barrier_place> places, std::ptrdiff_t expected);
    [[nodiscard]] std::ptrdiff_t expected() const;
    [[nodiscard]] bool is_broken() const;

private:
    friend struct barrier_guard;

    static constexpr std::uint32_t checked(std::ptrdiff_t expected, std::ptrdiff_t max) {
        if (expected < 1 || expected > max) throw std::system_error(make_error_code(errc::bad_count));
        return static_cast<std::uint32_t>(expected);
    }

    mutex guard_;
    std::atomic<std::uint32_t> turn_{0};
    std::atomic<std::uint32_t> expected_;
    std::atomic<std::uint64_t> died_{0};
    std::atomic<std::uint32_t> broke_at_{0};
    [[maybe_unused]] std::uint32_t reserved_ = 0;
};
static_assert(sizeof(barrier_core) == 32);

}  // namespace detail

/// Where a fixed number of threads of any processes wait for each other, again and again, and learn if one is missing
/// because it died. To be placed inside a segment.
///
///     auto memory = process_shared::segment::open_or_create("simulation", 65536);
///     auto& step = memory.find_or_construct<process_shared::barrier<>>("step", 4);   // four workers
///     step.join();                                              // in each worker, once
///     for (;;) { compute(); step.arrive_and_wait(); exchange(); step.arrive_and_wait(); }
///     catch (const process_shared::participant_died&) { if (i_restart_the_dead) step.reset(); }
///
/// Blocks: wait() and arrive_and_wait() until all that are expected have arrived, or a member has died; the others never.
/// Throws: participant_died (see below), and std::system_error equal to invalid_argument (none expected, or more than
///     Max), operation_not_permitted (the caller has not joined; outside any attached segment), no_lock_available (as
///     many have joined as are expected; no free seat).
/// Synchronizes with: all that happened before any arrive of a turn with the return of every wait for it.
/// On death: a member that dies before the turn is over breaks the barrier, whether it had arrived or not: all who wait
///     and all who come get participant_died, which says who, until reset() takes the dead out. Then others may join in
///     their place, or reset to a smaller number.
/// Differs from std::barrier: joining is explicit, and death is told; no completion function.
/// Sizes: 32 bytes and 16 for each of Max, 8-aligned. A turn may be waited for until the end of the next.
template <std::ptrdiff_t Max = 64>
class barrier {
    static_assert(Max >= 1 && Max <= 65'000, "Max lies between 1 and 65 000");

public:
    /// Which turn an arrival was for.
    class arrival_token {
        friend class barrier;
        explicit arrival_token(std::uint32_t turn) noexcept : turn_(turn) {}
        std::uint32_t turn_;
    };

    explicit constexpr barrier(std::ptrdiff_t expected) : core_(expected, Max) {}
    barrier(const barrier&) = delete;
    barrier& operator=(const barrier&) = delete;

    [[nodiscard]] static constexpr std::ptrdiff_t max() noexcept { return Max; }

    /// Makes the calling thread a member; once is enough.
    void join() { core_.join(places_); }
    [[nodiscard]] arrival_token arrive() { return arrival_token(core_.arrive(places_)); }
    void wait(arrival_token&& token) { (void)core_.wait_by(places_, token.turn_, deadline::never()); }
    /// False if the deadline came first: the arrival stands, and may be waited for again.
    [[nodiscard]] bool wait_by(const arrival_token& token, deadline until) {
        return core_.wait_by(places_, token.turn_, until);
    }
    void arrive_and_wait() { wait(arrive()); }
    /// Arrives, and is no member any more: one less is expected from now on.
    void arrive_and_drop() { core_.arrive_and_drop(places_); }

    [[nodiscard]] bool is_broken() const { return core_.is_broken(); }
    /// Makes a broken barrier sound again, without the dead. Does nothing to a sound one.
    void reset() { core_.reset(places_, 0); }
    /// The same, for another number of members, not smaller than that of the living. A sound barrier of another number
    /// is left alone: device_or_resource_busy.
    void reset(std::ptrdiff_t expected) {
        if (expected < 1 || expected > Max) throw std::system_error(make_error_code(errc::bad_count));
        core_.reset(places_, expected);
    }
    /// How many have to arrive.
    [[nodiscard]] std::ptrdiff_t expected() const { return core_.expected(); }

private:
    detail::barrier_core core_;
    std::array<detail::barrier_place, static_cast<std::size_t>(Max)> places_{};
};

/// Alike for all compilers, and for other languages.
template <std::ptrdiff_t Max>
struct type_name<barrier<Max>> {
    static constexpr std::string_view prefix = "process_shared::barrier";
    static constexpr detail::numbered_name<prefix.size(), static_cast<std::uint64_t>(Max)> spelled{prefix};
    static constexpr std::string_view value = spelled.view();
};

}  // namespace process_shared
