// SPDX-License-Identifier: MIT
// owned_semaphore: permits between participants, which come back from the dead.
#include "contract/company.hpp"
#include "contract/one_lock.hpp"
#include "seats/attachments.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/owned_semaphore.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <vector>

namespace contract {
namespace {

using process_shared::owned_semaphore;
using process_shared::permit;

struct office {
    owned_semaphore<3> few{2};
    owned_semaphore<1> one{1};
    owned_semaphore<200> many{};
    std::uint64_t value = 0;
    std::atomic<int> inside{0};
    std::atomic<int> most_inside{0};
    std::atomic<int> taken{0};
    std::array<process_shared::mutex, 64> locks;
};

constexpr int rounds = 1000;

const part<office> acquires("acquires", [](office& with, actor_state& mine) {
    mine.task = gettid();
    with.few.acquire();
    ++with.taken;
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    if (mine.told == cue::unlock) with.few.release();
});

const part<office> takes_many("takes_many", [](office& with, actor_state& mine) {
    for (int i = 0; i < 150; ++i) with.many.acquire();
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    if (mine.told == cue::unlock) with.many.release(150);
});

const part<office> counts("counts", [](office& with, actor_state&) {
    for (int i = 0; i < rounds; ++i) {
        if (i % 3 == 0)
            while (!with.one.try_acquire_for(100us)) {}
        else
            with.one.acquire();
        ++with.value;
        with.one.release();
    }
});

const part<office> works_among_two("works_among_two", [](office& with, actor_state&) {
    for (int i = 0; i < rounds; ++i) {
        const permit mine = with.few.acquire_permit();
        const int now = ++with.inside;
        int most = with.most_inside;
        while (now > most && !with.most_inside.compare_exchange_weak(most, now)) {}
        --with.inside;
    }
});

const part<office> takes_and_gives_many("takes_and_gives_many", [](office& with, actor_state&) {
    std::vector<permit> mine;
    for (int i = 0; i < rounds; ++i) {
        if (i % 3 != 0)
            mine.push_back(with.many.acquire_permit());
        else if (!mine.empty())
            mine.erase(mine.begin() + i % static_cast<int>(mine.size()));
        if (mine.size() > 40) mine.clear();
    }
});

const part<office> releases_what_it_does_not_hold("releases_what_it_does_not_hold",
                                                  [](office& with, actor_state& mine) {
                                                      mine.outcome = outcome_of([&] { with.few.release(); });
                                                  });

using owned = company<office>;

TEST_P(owned, one_permit_excludes) {
    start("counts", 4);
    expect_all_finish();
    EXPECT_EQ(with.value, 4u * rounds);
    EXPECT_EQ(with.one.value(), 1);
}

TEST_P(owned, no_more_are_inside_than_there_are_permits) {
    start("works_among_two", 6);
    expect_all_finish();
    EXPECT_LE(with.most_inside, 2);
    EXPECT_EQ(with.few.value(), 2);
}

TEST_P(owned, permits_taken_and_given_in_any_order_are_all_there_in_the_end) {
    start("takes_and_gives_many", 5);
    expect_all_finish();
    EXPECT_EQ(with.many.value(), 200);
}

TEST_P(owned, sleepers_are_woken_one_by_one) {
    const permit one = with.few.acquire_permit();
    permit two = with.few.acquire_permit();
    start("acquires", 2);
    ASSERT_TRUE(asleep());
    two.release();
    ASSERT_TRUE(support::await([&] { return with.taken == 1; }));
    const unsigned first = actor(0).ready ? 0 : 1;
    actor(first).told = cue::unlock;
    ASSERT_TRUE(support::await([&] { return with.taken == 2; }));
    actor(1 - first).told = cue::unlock;
    expect_all_finish();
    EXPECT_EQ(with.few.value(), 1);
    EXPECT_EQ(with.few.held(), 1);
}

TEST_P(owned, permits_of_the_dead_come_back) {
    start("acquires", 2);
    ASSERT_TRUE(ready(0) && ready(1));
    EXPECT_FALSE(with.few.try_acquire());
    start("acquires");
    ASSERT_TRUE(await_asleep(actor(2).task));
    performer_of(0).die();
    ASSERT_TRUE(ready(2)) << "the sleeper got what the dead one had";
    performer_of(1).die();
    EXPECT_TRUE(with.few.try_acquire()) << "at once, if the death is known";
    with.few.release();
    actor(2).told = cue::unlock;
    EXPECT_TRUE(performer_of(2).finished());
    EXPECT_EQ(with.few.value(), 2);
}

TEST_P(owned, many_permits_of_one_come_back_at_once) {
    start("takes_many");
    ASSERT_TRUE(ready(0));
    EXPECT_EQ(with.many.value(), 50);
    performer_of(0).die();
    std::vector<permit> all;
    for (int i = 0; i < 200; ++i) all.push_back(with.many.acquire_permit());
    EXPECT_EQ(with.many.value(), 0);
    EXPECT_EQ(with.many.held(), 200);
}

TEST_P(owned, nobody_releases_what_another_holds) {
    const permit mine = with.few.acquire_permit();
    start("releases_what_it_does_not_hold");
    expect_all_finish();
    // A forked child's is taken for what its parent's thread holds.
    EXPECT_EQ(actor(0).outcome, GetParam().actor == actor_kind::forked ? locked : static_cast<int>(errc::not_owner));
    EXPECT_EQ(with.few.value(), 1);
}

TEST_P(owned, timed_attempts_wait_at_least_as_long_as_asked) {
    using steady = std::chrono::steady_clock;
    start("acquires", 2);
    ASSERT_TRUE(ready(0) && ready(1));
    const auto begin = steady::now();
    EXPECT_FALSE(with.few.try_acquire_for(15ms));
    EXPECT_FALSE(with.few.try_acquire_permit_until(std::chrono::system_clock::now() + 15ms));
    EXPECT_GE(steady::now() - begin, 29ms);
    EXPECT_FALSE(with.few.try_acquire_for(-1h));
    EXPECT_FALSE(with.few.try_acquire_permit_for(0s));
    actor(0).told = cue::unlock;
    EXPECT_TRUE(with.few.try_acquire_for(std::chrono::hours::max())) << "for ever, not before now";
    with.few.release();
    actor(1).told = cue::unlock;
    expect_all_finish();
    EXPECT_TRUE(with.few.try_acquire_for(-1h)) << "one that is there is taken, however late";
    with.few.release();
}

FOR_ALL_COMPANIES(owned);

class one_owned_semaphore : public testing::Test {
protected:
    segment memory = segment::anonymous(256 * 1024);
    office& with = memory.construct<office>("office");
};

TEST_F(one_owned_semaphore, has_as_many_permits_as_asked_for) {
    for (const std::ptrdiff_t wrong :
         {std::ptrdiff_t{0}, std::ptrdiff_t{-1}, std::ptrdiff_t{4}, PTRDIFF_MAX, PTRDIFF_MIN})
        EXPECT_TRUE(error_of([&] { owned_semaphore<3> refused(wrong); }).code() == errc::bad_count) << wrong;
    EXPECT_EQ(with.few.value(), 2);
    EXPECT_EQ(with.few.max(), 3);
    EXPECT_EQ(with.many.value(), 200);
}

TEST_F(one_owned_semaphore, releasing_more_than_is_held_changes_nothing) {
    EXPECT_TRUE(error_of([&] { with.few.release(); }).code() == std::errc::operation_not_permitted);
    with.few.acquire();
    with.few.acquire();
    EXPECT_TRUE(error_of([&] { with.few.release(3); }).code() == errc::not_owner);
    EXPECT_TRUE(error_of([&] { with.few.release(-1); }).code() == errc::bad_count);
    with.few.release(0);
    EXPECT_EQ(with.few.value(), 0);
    with.few.release(2);
    EXPECT_EQ(with.few.value(), 2);
    EXPECT_TRUE(error_of([&] { with.few.release(); }).code() == errc::not_owner);
}

TEST_F(one_owned_semaphore, waiting_for_a_permit_with_all_in_hand_is_an_error) {
    with.few.acquire();
    with.few.acquire();
    EXPECT_FALSE(with.few.try_acquire());
    EXPECT_TRUE(error_of([&] { with.few.acquire(); }).code() == std::errc::resource_deadlock_would_occur);
    EXPECT_TRUE(error_of([&] { (void)with.few.try_acquire_for(1h); }).code() == errc::would_deadlock);
    EXPECT_EQ(with.few.held(), 2);
    with.few.release(2);
}

TEST_F(one_owned_semaphore, permit_ends_with_its_scope_and_can_be_handed_on) {
    {
        permit first = with.few.acquire_permit();
        permit second(std::move(first));
        EXPECT_FALSE(first);
        EXPECT_TRUE(second);
        EXPECT_EQ(with.few.value(), 1);
        auto third = with.few.try_acquire_permit();
        ASSERT_TRUE(third);
        EXPECT_FALSE(with.few.try_acquire_permit());
        second = std::move(*third);
        EXPECT_EQ(with.few.value(), 1) << "the first one was given back";
        second.release();
        second.release();
        EXPECT_EQ(with.few.value(), 2);
        second.swap(first);
    }
    EXPECT_EQ(with.few.value(), 2);
}

TEST_F(one_owned_semaphore, permit_stays_with_its_thread) {
    permit mine = with.few.acquire_permit();
    std::thread([&] {
        EXPECT_TRUE(error_of([&] { mine.release(); }).code() == errc::not_owner);
        EXPECT_EQ(with.few.held(), 0);
        const permit gone = std::move(mine);
    }).join();
    EXPECT_EQ(with.few.value(), 1) << "still the first thread's";
    with.few.release();
    EXPECT_EQ(with.few.value(), 2);
}

TEST_F(one_owned_semaphore, permits_are_given_back_in_any_order) {
    std::mt19937 random(7);
    std::vector<permit> held;
    for (int round = 0; round < 20'000; ++round) {
        if (random() % 2 == 0 && held.size() < 200) {
            held.push_back(with.many.acquire_permit());
        } else if (!held.empty()) {
            std::swap(held[random() % held.size()], held.back());
            held.pop_back();
        }
    }
    EXPECT_EQ(with.many.held(), static_cast<std::ptrdiff_t>(held.size()));
    EXPECT_EQ(with.many.value(), 200 - static_cast<std::ptrdiff_t>(held.size()));
    held.clear();
    EXPECT_EQ(with.many.value(), 200);
    EXPECT_TRUE(error_of([&] { with.many.release(); }).code() == errc::not_owner);
}

TEST_F(one_owned_semaphore, last_free_permit_is_found_wherever_it_is) {
    std::vector<permit> held;
    for (int i = 0; i < 200; ++i) held.push_back(with.many.acquire_permit());
    for (const std::size_t place : {0u, 7u, 63u, 64u, 127u, 128u, 199u, 1u}) {
        std::thread other([&] { EXPECT_FALSE(with.many.try_acquire()); });
        other.join();
        held[place].release();
        std::thread([&] {
            EXPECT_TRUE(with.many.try_acquire());
            EXPECT_FALSE(with.many.try_acquire());
            with.many.release();
        }).join();
        held[place] = with.many.acquire_permit();
    }
}

TEST_F(one_owned_semaphore, counts_as_one_hold_however_many_permits) {
    for (unsigned i = 0; i < 59; ++i) with.locks.at(i).lock();
    with.many.acquire();
    with.many.acquire();
    EXPECT_TRUE(error_of([&] { with.few.acquire(); }).code() == errc::too_many_holds);
    EXPECT_TRUE(error_of([&] { with.locks.at(60).lock(); }).code() == errc::too_many_holds);
    with.many.release(2);
    with.few.acquire();
    with.few.release();
    for (unsigned i = 0; i < 59; ++i) with.locks.at(i).unlock();
    with.many.acquire();
    EXPECT_EQ(with.many.held(), 1);
    with.many.release();
}

TEST_F(one_owned_semaphore, seat_that_a_stranger_forged_does_not_keep_a_waiter_from_its_deadline) {
    namespace seats = process_shared::seats;
    auto& wanted = memory.construct<owned_semaphore<1>>("wanted", 1);
    wanted.acquire();
    const seats::view in = seats::view_of(&wanted);
    // A generation that no id has room for: neither alive, nor to be swept.
    in.seat_at(7).state = seats::make_state(seats::seat_state::taken, std::uint64_t{1} << 54);
    in.header().high_water = 8;
    std::thread([&] { EXPECT_FALSE(wanted.try_acquire_for(10ms)); }).join();
    in.seat_at(7).state = 0;
}

TEST_F(one_owned_semaphore, is_an_error_outside_a_segment) {
    const auto outside = std::make_unique<owned_semaphore<3>>(2);
    EXPECT_TRUE(error_of([&] { outside->acquire(); }).code() == errc::outside_segment);
    EXPECT_TRUE(error_of([&] { outside->release(); }).code() == errc::outside_segment);
    EXPECT_TRUE(error_of([&] { (void)outside->value(); }).code() == errc::outside_segment);
}

TEST_F(one_owned_semaphore, forked_child_does_not_release_its_parents_permits) {
    const permit mine = with.few.acquire_permit();
    with.few.acquire();
    const pid_t child = fork();
    if (child == 0) {
        const bool silent = outcome_of([&] { with.few.release(); }) == locked && !with.few.try_acquire();
        _exit(silent ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(with.few.held(), 2);
    with.few.release();
}

TEST_F(one_owned_semaphore, is_shown_with_how_many_are_held) {
    with.many.acquire();
    with.many.acquire();
    const auto seen = process_shared::inspect::look(memory);
    ASSERT_EQ(seen.participants.size(), 1u);
    ASSERT_EQ(seen.participants[0].holds.size(), 1u);
    EXPECT_EQ(seen.participants[0].holds[0].kind, "owned_semaphore");
    EXPECT_EQ(seen.participants[0].holds[0].permits, 2u);
    EXPECT_TRUE(seen.participants[0].holds[0].held);
    with.many.release(2);
}

}  // namespace
}  // namespace contract
