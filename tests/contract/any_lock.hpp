// SPDX-License-Identifier: MIT
// A reference to a lock of any kind, so that one compiled suite serves all. Of a shared_mutex: its writers' side.
#pragma once

#include <process_shared/checked_mutex.hpp>
#include <process_shared/deadline.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/shared_mutex.hpp>

#include <functional>
#include <utility>
#include <variant>

namespace contract {

enum class lock_kind { mutex, recursive_mutex, shared_mutex, checked_mutex };
inline constexpr lock_kind all_lock_kinds[] = {lock_kind::mutex, lock_kind::recursive_mutex, lock_kind::shared_mutex,
                                               lock_kind::checked_mutex};

constexpr const char* to_string(lock_kind kind) {
    constexpr const char* names[] = {"mutex", "recursive_mutex", "shared_mutex", "checked_mutex"};
    return names[static_cast<int>(kind)];
}

/// Lockable and TimedLockable as the lock that it stands for. Copies stand for the same lock.
class any_lock {
    template <class Visit>
    auto visit(Visit&& run) const {
        return std::visit([&](auto* lock) { return run(*lock); }, which_);
    }

    std::variant<process_shared::mutex*, process_shared::recursive_mutex*, process_shared::shared_mutex*,
                 process_shared::checked_mutex*>
        which_;

public:
    explicit any_lock(process_shared::mutex& lock) noexcept : which_(&lock) {}
    explicit any_lock(process_shared::recursive_mutex& lock) noexcept : which_(&lock) {}
    explicit any_lock(process_shared::shared_mutex& lock) noexcept : which_(&lock) {}
    explicit any_lock(process_shared::checked_mutex& lock) noexcept : which_(&lock) {}

    void lock() {
        visit([](auto& lock) { lock.lock(); });
    }
    bool try_lock() {
        return visit([](auto& lock) { return lock.try_lock(); });
    }
    void unlock() {
        visit([](auto& lock) { lock.unlock(); });
    }

    template <class Duration>
    bool try_lock_for(const Duration& wait) {
        return visit([&](auto& lock) { return lock.try_lock_for(wait); });
    }
    template <class Point>
    bool try_lock_until(const Point& point) {
        return visit([&](auto& lock) { return lock.try_lock_until(point); });
    }

    using repair = std::function<void()>;
    void lock(const repair& run) {
        visit([&](auto& lock) { lock.lock(run); });
    }
    bool try_lock(const repair& run) {
        return visit([&](auto& lock) { return lock.try_lock(run); });
    }
    template <class Duration>
    bool try_lock_for(const Duration& wait, const repair& run) {
        return visit([&](auto& lock) { return lock.try_lock_for(wait, run); });
    }
    template <class Point>
    bool try_lock_until(const Point& point, const repair& run) {
        return visit([&](auto& lock) { return lock.try_lock_until(point, run); });
    }

    process_shared::detail::ownership acquire(process_shared::deadline until) {
        return visit([&](auto& lock) { return lock.acquire(until); });
    }
    void declare_sound() {
        visit([](auto& lock) { lock.declare_sound(); });
    }
};

}  // namespace contract
