// SPDX-License-Identifier: MIT
// Circles: a checked_mutex refuses to close one, and inspect::deadlocks finds those of all kinds.
#include "contract/company.hpp"
#include "contract/one_lock.hpp"

#include <process_shared/checked_mutex.hpp>
#include <process_shared/inspect.hpp>
#include <process_shared/owned_semaphore.hpp>

#include <unistd.h>

#include <array>
#include <chrono>
#include <shared_mutex>

namespace contract {
namespace {

using process_shared::owned_semaphore;
namespace inspect = process_shared::inspect;

struct table_for_five {
    std::array<checked_mutex, 5> forks;
    checked_mutex guard;
    mutex plain;
    recursive_mutex again;
    shared_mutex shared;
    owned_semaphore<2> permits{};
    std::atomic<int> seated{0};
    std::atomic<int> want{0};
    std::atomic<int> refused{0};
    std::atomic<int> ate{0};
};

/// Takes the left fork, waits until all have one, then takes the right one. Whoever is refused lays its fork down.
const part<table_for_five> dines("dines", [](table_for_five& at, actor_state& mine) {
    const int seat = at.seated++;
    const int people = at.want;
    checked_mutex& left = at.forks.at(static_cast<std::size_t>(seat));
    checked_mutex& right = at.forks.at(static_cast<std::size_t>((seat + 1) % people));
    left.lock();
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    mine.outcome = outcome_of([&] { right.lock(); });
    if (mine.outcome == locked) {
        ++at.ate;
        right.unlock();
    } else {
        ++at.refused;
    }
    left.unlock();
});

const part<table_for_five> holds_plain_wants_guard("holds_plain_wants_guard",
                                                   [](table_for_five& at, actor_state& mine) {
                                                       mine.task = gettid();
                                                       at.plain.lock();
                                                       mine.ready = true;
                                                       at.guard.lock([] {});
                                                       at.guard.unlock();
                                                       at.plain.unlock();
                                                   });

const part<table_for_five> reads_and_wants_plain("reads_and_wants_plain", [](table_for_five& at, actor_state& mine) {
    mine.task = gettid();
    const std::shared_lock reading(at.shared);
    mine.ready = true;
    (void)at.plain.try_lock_for(10s);
    if (mine.told == cue::none) return;
    at.plain.unlock();
});

const part<table_for_five> has_a_permit_and_wants_plain("has_a_permit_and_wants_plain",
                                                        [](table_for_five& at, actor_state& mine) {
                                                            mine.task = gettid();
                                                            const auto one = at.permits.acquire_permit();
                                                            mine.ready = true;
                                                            if (at.plain.try_lock_for(10s)) at.plain.unlock();
                                                        });

const part<table_for_five> wants_plain("wants_plain", [](table_for_five& at, actor_state& mine) {
    mine.task = gettid();
    mine.ready = true;
    if (at.plain.try_lock_for(10s)) at.plain.unlock();
});

using circles = company<table_for_five>;

TEST_P(circles, lock_that_would_close_one_is_refused) {
    for (const unsigned people : {2u, 5u}) {
        with.want = static_cast<int>(people);
        with.seated = 0;
        with.refused = 0;
        with.ate = 0;
        const unsigned first = people == 2 ? 0 : 2;
        start("dines", people);
        for (unsigned i = first; i < first + people; ++i) ASSERT_TRUE(ready(i));
        for (unsigned i = first; i < first + people; ++i) actor(i).told = cue::unlock;
        for (unsigned i = first; i < first + people; ++i) EXPECT_TRUE(performer_of(i).finished());
        EXPECT_GE(with.refused, 1);
        EXPECT_EQ(with.ate + with.refused, static_cast<int>(people)) << "nobody waits for ever";
        for (auto& fork : with.forks) {
            EXPECT_TRUE(fork.try_lock());
            fork.unlock();
        }
    }
}

TEST_P(circles, one_checked_mutex_is_enough) {
    with.guard.lock();
    start("holds_plain_wants_guard");
    ASSERT_TRUE(ready(0) && asleep());
    // The other one would wait for ever; this one is told when it comes to wait for what the other holds.
    with.guard.unlock();
    expect_all_finish();
}

TEST_P(circles, wait_of_those_who_wait_for_nobody_is_not_refused) {
    with.forks[0].lock();
    with.want = 1;
    std::atomic<pid_t> task{0};
    int outcome = not_yet;
    std::thread waiting([&] {
        task = gettid();
        outcome = outcome_of([&] { return with.forks[0].try_lock_for(350ms); });
    });
    ASSERT_TRUE(await_asleep(task));
    waiting.join();
    EXPECT_EQ(outcome, not_locked) << "it looked three times, and there was no circle";
    with.forks[0].unlock();
}

/// Waits make way for a moment at each backstop: more than one look.
std::vector<inspect::deadlock_view> found_in(const segment& memory) {
    std::vector<inspect::deadlock_view> found;
    EXPECT_TRUE(support::await([&] {
        found = inspect::deadlocks({inspect::look(memory)});
        return !found.empty();
    }));
    return found;
}

TEST_P(circles, are_found_among_readers_and_writers) {
    with.plain.lock();
    start("reads_and_wants_plain");
    ASSERT_TRUE(ready(0) && asleep());
    EXPECT_TRUE(inspect::deadlocks({inspect::look(memory())}).empty()) << "I do not wait yet";
    std::thread writer([&] {
        const auto found = found_in(memory());
        ASSERT_EQ(found.size(), 1u);
        EXPECT_EQ(found[0].members.size(), 2u);
        for (const auto& member : found[0].members) {
            EXPECT_TRUE(member.waits_for.kind == "mutex" || member.waits_for.kind == "shared_mutex");
            EXPECT_EQ(member.segment, inspect::look(memory()).name);
        }
        actor(0).told = cue::unlock;
    });
    while (actor(0).told == cue::none) EXPECT_FALSE(with.shared.try_lock_for(50ms));  // closes the circle
    with.plain.unlock();
    writer.join();
    expect_all_finish();
}

TEST_P(circles, of_permits_need_all_of_them) {
    with.plain.lock();
    start("has_a_permit_and_wants_plain", 1);
    ASSERT_TRUE(ready(0) && asleep());
    start("wants_plain");
    ASSERT_TRUE(await_asleep(actor(1).task));
    const auto mine = with.permits.acquire_permit();
    std::atomic<bool> looked{false};
    std::thread looks([&] {
        const auto found = found_in(memory());
        looked = true;
        EXPECT_EQ(found.size(), 1u) << "and who merely waits behind is no member";
        if (found.size() == 1) {
            EXPECT_EQ(found[0].members.size(), 2u);
        }
    });
    while (!looked) EXPECT_FALSE(with.permits.try_acquire_for(50ms));
    looks.join();
    with.plain.unlock();
    expect_all_finish();
}

FOR_ALL_COMPANIES(circles);

}  // namespace
}  // namespace contract
