// SPDX-License-Identifier: MIT
// recursive_mutex: an owner word, and a depth that only the owner touches. Waiting is in owner_lock.cpp.
//
// Step  From → To              By      Order    If the doer dies right after
// L1    free → held            lock    acquire  as mutex; the depth is what the last owner left: the next owner sets it
// D1    depth := 1             lock    plain    as L1
// D2    depth + 1, depth - 1   both    plain    as L1: the dead one's depth means nothing
// U1    held → free            unlock  release  as mutex
#include <process_shared/recursive_mutex.hpp>

#include "sync/owner_lock.hpp"

#include <limits>

namespace process_shared {
namespace {

detail::ownership acquire_at_any_depth(std::atomic<std::uint64_t>& word, std::atomic<std::uint32_t>& depth,
                                       deadline until, sync::if_abandoned what) {
    // relaxed, here and below: only the owner changes the depth, and a stray unlock may look at it.
    if (sync::holds(word)) {
        const std::uint32_t now = depth.load(std::memory_order_relaxed);
        if (now == std::numeric_limits<std::uint32_t>::max())
            throw std::system_error(make_error_code(errc::recursion_too_deep));
        depth.store(now + 1, std::memory_order_relaxed);
        detail::step("D2");
        return detail::ownership::sound;
    }
    const detail::ownership owned = sync::acquire_word(word, seats::lock_kind::recursive_mutex, until, what);
    if (owned != detail::ownership::none) {
        depth.store(1, std::memory_order_relaxed);
        detail::step("D1");
    }
    return owned;
}

}  // namespace

void recursive_mutex::lock() { acquire_at_any_depth(word_, depth_, deadline::never(), sync::if_abandoned::refuse); }

bool recursive_mutex::try_lock() { return try_lock_by(deadline::passed()); }

bool recursive_mutex::try_lock_by(deadline until) {
    return acquire_at_any_depth(word_, depth_, until, sync::if_abandoned::refuse) != detail::ownership::none;
}

detail::ownership recursive_mutex::acquire(deadline until) {
    return acquire_at_any_depth(word_, depth_, until, sync::if_abandoned::take);
}

void recursive_mutex::unlock() {
    const std::uint32_t now = depth_.load(std::memory_order_relaxed);
    if (now > 1 && sync::holds(word_)) {
        depth_.store(now - 1, std::memory_order_relaxed);
        detail::step("D2");
        return;
    }
    sync::release_word(word_, seats::lock_kind::recursive_mutex);
}

std::uint32_t recursive_mutex::unlock_fully() {
    const std::uint32_t now = depth();
    if (now > 1) depth_.store(1, std::memory_order_relaxed);
    unlock();
    return now;
}

void recursive_mutex::lock_to_depth(std::uint32_t depth) {
    lock();
    depth_.store(depth, std::memory_order_relaxed);
}

detail::ownership recursive_mutex::acquire_to_depth(std::uint32_t depth, deadline until) {
    const detail::ownership owned = acquire(until);
    if (owned != detail::ownership::none) depth_.store(depth, std::memory_order_relaxed);
    return owned;
}

std::uint32_t recursive_mutex::depth() const noexcept {
    return sync::holds(word_) ? depth_.load(std::memory_order_relaxed) : 0;
}

void recursive_mutex::declare_sound() { sync::declare_word_sound(word_); }

}  // namespace process_shared
