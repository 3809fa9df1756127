// SPDX-License-Identifier: MIT
// checked_mutex: a mutex whose waiters look for cycles (owner_lock.cpp). The protocol is the mutex's.
#include <process_shared/checked_mutex.hpp>

#include "sync/owner_lock.hpp"

namespace process_shared {

using seats::lock_kind;

void checked_mutex::lock() {
    sync::acquire_word(word_, lock_kind::checked_mutex, deadline::never(), sync::if_abandoned::refuse);
}

bool checked_mutex::try_lock() { return try_lock_by(deadline::passed()); }

bool checked_mutex::try_lock_by(deadline until) {
    return sync::acquire_word(word_, lock_kind::checked_mutex, until, sync::if_abandoned::refuse) !=
           detail::ownership::none;
}

detail::ownership checked_mutex::acquire(deadline until) {
    return sync::acquire_word(word_, lock_kind::checked_mutex, until, sync::if_abandoned::take);
}

void checked_mutex::unlock() { sync::release_word(word_, lock_kind::checked_mutex); }

void checked_mutex::declare_sound() { sync::declare_word_sound(word_); }

}  // namespace process_shared
