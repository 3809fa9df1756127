// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

namespace process_shared {

namespace detail {

/// What owned_semaphores of any size have in common. The slots follow it in memory, and then their links.
class PROCESS_SHARED_API owned_semaphore_core {
public:
    /// Throws bad_count.
    owned_semaphore_core(std::ptrdiff_t permits, std::uint32_t capacity);
    owned_semaphore_core(const owned_semaphore_core&) = delete;
    owned_semaphore_core& operator=(const owned_semaphore_core&) = delete;

    static constexpr std::uint32_t no_slot = ~std::uint32_t{0};
    /// The slot taken; no_slot if the deadline passed first. `capacity` as at construction, here and below.
    PROCESS_SHARED_DIRECT std::uint32_t acquire(std::uint32_t capacity, deadline until);
    PROCESS_SHARED_DIRECT void release(std::uint32_t capacity, std::ptrdiff_t count);
    void release_slot(std::uint32_t capacity, std::uint32_t slot);
    [[nodiscard]] std::ptrdiff_t value(std::uint32_t capacity) const;
    [[nodiscard]] std::ptrdiff_t held(std::uint32_t capacity) const;

private:
    friend struct owned_semaphore_access;
    std::uint32_t acquire_slowly(std::uint32_t capacity, deadline until);
    void release_slowly(std::uint32_t capacity, std::ptrdiff_t count);

    alignas(64) std::atomic<std::uint32_t> sequence_{0};
    std::uint32_t permits_;
    std::uint32_t capacity_;
    std::atomic<std::uint32_t> hint_{0};
    std::atomic<std::uint64_t> groups_{~std::uint64_t{0}};
    std::uint32_t home_mask_;
    std::uint32_t reserved_half_ = 0;
    std::uint64_t reserved_[4] = {};
};

}  // namespace detail

/// A permit of an owned_semaphore, given back when this ends. Belongs to the thread that acquired it: one that ends in
/// another thread is not given back before the owner's end.
class permit {
public:
    permit() noexcept = default;
    permit(permit&& from) noexcept
        : of_(std::exchange(from.of_, nullptr)), capacity_(from.capacity_), slot_(from.slot_) {}
    permit& operator=(permit&& from) noexcept {
        permit(std::move(from)).swap(*this);
        return *this;
    }
    ~permit() {
        if (of_ == nullptr) return;
        try {
            of_->release_slot(capacity_, slot_);
        } catch (const std::system_error&) {
            // Of another thread, or in a segment that was closed meanwhile: see above.
        }
    }

    /// Gives it back now. Throws not_owner in a thread that it does not belong to.
    void release() {
        if (of_ == nullptr) return;
        of_->release_slot(capacity_, slot_);
        of_ = nullptr;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return of_ != nullptr; }
    void swap(permit& other) noexcept {
        std::swap(of_, other.of_);
        std::swap(capacity_, other.capacity_);
        std::swap(slot_, other.slot_);
    }

private:
    template <std::ptrdiff_t Max>
    friend class owned_semaphore;
    permit(detail::owned_semaphore_core& of, std::uint32_t capacity, std::uint32_t slot) noexcept
        : of_(&of), capacity_(capacity), slot_(slot) {}

    detail::owned_semaphore_core* of_ = nullptr;
    std::uint32_t capacity_ = 0;
    std::uint32_t slot_ = 0;
};

/// A semaphore between processes whose permits belong to the thread that took them, and come back when it dies.
///
///     auto memory = process_shared::segment::open_or_create("gate", 4096);
///     auto& licences = memory.find_or_construct<process_shared::owned_semaphore<16>>("licences", 3);
///     {
///         const auto mine = licences.acquire_permit();  // or acquire() and release()
///         use_licence();
///     }                                                 // given back; also by kill -9
///
/// Blocks: acquire() and acquire_permit() until a permit is free, the timed ones to the deadline; try_* and release()
///     never.
/// Throws: std::system_error equal to invalid_argument (permits below 1 or above Max; negative counts),
///     operation_not_permitted (release of more than the calling thread holds; outside any attached segment),
///     resource_deadlock_would_occur (the caller holds all permits), no_lock_available (60 locks and semaphores of one
///     segment held; no free seat), operation_not_supported (a raw-clone thread). Nothing has changed then.
/// Synchronizes with: a release with the acquisition of that permit; also a death.
/// On death: the permits come back; nobody is told. Whoever waits gets them within a millisecond as a rule, and within
///     the segment's backstop (100 ms) always; beyond 15 holders some deaths are found at the backstop.
/// Differs from std::counting_semaphore: permits have owners, so no other thread can release them; value().
/// Sizes: 64 + 10 Max bytes, rounded up, 64-aligned; Max up to 4096. Durations of any unit, clocks of any kind; waiting
///     itself uses the steady clock.
/// Source: slots of owner words with a home for each seat, a hint and a summary: docs/architecture.md.
template <std::ptrdiff_t Max>
class owned_semaphore {
    static_assert(Max >= 1 && Max <= 4096, "an owned_semaphore has 1 to 4096 permits");

public:
    explicit owned_semaphore(std::ptrdiff_t permits = Max) : core_(permits, Max) {}
    owned_semaphore(const owned_semaphore&) = delete;
    owned_semaphore& operator=(const owned_semaphore&) = delete;

    static constexpr std::ptrdiff_t max() noexcept { return Max; }

    void acquire() { core_.acquire(Max, deadline::never()); }
    [[nodiscard]] bool try_acquire() { return try_acquire_by(deadline::passed()); }
    template <class Rep, class Period>
    [[nodiscard]] bool try_acquire_for(const std::chrono::duration<Rep, Period>& wait) {
        return try_acquire_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Duration>& point) {
        return try_acquire_by(deadline::at(point));
    }
    [[nodiscard]] bool try_acquire_by(deadline until) { return core_.acquire(Max, until) != core_.no_slot; }
    /// Gives back what the calling thread took last.
    void release(std::ptrdiff_t count = 1) { core_.release(Max, count); }

    [[nodiscard]] permit acquire_permit() { return *permit_by(deadline::never()); }
    [[nodiscard]] std::optional<permit> try_acquire_permit() { return permit_by(deadline::passed()); }
    template <class Rep, class Period>
    [[nodiscard]] std::optional<permit> try_acquire_permit_for(const std::chrono::duration<Rep, Period>& wait) {
        return permit_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] std::optional<permit> try_acquire_permit_until(
        const std::chrono::time_point<Clock, Duration>& point) {
        return permit_by(deadline::at(point));
    }

    /// How many are free, and how many the calling thread holds. Looks at every permit.
    [[nodiscard]] std::ptrdiff_t value() const { return core_.value(Max); }
    [[nodiscard]] std::ptrdiff_t held() const { return core_.held(Max); }

private:
    std::optional<permit> permit_by(deadline until) {
        const std::uint32_t slot = core_.acquire(Max, until);
        return slot != core_.no_slot ? std::optional(permit(core_, Max, slot)) : std::nullopt;
    }

    detail::owned_semaphore_core core_;
    std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Max)> slots_{};
    std::array<std::atomic<std::uint16_t>, static_cast<std::size_t>(Max)> links_{};
};

static_assert(sizeof(detail::owned_semaphore_core) == 64);
static_assert(sizeof(owned_semaphore<4096>) == 64 + 4096 * 10);

/// Alike for all compilers, and for other languages.
template <std::ptrdiff_t Max>
struct type_name<owned_semaphore<Max>> {
    static constexpr std::string_view prefix = "process_shared::owned_semaphore";
    static constexpr detail::numbered_name<prefix.size(), static_cast<std::uint64_t>(Max)> spelled{prefix};
    static constexpr std::string_view value = spelled.view();
};

}  // namespace process_shared
