// SPDX-License-Identifier: MIT
// The contract of interruptible deadlines: a wait ends when a signal handler runs, with nothing acquired, and can be
// begun again. Other waits go on.
#include "contract/stage.hpp"

#include <process_shared/barrier.hpp>
#include <process_shared/byte_channel.hpp>
#include <process_shared/condition_variable.hpp>
#include <process_shared/event.hpp>
#include <process_shared/inspect.hpp>
#include <process_shared/latch.hpp>
#include <process_shared/monitor.hpp>
#include <process_shared/owned_semaphore.hpp>
#include <process_shared/semaphore.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <mutex>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

namespace contract {
namespace {

using process_shared::byte_channel;
using process_shared::deadline;
using process_shared::segment;

struct objects {
    process_shared::mutex plain;
    process_shared::recursive_mutex recursive;
    process_shared::checked_mutex checked;
    process_shared::shared_mutex shared;
    process_shared::mutex guard;
    process_shared::condition_variable changed;
    process_shared::monitor watched;
    process_shared::counting_semaphore<> permits{0};
    process_shared::owned_semaphore<2> licences{1};
    process_shared::event happened{};
    process_shared::latch last{1};
    process_shared::barrier<2> step{2};
    bool is_so = false;
};

/// All of them, and what belongs to this process.
struct world {
    // The backstop would end a sleep for a moment, and the signal might come then.
    segment memory = segment::anonymous(64 * 1024, [] {
        process_shared::segment_options how;
        how.backstop = std::chrono::hours(1);
        return how;
    }());
    objects& all = memory.construct<objects>("objects");
    byte_channel jobs = byte_channel::create(memory, "jobs", 64);
    byte_channel full = byte_channel::create(memory, "full", 64, 1);
    std::optional<process_shared::barrier<2>::arrival_token> arrival;

    process_shared::mutex& guard_of_jobs() {
        return *static_cast<process_shared::mutex*>(
            memory.find_block("jobs", process_shared::detail::hash_text("process_shared::byte_channel")).address);
    }
};

/// One way to wait: what keeps the waiter waiting, how it waits (true: it has got it), what lets it go on, and what it
/// has to give back.
struct way {
    const char* name;
    std::function<void(world&)> hold;
    std::function<bool(world&, deadline)> wait;
    std::function<void(world&)> let_go;
    std::function<void(world&)> give_back = [](world&) {};
    bool looks_again = false;  ///< sleeps for a millisecond at a time
};
std::ostream& operator<<(std::ostream& out, const way& which) { return out << which.name; }

template <class Lock>
way lock_way(const char* name, Lock objects::* lock) {
    return {name, [=](world& in) { (in.all.*lock).lock(); },
            [=](world& in, deadline until) { return (in.all.*lock).try_lock_by(until); },
            [=](world& in) { (in.all.*lock).unlock(); }, [=](world& in) { (in.all.*lock).unlock(); }};
}

std::vector<way> all_ways() {
    std::vector<way> ways{lock_way("mutex", &objects::plain), lock_way("recursive_mutex", &objects::recursive),
                          lock_way("checked_mutex", &objects::checked), lock_way("monitor", &objects::watched),
                          lock_way("writer_behind_a_writer", &objects::shared)};
    ways.push_back({"writer_behind_a_reader", [](world& in) { in.all.shared.lock_shared(); },
                    [](world& in, deadline until) { return in.all.shared.try_lock_by(until); },
                    [](world& in) { in.all.shared.unlock_shared(); }, [](world& in) { in.all.shared.unlock(); }});
    ways.push_back({"reader_behind_a_writer", [](world& in) { in.all.shared.lock(); },
                    [](world& in, deadline until) { return in.all.shared.try_lock_shared_by(until); },
                    [](world& in) { in.all.shared.unlock(); }, [](world& in) { in.all.shared.unlock_shared(); }, true});
    ways.push_back({"condition_variable", [](world&) {},
                    [](world& in, deadline until) {
                        std::unique_lock hold(in.all.guard);
                        const auto ended = in.all.changed.wait_by(hold, until);
                        EXPECT_TRUE(hold.owns_lock());
                        return ended == std::cv_status::no_timeout;
                    },
                    [](world& in) { in.all.changed.notify_one(); }});
    ways.push_back({"monitor_when", [](world&) {},
                    [](world& in, deadline until) {
                        const std::lock_guard hold(in.all.watched);
                        return in.all.watched.when_by(until, [&] { return in.all.is_so; });
                    },
                    [](world& in) {
                        const std::lock_guard hold(in.all.watched);
                        in.all.is_so = true;
                    }});
    ways.push_back({"counting_semaphore", [](world&) {},
                    [](world& in, deadline until) { return in.all.permits.try_acquire_by(until); },
                    [](world& in) { in.all.permits.release(); }});
    ways.push_back({"owned_semaphore", [](world& in) { in.all.licences.acquire(); },
                    [](world& in, deadline until) { return in.all.licences.try_acquire_by(until); },
                    [](world& in) { in.all.licences.release(); }, [](world& in) { in.all.licences.release(); }});
    ways.push_back({"event", [](world&) {}, [](world& in, deadline until) { return in.all.happened.wait_by(until); },
                    [](world& in) { in.all.happened.set(); }});
    ways.push_back({"latch", [](world&) {}, [](world& in, deadline until) { return in.all.last.wait_by(until); },
                    [](world& in) { in.all.last.count_down(); }});
    ways.push_back({"barrier", [](world& in) { in.all.step.join(); },
                    [](world& in, deadline until) {
                        if (!in.arrival) {
                            in.all.step.join();
                            in.arrival = in.all.step.arrive();
                        }
                        return in.all.step.wait_by(*in.arrival, until);
                    },
                    [](world& in) { (void)in.all.step.arrive(); }});
    ways.push_back({"channel_receive", [](world&) {},
                    [](world& in, deadline until) {
                        std::vector<std::byte> message;
                        return in.jobs.receive_by(message, until) == byte_channel::outcome::received;
                    },
                    [](world& in) { in.jobs.send({}); }});
    ways.push_back({"channel_send", [](world& in) { in.full.send({}); },
                    [](world& in, deadline until) { return in.full.send_by({}, until); },
                    [](world& in) { (void)in.full.receive(); }});
    ways.push_back({"channel_in_use", [](world& in) { in.guard_of_jobs().lock(); },
                    [](world& in, deadline until) { return in.jobs.send_by({}, until); },
                    [](world& in) { in.guard_of_jobs().unlock(); }});
    return ways;
}

std::atomic<int> handled{0};

class waits : public testing::TestWithParam<way> {
protected:
    waits() {
        struct sigaction how{};
        how.sa_handler = [](int) { ++handled; };  // no SA_RESTART
        sigaction(SIGUSR1, &how, &before_);
        handled = 0;
        GetParam().hold(in);
    }
    ~waits() override { sigaction(SIGUSR1, &before_, nullptr); }

    /// Signals the thread while it sleeps, until `done`.
    template <class Done>
    void signal_asleep(std::thread& to, const std::atomic<pid_t>& task, Done&& done) {
        while (!done()) {
            ASSERT_TRUE(support::await([&] { return done() || support::is_asleep(task); }));
            if (!done()) pthread_kill(to.native_handle(), SIGUSR1);
            // Once is enough, but for those that were between two sleeps.
            static_cast<void>(support::await(done, GetParam().looks_again ? 100ms : 10s));
        }
    }
    /// Nothing that the calling thread holds, is about to take or waits for.
    void expect_nothing_left() const {
        for (const auto& one : process_shared::inspect::look(in.memory).participants) {
            if (one.who.thread != static_cast<std::uint64_t>(gettid())) continue;
            EXPECT_TRUE(one.holds.empty()) << one.holds.front().kind;
            EXPECT_FALSE(one.waits_for);
        }
    }
    static void take_no_signals() {
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &only, nullptr);
    }

    world in;

private:
    struct sigaction before_{};
};

TEST_P(waits, that_may_be_interrupted_end_with_nothing_and_can_be_begun_again) {
    const way& how = GetParam();
    std::atomic<pid_t> task{0};
    std::atomic<bool> ended{false}, again{false};
    std::thread waiter([&] {
        task = gettid();
        EXPECT_FALSE(how.wait(in, deadline::never().or_signal()));
        EXPECT_TRUE(process_shared::detail::was_interrupted);
        expect_nothing_left();
        take_no_signals();
        ended = true;
        EXPECT_TRUE(how.wait(in, deadline::never().or_signal())) << "begun again, it gets what it waits for";
        EXPECT_FALSE(process_shared::detail::was_interrupted);
        again = true;
        how.give_back(in);
        expect_nothing_left();
    });
    signal_asleep(waiter, task, [&] { return ended.load(); });
    EXPECT_TRUE(await_asleep(task));
    EXPECT_FALSE(again);
    how.let_go(in);
    waiter.join();
}

TEST_P(waits, that_may_not_be_interrupted_go_on) {
    const way& how = GetParam();
    std::atomic<pid_t> task{0};
    std::atomic<bool> ended{false};
    std::thread waiter([&] {
        task = gettid();
        EXPECT_TRUE(how.wait(in, deadline::never()));
        ended = true;
        how.give_back(in);
    });
    signal_asleep(waiter, task, [&] { return handled > 0; });
    EXPECT_TRUE(await_asleep(task));
    EXPECT_FALSE(ended);
    how.let_go(in);
    waiter.join();
}

TEST_P(waits, that_time_out_were_not_interrupted) {
    const way& how = GetParam();
    if (how.name == std::string("channel_in_use")) GTEST_SKIP() << "waits for as long as another one is at it";
    std::thread([&] {
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_FALSE(how.wait(in, deadline::after(10ms).or_signal()));
        EXPECT_GE(std::chrono::steady_clock::now() - begin, 10ms);
        EXPECT_FALSE(process_shared::detail::was_interrupted);
        expect_nothing_left();
    }).join();
    how.let_go(in);
}

INSTANTIATE_TEST_SUITE_P(signals, waits, testing::ValuesIn(all_ways()),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace contract
