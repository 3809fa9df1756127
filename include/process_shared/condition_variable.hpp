// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/mutex.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace process_shared {

using std::cv_status;

namespace detail {

/// The word that conditions are: how often somebody was notified.
class PROCESS_SHARED_API condition_word {
public:
    /// How one sleep ended.
    enum class outcome { notified, timed_out, look_again };

    constexpr condition_word() noexcept = default;

    void notify(bool everyone);
    /// To be called with the lock held, before it is let go: what sleep() then takes. Throws as mutex::lock().
    [[nodiscard]] std::uint32_t prepare();
    /// To be called without it. `look_again` after the backstop: a notifier may have died before it notified.
    [[nodiscard]] outcome sleep(std::uint32_t prepared, deadline until) noexcept;
    /// For a lock that notifies at each unlock. To be called with the lock held: true if somebody waits, who is notified
    /// now, and has to be woken by wake_all() once the lock is free.
    [[nodiscard]] bool announce() noexcept;
    void wake_all() noexcept;

    /// Lets `lock` go, sleeps until notified or the deadline, and locks again, whatever comes of it.
    template <class Lock>
    cv_status wait_by(Lock& lock, deadline until) {
        const std::uint32_t prepared = prepare();
        lock.unlock();
        outcome ended;
        // Nothing has changed when a backstop passes: without a predicate there is nothing to look at.
        do ended = sleep(prepared, until);
        while (ended == outcome::look_again);
        lock.lock();
        return ended == outcome::timed_out ? cv_status::timeout : cv_status::no_timeout;
    }

    template <class Lock, class Predicate>
    bool wait_by(Lock& lock, deadline until, Predicate&& predicate) {
        while (!predicate()) {
            const std::uint32_t prepared = prepare();
            lock.unlock();
            const outcome ended = sleep(prepared, until);
            lock.lock();
            if (ended == outcome::timed_out) return predicate();
        }
        return true;
    }

private:
    std::atomic<std::uint32_t> word_{0};
};

/// What condition_variable and condition_variable_any have in common.
class condition_waits {
public:
    condition_waits(const condition_waits&) = delete;
    condition_waits& operator=(const condition_waits&) = delete;

    void notify_one() { word_.notify(false); }
    void notify_all() { word_.notify(true); }

protected:
    constexpr condition_waits() noexcept = default;

    condition_word word_;
};

}  // namespace detail

/// Waiting for a condition on what a mutex guards, between processes. To be placed inside a segment.
///
///     struct box { process_shared::mutex guard; process_shared::condition_variable filled; int items = 0; };
///     auto& shared = memory.find_or_construct<box>("box");
///     std::unique_lock hold(shared.guard);                              // in the one that takes
///     shared.filled.wait(hold, [&] { return shared.items > 0; });
///     { std::lock_guard put(shared.guard); ++shared.items; }            // in the one that puts
///     shared.filled.notify_one();
///
/// Blocks: wait() until notified, wait_for/until to the deadline, and all of them until the lock is had again;
///     notify_one() and notify_all() never.
/// Throws: std::system_error equal to operation_not_permitted (the lock is not held; outside any attached segment),
///     no_lock_available (to wait takes a seat, and none is free): the lock is as it was then. owner_died, when the
///     lock's next owner died inside it meanwhile: the lock is not held then, and hold.owns_lock() says so.
/// Synchronizes with: through the mutex, as std::condition_variable.
/// On death: a waiter that dies owes nothing. A notifier that dies inside notify_*() has notified or not, and blocks
///     nobody. If it dies before it wakes the sleepers, or if whom it woke dies, the others find out within the backstop
///     (100 ms); a wait with a predicate looks at it then, too, as somebody may have died between the change and the
///     notification.
/// Differs from std::condition_variable: the above; a notify_one() may reach more than one, at once or a backstop
///     later; wait() without the lock is an error instead of undefined.
/// Sizes: 4 bytes, 4-aligned; all-zero bytes are a condition nobody waits for. 2^30 notifications while one waiter goes
///     from its lock to its sleep would be missed.
/// Source: U. Drepper, "Futexes are tricky": a sequence to sleep on; without a count of waiters, as that would be wrong
///     for ever after a waiter's death.
class condition_variable : public detail::condition_waits {
public:
    constexpr condition_variable() noexcept = default;

    void wait(std::unique_lock<mutex>& hold) { (void)word_.wait_by(checked(hold), deadline::never()); }
    template <class Predicate>
    void wait(std::unique_lock<mutex>& hold, Predicate predicate) {
        (void)word_.wait_by(checked(hold), deadline::never(), std::move(predicate));
    }
    template <class Rep, class Period>
    cv_status wait_for(std::unique_lock<mutex>& hold, const std::chrono::duration<Rep, Period>& wait) {
        return word_.wait_by(checked(hold), deadline::after(wait));
    }
    template <class Rep, class Period, class Predicate>
    bool wait_for(std::unique_lock<mutex>& hold, const std::chrono::duration<Rep, Period>& wait, Predicate predicate) {
        return word_.wait_by(checked(hold), deadline::after(wait), std::move(predicate));
    }
    template <class Clock, class Duration>
    cv_status wait_until(std::unique_lock<mutex>& hold, const std::chrono::time_point<Clock, Duration>& point) {
        return word_.wait_by(checked(hold), deadline::at(point));
    }
    template <class Clock, class Duration, class Predicate>
    bool wait_until(std::unique_lock<mutex>& hold, const std::chrono::time_point<Clock, Duration>& point,
                    Predicate predicate) {
        return word_.wait_by(checked(hold), deadline::at(point), std::move(predicate));
    }
    /// The part that the bindings are made of.
    cv_status wait_by(std::unique_lock<mutex>& hold, deadline until) { return word_.wait_by(checked(hold), until); }

private:
    static std::unique_lock<mutex>& checked(std::unique_lock<mutex>& hold) {
        if (!hold.owns_lock()) throw std::system_error(make_error_code(errc::not_owner));
        return hold;
    }
};

/// The same for any lock of this library, alone or in a guard: recursive_mutex (locked once), shared_mutex, monitor.
///
///     process_shared::recursive_mutex guard;
///     process_shared::condition_variable_any changed;
///     guard.lock();
///     changed.wait(guard, [&] { return ready; });
///     guard.unlock();
///
/// The rest as condition_variable.
class condition_variable_any : public detail::condition_waits {
public:
    constexpr condition_variable_any() noexcept = default;

    template <class Lock>
    void wait(Lock& lock) {
        (void)word_.wait_by(lock, deadline::never());
    }
    template <class Lock, class Predicate>
    void wait(Lock& lock, Predicate predicate) {
        (void)word_.wait_by(lock, deadline::never(), std::move(predicate));
    }
    template <class Lock, class Rep, class Period>
    cv_status wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& wait) {
        return word_.wait_by(lock, deadline::after(wait));
    }
    template <class Lock, class Rep, class Period, class Predicate>
    bool wait_for(Lock& lock, const std::chrono::duration<Rep, Period>& wait, Predicate predicate) {
        return word_.wait_by(lock, deadline::after(wait), std::move(predicate));
    }
    template <class Lock, class Clock, class Duration>
    cv_status wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& point) {
        return word_.wait_by(lock, deadline::at(point));
    }
    template <class Lock, class Clock, class Duration, class Predicate>
    bool wait_until(Lock& lock, const std::chrono::time_point<Clock, Duration>& point, Predicate predicate) {
        return word_.wait_by(lock, deadline::at(point), std::move(predicate));
    }
    /// The part that the bindings are made of.
    template <class Lock>
    cv_status wait_by(Lock& lock, deadline until) {
        return word_.wait_by(lock, until);
    }
};

static_assert(sizeof(condition_variable) == 4 && sizeof(condition_variable_any) == 4);

}  // namespace process_shared
