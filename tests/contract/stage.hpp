// SPDX-License-Identifier: MIT
// What a test of locks and the threads or processes that act in it share: an object in the segment under test.
#pragma once

#include "contract/any_lock.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"

#include <process_shared/checked_mutex.hpp>
#include <process_shared/error.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>
#include <process_shared/shared_mutex.hpp>

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <type_traits>

namespace contract {

using process_shared::errc;
using process_shared::owner_died;
using namespace std::chrono_literals;

/// How an attempt ended: one of these, or the number of the errc that it threw.
inline constexpr int not_yet = -3;
inline constexpr int another_error = -2;
inline constexpr int not_locked = -1;
inline constexpr int locked = 0;
inline constexpr int died = static_cast<int>(errc::owner_died);

inline int number_of(const std::error_code& code) {
    return code.category() == process_shared::error_category() ? code.value() : another_error;
}

/// Runs an attempt to lock or unlock; void counts as `locked`.
template <class Attempt>
int outcome_of(Attempt&& attempt) {
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Attempt>>) {
            attempt();
            return locked;
        } else {
            return attempt() ? locked : not_locked;
        }
    } catch (const std::system_error& failure) {
        return number_of(failure.code());
    }
}

/// What a test tells an actor to do next.
enum class cue { none, unlock, leave };

struct actor_state {
    std::atomic<bool> ready{false};  // has reached the point that its part describes
    std::atomic<cue> told{cue::none};
    std::atomic<pid_t> task{0};  // tid, to see whether it sleeps
    std::atomic<int> outcome{not_yet};
    std::atomic<std::uint32_t> dead_process{0};  // who().process of an owner_died

    void reset() {
        ready = false;
        told = cue::none;
        outcome = not_yet;
    }
};

inline constexpr unsigned most_actors = 8;

struct stage {
    explicit stage(lock_kind which) : kind(which) {}

    any_lock lock_at(unsigned i) {
        if (kind == lock_kind::shared_mutex) return any_lock(shared_mutexes.at(i));
        if (kind == lock_kind::checked_mutex) return any_lock(checked_mutexes.at(i));
        return kind == lock_kind::mutex ? any_lock(mutexes.at(i)) : any_lock(recursive_mutexes.at(i));
    }
    any_lock guard() { return lock_at(0); }
    any_lock second() { return lock_at(1); }

    const lock_kind kind;
    std::array<process_shared::mutex, 2> mutexes;
    std::array<process_shared::recursive_mutex, 2> recursive_mutexes;
    std::array<process_shared::shared_mutex, 2> shared_mutexes;
    std::array<process_shared::checked_mutex, 2> checked_mutexes;
    std::uint64_t value = 0;  // under the guard
    std::atomic<int> repairs{0};
    std::atomic<pid_t> waiter{0};
    std::array<actor_state, most_actors> actors;
};

/// The name that every actor gives its thread.
inline constexpr const char* actor_name = "the_actor";
inline constexpr int counting_rounds = 1000;

/// Waits until a task sleeps in a lock.
inline bool await_asleep(const std::atomic<pid_t>& task) {
    return support::await([&] { return task != 0 && support::is_asleep(task); });
}

/// Plays one of the parts that the program knows, as whichever thread or process calls it, with its own mapping.
void play(const std::string& part, process_shared::segment& own, unsigned index);

}  // namespace contract
