// SPDX-License-Identifier: MIT
// What is refused, in one thread: wrong counts, wrong places, locks not held. And ranges: shared_array.
#include "contract/stage.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <process_shared/process_shared.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <concepts>
#include <cstring>
#include <limits>
#include <mutex>
#include <numeric>
#include <ranges>
#include <string>

namespace contract {
namespace {

using namespace process_shared;

constexpr auto code = [](errc value) { return static_cast<int>(value); };

class refused : public testing::Test {
protected:
    segment memory = segment::anonymous(65536);
};

TEST_F(refused, semaphores_of_impossible_counts) {
    EXPECT_EQ(outcome_of([&] { memory.construct<counting_semaphore<>>("negative", -1); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { memory.construct<counting_semaphore<5>>("large", 6); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { memory.construct<counting_semaphore<>>("huge", std::ptrdiff_t{1} << 40); }),
              code(errc::bad_count));
    EXPECT_EQ(memory.find<counting_semaphore<>>("negative", *std::make_unique<std::error_code>()), nullptr);
}

TEST_F(refused, releases_beyond_the_maximum_change_nothing) {
    auto& three = memory.construct<counting_semaphore<3>>("three", 2);
    EXPECT_EQ(outcome_of([&] { three.release(2); }), code(errc::too_many_permits));
    EXPECT_EQ(outcome_of([&] { three.release(-1); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { three.release(std::numeric_limits<std::ptrdiff_t>::max()); }),
              code(errc::too_many_permits));
    EXPECT_EQ(three.value(), 2);
    three.release();
    EXPECT_EQ(outcome_of([&] { three.release(); }), code(errc::too_many_permits));
    three.release(0);
    EXPECT_EQ(three.value(), 3);
    auto& all = memory.construct<counting_semaphore<>>("all", counting_semaphore<>::max());
    EXPECT_EQ(outcome_of([&] { all.release(); }), code(errc::too_many_permits));
    EXPECT_TRUE(all.try_acquire());
    EXPECT_EQ(all.value(), counting_semaphore<>::max() - 1);
}

TEST_F(refused, latches_of_impossible_counts) {
    EXPECT_EQ(outcome_of([&] { memory.construct<latch>("negative", -1); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { memory.construct<latch>("huge", latch::max() + 1); }), code(errc::bad_count));
    auto& two = memory.construct<latch>("two", 2);
    EXPECT_EQ(outcome_of([&] { two.count_down(3); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { two.count_down(-1); }), code(errc::bad_count));
    two.count_down(0);
    EXPECT_FALSE(two.try_wait());
    two.count_down(2);
    EXPECT_TRUE(two.try_wait());
    EXPECT_EQ(outcome_of([&] { two.count_down(); }), code(errc::bad_count));
}

TEST_F(refused, barriers_of_nobody_or_too_many) {
    EXPECT_EQ(outcome_of([&] { memory.construct<barrier<4>>("nobody", 0); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { memory.construct<barrier<4>>("many", 5); }), code(errc::bad_count));
    auto& four = memory.construct<barrier<4>>("four", 4);
    EXPECT_EQ(outcome_of([&] { four.reset(0); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { four.reset(5); }), code(errc::bad_count));
    EXPECT_EQ(outcome_of([&] { four.arrive_and_wait(); }), code(errc::not_a_member));
    EXPECT_EQ(outcome_of([&] { four.arrive_and_drop(); }), code(errc::not_a_member));
}

TEST_F(refused, waiting_for_a_condition_without_the_lock) {
    struct room {
        mutex guard;
        recursive_mutex tree;
        monitor watched;
        condition_variable changed;
        condition_variable_any any;
    };
    auto& in = memory.construct<room>("room");
    std::unique_lock hold(in.guard, std::defer_lock);
    EXPECT_EQ(outcome_of([&] { in.changed.wait(hold); }), code(errc::not_owner));
    EXPECT_EQ(outcome_of([&] { in.changed.wait(hold, [] { return false; }); }), code(errc::not_owner));
    EXPECT_EQ(outcome_of([&] { in.any.wait(in.tree); }), code(errc::not_owner));
    EXPECT_EQ(outcome_of([&] { in.watched.when([] { return true; }); }), code(errc::not_owner));
    EXPECT_EQ(outcome_of([&] { in.watched.wait(in.any); }), code(errc::not_owner));
    EXPECT_EQ(outcome_of([&] { in.watched.unlock(); }), code(errc::not_owner));
    EXPECT_TRUE(in.guard.try_lock());
    in.guard.unlock();
}

TEST_F(refused, predicates_that_throw_leave_the_lock_held) {
    struct room {
        mutex guard;
        monitor watched;
        condition_variable changed;
    };
    auto& in = memory.construct<room>("room");
    std::unique_lock hold(in.guard);
    EXPECT_THROW(in.changed.wait(hold, []() -> bool { throw std::runtime_error("no"); }), std::runtime_error);
    EXPECT_TRUE(hold.owns_lock());
    const std::lock_guard inside(in.watched);
    EXPECT_THROW(in.watched.when([]() -> bool { throw std::runtime_error("no"); }), std::runtime_error);
}

TEST_F(refused, calling_once_from_within) {
    auto& once = memory.construct<once_flag>("once");
    int inner = not_yet;
    call_once(once, [&] { inner = outcome_of([&] { call_once(once, [] {}); }); });
    EXPECT_EQ(inner, code(errc::would_deadlock));
    EXPECT_TRUE(once.is_done());
}

TEST(outside, everything_outside_a_segment_is_refused) {
    counting_semaphore<> permits(1);
    event happened;
    latch last(1);
    condition_variable changed;
    barrier<2> step(2);
    once_flag once;
    monitor watched;
    const int outside = code(errc::outside_segment);
    EXPECT_EQ(outcome_of([&] { permits.acquire(); }), outside);
    EXPECT_EQ(outcome_of([&] { return permits.try_acquire(); }), outside);
    EXPECT_EQ(outcome_of([&] { permits.release(); }), outside);
    EXPECT_EQ(outcome_of([&] { (void)permits.value(); }), outside);
    EXPECT_EQ(outcome_of([&] { happened.set(); }), outside);
    EXPECT_EQ(outcome_of([&] { return happened.wait_for(1ms); }), outside);
    EXPECT_EQ(outcome_of([&] { last.count_down(); }), outside);
    EXPECT_EQ(outcome_of([&] { last.wait(); }), outside);
    EXPECT_EQ(outcome_of([&] { changed.notify_one(); }), outside);
    EXPECT_EQ(outcome_of([&] { step.join(); }), outside);
    EXPECT_EQ(outcome_of([&] { (void)step.is_broken(); }), outside);
    EXPECT_EQ(outcome_of([&] { call_once(once, [] {}); }), outside);
    EXPECT_EQ(outcome_of([&] { watched.lock(); }), outside);
}

TEST(outside, releasing_needs_no_seat) {
    segment_options one_seat;
    one_seat.seats = 1;
    segment memory = segment::anonymous(4096, one_seat);
    auto& permits = memory.construct<counting_semaphore<>>("permits", 0);
    const support::child releaser([&] {
        permits.release();
        support::check(permits.try_acquire(), "the permit was not there");
        support::check(outcome_of([&] { permits.acquire(); }) == code(errc::seats_full), "waiting takes a seat");
        permits.release(2);
    });
    EXPECT_TRUE(support::await([&] { return permits.value() == 2; }));
}

using array_test = refused;

TEST_F(array_test, is_a_contiguous_range) {
    static_assert(std::ranges::contiguous_range<shared_array<int>>);
    static_assert(std::ranges::sized_range<shared_array<const int>>);
    static_assert(std::same_as<std::ranges::range_value_t<shared_array<const int>>, int>);
    shared_array<int> numbers(100);
    EXPECT_TRUE(std::ranges::all_of(numbers, [](int n) { return n == 0; }));
    std::iota(numbers.rbegin(), numbers.rend(), 0);
    EXPECT_EQ(numbers.front(), 99);
    std::ranges::sort(numbers);
    EXPECT_EQ(numbers[7], 7);
    EXPECT_EQ(numbers.back(), 99);
    const std::span<int> tail = numbers.span().last(10);
    EXPECT_EQ(std::accumulate(tail.begin(), tail.end(), 0), 945);
    shared_array<const int> to_read = numbers;
    EXPECT_EQ(to_read.at(42), 42);
    static_assert(std::is_same_v<decltype(to_read[0]), const int&>);
}

TEST_F(array_test, forked_children_share_it) {
    shared_array<std::uint64_t> small(4);
    shared_array<std::uint64_t> large(4096);
    for (int i = 0; i < 2; ++i)
        EXPECT_TRUE(support::child([&] {
                        for (int k = 0; k < 1000; ++k) small.ref(0).fetch_add(1);
                        large.at(4095) += 21;
                    }).wait_success());
    EXPECT_EQ(small[0], 2000u);
    EXPECT_EQ(large.back(), 42u);
}

TEST_F(array_test, atomic_access_from_many_processes_loses_nothing) {
    shared_array<int> sums(2);
    std::vector<support::child> all;
    for (int i = 0; i < 4; ++i)
        all.emplace_back([&] {
            for (int k = 0; k < 10'000; ++k) sums.ref(1).fetch_add(1, std::memory_order_relaxed);
        });
    for (auto& one : all) EXPECT_TRUE(one.wait_success());
    EXPECT_EQ(sums[1], 40'000);
}

TEST_F(array_test, is_found_by_name_with_its_type_and_size) {
    const support::segment_name name;
    segment named = segment::create(name, 65536);
    auto made = shared_array<int>::create(named, "scores", 10);
    made[9] = 42;
    EXPECT_TRUE(support::child([&] {
                    segment again = segment::open(name);
                    auto found = shared_array<int>::open(again, "scores");
                    support::check(found.size() == 10 && found[9] == 42, "found something else");
                    found[0] = 1;
                }).wait_success());
    EXPECT_EQ(made[0], 1);
    EXPECT_EQ(shared_array<int>::open_or_create(named, "scores", 5).size(), 10u);
    EXPECT_EQ(outcome_of([&] { (void)shared_array<int>::open_or_create(named, "scores", 11); }), code(errc::too_small));
    EXPECT_EQ(outcome_of([&] { (void)shared_array<unsigned>::open(named, "scores"); }), code(errc::wrong_type));
    EXPECT_EQ(outcome_of([&] { (void)shared_memory::open(named, "scores"); }), code(errc::wrong_type));
    EXPECT_EQ(outcome_of([&] { (void)shared_array<int>::create(named, "scores", 10); }), code(errc::name_taken));
    std::error_code error;
    EXPECT_TRUE(shared_array<int>::open(named, "nothing", error).empty());
    EXPECT_EQ(error, errc::no_such_name);
    shared_array<int>::remove(named, "scores");
    EXPECT_EQ(outcome_of([&] { (void)shared_array<int>::open(named, "scores"); }), code(errc::no_such_name));
}

TEST_F(array_test, keeps_the_memory_while_it_is_used) {
    shared_array<int> numbers;
    {
        segment own = segment::anonymous(65536);
        numbers = shared_array<int>::create(own, "numbers", 3);
    }
    numbers[2] = 3;
    shared_array<const int> other = numbers;
    numbers = {};
    EXPECT_EQ(other[2], 3);
    EXPECT_TRUE(numbers.empty());
    EXPECT_FALSE(numbers);
}

TEST_F(array_test, impossible_sizes_and_places_are_refused) {
    const auto made = [](std::size_t count) {
        return outcome_of([&] { const shared_array<std::uint64_t> numbers(count); });
    };
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    EXPECT_EQ(made(0), code(errc::bad_size));
    EXPECT_EQ(made(most / 8 + 1), code(errc::bad_size));
    EXPECT_EQ(made(most), code(errc::bad_size));
    shared_array<int> three(3);
    EXPECT_EQ(outcome_of([&] { (void)three.at(3); }), code(errc::out_of_bounds));
    EXPECT_EQ(outcome_of([&] { (void)three.ref(most); }), code(errc::out_of_bounds));
    EXPECT_EQ(outcome_of([&] { (void)shared_array<int>().front(); }), code(errc::out_of_bounds));
    EXPECT_EQ(outcome_of([&] { (void)shared_array<int>().back(); }), code(errc::out_of_bounds));
}

}  // namespace
}  // namespace contract
