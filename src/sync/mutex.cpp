// SPDX-License-Identifier: MIT
// mutex: an owner word and nothing else. The slow ways are in owner_lock.cpp, whose table this one begins.
//
// Step  From → To                By      Order    If the doer dies right after
// L0    intent on my held list   lock    plain    swept: not owned, two sleepers woken needlessly
// L1    free → held              lock    acquire  the token is dead: taken over by whoever comes or sleeps
// U0    seen: held, and by me    unlock  relaxed  as L1
// U1    held → free              unlock  release  intent swept: not owned, two woken
// U4    intent withdrawn         unlock  plain    nothing is left behind
#include <process_shared/mutex.hpp>

#include "sync/owner_lock.hpp"

namespace process_shared {

using seats::lock_kind;

void mutex::lock() { sync::acquire_word(word_, lock_kind::mutex, deadline::never(), sync::if_abandoned::refuse); }

bool mutex::try_lock() { return try_lock_by(deadline::passed()); }

bool mutex::try_lock_by(deadline until) {
    return sync::acquire_word(word_, lock_kind::mutex, until, sync::if_abandoned::refuse) != detail::ownership::none;
}

detail::ownership mutex::acquire(deadline until) {
    return sync::acquire_word(word_, lock_kind::mutex, until, sync::if_abandoned::take);
}

void mutex::unlock() { sync::release_word(word_, lock_kind::mutex); }

void mutex::declare_sound() { sync::declare_word_sound(word_); }

}  // namespace process_shared
