// SPDX-License-Identifier: MIT
// monitor: a recursive_mutex and a condition that means "something may have changed". Their protocols are in
// owner_lock.cpp and condition_variable.cpp.
//
// Step  From → To                                   By      Order  If the doer dies right after
// Q1    those in when() notified, not yet woken     unlock  –      the lock is abandoned; they look at the backstop
// Q2    unlocked                                    unlock  –      those in when() were not woken: backstop
// Q3    all in when() woken                         unlock  –      nothing is left to do
//
// Q1 is under the lock, and so is the beginning of when(): whoever comes later sees what changed.
// Steps that need the backstop after one death: Q1, Q2.
#include <process_shared/monitor.hpp>

#include "base/step.hpp"

namespace process_shared {

void monitor::unlock() {
    const bool told = guard_.depth() == 1 && changed_.announce();
    detail::step("Q1");
    guard_.unlock();
    if (!told) return;
    detail::step("Q2");
    changed_.wake_all();
    detail::step("Q3");
}

std::uint32_t monitor::let_go() {
    const bool told = changed_.announce();
    const std::uint32_t depth = guard_.unlock_fully();
    if (told) changed_.wake_all();
    return depth;
}

void monitor::check_held() const {
    if (guard_.depth() == 0) throw std::system_error(make_error_code(errc::not_owner));
}

}  // namespace process_shared
