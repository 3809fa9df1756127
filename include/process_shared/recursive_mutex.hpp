// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/mutex.hpp>

namespace process_shared {

/// A mutex that its owner may lock again; it is free when unlocked as often as locked.
///
///     struct tree { process_shared::recursive_mutex guard; node nodes[100]; };
///     void insert(tree& t, int key) {
///         std::lock_guard hold(t.guard);
///         if (full(t)) insert(t, rebalance(t));   // locks again: no deadlock
///     }
///
/// Blocks, throws, synchronizes with, on death: as mutex; relocking by the owner succeeds, and throws
///     resource_unavailable_try_again at 2^32 - 1 levels. `lock(repair)` repairs only at the outermost level.
/// Differs from std::recursive_timed_mutex: as mutex.
/// Sizes: 16 bytes, 8-aligned; all-zero bytes are a free mutex.
class PROCESS_SHARED_API recursive_mutex : public detail::timed_lockable<recursive_mutex> {
public:
    constexpr recursive_mutex() noexcept = default;
    recursive_mutex(const recursive_mutex&) = delete;
    recursive_mutex& operator=(const recursive_mutex&) = delete;

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
    [[nodiscard]] detail::ownership acquire(deadline until);
    void declare_sound();
    [[nodiscard]] std::uint32_t unlock_fully();  ///< at any depth; how deep it was
    void lock_to_depth(std::uint32_t depth);     ///< as lock(), and as deep as that
    [[nodiscard]] detail::ownership acquire_to_depth(std::uint32_t depth, deadline until);
    [[nodiscard]] std::uint32_t depth() const noexcept;  ///< how often the caller has locked it

private:
    std::atomic<std::uint64_t> word_{0};
    std::atomic<std::uint32_t> depth_{0};  // the owner's alone; means nothing while the word is free
    std::uint32_t reserved_ = 0;
};

static_assert(sizeof(recursive_mutex) == 16);

}  // namespace process_shared
