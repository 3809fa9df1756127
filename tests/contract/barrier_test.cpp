// SPDX-License-Identifier: MIT
// barrier between participants, and what it says of those who died.
#include "contract/company.hpp"

#include <process_shared/barrier.hpp>

#include <unistd.h>

namespace contract {
namespace {

using process_shared::barrier;
using process_shared::participant_died;

struct field {
    barrier<8> step{4};
    barrier<8> pair{2};
    std::array<std::atomic<int>, 8> turns{};
    std::atomic<int> number{0};
    std::atomic<int> out_of_step{0};
};

constexpr int turns = 200;

const part<field> marches("marches", [](field& with, actor_state&) {
    const int me = with.number++;
    with.step.join();
    for (int turn = 0; turn < turns; ++turn) {
        ++with.turns.at(static_cast<std::size_t>(me));
        with.step.arrive_and_wait();
        for (std::size_t i = 0; i < 4; ++i)
            if (with.turns.at(i) != turn + 1) ++with.out_of_step;
        with.step.arrive_and_wait();
    }
});

const part<field> waits("waits", [](field& with, actor_state& mine) {
    with.step.join();
    mine.task = gettid();
    try {
        with.step.arrive_and_wait();
        mine.outcome = locked;
    } catch (const participant_died& death) {
        mine.dead_process = death.who().process;
        mine.outcome = static_cast<int>(errc::participant_died);
    }
});

const part<field> joins_and_stays("joins_and_stays", [](field& with, actor_state& mine) {
    with.step.join();
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
});

const part<field> arrives_once_and_stays("arrives_once_and_stays", [](field& with, actor_state& mine) {
    with.pair.join();
    (void)with.pair.arrive();
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
});

const part<field> drops("drops", [](field& with, actor_state& mine) {
    with.step.join();
    with.step.arrive_and_drop();
    mine.outcome = outcome_of([&] { with.step.arrive_and_wait(); });
});

using march = company<field>;

TEST_P(march, nobody_is_a_step_ahead) {
    start("marches", 4);
    expect_all_finish();
    EXPECT_EQ(with.out_of_step, 0);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(with.turns.at(i), turns);
}

TEST_P(march, all_pass_when_the_last_arrives) {
    start("waits", 3);
    ASSERT_TRUE(asleep());
    with.step.join();
    auto token = with.step.arrive();
    EXPECT_TRUE(with.step.wait_by(token, process_shared::deadline::never()));
    expect_all_finish();
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(actor(i).outcome, locked);
}

TEST_P(march, arrival_stands_when_its_wait_was_given_up) {
    with.step.join();
    auto token = with.step.arrive();
    EXPECT_FALSE(with.step.wait_by(token, process_shared::deadline::after(15ms)));
    start("waits", 3);
    with.step.wait(std::move(token));
    expect_all_finish();
}

TEST_P(march, who_drops_is_not_waited_for_and_may_not_come_again) {
    start("waits", 3);
    ASSERT_TRUE(asleep());
    start("drops");
    expect_all_finish();
    EXPECT_EQ(with.step.expected(), 3);
    EXPECT_EQ(actor(3).outcome, static_cast<int>(errc::not_a_member));
}

TEST_P(march, death_of_a_member_is_told_to_all_who_wait_and_all_who_come) {
    start("joins_and_stays");
    ASSERT_TRUE(ready(0));
    start("waits", 2);
    ASSERT_TRUE(await_asleep(actor(1).task) && await_asleep(actor(2).task));
    const std::uint32_t dead = performer_of(0).process();
    performer_of(0).die();
    for (unsigned i = 1; i < 3; ++i) {
        EXPECT_TRUE(performer_of(i).finished());
        EXPECT_EQ(actor(i).outcome, static_cast<int>(errc::participant_died));
        EXPECT_EQ(actor(i).dead_process, dead);
    }
    EXPECT_TRUE(with.step.is_broken());
    EXPECT_THROW(with.step.join(), participant_died);
}

TEST_P(march, member_that_arrived_and_died_is_not_taken_for_one_that_is_there) {
    if (GetParam().actor == actor_kind::thread) GTEST_SKIP() << "processes die";
    start("waits", 2);
    ASSERT_TRUE(asleep());
    performer_of(0).die();
    EXPECT_TRUE(performer_of(1).finished());
    EXPECT_EQ(actor(1).outcome, static_cast<int>(errc::participant_died)) << "told although a third is still to come";
    EXPECT_THROW(with.step.join(), participant_died);
}

TEST_P(march, reset_takes_the_dead_out_and_others_may_join) {
    start("joins_and_stays", 2);
    ASSERT_TRUE(ready(0) && ready(1));
    with.step.join();
    performer_of(0).die();
    EXPECT_THROW(with.step.arrive_and_wait(), participant_died);
    EXPECT_THROW(with.step.arrive_and_wait(), participant_died);
    performer_of(1).die();
    with.step.reset();
    EXPECT_FALSE(with.step.is_broken());
    start("waits", 3);
    with.step.arrive_and_wait();
    for (unsigned i = 2; i < 5; ++i) {
        EXPECT_TRUE(performer_of(i).finished());
        EXPECT_EQ(actor(i).outcome, locked);
    }
}

TEST_P(march, reset_to_a_smaller_number_goes_on_without_the_dead) {
    start("joins_and_stays");
    ASSERT_TRUE(ready(0));
    with.step.join();
    performer_of(0).die();
    EXPECT_THROW(with.step.arrive_and_wait(), participant_died);
    with.step.reset(1);
    EXPECT_EQ(with.step.expected(), 1);
    with.step.arrive_and_wait();
    with.step.reset();
    EXPECT_EQ(outcome_of([&] { with.step.reset(4); }), static_cast<int>(errc::busy)) << "it is not broken";
}

TEST_P(march, who_looks_late_is_not_told_of_a_death_in_the_next_turn) {
    with.pair.join();
    const auto first = with.pair.arrive();
    start("arrives_once_and_stays");
    ASSERT_TRUE(ready(0));
    performer_of(0).die();
    const auto second = with.pair.arrive();
    EXPECT_THROW((void)with.pair.wait_by(second, process_shared::deadline::never()), participant_died);
    EXPECT_TRUE(with.pair.wait_by(first, process_shared::deadline::never())) << "it is broken now";
    with.pair.reset(1);
    EXPECT_TRUE(with.pair.wait_by(first, process_shared::deadline::never())) << "it was reset since";
    EXPECT_THROW((void)with.pair.wait_by(second, process_shared::deadline::never()), participant_died);
    with.pair.arrive_and_wait();
    EXPECT_TRUE(with.pair.wait_by(first, process_shared::deadline::never()));
}

TEST_P(march, more_may_not_join_than_are_expected) {
    start("joins_and_stays", 4);
    for (unsigned i = 0; i < 4; ++i) ASSERT_TRUE(ready(i));
    EXPECT_EQ(outcome_of([&] { with.step.join(); }), static_cast<int>(errc::barrier_full));
    EXPECT_EQ(outcome_of([&] { with.step.arrive_and_wait(); }), static_cast<int>(errc::not_a_member));
    for (unsigned i = 0; i < 4; ++i) actor(i).told = cue::leave;
}

FOR_ALL_COMPANIES(march);

}  // namespace
}  // namespace contract
