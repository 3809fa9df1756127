// SPDX-License-Identifier: MIT
// condition_variable, condition_variable_any and monitor between participants.
#include "contract/company.hpp"

#include <process_shared/condition_variable.hpp>
#include <process_shared/monitor.hpp>

#include <unistd.h>

#include <chrono>
#include <mutex>
#include <thread>

namespace contract {
namespace {

using process_shared::condition_variable;
using process_shared::condition_variable_any;
using process_shared::cv_status;
using process_shared::monitor;
using process_shared::mutex;
using process_shared::recursive_mutex;

struct rooms {
    mutex guard;
    condition_variable changed;
    recursive_mutex tree;
    condition_variable_any tree_changed;
    monitor watched;
    condition_variable_any bell;
    int items = 0;
    int taken = 0;
    int answered = 0;
    bool open = false;
    std::atomic<int> through{0};
};

constexpr int many = 500;

const part<rooms> takes_one("takes_one", [](rooms& with, actor_state& mine) {
    mine.task = gettid();
    std::unique_lock hold(with.guard);
    with.changed.wait(hold, [&] { return with.items > 0; });
    --with.items;
    ++with.taken;
    mine.outcome = locked;
});

const part<rooms> waits_plainly("waits_plainly", [](rooms& with, actor_state& mine) {
    std::unique_lock hold(with.guard);
    mine.task = gettid();
    while (!with.open) with.changed.wait(hold);
    ++with.through;
});

const part<rooms> takes_many("takes_many", [](rooms& with, actor_state&) {
    for (int i = 0; i < many; ++i) {
        std::unique_lock hold(with.guard);
        with.changed.wait(hold, [&] { return with.items > 0; });
        --with.items;
        ++with.taken;
        hold.unlock();
        with.changed.notify_one();
    }
});

const part<rooms> puts_many("puts_many", [](rooms& with, actor_state&) {
    for (int i = 0; i < many; ++i) {
        std::unique_lock hold(with.guard);
        with.changed.wait(hold, [&] { return with.items < 5; });
        ++with.items;
        hold.unlock();
        with.changed.notify_all();
    }
});

const part<rooms> waits_in_the_tree("waits_in_the_tree", [](rooms& with, actor_state& mine) {
    mine.task = gettid();
    const std::lock_guard hold(with.tree);
    with.tree_changed.wait(with.tree, [&] { return with.open; });
    ++with.through;
});

const part<rooms> waits_deep_in_the_monitor("waits_deep_in_the_monitor", [](rooms& with, actor_state& mine) {
    mine.task = gettid();
    const std::lock_guard outer(with.watched);
    with.watched.synchronize([&] {
        with.watched.when([&] { return with.items > 0; });
        --with.items;
    });
    ++with.taken;
});

const part<rooms> waits_for_the_bell("waits_for_the_bell", [](rooms& with, actor_state& mine) {
    mine.task = gettid();
    const std::lock_guard outer(with.watched);
    const std::lock_guard inner(with.watched);
    with.watched.wait(with.bell, [&] { return with.open; });
    ++with.through;
});

const part<rooms> exchanges("exchanges", [](rooms& with, actor_state&) {
    for (int i = 0; i < many; ++i) {
        with.watched.synchronize([&] {
            with.watched.when([&] { return with.items > 0; });
            --with.items;
        });
        with.watched.synchronize([&] { ++with.answered; });
    }
});

const part<rooms> holds_the_guard("holds_the_guard", [](rooms& with, actor_state& mine) {
    with.guard.lock();
    with.watched.lock();
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
});

using condition = company<rooms>;

TEST_P(condition, notify_one_wakes_for_each_item) {
    start("takes_one", 3);
    ASSERT_TRUE(asleep());
    for (int i = 1; i <= 3; ++i) {
        {
            const std::lock_guard hold(with.guard);
            ++with.items;
        }
        with.changed.notify_one();
        EXPECT_TRUE(support::await([&] {
            const std::lock_guard hold(with.guard);
            return with.taken == i;
        }));
    }
    expect_all_finish();
}

TEST_P(condition, notify_all_wakes_everyone) {
    start("waits_plainly", 6);
    ASSERT_TRUE(asleep());
    {
        const std::lock_guard hold(with.guard);
        with.open = true;
    }
    with.changed.notify_all();
    expect_all_finish();
    EXPECT_EQ(with.through, 6);
}

TEST_P(condition, bounded_buffer_loses_and_invents_nothing) {
    start("takes_many", 2);
    start("puts_many", 2);
    expect_all_finish();
    EXPECT_EQ(with.taken, 2 * many);
    EXPECT_EQ(with.items, 0);
}

TEST_P(condition, any_lock_can_be_waited_with) {
    start("waits_in_the_tree", 3);
    ASSERT_TRUE(asleep());
    {
        const std::lock_guard hold(with.tree);
        with.open = true;
    }
    with.tree_changed.notify_all();
    expect_all_finish();
    EXPECT_EQ(with.through, 3);
}

TEST_P(condition, timed_waits_time_out_with_the_lock_held) {
    using steady = std::chrono::steady_clock;
    std::unique_lock hold(with.guard);
    const auto begin = steady::now();
    EXPECT_EQ(with.changed.wait_for(hold, 15ms), cv_status::timeout);
    EXPECT_EQ(with.changed.wait_until(hold, std::chrono::system_clock::now() + 15ms), cv_status::timeout);
    EXPECT_FALSE(with.changed.wait_for(hold, 15ms, [] { return false; }));
    EXPECT_GE(steady::now() - begin, 44ms);
    EXPECT_EQ(with.changed.wait_for(hold, -1h), cv_status::timeout);
    EXPECT_TRUE(with.changed.wait_for(hold, std::chrono::hours::max(), [] { return true; }));
    EXPECT_TRUE(hold.owns_lock());
    EXPECT_EQ(outcome_of([&] { hold.unlock(); }), locked);
}

TEST_P(condition, wait_beyond_the_backstop_is_not_ended_by_it) {
    std::unique_lock hold(with.guard);
    EXPECT_EQ(with.changed.wait_for(hold, 250ms), cv_status::timeout);  // two backstops and a half
}

TEST_P(condition, waiter_is_told_of_an_owner_who_died) {
    if (GetParam().actor == actor_kind::thread) GTEST_SKIP() << "processes die";
    std::unique_lock hold(with.guard);
    start("holds_the_guard");
    std::thread killer([&] {
        EXPECT_TRUE(ready(0));
        performer_of(0).die();
    });
    EXPECT_THROW(with.changed.wait(hold, [] { return false; }), process_shared::owner_died);
    EXPECT_FALSE(hold.owns_lock());
    killer.join();
    EXPECT_THROW(with.watched.when([] { return true; }), std::system_error);
    with.watched.lock([] {});
    EXPECT_TRUE(with.watched.when_for(0s, [] { return true; }));
    with.watched.unlock();
}

TEST_P(condition, monitor_wakes_those_whose_predicate_came_true) {
    start("waits_deep_in_the_monitor", 3);
    ASSERT_TRUE(asleep());
    for (int i = 1; i <= 3; ++i) {
        with.watched.synchronize([&] { ++with.items; });
        EXPECT_TRUE(support::await([&] { return with.watched.synchronize([&] { return with.taken == i; }); }));
    }
    expect_all_finish();
    EXPECT_TRUE(with.watched.try_lock());
    with.watched.unlock();
}

TEST_P(condition, monitor_lets_go_at_any_depth_while_it_waits_for_a_condition) {
    start("waits_for_the_bell", 2);
    ASSERT_TRUE(asleep());
    with.watched.synchronize([&] { with.open = true; });
    with.bell.notify_all();
    expect_all_finish();
    EXPECT_EQ(with.through, 2);
}

TEST_P(condition, monitor_needs_nobody_to_be_notified) {
    start("exchanges", 2);
    for (int i = 0; i < 2 * many; ++i) {
        const std::lock_guard hold(with.watched);
        ++with.items;
        if (i % 7 == 0) with.watched.when([&] { return with.items == 0; });
    }
    expect_all_finish();
    EXPECT_EQ(with.answered, 2 * many);
}

TEST_P(condition, monitor_when_gives_up_at_its_deadline_as_deep_as_it_was) {
    const std::lock_guard outer(with.watched);
    const std::lock_guard inner(with.watched);
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(with.watched.when_for(15ms, [] { return false; }));
    EXPECT_FALSE(with.watched.when_until(std::chrono::system_clock::now() + 15ms, [] { return false; }));
    EXPECT_EQ(with.watched.wait_for(with.bell, 15ms), cv_status::timeout);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 44ms);
}

FOR_ALL_COMPANIES(condition);

}  // namespace
}  // namespace contract
