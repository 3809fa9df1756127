// SPDX-License-Identifier: MIT
#include "c/call.hpp"
#include "sync/owner_lock.hpp"
#include "sync/word_wait.hpp"

#include <process_shared/allowed.hpp>
#include <process_shared/condition_variable.hpp>
#include <process_shared/monitor.hpp>
#include <process_shared/mutex.hpp>

using namespace process_shared;
using namespace process_shared::c;
using detail::condition_word;

static_assert(PSHARED_CONDITION_VARIABLE_SIZE == sizeof(condition_variable) &&
              type_name<condition_variable>::value == PSHARED_TYPE_CONDITION_VARIABLE);
static_assert(PSHARED_CONDITION_VARIABLE_SIZE == sizeof(condition_variable_any) &&
              type_name<condition_variable_any>::value == PSHARED_TYPE_CONDITION_VARIABLE_ANY);
static_assert(sizeof(condition_word) == sizeof(condition_variable));

namespace {

int sleep(condition_word& word, std::uint32_t prepared, pshared_deadline_t until) noexcept {
    const deadline end = deadline_of(until);
    // Nothing has changed when a backstop passes: without a predicate there is nothing to look at.
    for (;;) switch (word.sleep(prepared, end)) {
            case condition_word::outcome::notified:
                return PSHARED_OK;
            case condition_word::outcome::timed_out:
                return end_of_wait(until);
            case condition_word::outcome::look_again:
                break;
        }
}

/// `unlock()` and `relock()`, which returns a code, around a sleep.
template <class Unlock, class Relock>
int wait(condition_word& word, pshared_deadline_t until, Unlock&& unlock, Relock&& relock) {
    const std::uint32_t prepared = word.prepare();
    unlock();
    const int ended = sleep(word, prepared, until);
    const int locked = relock();
    return locked != PSHARED_OK ? locked : ended;
}

}  // namespace

extern "C" {

int pshared_condition_variable_wait(pshared_condition_variable_t* condition, pshared_mutex_t* m,
                                    pshared_deadline_t until) {
    if (any_null(condition, m)) return PSHARED_EINVAL;
    auto* const lock = value_of<mutex>(m);
    // Not left to unlock(), which lets a forked child pass with what is its parent's.
    if (pshared_mutex_is_mine(m) == 0) return seats::view_of(m).base == nullptr ? PSHARED_EOUTSIDE : PSHARED_ENOTOWNER;
    return call([&] {
        return wait(
            *value_of<condition_word>(condition), until, [&] { lock->unlock(); },
            [&] { return owned(lock, lock->acquire(deadline::never()), PSHARED_NEVER); });
    });
}

int pshared_condition_variable_wait_monitor(pshared_condition_variable_t* condition, pshared_monitor_t* m,
                                            pshared_deadline_t until) {
    if (any_null(condition, m)) return PSHARED_EINVAL;
    auto* const lock = value_of<monitor>(m);
    return call([&] {
        std::uint32_t depth = 0;
        return wait(
            *value_of<condition_word>(condition), until, [&] { depth = lock->unlock_fully(); },
            [&] { return owned(lock, lock->acquire_to_depth(depth, deadline::never()), PSHARED_NEVER); });
    });
}

int pshared_condition_variable_notify_one(pshared_condition_variable_t* condition) {
    if (condition == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<condition_word>(condition)->notify(false); });
}

int pshared_condition_variable_notify_all(pshared_condition_variable_t* condition) {
    if (condition == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<condition_word>(condition)->notify(true); });
}

int pshared_condition_variable_prepare(pshared_condition_variable_t* condition, uint32_t* prepared) {
    if (any_null(condition, prepared)) return PSHARED_EINVAL;
    return run([&] { *prepared = value_of<condition_word>(condition)->prepare(); });
}

int pshared_condition_variable_sleep(pshared_condition_variable_t* condition, uint32_t prepared,
                                     pshared_deadline_t until) {
    if (condition == nullptr) return PSHARED_EINVAL;
    return call([&] {
        sync::seat_near(condition);  // as prepare(), by another thread perhaps: so that sleep() cannot fail
        return sleep(*value_of<condition_word>(condition), prepared, until);
    });
}

}  // extern "C"
