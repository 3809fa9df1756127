// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/lockable.hpp>

#include <atomic>
#include <cstdint>

namespace process_shared {

/// A mutex between processes that survives the death of its owner. 8 bytes, to be placed inside a segment.
///
///     struct counter { process_shared::mutex guard; int value = 0; };
///     auto memory = process_shared::segment::open_or_create("tally", 4096);
///     auto& shared = memory.find_or_construct<counter>("counter");
///     std::lock_guard hold(shared.guard);        // throws owner_died if the last owner was killed inside
///     ++shared.value;
///
/// Blocks: lock() until free, try_lock_for/until to the deadline, try_lock() and unlock() never.
/// Throws: owner_died (the lock is not held then), and std::system_error equal to
///     resource_deadlock_would_occur (the caller holds it), operation_not_permitted (unlock of a lock not held;
///     a mutex outside any attached segment), no_lock_available (60 locks held; no free seat),
///     operation_not_supported (a raw-clone thread). Nothing is held or changed after a throw.
/// Synchronizes with: unlock() with the next lock() that succeeds, as std::mutex; also across processes.
/// On death: the mutex becomes abandoned. lock() and try_lock*() throw owner_died until somebody calls
///     lock(repair), which acquires, runs `repair()` with the lock held if it was abandoned, and makes it sound.
///     If `repair` throws or its process dies, it stays abandoned. Waiters are told within a millisecond as a rule,
///     and within the segment's backstop (100 ms) always.
/// Differs from std::timed_mutex: the above; relocking and stray unlocks are errors instead of undefined;
///     in a forked child, unlocking a lock that the parent's thread holds does nothing.
/// Sizes: 8 bytes, 8-aligned; all-zero bytes are a free mutex. Durations of any unit, clocks of any kind;
///     waiting itself uses the steady clock.
/// Source: owner words over seats, docs/crash-safety.md; the sleeping part descends from U. Drepper, "Futexes are
/// tricky".
class PROCESS_SHARED_API mutex : public detail::timed_lockable<mutex> {
public:
    constexpr mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;

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

static_assert(sizeof(mutex) == 8);

}  // namespace process_shared
