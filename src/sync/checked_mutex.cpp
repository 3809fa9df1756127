// SPDX-License-Identifier: MIT
// checked_mutex: an owner word, as mutex; its kind tells those who wait for it to look for circles. Everything else is in
// owner_lock.cpp, whose table this one begins, and whose Q1 and Q2 only this kind takes.
//
// Step  From → To                           By      Order    If the doer dies right after
// L0    intent on my held list              lock    plain    swept: not owned, two sleepers woken needlessly
// L1    free → held                         lock    acquire  the token is dead: taken over by whoever comes or sleeps
// Q1    after 100 ms: looked, in a circle   lock    relaxed  swept: as L0. A look changes nothing
// Q2    gave up (L6), and throws            lock    –        as L6
// U0    seen: held, and by me               unlock  relaxed  as L1
// U1    held → free                         unlock  release  intent swept: not owned, two woken
// U4    intent withdrawn                    unlock  plain    nothing is left behind
//
// Steps that need the backstop after one death: none.
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
