// SPDX-License-Identifier: MIT
// What mutex and recursive_mutex have in common: the timed and the repairing ways to lock.
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>

#include <chrono>
#include <concepts>
#include <utility>

namespace process_shared::detail {

/// How an attempt to own a word ended.
enum class ownership {
    none,       ///< somebody else has it, and the deadline has passed
    sound,      ///< mine
    abandoned,  ///< mine, and the last owner died inside: repair, then declare it sound
};

/// Who died inside the lock that an acquire() of the calling thread last found `abandoned`. `lock` is that one.
[[nodiscard]] PROCESS_SHARED_API participant_name last_abandoned_by(const void* lock);

/// Built on `Lock::acquire(deadline)`, `Lock::try_lock_by(deadline)`, `Lock::declare_sound()` and `Lock::unlock()`.
template <class Lock>
class timed_lockable {
public:
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& wait) {
        return self().try_lock_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& point) {
        return self().try_lock_by(deadline::at(point));
    }

    /// As without `repair`, but an abandoned lock is acquired, repaired by `repair()` under the lock, and sound again.
    template <std::invocable Repair>
    void lock(Repair&& repair) {
        finish(self().acquire(deadline::never()), std::forward<Repair>(repair));
    }
    template <std::invocable Repair>
    [[nodiscard]] bool try_lock(Repair&& repair) {
        return finish(self().acquire(deadline::passed()), std::forward<Repair>(repair));
    }
    template <class Rep, class Period, std::invocable Repair>
    [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& wait, Repair&& repair) {
        return finish(self().acquire(deadline::after(wait)), std::forward<Repair>(repair));
    }
    template <class Clock, class Duration, std::invocable Repair>
    [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration>& point, Repair&& repair) {
        return finish(self().acquire(deadline::at(point)), std::forward<Repair>(repair));
    }

protected:
    constexpr timed_lockable() noexcept = default;

private:
    Lock& self() noexcept { return static_cast<Lock&>(*this); }

    template <class Repair>
    bool finish(ownership owned, Repair&& repair) {
        if (owned == ownership::abandoned) {
            unlock_unless_sound guard{self()};
            std::forward<Repair>(repair)();
            self().declare_sound();
            guard.sound = true;
        }
        return owned != ownership::none;
    }

    struct unlock_unless_sound {
        Lock& lock;
        bool sound = false;
        ~unlock_unless_sound() {
            if (!sound) lock.unlock();  // still marked abandoned: the next one is told as well
        }
    };
};

}  // namespace process_shared::detail
