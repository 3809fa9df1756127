// SPDX-License-Identifier: MIT
// event, latch and call_once between participants.
#include "contract/company.hpp"

#include <process_shared/event.hpp>
#include <process_shared/latch.hpp>
#include <process_shared/once.hpp>

#include <unistd.h>

#include <chrono>
#include <stdexcept>

namespace contract {
namespace {

using process_shared::call_once;
using process_shared::event;
using process_shared::event_reset;
using process_shared::latch;
using process_shared::once_flag;

struct things {
    event stays{};
    event lets_one_pass{event_reset::automatic};
    latch five{5};
    once_flag once;
    std::atomic<int> passed{0};
    std::atomic<int> runs{0};
    std::atomic<int> successes{0};
    std::uint64_t value = 0;
};

const part<things> waits_for_event("waits_for_event", [](things& with, actor_state& mine) {
    mine.task = gettid();
    with.stays.wait();
    ++with.passed;
    mine.outcome = with.value == 42 ? locked : another_error;
});

const part<things> waits_for_its_turn("waits_for_its_turn", [](things& with, actor_state& mine) {
    mine.task = gettid();
    with.lets_one_pass.wait();
    ++with.passed;
});

const part<things> hands_on("hands_on", [](things& with, actor_state&) {
    for (int i = 0; i < 500; ++i) {
        with.lets_one_pass.wait();
        ++with.value;
        with.lets_one_pass.set();
    }
});

const part<things> arrives("arrives", [](things& with, actor_state& mine) {
    mine.task = gettid();
    with.five.arrive_and_wait();
    ++with.passed;
});

const part<things> calls_once("calls_once", [](things& with, actor_state& mine) {
    mine.task = gettid();
    call_once(with.once, [&] {
        ++with.runs;
        with.value = 42;
        ++with.successes;
    });
    mine.outcome = with.value == 42 ? locked : another_error;
});

const part<things> stays_inside("stays_inside", [](things& with, actor_state& mine) {
    call_once(with.once, [&] {
        ++with.runs;
        mine.ready = true;
        support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
        if (mine.told == cue::leave) throw std::runtime_error("left");
        with.value = 42;
        ++with.successes;
    });
});

using happening = company<things>;

TEST_P(happening, set_lets_all_pass_who_wait_and_who_come) {
    start("waits_for_event", 4);
    ASSERT_TRUE(asleep());
    with.value = 42;
    with.stays.set();
    EXPECT_TRUE(support::await([&] { return with.passed == 4; }));
    start("waits_for_event", 2);
    expect_all_finish();
    EXPECT_TRUE(with.stays.is_set());
    for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(actor(i).outcome, locked);
}

TEST_P(happening, set_lets_those_pass_who_waited_even_if_it_is_reset_at_once) {
    start("waits_for_event", 4);
    ASSERT_TRUE(asleep());
    with.value = 42;
    with.stays.set();
    with.stays.reset();
    expect_all_finish();
    EXPECT_FALSE(with.stays.is_set());
    EXPECT_FALSE(with.stays.wait_for(5ms));
}

TEST_P(happening, automatic_event_lets_one_pass_for_each_set) {
    start("waits_for_its_turn", 3);
    ASSERT_TRUE(asleep());
    with.lets_one_pass.set();
    EXPECT_TRUE(support::await([&] { return with.passed == 1; }));
    EXPECT_FALSE(with.lets_one_pass.try_wait());
    with.lets_one_pass.set();
    EXPECT_TRUE(support::await([&] { return with.passed == 2; }));
    with.lets_one_pass.set();
    expect_all_finish();
    EXPECT_EQ(with.passed, 3);
    EXPECT_FALSE(with.lets_one_pass.is_set());
}

TEST_P(happening, automatic_event_hands_on_and_excludes) {
    with.lets_one_pass.set();
    start("hands_on", 4);
    expect_all_finish();
    EXPECT_EQ(with.value, 2000u);
}

TEST_P(happening, setting_twice_is_setting_once) {
    with.lets_one_pass.set();
    with.lets_one_pass.set();
    EXPECT_TRUE(with.lets_one_pass.try_wait());
    EXPECT_FALSE(with.lets_one_pass.try_wait());
}

TEST_P(happening, timed_waits_end_when_asked) {
    using steady = std::chrono::steady_clock;
    const auto begin = steady::now();
    EXPECT_FALSE(with.stays.wait_for(15ms));
    EXPECT_FALSE(with.lets_one_pass.wait_until(steady::now() + 15ms));
    EXPECT_FALSE(with.five.wait_for(15ms));
    EXPECT_GE(steady::now() - begin, 44ms);
    EXPECT_FALSE(with.five.wait_for(-1h));
    with.stays.set();
    EXPECT_TRUE(with.stays.wait_for(std::chrono::hours::max()));
}

TEST_P(happening, latch_lets_all_pass_when_the_last_arrives) {
    start("arrives", 4);
    ASSERT_TRUE(asleep());
    EXPECT_EQ(with.passed, 0);
    EXPECT_FALSE(with.five.try_wait());
    with.five.count_down();
    expect_all_finish();
    EXPECT_TRUE(with.five.try_wait());
    with.five.wait();
}

TEST_P(happening, once_runs_once_and_everyone_sees_what_it_did) {
    start("calls_once", 6);
    expect_all_finish();
    EXPECT_EQ(with.runs, 1);
    for (unsigned i = 0; i < 6; ++i) EXPECT_EQ(actor(i).outcome, locked);
}

TEST_P(happening, once_waits_for_whoever_is_inside) {
    start("stays_inside");
    ASSERT_TRUE(ready(0));
    start("calls_once");
    ASSERT_TRUE(await_asleep(actor(1).task));
    actor(0).told = cue::unlock;
    expect_all_finish();
    EXPECT_EQ(with.runs, 1);
    EXPECT_EQ(actor(1).outcome, locked);
}

TEST_P(happening, once_is_left_to_the_next_when_its_caller_throws_or_dies) {
    start("stays_inside");
    ASSERT_TRUE(ready(0));
    start("calls_once", 2);
    ASSERT_TRUE(await_asleep(actor(1).task) && await_asleep(actor(2).task));
    performer_of(0).die();  // a thread leaves by an exception
    EXPECT_TRUE(performer_of(1).finished());
    EXPECT_TRUE(performer_of(2).finished());
    EXPECT_EQ(with.runs, 2);
    EXPECT_EQ(with.successes, 1);
    EXPECT_TRUE(with.once.is_done());
}

FOR_ALL_COMPANIES(happening);

}  // namespace
}  // namespace contract
