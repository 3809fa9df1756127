// SPDX-License-Identifier: MIT
// once_flag: a mutex, and a word that says done. The mutex's protocol is in owner_lock.cpp.
//
// Step  From → To            By         Order    If the doer dies right after
// O1    doing: mine          begin      acquire  the next one takes it over, repaired or not: O2 decides
// O2    not done → done      finish     release  done; the mutex is taken over by those who wait for it
// O3    doing: free          both ends  release  nothing is left to do
#include <process_shared/once.hpp>

#include "base/step.hpp"
#include "sync/owner_lock.hpp"

namespace process_shared {

bool once_flag::begin() {
    doing_.lock([] {});  // a death inside leaves nothing to repair: the function runs anew
    detail::step("O1");
    if (!is_done()) return true;
    doing_.unlock();
    return false;
}

void once_flag::finish() {
    // Not ours: an error, or nothing at all in a child forked inside the function, whose parent is still there.
    if (!sync::holds(reinterpret_cast<const std::atomic<std::uint64_t>&>(doing_))) return doing_.unlock();
    done_.store(1, std::memory_order_release);  // pairs with is_done (O2)
    detail::step("O2");
    doing_.unlock();
    detail::step("O3");
}

void once_flag::give_up() noexcept {
    try {
        doing_.unlock();
    } catch (const std::system_error&) {
        // Not ours any more: forked inside the function.
    }
}

}  // namespace process_shared
