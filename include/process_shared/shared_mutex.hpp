// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/last_read.hpp>
#include <process_shared/lockable.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace process_shared::detail {
struct shared_mutex_access;
}

namespace process_shared {

/// A mutex between processes that many may hold for reading, or one for writing. 24 bytes, to be placed inside a
/// segment. Readers write nothing that others write, so they do not slow each other down.
///
///     struct table { process_shared::shared_mutex guard; int rows[100]; };
///     auto memory = process_shared::segment::open_or_create("routes", 4096);
///     auto& shared = memory.find_or_construct<table>("table");
///     std::shared_lock reading(shared.guard);    // throws owner_died if a writer was killed inside
///     use(shared.rows[7]);
///
/// Blocks: lock() until nobody holds it, lock_shared() until no writer does; the timed ones to the deadline; try_* and
///     unlocking never. A writer that waits keeps new readers out; readers that have waited for a millisecond are let in
///     before the next writer. So neither starves the other.
/// Throws: owner_died (not held then), and std::system_error equal to resource_deadlock_would_occur (the caller holds it
///     already, for writing, or for reading and wants to write; but reading again is counted, up to 4096 times),
///     operation_not_permitted (unlocking what is not held so; outside any attached segment), no_lock_available
///     (60 locks held; no free seat), operation_not_supported (a raw-clone thread).
/// Synchronizes with: unlock() with the next lock() and lock_shared() that succeed, unlock_shared() with the next
///     lock(), as std::shared_mutex; also across processes.
/// On death: a reader's hold is gone with it. A writer's death makes it abandoned, as mutex: lock() and lock_shared()
///     throw owner_died until somebody calls lock(repair). A writer that dies while it still waits leaves nothing.
/// Differs from std::shared_timed_mutex: the above; in a forked child, unlocking what the parent's thread holds does
///     nothing.
/// Sizes: 24 bytes, 8-aligned; all-zero bytes are a free one. Durations of any unit, clocks of any kind; waiting itself
///     uses the steady clock.
/// Source: readers that announce themselves in slots of their own: "BRAVO", D. Dice and A. Kogan, 2019, and folly's
///     SharedMutex; without a fence, by the writer's membarrier: M. Desnoyers' RCU in user space.
class PROCESS_SHARED_API shared_mutex : public detail::timed_lockable<shared_mutex> {
public:
    constexpr shared_mutex() noexcept = default;
    shared_mutex(const shared_mutex&) = delete;
    shared_mutex& operator=(const shared_mutex&) = delete;

    PROCESS_SHARED_DIRECT void lock();
    [[nodiscard]] PROCESS_SHARED_DIRECT bool try_lock();
    PROCESS_SHARED_DIRECT void unlock();

    /// try_lock_for, try_lock_until, and each of the four with `repair`.
    using timed_lockable::lock;
    using timed_lockable::try_lock;
    using timed_lockable::try_lock_for;
    using timed_lockable::try_lock_until;

    void lock_shared() { static_cast<void>(read(deadline::never())); }
    [[nodiscard]] bool try_lock_shared() { return read(deadline::passed()); }
    void unlock_shared() {
        const detail::last_read& last = *detail::my_last_read;
        // relaxed: my own, both.
        if (last.lock.load(std::memory_order_relaxed) != this ||
            last.slot->load(std::memory_order_relaxed) != last.entry) [[unlikely]]
            return stop_reading();
        last.slot->store(0, std::memory_order_release);       // pairs with the writer's look (G8)
        std::atomic_signal_fence(std::memory_order_seq_cst);  // M3
        if ((gate_.load(std::memory_order_relaxed) & detail::gate_waiting) != 0) [[unlikely]]
            wake_writer();
    }
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& wait) {
        return try_lock_shared_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& point) {
        return try_lock_shared_by(deadline::at(point));
    }

    /// The parts that the templates above and the bindings are made of.
    [[nodiscard]] bool try_lock_by(deadline until);
    [[nodiscard]] bool try_lock_shared_by(deadline until) { return read(until); }
    [[nodiscard]] detail::ownership acquire(deadline until);  ///< takes an abandoned one, too
    void declare_sound();                                     ///< after acquire() said `abandoned`

private:
    friend struct detail::shared_mutex_access;

    /// Reading again what this thread read last takes a store and two looks, no call. The protocol is in
    /// shared_mutex.cpp, as are M1 and the steps.
    bool read(deadline until) {
        constexpr std::uint32_t unfenced = detail::gate_open | detail::gate_biased;
        detail::last_read& last = *detail::my_last_read;
        // relaxed: my own, both.
        if (last.lock.load(std::memory_order_relaxed) != this || last.slot->load(std::memory_order_relaxed) != 0)
            [[unlikely]]
            return read_another(until);
        const std::uint32_t gate = gate_.load(std::memory_order_relaxed);  // relaxed: to know how to announce myself
        if (gate == unfenced) [[likely]] {
            last.slot->store(last.entry, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);  // M1: the writer's membarrier makes it a fence (X2)
            // acquire: pairs with G5.
            return gate_.load(std::memory_order_acquire) == unfenced || read_announced(until);
        }
        if (gate != detail::gate_open) [[unlikely]]
            return read_another(until);
        last.slot->exchange(last.entry, std::memory_order_seq_cst);  // M1
        // M1; acquire: pairs with G5.
        if (gate_.load(std::memory_order_seq_cst) != detail::gate_open) [[unlikely]]
            return read_announced(until);
        if (++last.reads >= detail::reads_to_bias) [[unlikely]]
            make_biased();
        return true;
    }
    bool read_another(deadline until);
    bool read_announced(deadline until);
    void stop_reading();
    void make_biased() noexcept;
    void wake_writer() noexcept;

    std::atomic<std::uint64_t> word_{0};
    std::atomic<std::uint32_t> gate_{0};
    std::atomic<std::uint32_t> turn_{0};
    std::atomic<std::uint32_t> eager_{0};
    std::uint32_t reserved_ = 0;
};

static_assert(sizeof(shared_mutex) == 24);

}  // namespace process_shared
