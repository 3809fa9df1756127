// SPDX-License-Identifier: MIT
// mutex, recursive_mutex, checked_mutex, shared_mutex and monitor.
#include "c/call.hpp"
#include "sync/owner_lock.hpp"
#include "sync/readers.hpp"

#include <process_shared/allowed.hpp>
#include <process_shared/checked_mutex.hpp>
#include <process_shared/monitor.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/shared_mutex.hpp>

using namespace process_shared;
using namespace process_shared::c;

static_assert(PSHARED_MUTEX_SIZE == sizeof(mutex) && type_name<mutex>::value == PSHARED_TYPE_MUTEX);
static_assert(PSHARED_RECURSIVE_MUTEX_SIZE == sizeof(recursive_mutex) &&
              type_name<recursive_mutex>::value == PSHARED_TYPE_RECURSIVE_MUTEX);
static_assert(PSHARED_CHECKED_MUTEX_SIZE == sizeof(checked_mutex) &&
              type_name<checked_mutex>::value == PSHARED_TYPE_CHECKED_MUTEX);
static_assert(PSHARED_SHARED_MUTEX_SIZE == sizeof(shared_mutex) &&
              type_name<shared_mutex>::value == PSHARED_TYPE_SHARED_MUTEX);
static_assert(PSHARED_MONITOR_SIZE == sizeof(monitor) && type_name<monitor>::value == PSHARED_TYPE_MONITOR);

namespace {

template <class Lock, class Opaque>
int lock_in_posix_way(Opaque* bytes, pshared_deadline_t until) noexcept {
    if (bytes == nullptr) return PSHARED_EINVAL;
    auto* const lock = value_of<Lock>(bytes);
    return call([&] { return owned(lock, lock->acquire(deadline_of(until)), until); });
}

template <class Lock, class Opaque>
int lock_unless_abandoned(Opaque* bytes, pshared_deadline_t until) noexcept {
    if (bytes == nullptr) return PSHARED_EINVAL;
    return call([&] { return waited(value_of<Lock>(bytes)->try_lock_by(deadline_of(until)), until); });
}

template <class Lock, class Opaque>
int unlock(Opaque* bytes) noexcept {
    if (bytes == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<Lock>(bytes)->unlock(); });
}

template <class Lock, class Opaque>
int make_consistent(Opaque* bytes) noexcept {
    if (bytes == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<Lock>(bytes)->declare_sound(); });
}

/// Locks begin with an owner word.
template <class Opaque>
const std::atomic<std::uint64_t>& word_of(const Opaque* bytes) noexcept {
    return *reinterpret_cast<const std::atomic<std::uint64_t>*>(bytes);
}

template <class Opaque>
int is_locked(const Opaque* bytes) noexcept {
    return bytes != nullptr && sync::is_held_by_anybody(word_of(bytes)) ? 1 : 0;
}

}  // namespace

extern "C" {

int pshared_mutex_lock(pshared_mutex_t* m, pshared_deadline_t until) { return lock_in_posix_way<mutex>(m, until); }
int pshared_mutex_lock_unless_abandoned(pshared_mutex_t* m, pshared_deadline_t until) {
    return lock_unless_abandoned<mutex>(m, until);
}
int pshared_mutex_unlock(pshared_mutex_t* m) { return unlock<mutex>(m); }
int pshared_mutex_consistent(pshared_mutex_t* m) { return make_consistent<mutex>(m); }
int pshared_mutex_is_locked(const pshared_mutex_t* m) { return is_locked(m); }
int pshared_mutex_is_mine(const pshared_mutex_t* m) { return m != nullptr && sync::holds(word_of(m)) ? 1 : 0; }

int pshared_recursive_mutex_lock(pshared_recursive_mutex_t* m, pshared_deadline_t until) {
    return lock_in_posix_way<recursive_mutex>(m, until);
}
int pshared_recursive_mutex_lock_unless_abandoned(pshared_recursive_mutex_t* m, pshared_deadline_t until) {
    return lock_unless_abandoned<recursive_mutex>(m, until);
}
int pshared_recursive_mutex_unlock(pshared_recursive_mutex_t* m) { return unlock<recursive_mutex>(m); }
int pshared_recursive_mutex_consistent(pshared_recursive_mutex_t* m) { return make_consistent<recursive_mutex>(m); }
uint32_t pshared_recursive_mutex_depth(const pshared_recursive_mutex_t* m) {
    return m == nullptr ? 0 : value_of<recursive_mutex>(m)->depth();
}

int pshared_checked_mutex_lock(pshared_checked_mutex_t* m, pshared_deadline_t until) {
    return lock_in_posix_way<checked_mutex>(m, until);
}
int pshared_checked_mutex_lock_unless_abandoned(pshared_checked_mutex_t* m, pshared_deadline_t until) {
    return lock_unless_abandoned<checked_mutex>(m, until);
}
int pshared_checked_mutex_unlock(pshared_checked_mutex_t* m) { return unlock<checked_mutex>(m); }
int pshared_checked_mutex_consistent(pshared_checked_mutex_t* m) { return make_consistent<checked_mutex>(m); }

int pshared_shared_mutex_lock(pshared_shared_mutex_t* m, pshared_deadline_t until) {
    return lock_in_posix_way<shared_mutex>(m, until);
}
int pshared_shared_mutex_lock_unless_abandoned(pshared_shared_mutex_t* m, pshared_deadline_t until) {
    return lock_unless_abandoned<shared_mutex>(m, until);
}
int pshared_shared_mutex_unlock(pshared_shared_mutex_t* m) { return unlock<shared_mutex>(m); }
int pshared_shared_mutex_consistent(pshared_shared_mutex_t* m) { return make_consistent<shared_mutex>(m); }
int pshared_shared_mutex_lock_shared(pshared_shared_mutex_t* m, pshared_deadline_t until) {
    if (m == nullptr) return PSHARED_EINVAL;
    return call([&] { return waited(value_of<shared_mutex>(m)->try_lock_shared_by(deadline_of(until)), until); });
}
int pshared_shared_mutex_unlock_shared(pshared_shared_mutex_t* m) {
    if (m == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<shared_mutex>(m)->unlock_shared(); });
}

int pshared_shared_mutex_is_mine_shared(const pshared_shared_mutex_t* m) {
    const seats::place* const here = m == nullptr ? nullptr : seats::find_seat(m);
    if (here == nullptr) return 0;
    std::uint64_t offset = 0;
    here->locate(reinterpret_cast<std::uintptr_t>(m), offset);
    return sync::my_reader_slot(*here->mine, offset) != nullptr ? 1 : 0;
}

int pshared_monitor_lock(pshared_monitor_t* m, pshared_deadline_t until) {
    return lock_in_posix_way<monitor>(m, until);
}
int pshared_monitor_lock_unless_abandoned(pshared_monitor_t* m, pshared_deadline_t until) {
    return lock_unless_abandoned<monitor>(m, until);
}
int pshared_monitor_unlock(pshared_monitor_t* m) { return unlock<monitor>(m); }
int pshared_monitor_consistent(pshared_monitor_t* m) { return make_consistent<monitor>(m); }
uint32_t pshared_monitor_depth(const pshared_monitor_t* m) { return m == nullptr ? 0 : value_of<monitor>(m)->depth(); }
int pshared_monitor_is_locked(const pshared_monitor_t* m) { return is_locked(m); }

int pshared_monitor_unlock_fully(pshared_monitor_t* m, uint32_t* depth) {
    if (any_null(m, depth)) return PSHARED_EINVAL;
    return run([&] { *depth = value_of<monitor>(m)->unlock_fully(); });
}
int pshared_monitor_lock_to_depth(pshared_monitor_t* m, uint32_t depth, pshared_deadline_t until) {
    if (m == nullptr || depth == 0) return PSHARED_EINVAL;
    auto* const lock = value_of<monitor>(m);
    if (lock->depth() != 0) return PSHARED_EDEADLK;
    return call([&] { return owned(lock, lock->acquire_to_depth(depth, deadline_of(until)), until); });
}
int pshared_monitor_when(pshared_monitor_t* m, int (*predicate)(void*), void* context, pshared_deadline_t until) {
    if (m == nullptr || predicate == nullptr) return PSHARED_EINVAL;
    return call([&] {
        return waited(value_of<monitor>(m)->when_by(deadline_of(until), [&] { return predicate(context) != 0; }),
                      until);
    });
}

}  // extern "C"
