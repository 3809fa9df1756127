// SPDX-License-Identifier: MIT
// Readers-writer locks, each with lock(), unlock(), lock_shared() and unlock_shared().
#pragma once

#include "locks.hpp"

#include <process_shared/shared_mutex.hpp>

#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>

#include <pthread.h>
#include <shared_mutex>
#include <variant>

namespace bench {

class our_rwlock : public process_shared::shared_mutex, public lives_in_a_segment {};

/// glibc's, process-shared.
class pthread_rwlock {
public:
    pthread_rwlock() {
        pthread_rwlockattr_t attributes;
        check(pthread_rwlockattr_init(&attributes), "pthread_rwlockattr_init");
        check(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_rwlockattr_setpshared");
        check(pthread_rwlock_init(&lock_, &attributes), "pthread_rwlock_init");
        pthread_rwlockattr_destroy(&attributes);
    }
    pthread_rwlock(const pthread_rwlock&) = delete;
    pthread_rwlock& operator=(const pthread_rwlock&) = delete;

    void lock() {
        if (const int error = pthread_rwlock_wrlock(&lock_); error != 0) [[unlikely]]
            check(error, "pthread_rwlock_wrlock");
    }
    void unlock() { pthread_rwlock_unlock(&lock_); }
    void lock_shared() {
        if (const int error = pthread_rwlock_rdlock(&lock_); error != 0) [[unlikely]]
            check(error, "pthread_rwlock_rdlock");
    }
    void unlock_shared() { pthread_rwlock_unlock(&lock_); }

private:
    pthread_rwlock_t lock_;
};

class boost_rwlock {
public:
    void lock() { lock_.lock(); }
    void unlock() { lock_.unlock(); }
    void lock_shared() { lock_.lock_sharable(); }
    void unlock_shared() { lock_.unlock_sharable(); }

private:
    boost::interprocess::interprocess_sharable_mutex lock_;
};

/// Its reading side alone, so that the loops for locks measure it.
template <class Lock>
class read_side : public std::conditional_t<is_ours<Lock>, lives_in_a_segment, std::monostate> {
public:
    void lock() { lock_.lock_shared(); }
    void unlock() { lock_.unlock_shared(); }

private:
    Lock lock_;
};

}  // namespace bench
