// SPDX-License-Identifier: MIT
// What crash_table tries. Each patient lies in shared memory and says
//   before()   what the victim does first
//   inside()   how it gets to where it is killed
//   go_on(i)   what one of `others` does then; false if something is missing, or it is told what is not true
//   work(i)    one round of a storm; the same
//   ready_at   1 if the victim is killed asleep in inside(), 2 if after it
#pragma once

#include "locks.hpp"
#include "rwlocks.hpp"
#include "semaphores.hpp"
#include "timing.hpp"

#include <process_shared/barrier.hpp>
#include <process_shared/condition_variable.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/owned_semaphore.hpp>
#include <process_shared/shared_mutex.hpp>

#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>

#include <pthread.h>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <shared_mutex>

namespace bench {

/// Long enough to be killed in, now and then.
inline void stay_a_moment() {
    for (int i = 0; i < 1000; ++i) compiler_barrier();
}

/// Two halves that are equal unless somebody died between them.
struct halves {
    std::atomic<std::uint64_t> first{0};
    std::atomic<std::uint64_t> second{0};

    [[nodiscard]] bool differ() const { return first != second; }
    void repair() { second = first.load(); }
    void change() {
        ++first;
        stay_a_moment();
        ++second;
    }
};

struct in_two_steps {
    static constexpr int ready_at = 2;
    static constexpr int others = 2;
    void before() {}
};

template <class Lock>
struct mutex_patient : in_two_steps {
    void inside() { lock.lock(); }
    bool go_on(int) {
        lock.lock();
        const bool whole = !data.differ();
        data.change();
        lock.unlock();
        return whole;
    }
    bool work(int i) { return go_on(i); }

    Lock lock;
    halves data;
};

struct robust_patient : in_two_steps {
    void inside() { pthread_mutex_lock(&lock.native()); }
    bool go_on(int) {
        const int error = pthread_mutex_lock(&lock.native());
        if (error == EOWNERDEAD) {
            data.repair();
            pthread_mutex_consistent(&lock.native());
        }
        const bool whole = (error == 0 || error == EOWNERDEAD) && !data.differ();
        data.change();
        pthread_mutex_unlock(&lock.native());
        return whole;
    }
    bool work(int i) { return go_on(i); }

    pthread_robust lock;
    halves data;
};

struct our_mutex_patient : in_two_steps, lives_in_a_segment {
    void inside() {
        lock.lock([&] { data.repair(); });
    }
    bool go_on(int) {
        lock.lock([&] { data.repair(); });
        const bool whole = !data.differ();
        data.change();
        lock.unlock();
        return whole;
    }
    bool work(int i) { return go_on(i); }

    process_shared::mutex lock;
    halves data;
};

template <class Lock>
struct reader_patient : in_two_steps {
    void inside() { lock.lock_shared(); }
    bool go_on(int) {
        lock.lock();
        data.change();
        lock.unlock();
        return true;
    }

    Lock lock;
    halves data;
};

template <class Lock>
struct writer_patient : in_two_steps {
    void inside() {
        lock.lock();
        ++data.first;
    }
    bool go_on(int) {
        lock.lock_shared();
        const bool whole = !data.differ();
        lock.unlock_shared();
        return whole;
    }
    bool work(int i) {
        if (i % 2 == 0) return go_on(i);
        lock.lock();
        data.change();
        lock.unlock();
        return true;
    }

    Lock lock;
    halves data;
};

struct our_reader_patient : reader_patient<process_shared::shared_mutex>, lives_in_a_segment {};

struct our_writer_patient : in_two_steps, lives_in_a_segment {
    void write() {
        lock.lock([&] { data.repair(); });
        data.change();
        lock.unlock();
    }
    void inside() {
        lock.lock();
        ++data.first;
    }
    bool go_on(int) {
        try {
            const std::shared_lock hold(lock);
            return !data.differ();
        } catch (const process_shared::owner_died&) {
            write();
            return true;
        }
    }
    bool work(int i) {
        if (i % 2 == 0) return go_on(i);
        write();
        return true;
    }

    process_shared::shared_mutex lock;
    halves data;
};

/// Its permit is lent, and must be there again for whoever comes.
template <class Semaphore>
struct semaphore_patient
    : in_two_steps,
      std::conditional_t<std::is_base_of_v<lives_in_a_segment, Semaphore>, lives_in_a_segment, std::monostate> {
    void inside() { permit.lock(); }
    bool go_on(int) {
        permit.lock();
        stay_a_moment();
        permit.unlock();
        return true;
    }
    bool work(int i) { return go_on(i); }

    Semaphore permit;
};

/// Something on a table, and a condition that says so.
struct pthread_table {
    pthread_table() {
        pthread_condattr_t attributes;
        check(pthread_condattr_init(&attributes), "pthread_condattr_init");
        check(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_condattr_setpshared");
        check(pthread_cond_init(&changed, &attributes), "pthread_cond_init");
        pthread_condattr_destroy(&attributes);
    }
    void lock() {
        if (pthread_mutex_lock(&guard.native()) == EOWNERDEAD) pthread_mutex_consistent(&guard.native());
    }
    void wait() {
        if (pthread_cond_wait(&changed, &guard.native()) == EOWNERDEAD) pthread_mutex_consistent(&guard.native());
    }
    void unlock() { guard.unlock(); }
    void notify() { pthread_cond_signal(&changed); }

    pthread_robust guard;  // so that it is the condition that is tried
    pthread_cond_t changed;
};

struct boost_table {
    void lock() { guard.lock(); }
    void unlock() { guard.unlock(); }
    void wait() {
        boost::interprocess::scoped_lock hold(guard, boost::interprocess::accept_ownership);
        changed.wait(hold);
        hold.release();
    }
    void notify() { changed.notify_one(); }

    boost::interprocess::interprocess_mutex guard;
    boost::interprocess::interprocess_condition changed;
};

struct our_table : lives_in_a_segment {
    void lock() {
        guard.lock([] {});
    }
    void unlock() { guard.unlock(); }
    void wait() {
        std::unique_lock hold(guard, std::adopt_lock);
        try {
            changed.wait(hold);
        } catch (const process_shared::owner_died&) {
            hold.release();
            lock();
            return;
        }
        hold.release();
    }
    void notify() { changed.notify_one(); }

    process_shared::mutex guard;
    process_shared::condition_variable changed;
};

/// The victim is killed asleep. Then one waits for things, and another puts them there one by one.
template <class Table>
struct condition_patient
    : std::conditional_t<std::is_base_of_v<lives_in_a_segment, Table>, lives_in_a_segment, std::monostate> {
    static constexpr int ready_at = 1;
    static constexpr int others = 2;
    static constexpr int things = 20;

    void before() {}
    void inside() {
        table.lock();
        while (count == 0) table.wait();
    }
    bool go_on(int i) {
        for (int k = 0; k < things; ++k) i == 0 ? take() : put();
        return true;
    }
    /// Some take, some put; nobody waits for what only the dead could bring.
    bool work(int i) {
        if (i < 2)
            put();
        else
            take();
        return true;
    }
    void put() {
        table.lock();
        ++count;
        table.unlock();
        table.notify();
    }
    void take() {
        table.lock();
        while (count == 0) table.wait();
        --count;
        table.unlock();
    }

    Table table;
    std::atomic<int> count{0};
};

/// The second to come must not pass as if the first were still there.
struct pthread_barrier_patient {
    static constexpr int ready_at = 1;
    static constexpr int others = 1;

    pthread_barrier_patient() {
        pthread_barrierattr_t attributes;
        check(pthread_barrierattr_init(&attributes), "pthread_barrierattr_init");
        check(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_barrierattr_setpshared");
        check(pthread_barrier_init(&barrier, &attributes, 2), "pthread_barrier_init");
        pthread_barrierattr_destroy(&attributes);
    }
    void before() {}
    void inside() { pthread_barrier_wait(&barrier); }
    bool go_on(int) {
        pthread_barrier_wait(&barrier);
        return false;
    }

    pthread_barrier_t barrier;
};

struct our_barrier_patient : lives_in_a_segment {
    static constexpr int ready_at = 1;
    static constexpr int others = 1;

    void before() { barrier.join(); }
    void inside() { barrier.arrive_and_wait(); }
    bool go_on(int) {
        try {
            barrier.join();
            barrier.arrive_and_wait();
            return false;
        } catch (const process_shared::participant_died&) {
            barrier.reset();
            return true;
        }
    }

    process_shared::barrier<2> barrier{2};
};

}  // namespace bench
