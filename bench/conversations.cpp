// SPDX-License-Identifier: MIT
// Processes that wait for each other: round trips, broadcasts, barriers. The floor is the bare system call: two words,
// FUTEX_WAIT and FUTEX_WAKE, and nothing that would survive anything.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "semaphores.hpp"
#include "timing.hpp"

#include <process_shared/barrier.hpp>
#include <process_shared/condition_variable.hpp>

#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>

#include <fmt/format.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

namespace interprocess = boost::interprocess;

/// Ping and pong each wait for their word and set the other's.
class futex_table {
public:
    void pass_to(int side) {
        turn_[side].store(1, std::memory_order_release);  // pairs with await's exchange
        syscall(SYS_futex, &turn_[side], FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
    void await(int side) {
        while (turn_[side].exchange(0, std::memory_order_acquire) == 0)
            syscall(SYS_futex, &turn_[side], FUTEX_WAIT, 0, nullptr, nullptr, 0);
    }

private:
    std::atomic<std::uint32_t> turn_[2]{};
};

struct lives_anywhere {};

template <class Semaphore>
class semaphore_table : public std::conditional_t<is_ours<Semaphore>, lives_in_a_segment, lives_anywhere> {
public:
    void pass_to(int side) { turn_[side].unlock(); }
    void await(int side) { turn_[side].lock(); }

private:
    Semaphore turn_[2]{Semaphore(0), Semaphore(0)};
};

class our_condition_table : public lives_in_a_segment {
public:
    void pass_to(int side) {
        {
            const std::lock_guard hold(guard_);
            turn_ = side;
        }
        changed_.notify_one();
    }
    void await(int side) {
        std::unique_lock hold(guard_);
        changed_.wait(hold, [&] { return turn_ == side; });
        turn_ = -1;
    }

private:
    process_shared::mutex guard_;
    process_shared::condition_variable changed_;
    int turn_ = -1;
};

/// glibc's, process-shared.
class pthread_condition {
public:
    pthread_condition() {
        pthread_condattr_t attributes;
        check(pthread_condattr_init(&attributes), "pthread_condattr_init");
        check(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_condattr_setpshared");
        check(pthread_cond_init(&condition_, &attributes), "pthread_cond_init");
        pthread_condattr_destroy(&attributes);
    }
    void signal() { pthread_cond_signal(&condition_); }
    void broadcast() { pthread_cond_broadcast(&condition_); }
    void wait(pthread_normal& held) { pthread_cond_wait(&condition_, &held.native()); }

private:
    pthread_cond_t condition_;
};

class pthread_condition_table {
public:
    void pass_to(int side) {
        {
            const std::lock_guard hold(guard_);
            turn_ = side;
        }
        changed_.signal();
    }
    void await(int side) {
        const std::lock_guard hold(guard_);
        while (turn_ != side) changed_.wait(guard_);
        turn_ = -1;
    }

private:
    pthread_normal guard_;
    pthread_condition changed_;
    int turn_ = -1;
};

class boost_condition_table {
public:
    void pass_to(int side) {
        {
            const interprocess::scoped_lock<interprocess::interprocess_mutex> hold(guard_);
            turn_ = side;
        }
        changed_.notify_one();
    }
    void await(int side) {
        interprocess::scoped_lock<interprocess::interprocess_mutex> hold(guard_);
        while (turn_ != side) changed_.wait(hold);
        turn_ = -1;
    }

private:
    interprocess::interprocess_mutex guard_;
    interprocess::interprocess_condition changed_;
    int turn_ = -1;
};

/// A process that answers, and the one that asks. Made anew for each measurement: whether the two share a processor
/// after many quick rounds decides how long the first after a pause takes.
template <class Table>
class pair_of_players {
public:
    explicit pair_of_players(int rounds)
        : pong_([this, rounds] {
              for (int i = 0; i < rounds; ++i) {
                  table_->guard.await(1);
                  table_->guard.pass_to(0);
              }
          }) {}
    double round_trips(int count) {
        const std::int64_t start = now();
        for (int i = 0; i < count; ++i) {
            table_->guard.pass_to(1);
            table_->guard.await(0);
        }
        return static_cast<double>(now() - start) / 1e3;
    }
    void wait() { pong_.wait(); }

private:
    const placed<Table> table_;
    child pong_;  // last: it uses the table
};

/// Round trips: one after the other, and each after a pause in which both go to sleep.
template <class Table>
samples ping_pong(const std::string& name, const std::string& series, const options& how) {
    use_cores(how.cores);
    samples result;
    const int hot = how.repetitions(20'000);
    pair_of_players<Table> quick(hot);
    result[name][series].push_back(quick.round_trips(hot) / hot);
    quick.wait();
    const int idle = how.repetitions(200);
    pair_of_players<Table> slow(idle);
    for (int i = 0; i < idle; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        result[name + "/after_a_pause"][series].push_back(slow.round_trips(1));
    }
    slow.wait();
    return result;
}

constexpr int listeners = 8;

/// All listeners wait for the next number; how long until the last of them has it.
class our_hall : public lives_in_a_segment {
public:
    void say(int number) {
        {
            const std::lock_guard hold(guard_);
            said_ = number;
        }
        changed_.notify_all();
    }
    void hear(int number) {
        std::unique_lock hold(guard_);
        changed_.wait(hold, [&] { return said_ >= number; });
    }

private:
    process_shared::mutex guard_;
    process_shared::condition_variable changed_;
    int said_ = 0;
};

class pthread_hall {
public:
    void say(int number) {
        {
            const std::lock_guard hold(guard_);
            said_ = number;
        }
        changed_.broadcast();
    }
    void hear(int number) {
        const std::lock_guard hold(guard_);
        while (said_ < number) changed_.wait(guard_);
    }

private:
    pthread_normal guard_;
    pthread_condition changed_;
    int said_ = 0;
};

class boost_hall {
public:
    void say(int number) {
        {
            const interprocess::scoped_lock<interprocess::interprocess_mutex> hold(guard_);
            said_ = number;
        }
        changed_.notify_all();
    }
    void hear(int number) {
        interprocess::scoped_lock<interprocess::interprocess_mutex> hold(guard_);
        while (said_ < number) changed_.wait(hold);
    }

private:
    interprocess::interprocess_mutex guard_;
    interprocess::interprocess_condition changed_;
    int said_ = 0;
};

template <class Hall>
samples broadcast(const std::string& series, const options& how) {
    use_cores(how.cores);
    const placed<Hall> place;
    Hall& hall = place->guard;
    const shared_by_fork<std::atomic<int>> heard(0);
    const int rounds = how.repetitions(300);
    std::vector<child> all;
    for (int i = 0; i < listeners; ++i)
        all.emplace_back([&] {
            for (int round = 1; round <= rounds; ++round) {
                hall.hear(round);
                heard->fetch_add(1);
            }
        });
    samples result;
    for (int round = 1; round <= rounds; ++round) {
        std::this_thread::sleep_for(std::chrono::microseconds(500));  // until they sleep
        const std::int64_t start = now();
        hall.say(round);
        while (heard->load() != round * listeners) sched_yield();
        result["condition_variable.broadcast_8"][series].push_back(static_cast<double>(now() - start) / 1e3);
    }
    for (auto& one : all) one.wait();
    return result;
}

class our_barrier : public lives_in_a_segment {
public:
    void expect(int count) { std::construct_at(&step_, count); }
    void join() { step_.join(); }
    void pass() { step_.arrive_and_wait(); }

private:
    process_shared::barrier<> step_{1};
};

class pthread_step {
public:
    void expect(int count) {
        pthread_barrierattr_t attributes;
        check(pthread_barrierattr_init(&attributes), "pthread_barrierattr_init");
        check(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), "pthread_barrierattr_setpshared");
        check(pthread_barrier_init(&step_, &attributes, static_cast<unsigned>(count)), "pthread_barrier_init");
        pthread_barrierattr_destroy(&attributes);
    }
    void join() {}
    void pass() { pthread_barrier_wait(&step_); }

private:
    pthread_barrier_t step_;
};

template <class Step>
samples march(const std::string& name, const std::string& series, int processes, const options& how) {
    use_cores(how.cores);
    const placed<Step> place;
    Step& step = place->guard;
    step.expect(processes);
    const int rounds = how.repetitions(3'000);
    std::vector<child> all;
    const shared_by_fork<std::int64_t> took(0);
    for (int i = 0; i < processes; ++i)
        all.emplace_back([&, i] {
            step.join();
            step.pass();
            const std::int64_t start = now();
            for (int round = 0; round < rounds; ++round) step.pass();
            if (i == 0) *took = now() - start;
            step.pass();
        });
    for (auto& one : all) one.wait();
    samples result;
    result[name][series].push_back(static_cast<double>(*took) / 1e3 / rounds);
    return result;
}

}  // namespace

void add_conversations(std::vector<experiment>& to, const options& how) {
    const auto talk = [&](const std::string& name, auto... tables) {
        to.push_back({{{name, "us"}, {name + "/after_a_pause", "us", false, true}},
                      {leg{tables.series,
                           [=] { return ping_pong<typename decltype(tables)::type>(name, tables.series, how); }}...},
                      how.rounds});
    };
    talk("semaphore.ping_pong", named_type<semaphore_table<our_semaphore>>{"process_shared"},
         named_type<futex_table>{"floor"}, named_type<semaphore_table<posix_semaphore>>{"sem_t"},
         named_type<semaphore_table<boost_semaphore>>{"boost"});
    talk("condition_variable.ping_pong", named_type<our_condition_table>{"process_shared"},
         named_type<futex_table>{"floor"}, named_type<pthread_condition_table>{"pthread"},
         named_type<boost_condition_table>{"boost"});
    to.push_back({{{"condition_variable.broadcast_8", "us", false, true}},
                  {{"process_shared", [=] { return broadcast<our_hall>("process_shared", how); }},
                   {"pthread", [=] { return broadcast<pthread_hall>("pthread", how); }},
                   {"boost", [=] { return broadcast<boost_hall>("boost", how); }}},
                  how.rounds});
    for (const int processes : {2, 8}) {
        const std::string name = fmt::format("barrier.round_{}", processes);
        to.push_back({{{name, "us"}},
                      {{"process_shared", [=] { return march<our_barrier>(name, "process_shared", processes, how); }},
                       {"pthread", [=] { return march<pthread_step>(name, "pthread", processes, how); }}},
                      how.rounds});
    }
}

}  // namespace bench
