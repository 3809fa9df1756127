// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/lockable.hpp>

#include <atomic>
#include <cstdint>

namespace process_shared {

/// A mutex whose lock() refuses to wait for ever in a circle: a mutex in all other respects, at the same price.
///
///     struct account { process_shared::checked_mutex guard; long balance = 0; };
///     auto& from = memory.find<account>("from");
///     auto& to = memory.find<account>("to");
///     std::lock_guard first(from.guard);
///     std::lock_guard second(to.guard);    // throws, if another waits for `from` with `to` in hand
///
/// Blocks: as mutex. Once it has waited for 100 ms, and every 100 ms from then on, it looks who waits for whom.
/// Throws: as mutex, and resource_deadlock_would_occur if the caller waits for itself through others of the same
///     segment, each of which waits for the next. One of them is told; the lock is not held then, what it held it still
///     holds. Two that look at the same moment are both told.
/// Synchronizes with, on death: as mutex.
/// Differs from std::timed_mutex: as mutex, and the above. Cycles through mutexes, recursive_mutexes, shared_mutexes,
///     owned_semaphores and once_flags count; conditions, events, counting semaphores and barriers have no owner.
/// Sizes: 8 bytes, 8-aligned; all-zero bytes are a free one.
class PROCESS_SHARED_API checked_mutex : public detail::timed_lockable<checked_mutex> {
public:
    constexpr checked_mutex() noexcept = default;
    checked_mutex(const checked_mutex&) = delete;
    checked_mutex& operator=(const checked_mutex&) = delete;

    PROCESS_SHARED_DIRECT void lock();
    [[nodiscard]] PROCESS_SHARED_DIRECT bool try_lock();
    PROCESS_SHARED_DIRECT void unlock();

    /// try_lock_for, try_lock_until, and each of the four with `repair`.
    using timed_lockable::lock;
    using timed_lockable::try_lock;
    using timed_lockable::try_lock_for;
    using timed_lockable::try_lock_until;

    /// The parts that the templates above and the bindings are made of.
    [[nodiscard]] bool try_lock_by(deadline until);
    [[nodiscard]] detail::ownership acquire(deadline until);  ///< takes an abandoned mutex, too
    void declare_sound();                                     ///< after acquire() said `abandoned`

private:
    std::atomic<std::uint64_t> word_{0};
};

static_assert(sizeof(checked_mutex) == 8);

}  // namespace process_shared
