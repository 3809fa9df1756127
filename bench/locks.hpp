// SPDX-License-Identifier: MIT
// The floor and the peers, each with lock() and unlock(), and a place in shared memory for any of them.
#pragma once

#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <pthread.h>
#include <sys/mman.h>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <new>
#include <system_error>
#include <type_traits>
#include <utility>

namespace bench {

inline void check(int error, const char* what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

/// What no lock can beat: one compare-exchange in, one exchange out, both inlined. Of one thread only.
class floor_lock {
public:
    void lock() {
        std::uint64_t free = 0;
        // acquire: pairs with unlock, as a real lock would; relaxed on failure, which nobody survives.
        if (!word_.compare_exchange_strong(free, 1, std::memory_order_acquire, std::memory_order_relaxed)) [[unlikely]]
            __builtin_trap();
    }
    void unlock() {
        word_.exchange(0, std::memory_order_release);  // release: pairs with lock
    }

private:
    std::atomic<std::uint64_t> word_{0};
};

/// glibc's mutex, process-shared.
template <int Type, int Robust>
class pthread_lock {
public:
    pthread_lock() {
        pthread_mutexattr_t attributes;
        check(pthread_mutexattr_init(&attributes), "pthread_mutexattr_init");
        check(pthread_mutexattr_settype(&attributes, Type), "pthread_mutexattr_settype");
        check(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_mutexattr_setpshared");
        check(pthread_mutexattr_setrobust(&attributes, Robust), "pthread_mutexattr_setrobust");
        check(pthread_mutex_init(&mutex_, &attributes), "pthread_mutex_init");
        pthread_mutexattr_destroy(&attributes);
    }
    pthread_lock(const pthread_lock&) = delete;
    pthread_lock& operator=(const pthread_lock&) = delete;

    void lock() {
        if (const int error = pthread_mutex_lock(&mutex_); error != 0) [[unlikely]]
            check(error, "pthread_mutex_lock");
    }
    void unlock() { pthread_mutex_unlock(&mutex_); }
    pthread_mutex_t& native() { return mutex_; }

private:
    pthread_mutex_t mutex_;
};
using pthread_normal = pthread_lock<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED>;
using pthread_robust = pthread_lock<PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST>;
using pthread_recursive = pthread_lock<PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED>;
using pthread_recursive_robust = pthread_lock<PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ROBUST>;

/// A T that forked children share.
template <class T>
class shared_by_fork {
public:
    template <class... Arguments>
    explicit shared_by_fork(Arguments&&... arguments)
        : memory_(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        if (memory_ == MAP_FAILED) check(errno, "mmap");
        object_ = ::new (memory_) T(std::forward<Arguments>(arguments)...);
    }
    ~shared_by_fork() { munmap(memory_, sizeof(T)); }
    shared_by_fork(const shared_by_fork&) = delete;
    shared_by_fork& operator=(const shared_by_fork&) = delete;

    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }

private:
    void* memory_;
    T* object_ = nullptr;
};

/// A lock and what it guards, on a line of their own, as in a user's struct.
template <class Lock>
struct alignas(64) cell {
    Lock guard;
    std::uint64_t count = 0;
};

/// Says of a series' type that it is made of ours.
struct lives_in_a_segment {};

template <class Lock>
inline constexpr bool is_ours =
    std::is_same_v<Lock, process_shared::mutex> || std::is_same_v<Lock, process_shared::recursive_mutex> ||
    std::is_base_of_v<lives_in_a_segment, Lock>;

/// A T in memory of its own: of ours in a segment, of a peer's in plain shared memory.
template <class T, bool Ours>
class home_of {
public:
    T* operator->() const { return &*memory_; }

private:
    shared_by_fork<T> memory_;
};

template <class T>
class home_of<T, true> {
public:
    home_of() : home_of(process_shared::segment_options{}) {}
    explicit home_of(const process_shared::segment_options& how)
        : memory_(process_shared::segment::anonymous(4096, how)), inside_(&memory_.construct<T>("inside")) {}

    T* operator->() const { return inside_; }

private:
    process_shared::segment memory_;
    T* inside_;
};

template <class Lock>
using placed = home_of<cell<Lock>, is_ours<Lock>>;

}  // namespace bench
