// SPDX-License-Identifier: MIT
// counting_semaphore and binary_semaphore: permits between participants.
#include "contract/company.hpp"

#include <process_shared/semaphore.hpp>

#include <unistd.h>

#include <array>
#include <chrono>

namespace contract {
namespace {

using process_shared::binary_semaphore;
using process_shared::counting_semaphore;

struct semaphores {
    counting_semaphore<> permits{0};
    counting_semaphore<3> few{0};
    binary_semaphore one{1};
    std::uint64_t value = 0;
    std::atomic<int> inside{0};
    std::atomic<int> most_inside{0};
    std::atomic<int> taken{0};
};

constexpr int rounds = 1000;

const part<semaphores> acquires("acquires", [](semaphores& with, actor_state& mine) {
    mine.task = gettid();
    with.permits.acquire();
    ++with.taken;
    mine.outcome = locked;
});

const part<semaphores> counts("counts", [](semaphores& with, actor_state&) {
    for (int i = 0; i < rounds; ++i) {
        if (i % 3 == 0)
            while (!with.one.try_acquire_for(100us)) {}
        else
            with.one.acquire();
        ++with.value;
        with.one.release();
    }
});

const part<semaphores> works_among_three("works_among_three", [](semaphores& with, actor_state&) {
    for (int i = 0; i < rounds; ++i) {
        with.few.acquire();
        const int now = ++with.inside;
        int most = with.most_inside;
        while (now > most && !with.most_inside.compare_exchange_weak(most, now)) {}
        --with.inside;
        with.few.release();
    }
});

const part<semaphores> takes_a_hundred("takes_a_hundred", [](semaphores& with, actor_state&) {
    for (int i = 0; i < 100; ++i) with.permits.acquire();
});

const part<semaphores> gives_a_hundred("gives_a_hundred", [](semaphores& with, actor_state&) {
    for (int i = 0; i < 100; i += 2) {
        with.permits.release();
        with.permits.release(1);
    }
});

using semaphore = company<semaphores>;

TEST_P(semaphore, one_permit_excludes) {
    start("counts", 4);
    expect_all_finish();
    EXPECT_EQ(with.value, 4u * rounds);
    EXPECT_EQ(with.one.value(), 1);
}

TEST_P(semaphore, no_more_are_inside_than_there_are_permits) {
    with.few.release(3);
    start("works_among_three", 6);
    expect_all_finish();
    EXPECT_LE(with.most_inside, 3);
    EXPECT_EQ(with.few.value(), 3);
}

TEST_P(semaphore, sleepers_are_woken_by_as_many_permits_as_they_need) {
    start("acquires", 4);
    ASSERT_TRUE(asleep());
    with.permits.release(3);
    EXPECT_TRUE(support::await([&] { return with.taken == 3; }));
    with.permits.release();
    expect_all_finish();
    EXPECT_EQ(with.permits.value(), 0);
}

TEST_P(semaphore, every_permit_given_is_taken_once) {
    start("takes_a_hundred", 3);
    start("gives_a_hundred", 3);
    expect_all_finish();
    EXPECT_EQ(with.permits.value(), 0);
}

TEST_P(semaphore, timed_attempts_wait_at_least_as_long_as_asked_and_take_nothing) {
    using steady = std::chrono::steady_clock;
    const auto begin = steady::now();
    EXPECT_FALSE(with.permits.try_acquire_for(15ms));
    EXPECT_FALSE(with.permits.try_acquire_until(std::chrono::system_clock::now() + 15ms));
    EXPECT_GE(steady::now() - begin, 29ms);
    EXPECT_FALSE(with.permits.try_acquire());
    EXPECT_FALSE(with.permits.try_acquire_for(-1h));
    EXPECT_FALSE(with.permits.try_acquire_for(0s));
    with.permits.release();
    EXPECT_TRUE(with.permits.try_acquire_for(-1h)) << "one that is there is taken, however late";
    with.permits.release();
    EXPECT_TRUE(with.permits.try_acquire_for(std::chrono::hours::max())) << "for ever, not before now";
    EXPECT_EQ(with.permits.value(), 0);
}

TEST_P(semaphore, waiting_for_ever_by_hours_max_is_ended_by_a_permit) {
    start("acquires");
    ASSERT_TRUE(asleep());
    with.permits.release();
    expect_all_finish();
}

TEST_P(semaphore, permit_survives_whoever_released_it) {
    if (GetParam().actor == actor_kind::thread) GTEST_SKIP() << "processes die";
    start("acquires");
    ASSERT_TRUE(asleep());
    performer_of(0).die();
    with.permits.release();
    EXPECT_TRUE(with.permits.try_acquire_for(10s)) << "the dead sleeper took nothing along";
}

FOR_ALL_COMPANIES(semaphore);

}  // namespace
}  // namespace contract
