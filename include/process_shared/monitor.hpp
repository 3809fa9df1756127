// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/condition_variable.hpp>
#include <process_shared/recursive_mutex.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace process_shared {

/// A lock that its owner may take again, with any number of conditions to wait for inside. To be placed in a segment.
///
///     struct queue { process_shared::monitor guard; int jobs = 0; };
///     auto& shared = memory.find_or_construct<queue>("queue");
///     std::unique_lock hold(shared.guard);                      // in the one that takes
///     shared.guard.when([&] { return shared.jobs > 0; });       // lets go, waits, holds again
///     --shared.jobs;
///     shared.guard.synchronize([&] { ++shared.jobs; });         // in the one that puts: nobody needs to be notified
///
/// Blocks: lock() until free; when() until its predicate is true, wait() until its condition is notified, and both until
///     the lock is had again, as deep as it was.
/// Throws: as recursive_mutex; when() and wait() also what the predicate throws (the lock is held then), and
///     operation_not_permitted if the caller does not hold the lock.
/// Synchronizes with: as recursive_mutex.
/// On death: as recursive_mutex. Whoever waits in when() or wait() is told when it takes the lock again, within the
///     backstop (100 ms).
/// Differs from std: there is none. Each last unlock() wakes those in when(), who look at their predicates in turn: with
///     many of them, conditions of one's own (condition_variable_any, wait()) wake fewer. A predicate must depend on
///     nothing but what the lock guards, and change nothing.
/// Sizes: 24 bytes, 8-aligned; all-zero bytes are a free monitor.
/// Source: conditional critical regions (P. Brinch Hansen, C.A.R. Hoare), in the manner of abseil's Mutex::Await.
class PROCESS_SHARED_API monitor : public detail::timed_lockable<monitor> {
public:
    constexpr monitor() noexcept = default;
    monitor(const monitor&) = delete;
    monitor& operator=(const monitor&) = delete;

    void lock() { guard_.lock(); }
    [[nodiscard]] bool try_lock() { return guard_.try_lock(); }
    void unlock();

    /// try_lock_for, try_lock_until, and each of the four with `repair`.
    using timed_lockable::lock;
    using timed_lockable::try_lock;
    using timed_lockable::try_lock_for;
    using timed_lockable::try_lock_until;

    /// Calls `function(arguments...)` with the lock held.
    template <class Function, class... Arguments>
    decltype(auto) synchronize(Function&& function, Arguments&&... arguments) {
        const std::lock_guard hold(*this);
        return std::invoke(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    }

    /// Waits until `predicate()` is true; the lock is held whenever it is asked.
    template <class Predicate>
    void when(Predicate&& predicate) {
        (void)when_by(deadline::never(), predicate);
    }
    /// What the predicate says at the end.
    template <class Rep, class Period, class Predicate>
    [[nodiscard]] bool when_for(const std::chrono::duration<Rep, Period>& wait, Predicate&& predicate) {
        return when_by(deadline::after(wait), predicate);
    }
    template <class Clock, class Duration, class Predicate>
    [[nodiscard]] bool when_until(const std::chrono::time_point<Clock, Duration>& point, Predicate&& predicate) {
        return when_by(deadline::at(point), predicate);
    }

    /// Waits until `condition` is notified. The other forms as condition_variable's.
    void wait(condition_variable_any& condition) {
        inside hold(*this);
        condition.wait(hold);
    }
    template <class Predicate>
    void wait(condition_variable_any& condition, Predicate predicate) {
        inside hold(*this);
        condition.wait(hold, std::move(predicate));
    }
    template <class Rep, class Period>
    cv_status wait_for(condition_variable_any& condition, const std::chrono::duration<Rep, Period>& wait) {
        return wait_by(condition, deadline::after(wait));
    }
    template <class Rep, class Period, class Predicate>
    bool wait_for(condition_variable_any& condition, const std::chrono::duration<Rep, Period>& wait,
                  Predicate predicate) {
        inside hold(*this);
        return condition.wait_for(hold, wait, std::move(predicate));
    }
    template <class Clock, class Duration>
    cv_status wait_until(condition_variable_any& condition, const std::chrono::time_point<Clock, Duration>& point) {
        return wait_by(condition, deadline::at(point));
    }
    template <class Clock, class Duration, class Predicate>
    bool wait_until(condition_variable_any& condition, const std::chrono::time_point<Clock, Duration>& point,
                    Predicate predicate) {
        inside hold(*this);
        return condition.wait_until(hold, point, std::move(predicate));
    }

    /// The parts that the templates above and the bindings are made of.
    [[nodiscard]] bool try_lock_by(deadline until) { return guard_.try_lock_by(until); }
    [[nodiscard]] detail::ownership acquire(deadline until) { return guard_.acquire(until); }
    void declare_sound() { guard_.declare_sound(); }
    [[nodiscard]] std::uint32_t depth() const noexcept { return guard_.depth(); }
    [[nodiscard]] std::uint32_t unlock_fully() {
        check_held();
        return let_go();
    }
    [[nodiscard]] detail::ownership acquire_to_depth(std::uint32_t depth, deadline until) {
        return guard_.acquire_to_depth(depth, until);
    }
    cv_status wait_by(condition_variable_any& condition, deadline until) {
        inside hold(*this);
        return condition.wait_by(hold, until);
    }
    template <class Predicate>
    bool when_by(deadline until, Predicate&& predicate) {
        check_held();
        if (predicate()) return true;
        // What the caller did before it came; asking predicates changes nothing, and telling each other so would not end.
        for (bool changed = true;; changed = false) {
            // Before preparing: it would tell itself.
            const bool told = changed && changed_.announce();
            const std::uint32_t prepared = changed_.prepare();
            const std::uint32_t depth = guard_.unlock_fully();
            if (told) changed_.wake_all();
            const auto ended = changed_.sleep(prepared, until);
            guard_.lock_to_depth(depth);
            if (predicate()) return true;
            if (ended == detail::condition_word::outcome::timed_out) return false;
        }
    }

private:
    /// The lock at whatever depth, as conditions let it go and take it again.
    class inside {
    public:
        explicit inside(monitor& which) : which_(which) { which.check_held(); }
        void unlock() { depth_ = which_.let_go(); }
        void lock() { which_.guard_.lock_to_depth(depth_); }

    private:
        monitor& which_;
        std::uint32_t depth_ = 0;
    };

    void check_held() const;
    /// At any depth. Those in when() are told that something may have changed.
    std::uint32_t let_go();

    recursive_mutex guard_;
    detail::condition_word changed_;
    [[maybe_unused]] std::uint32_t reserved_ = 0;
};

static_assert(sizeof(monitor) == 24);

}  // namespace process_shared
