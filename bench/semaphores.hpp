// SPDX-License-Identifier: MIT
// Semaphores of one permit, used as locks so that the same loops measure them.
#pragma once

#include "locks.hpp"

#include <process_shared/owned_semaphore.hpp>
#include <process_shared/semaphore.hpp>

#include <boost/interprocess/sync/interprocess_semaphore.hpp>

#include <semaphore.h>
#include <cerrno>
#include <semaphore>

namespace bench {

class our_semaphore : public lives_in_a_segment {
public:
    explicit our_semaphore(int permits = 1) : permits_(permits) {}
    void lock() { permits_.acquire(); }
    void unlock() { permits_.release(); }

private:
    process_shared::counting_semaphore<> permits_;
};

/// Its permit comes back from the dead.
class our_owned_semaphore : public lives_in_a_segment {
public:
    void lock() { permits_.acquire(); }
    void unlock() { permits_.release(); }

private:
    process_shared::owned_semaphore<1> permits_;
};

class posix_semaphore {
public:
    explicit posix_semaphore(unsigned permits = 1) {
        if (sem_init(&permits_, 1, permits) != 0) check(errno, "sem_init");
    }
    void lock() {
        while (sem_wait(&permits_) != 0)
            if (errno != EINTR) check(errno, "sem_wait");
    }
    void unlock() { sem_post(&permits_); }

private:
    sem_t permits_;
};

class boost_semaphore {
public:
    explicit boost_semaphore(unsigned permits = 1) : permits_(permits) {}
    void lock() { permits_.wait(); }
    void unlock() { permits_.post(); }

private:
    boost::interprocess::interprocess_semaphore permits_;
};

/// Of one process only.
class std_semaphore {
public:
    void lock() { permits_.acquire(); }
    void unlock() { permits_.release(); }

private:
    std::counting_semaphore<> permits_{1};
};

}  // namespace bench
