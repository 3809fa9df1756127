// SPDX-License-Identifier: MIT
// shared_mutex: readers beside each other and against writers. Its writers' side also runs in all tests of locks.
#include "contract/company.hpp"
#include "contract/one_lock.hpp"

#include <process_shared/condition_variable.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/shared_mutex.hpp>

#include <unistd.h>

#include <array>
#include <chrono>
#include <mutex>
#include <shared_mutex>

namespace contract {
namespace {

struct library {
    shared_mutex guard;
    shared_mutex other;
    std::atomic<std::uint64_t> first{0};  // under the guard, as second; equal unless somebody writes
    std::atomic<std::uint64_t> second{0};
    std::atomic<int> torn{0};
    std::atomic<int> reading{0};
    std::atomic<int> most_reading{0};
    std::atomic<bool> stop{false};
    process_shared::condition_variable_any changed;
    std::array<process_shared::mutex, 64> locks;
};

constexpr int rounds = 1000;
constexpr int enough_to_do_without_fences = 100'001;
constexpr auto relaxed = std::memory_order_relaxed;  // the lock orders

void write(library& in) {
    in.first.store(in.first.load(relaxed) + 1, relaxed);
    in.second.store(in.second.load(relaxed) + 1, relaxed);
}
void read(library& in) {
    if (in.first.load(relaxed) != in.second.load(relaxed)) ++in.torn;
}
void read_often(library& in, int times = enough_to_do_without_fences) {
    for (int i = 0; i < times; ++i) {
        const std::shared_lock hold(in.guard);
        read(in);
    }
}

const part<library> writes_and_reads("writes_and_reads", [](library& in, actor_state&) {
    for (int i = 0; i < rounds; ++i) {
        if (i % 10 == 0) {
            const std::lock_guard hold(in.guard);
            write(in);
        } else if (i % 10 == 1) {
            while (!in.guard.try_lock_shared_for(100us)) {}
            read(in);
            in.guard.unlock_shared();
        } else if (i % 100 == 2) {
            while (!in.guard.try_lock_for(100us)) {}
            write(in);
            in.guard.unlock();
        } else if (in.guard.try_lock_shared()) {
            read(in);
            in.guard.unlock_shared();
        }
    }
});

const part<library> reads_until_told("reads_until_told", [](library& in, actor_state& mine) {
    read_often(in);
    mine.ready = true;
    while (!in.stop) read_often(in, 1000);
});

const part<library> writes_until_told("writes_until_told", [](library& in, actor_state& mine) {
    mine.ready = true;
    while (!in.stop) {
        const std::lock_guard hold(in.guard);
        write(in);
    }
});

const part<library> reads_beside("reads_beside", [](library& in, actor_state& mine) {
    mine.task = gettid();
    in.guard.lock_shared();
    ++in.reading;
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    if (mine.told == cue::leave) return;
    --in.reading;
    in.guard.unlock_shared();
});

const part<library> reads_beside_without_a_fence("reads_beside_without_a_fence", [](library& in, actor_state& mine) {
    read_often(in);
    in.guard.lock_shared();
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    if (mine.told == cue::unlock) in.guard.unlock_shared();
});

const part<library> writes("writes", [](library& in, actor_state& mine) {
    mine.task = gettid();
    try {
        in.guard.lock();
        mine.outcome = locked;
        write(in);
        in.guard.unlock();
    } catch (const owner_died& death) {
        mine.dead_process = death.who().process;
        mine.outcome = died;
    }
});

const part<library> reads("reads", [](library& in, actor_state& mine) {
    mine.task = gettid();
    try {
        in.guard.lock_shared();
        mine.outcome = locked;
        read(in);
        in.guard.unlock_shared();
    } catch (const owner_died& death) {
        mine.dead_process = death.who().process;
        mine.outcome = died;
    }
});

const part<library> holds_for_writing("holds_for_writing", [](library& in, actor_state& mine) {
    in.guard.lock();
    in.first.store(in.first.load(relaxed) + 1, relaxed);
    mine.ready = true;
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    if (mine.told == cue::leave) return;
    in.second.store(in.second.load(relaxed) + 1, relaxed);
    in.guard.unlock();
});

const part<library> waits_for_a_change("waits_for_a_change", [](library& in, actor_state& mine) {
    mine.task = gettid();
    std::shared_lock hold(in.guard);
    in.changed.wait(hold, [&] { return in.first.load(relaxed) != 0; });
    read(in);
});

using readers = company<library>;

TEST_P(readers, readers_see_no_half_written_data) {
    start("writes_and_reads", 4);
    expect_all_finish();
    EXPECT_EQ(with.torn, 0);
    EXPECT_EQ(with.first, with.second);
}

TEST_P(readers, any_number_reads_at_once) {
    start("reads_beside", 5);
    EXPECT_TRUE(support::await([&] { return with.reading == 5; }));
    EXPECT_TRUE(with.guard.try_lock_shared());
    with.guard.unlock_shared();
    EXPECT_FALSE(with.guard.try_lock());
    EXPECT_FALSE(with.guard.try_lock_for(5ms));
    EXPECT_TRUE(with.guard.try_lock_shared()) << "one who gave up writing keeps nobody out";
    with.guard.unlock_shared();
    for (unsigned i = 0; i < 5; ++i) actor(i).told = cue::unlock;
    expect_all_finish();
    EXPECT_TRUE(with.guard.try_lock());
    with.guard.unlock();
}

TEST_P(readers, writer_waits_for_readers_and_keeps_new_ones_out) {
    start("reads_beside", 2);
    ASSERT_TRUE(ready(0) && ready(1));
    start("writes");
    ASSERT_TRUE(await_asleep(actor(2).task));
    EXPECT_FALSE(with.guard.try_lock_shared());
    EXPECT_FALSE(with.guard.try_lock_shared_for(5ms));
    actor(0).told = cue::unlock;
    EXPECT_TRUE(performer_of(0).finished());
    EXPECT_EQ(with.first, 0u) << "one still reads";
    actor(1).told = cue::unlock;
    EXPECT_TRUE(performer_of(1).finished() && performer_of(2).finished());
    EXPECT_EQ(with.first, 1u);
}

TEST_P(readers, writer_waits_for_readers_without_a_fence) {
    start("reads_beside_without_a_fence", 2);
    ASSERT_TRUE(ready(0) && ready(1));
    start("writes");
    ASSERT_TRUE(await_asleep(actor(2).task));
    EXPECT_EQ(with.first, 0u);
    actor(0).told = cue::unlock;
    actor(1).told = cue::unlock;
    expect_all_finish();
    EXPECT_EQ(with.first, 1u);
}

TEST_P(readers, waiting_readers_all_come_in_after_a_writer) {
    start("holds_for_writing");
    ASSERT_TRUE(ready(0));
    start("reads", 4);
    for (unsigned i = 1; i < 5; ++i) ASSERT_TRUE(await_asleep(actor(i).task));
    EXPECT_FALSE(with.guard.try_lock_shared_until(std::chrono::system_clock::now() + 5ms));
    actor(0).told = cue::unlock;
    expect_all_finish();
    EXPECT_EQ(with.torn, 0);
}

TEST_P(readers, stream_of_readers_does_not_starve_a_writer) {
    start("reads_until_told", 3);
    for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(ready(i));
    for (int i = 0; i < 20; ++i) {
        const std::lock_guard hold(with.guard);
        write(with);
    }
    with.stop = true;
    expect_all_finish();
    EXPECT_EQ(with.torn, 0);
}

TEST_P(readers, stream_of_writers_does_not_starve_a_reader) {
    start("writes_until_told", 3);
    for (unsigned i = 0; i < 3; ++i) ASSERT_TRUE(ready(i));
    for (int i = 0; i < 20; ++i) {
        const std::shared_lock hold(with.guard);
        read(with);
    }
    with.stop = true;
    expect_all_finish();
    EXPECT_EQ(with.torn, 0);
}

TEST_P(readers, timed_attempts_wait_at_least_as_long_as_asked) {
    using steady = std::chrono::steady_clock;
    start("holds_for_writing");
    ASSERT_TRUE(ready(0));
    const auto begin = steady::now();
    EXPECT_FALSE(with.guard.try_lock_shared_for(15ms));
    EXPECT_GE(steady::now() - begin, 15ms);
    EXPECT_FALSE(with.guard.try_lock_shared_for(-1h));
    EXPECT_FALSE(with.guard.try_lock_shared_for(0s));
    actor(0).told = cue::unlock;
    EXPECT_TRUE(with.guard.try_lock_shared_for(std::chrono::hours::max())) << "for ever, not before now";
    with.guard.unlock_shared();
    expect_all_finish();
}

TEST_P(readers, killed_reader_leaves_nothing) {
    start("reads_beside");
    start("reads_beside_without_a_fence");
    ASSERT_TRUE(ready(0) && ready(1));
    start("writes");
    ASSERT_TRUE(await_asleep(actor(2).task));
    performer_of(0).die();
    performer_of(1).die();
    EXPECT_TRUE(performer_of(2).finished());
    EXPECT_EQ(actor(2).outcome, locked) << "nobody is told: nothing was changed";
    EXPECT_TRUE(with.guard.try_lock_shared());
    with.guard.unlock_shared();
}

TEST_P(readers, killed_writer_is_told_to_writers_and_readers_until_repaired) {
    start("holds_for_writing");
    ASSERT_TRUE(ready(0));
    start("reads");
    start("writes");
    ASSERT_TRUE(await_asleep(actor(1).task) && await_asleep(actor(2).task));
    performer_of(0).die();
    EXPECT_TRUE(performer_of(1).finished() && performer_of(2).finished());
    EXPECT_EQ(actor(1).outcome, died);
    EXPECT_EQ(actor(2).outcome, died);
    EXPECT_EQ(actor(1).dead_process, performer_of(0).process());
    EXPECT_EQ(outcome_of([&] { with.guard.lock_shared(); }), died);
    EXPECT_EQ(outcome_of([&] { return with.guard.try_lock_shared(); }), died);
    EXPECT_EQ(outcome_of([&] { return with.guard.try_lock_shared_for(1h); }), died);
    EXPECT_EQ(outcome_of([&] { with.guard.lock(); }), died);
    with.guard.lock([&] { with.second.store(with.first.load(relaxed), relaxed); });
    with.guard.unlock();
    const std::shared_lock hold(with.guard);
    read(with);
    EXPECT_EQ(with.torn, 0);
}

TEST_P(readers, writer_killed_while_it_waits_for_readers_leaves_nothing) {
    start("reads_beside");
    ASSERT_TRUE(ready(0));
    start("writes");
    ASSERT_TRUE(await_asleep(actor(1).task));
    if (GetParam().actor == actor_kind::thread) {
        actor(0).told = cue::unlock;
        expect_all_finish();
        GTEST_SKIP() << "processes die";
    }
    performer_of(1).die();
    EXPECT_TRUE(with.guard.try_lock_shared_for(10s)) << "the first reader is still inside; so may others be";
    with.guard.unlock_shared();
    EXPECT_FALSE(with.guard.try_lock_for(5ms));
    actor(0).told = cue::unlock;
    EXPECT_TRUE(performer_of(0).finished());
    EXPECT_EQ(outcome_of([&] { with.guard.lock(); }), locked);
    with.guard.unlock();
}

TEST_P(readers, conditions_wait_with_either_kind_of_lock) {
    start("waits_for_a_change", 2);
    ASSERT_TRUE(asleep());
    {
        std::unique_lock hold(with.guard);
        EXPECT_FALSE(with.changed.wait_for(hold, 5ms, [&] { return with.first.load(relaxed) != 0; }));
        write(with);
    }
    with.changed.notify_all();
    expect_all_finish();
}

FOR_ALL_COMPANIES(readers);

class one_shared_mutex : public testing::Test {
protected:
    segment memory = segment::anonymous(64 * 1024);
    library& with = memory.construct<library>("library");

    [[nodiscard]] bool can_be_written() { return is_free(with.guard); }
};

TEST_F(one_shared_mutex, may_be_read_again_by_who_reads_it) {
    for (int i = 0; i < 5; ++i) with.guard.lock_shared();
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(can_be_written());
        with.guard.unlock_shared();
    }
    EXPECT_TRUE(can_be_written());
}

TEST_F(one_shared_mutex, may_be_read_again_while_a_writer_waits) {
    with.guard.lock_shared();
    std::atomic<pid_t> task{0};
    std::thread writer([&] {
        task = gettid();
        with.guard.lock();
        with.guard.unlock();
    });
    EXPECT_TRUE(await_asleep(task));
    EXPECT_TRUE(with.guard.try_lock_shared()) << "or it would wait for the writer, and the writer for it";
    with.guard.unlock_shared();
    with.guard.unlock_shared();
    writer.join();
}

TEST_F(one_shared_mutex, is_read_4096_times_at_most_by_one) {
    for (int i = 0; i < 4096; ++i) with.guard.lock_shared();
    EXPECT_TRUE(error_of([&] { with.guard.lock_shared(); }).code() == errc::recursion_too_deep);
    for (int i = 0; i < 4096; ++i) with.guard.unlock_shared();
    EXPECT_TRUE(can_be_written());
}

TEST_F(one_shared_mutex, change_from_reading_to_writing_and_back_is_an_error) {
    read_often(with);
    for (int i = 0; i < 2; ++i) {
        with.guard.lock_shared();
        EXPECT_TRUE(error_of([&] { with.guard.lock(); }).code() == std::errc::resource_deadlock_would_occur);
        EXPECT_TRUE(error_of([&] { (void)with.guard.try_lock(); }).code() == errc::would_deadlock);
        EXPECT_TRUE(error_of([&] { (void)with.guard.try_lock_for(1h); }).code() == errc::would_deadlock);
        with.guard.unlock_shared();
        with.guard.lock();
        EXPECT_TRUE(error_of([&] { with.guard.lock_shared(); }).code() == errc::would_deadlock);
        EXPECT_TRUE(error_of([&] { (void)with.guard.try_lock_shared(); }).code() == errc::would_deadlock);
        EXPECT_FALSE(can_be_written());
        with.guard.unlock();
    }
    EXPECT_TRUE(can_be_written());
}

TEST_F(one_shared_mutex, unlocking_what_is_not_held_so_is_an_error) {
    const auto stray_shared = [&] { return error_of([&] { with.guard.unlock_shared(); }).code(); };
    EXPECT_TRUE(stray_shared() == std::errc::operation_not_permitted);
    with.guard.lock();
    EXPECT_TRUE(stray_shared() == errc::not_owner);
    with.guard.unlock();
    with.guard.lock_shared();
    EXPECT_TRUE(error_of([&] { with.guard.unlock(); }).code() == errc::not_owner);
    std::thread([&] { EXPECT_TRUE(stray_shared() == errc::not_owner); }).join();
    EXPECT_FALSE(can_be_written());
    with.guard.unlock_shared();
    EXPECT_TRUE(stray_shared() == errc::not_owner);
    read_often(with);
    EXPECT_TRUE(stray_shared() == errc::not_owner);
    shared_mutex outside;
    EXPECT_TRUE(error_of([&] { outside.lock_shared(); }).code() == errc::outside_segment);
    EXPECT_TRUE(error_of([&] { outside.unlock_shared(); }).code() == errc::outside_segment);
}

TEST_F(one_shared_mutex, many_are_read_at_once_whatever_slots_they_want) {
    auto& many = memory.construct<std::array<shared_mutex, 60>>("many");
    for (int round = 0; round < 3; ++round) {
        for (auto& one : many) one.lock_shared();
        EXPECT_TRUE(error_of([&] { with.guard.lock_shared(); }).code() == errc::too_many_holds);
        EXPECT_TRUE(error_of([&] { (void)with.guard.try_lock_shared(); }).code() == errc::too_many_holds);
        for (auto& one : many) EXPECT_FALSE(is_free(one));
        for (auto& one : many) one.lock_shared();
        for (auto& one : many) one.unlock_shared();
        for (auto& one : many) EXPECT_FALSE(is_free(one));
        for (auto& one : many) one.unlock_shared();
        for (auto& one : many) EXPECT_TRUE(is_free(one));
    }
    with.guard.lock_shared();
    with.guard.unlock_shared();
}

TEST_F(one_shared_mutex, is_read_beside_sixty_mutexes_less_one) {
    for (unsigned i = 0; i < 59; ++i) with.locks.at(i).lock();
    read_often(with);
    with.guard.lock_shared();
    EXPECT_FALSE(can_be_written());
    with.guard.unlock_shared();
    EXPECT_TRUE(can_be_written());
    for (unsigned i = 0; i < 59; ++i) with.locks.at(i).unlock();
}

TEST_F(one_shared_mutex, is_one_lock_through_two_mappings) {
    segment again = segment::from_fd(memory.fd());
    auto& same = again.find<library>("library");
    read_often(with);
    with.guard.lock_shared();
    EXPECT_FALSE(is_free(same.guard));
    same.guard.lock_shared();
    with.guard.unlock_shared();
    EXPECT_FALSE(can_be_written());
    same.guard.unlock_shared();
    EXPECT_TRUE(can_be_written());
}

TEST_F(one_shared_mutex, last_one_read_is_forgotten_when_its_segment_goes) {
    std::uintptr_t address = 0;
    {
        segment gone = segment::anonymous(4096);
        auto& lock = gone.construct<shared_mutex>("lock");
        for (int i = 0; i < enough_to_do_without_fences; ++i) {
            lock.lock_shared();
            lock.unlock_shared();
        }
        address = reinterpret_cast<std::uintptr_t>(&lock);
    }
    auto* lock = reinterpret_cast<shared_mutex*>(address);
    EXPECT_TRUE(error_of([&] { lock->lock_shared(); }).code() == errc::outside_segment);
}

TEST_F(one_shared_mutex, thread_that_reads_and_ends_leaves_nothing) {
    std::thread([&] {
        read_often(with);
        with.guard.lock_shared();
    }).join();
    EXPECT_NO_THROW(with.guard.lock());
    with.guard.unlock();
}

TEST_F(one_shared_mutex, works_with_the_locks_of_std) {
    {
        const std::shared_lock one(with.guard);
        const std::shared_lock two(with.other, 10ms);
        EXPECT_TRUE(two.owns_lock());
        EXPECT_FALSE(can_be_written());
    }
    {
        std::shared_lock tried(with.guard, std::try_to_lock);
        EXPECT_TRUE(tried.owns_lock());
        tried.unlock();
        EXPECT_TRUE(tried.try_lock_until(std::chrono::system_clock::now() + 1s));
    }
    const std::scoped_lock both(with.guard, with.other);
    EXPECT_FALSE(can_be_written());
}

}  // namespace
}  // namespace contract
