// SPDX-License-Identifier: MIT
// The read-only look: who sits, holds, waits and died; and that nonsense in shared memory is survived.
#include "segment/segment_state.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <string>
#include <thread>

namespace {

namespace seats = process_shared::seats;
using namespace process_shared::inspect;
using namespace std::chrono_literals;
using condition = seat_view::condition;
using process_shared::segment;

struct account {
    process_shared::mutex guard;
    process_shared::recursive_mutex tree;
};

class inspected : public testing::Test {
protected:
    inspected() {
        // In a thread that ends, so that the test's own has no seat yet.
        std::thread([this] { shared = &memory.construct<account>("account"); }).join();
    }
    [[nodiscard]] const seat_view* seat_named(const segment_view& seen, const std::string& thread) const {
        const auto found = std::find_if(seen.participants.begin(), seen.participants.end(),
                                        [&](const seat_view& seat) { return seat.who.thread_name == thread; });
        return found == seen.participants.end() ? nullptr : &*found;
    }
    segment memory = segment::anonymous(4096);
    const seats::view& in = process_shared::segment_access::state_of(memory).mapped;
    account* shared = nullptr;
};

TEST_F(inspected, takes_no_seat) {
    EXPECT_EQ(look(memory).alive(), 0u);
    EXPECT_EQ(look(memory).alive(), 0u);
}

TEST_F(inspected, shows_the_objects) {
    const segment_view seen = look(memory);
    ASSERT_EQ(seen.objects.size(), 1u);
    EXPECT_EQ(seen.objects[0].name, "account");
    EXPECT_NE(seen.objects[0].type.find("account"), std::string::npos);
    EXPECT_EQ(seen.objects[0].size, sizeof(account));
    EXPECT_EQ(seen.objects[0].alignment, alignof(account));
    EXPECT_EQ(seen.objects[0].offset, memory.offset_of(shared));
    EXPECT_EQ(seen.size, memory.size());
    EXPECT_LE(seen.free_bytes, seen.size);
    EXPECT_EQ(seen.uuid.size(), 36u);
}

TEST_F(inspected, shows_who_holds_what) {
    pthread_setname_np(pthread_self(), "the_holder");
    shared->guard.lock();
    shared->tree.lock();
    const segment_view seen = look(memory);
    const seat_view* me = seat_named(seen, "the_holder");
    ASSERT_NE(me, nullptr);
    EXPECT_EQ(me->state, condition::alive);
    EXPECT_EQ(me->who.process, static_cast<std::uint32_t>(getpid()));
    EXPECT_EQ(me->who.thread, static_cast<std::uint64_t>(gettid()));
    ASSERT_EQ(me->holds.size(), 2u);
    EXPECT_EQ(me->holds[0].kind, "mutex");
    EXPECT_EQ(me->holds[0].object, "account");
    EXPECT_TRUE(me->holds[0].held);
    EXPECT_EQ(me->holds[1].kind, "recursive_mutex");
    EXPECT_EQ(me->holds[1].object, "account+8");
    EXPECT_FALSE(me->waits_for.has_value());
    shared->tree.unlock();
    shared->guard.unlock();
    EXPECT_TRUE(look(memory).participants.at(0).holds.empty());
}

TEST_F(inspected, shows_who_waits_for_what) {
    shared->guard.lock();
    std::atomic<pid_t> task{0};
    std::thread waiter([&] {
        pthread_setname_np(pthread_self(), "the_waiter");
        task = gettid();
        const std::lock_guard hold(shared->guard);
    });
    EXPECT_TRUE(support::await([&] { return task != 0 && support::is_asleep(task); }));
    EXPECT_TRUE(support::await([&] {  // between two sleeps it waits for nothing
        const segment_view seen = look(memory);
        const seat_view* seat = seat_named(seen, "the_waiter");
        return seat && seat->waits_for && seat->waits_for->object == "account" && seat->waits_for->kind == "mutex" &&
               !seat->waits_for->held && seat->waiting >= 0ns;
    }));
    shared->guard.unlock();
    waiter.join();
}

TEST_F(inspected, shows_the_dead_and_then_their_obituaries) {
    std::thread([&] {
        pthread_setname_np(pthread_self(), "the_dead");
        shared->guard.lock();
        shared->tree.lock();
    }).join();
    segment_view seen = look(memory);
    const seat_view* dead = seat_named(seen, "the_dead");
    ASSERT_NE(dead, nullptr);
    EXPECT_EQ(dead->state, condition::dead);
    EXPECT_EQ(seen.dead(), 1u);
    EXPECT_TRUE(seen.obituaries.empty()) << "looking changes nothing";

    EXPECT_THROW(shared->guard.lock(), process_shared::owner_died);
    seen = look(memory);
    EXPECT_EQ(seat_named(seen, "the_dead"), nullptr);
    ASSERT_EQ(seen.obituaries.size(), 1u);
    EXPECT_EQ(seen.obituaries[0].who.thread_name, "the_dead");
    EXPECT_EQ(seen.obituaries[0].locks, 2u);
}

TEST_F(inspected, shows_seats_that_are_being_claimed_or_lost) {
    in.seat_at(5).state = seats::make_state(seats::seat_state::claiming, 1);
    in.seat_at(6).state = seats::make_state(seats::seat_state::unguarded, 1);
    const segment_view seen = look(memory);
    const auto state_of_seat = [&](std::uint32_t number) {
        for (const auto& seat : seen.participants)
            if (seat.seat == number) return std::string(to_string(seat.state));
        return std::string("free");
    };
    EXPECT_EQ(state_of_seat(5), "claiming");
    EXPECT_EQ(state_of_seat(6), "quarantined");
    EXPECT_EQ(state_of_seat(7), "free");
}

TEST_F(inspected, times_that_cannot_be_are_no_time_at_all) {
    std::thread([&] { shared->guard.lock(); }).join();
    for (const std::int64_t absurd :
         {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
        in.header().created = absurd;
        for (std::uint32_t i = 0; i < 2; ++i) {
            in.seat_at(i).since = static_cast<std::uint64_t>(absurd);
            in.seat_at(i).waits_since = static_cast<std::uint64_t>(absurd);
        }
        const segment_view seen = look(memory);
        EXPECT_EQ(seen.age, 0ns);
        for (const auto& seat : seen.participants) EXPECT_EQ(seat.age, 0ns);
    }
}

TEST_F(inspected, entries_and_states_that_cannot_be_are_survived) {
    for (std::uint32_t i = 0; i < in.seats; ++i) {
        in.seat_at(i).state = seats::make_state(static_cast<seats::seat_state>(i), ~std::uint64_t{0});
        in.seat_at(i).token_word = i * 7;
        in.seat_at(i).waits_for = ~std::uint64_t{i};
        for (std::uint32_t entry = 0; entry < seats::max_holds; ++entry)
            in.seat_at(i).held[entry] = seats::make_entry(static_cast<seats::lock_kind>(entry), in.size - 16 + entry);
        for (auto& part : in.seat_at(i).name) part = ~std::uint64_t{0};
    }
    const segment_view seen = look(memory);
    EXPECT_LE(seen.participants.size(), in.seats);
    for (const auto& seat : seen.participants) EXPECT_LE(seat.who.thread_name.size(), 16u);
}

TEST_F(inspected, damaged_heap_has_no_free_bytes_and_the_rest_is_shown) {
    auto* block = static_cast<std::uint64_t*>(memory.allocate(64));
    block[-2] = 0;  // its header
    const segment_view seen = look(memory);
    EXPECT_EQ(seen.free_bytes, 0u);
    EXPECT_EQ(seen.objects.size(), 1u);
}

// The address space of a growing segment is larger than its memory.
TEST(inspected_default, names_of_locks_beyond_its_memory_are_not_followed) {
    segment& memory = segment::process_default();
    std::thread([&] {
        auto& lock = memory.construct<process_shared::mutex>("inspected_default");
        lock.lock();
    }).join();
    const seats::view& in = process_shared::segment_access::state_of(memory).mapped;
    for (std::uint32_t i = 0; i < 2; ++i)
        in.seat_at(i).held[7] = seats::make_entry(seats::lock_kind::mutex, in.size / 2);
    for (const auto& seat : look(memory).participants)
        for (const auto& lock : seat.holds) EXPECT_TRUE(lock.offset != in.size / 2 || !lock.held);
    std::error_code error;
    memory.destroy<process_shared::mutex>("inspected_default", error);  // sweeps the dead one
    EXPECT_FALSE(error) << error.message();
}

}  // namespace
