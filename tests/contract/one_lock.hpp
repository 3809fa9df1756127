// SPDX-License-Identifier: MIT
// What the tests of a single lock have in common.
#pragma once

#include "contract/stage.hpp"

#include <process_shared/checked_mutex.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>
#include <process_shared/shared_mutex.hpp>

#include <system_error>
#include <thread>

namespace contract {

using process_shared::checked_mutex;
using process_shared::mutex;
using process_shared::recursive_mutex;
using process_shared::segment;
using process_shared::shared_mutex;

inline constexpr unsigned most_holds = 60;

/// Whether another thread can take the lock right now.
template <class Lock>
bool is_free(Lock& lock) {
    bool got = false;
    std::thread([&] {
        got = lock.try_lock();
        if (got) lock.unlock();
    }).join();
    return got;
}

/// What an operation throws.
template <class Operation>
std::system_error error_of(Operation&& operation) {
    try {
        operation();
    } catch (const std::system_error& failure) {
        return failure;
    }
    return std::system_error(std::error_code());
}

}  // namespace contract
