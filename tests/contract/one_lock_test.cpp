// SPDX-License-Identifier: MIT
// The contract of a lock as one thread sees it: the std guards, errors of use, and the limits. Threads only.
#include "contract/one_lock.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <pthread.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

namespace contract {
namespace {

struct lock_names {
    template <class Lock>
    static std::string GetName(int) {
        if (std::is_same_v<Lock, shared_mutex>) return "shared_mutex";
        if (std::is_same_v<Lock, checked_mutex>) return "checked_mutex";
        return std::is_same_v<Lock, mutex> ? "mutex" : "recursive_mutex";
    }
};

template <class Lock>
class one_lock : public testing::Test {
protected:
    segment memory = segment::anonymous(64 * 1024);
    Lock& guard = memory.construct<Lock>("lock");
    Lock& second = memory.construct<Lock>("other");
};
using all_kinds = testing::Types<mutex, recursive_mutex, shared_mutex, checked_mutex>;
TYPED_TEST_SUITE(one_lock, all_kinds, lock_names);

TYPED_TEST(one_lock, works_with_the_guards_of_std) {
    auto& lock = this->guard;
    auto& other = this->second;
    {
        const std::lock_guard hold(lock);
        EXPECT_FALSE(is_free(lock));
    }
    EXPECT_TRUE(is_free(lock));
    {
        std::unique_lock hold(lock, std::defer_lock);
        EXPECT_TRUE(is_free(lock));
        hold.lock();
        EXPECT_FALSE(is_free(lock));
        hold.unlock();
        EXPECT_TRUE(hold.try_lock());
        hold.unlock();
        EXPECT_TRUE(hold.try_lock_for(1s));
        hold.unlock();
        EXPECT_TRUE(hold.try_lock_until(std::chrono::system_clock::now() + 1s));
    }
    EXPECT_TRUE(is_free(lock));
    {
        const std::unique_lock hold(lock, 10ms);
        EXPECT_TRUE(hold.owns_lock());
    }
    {
        const std::scoped_lock hold(lock, other);
        EXPECT_FALSE(is_free(lock));
        EXPECT_FALSE(is_free(other));
    }
    std::lock(lock, other);
    {
        const std::lock_guard one(lock, std::adopt_lock);
        const std::lock_guard two(other, std::adopt_lock);
    }
    EXPECT_EQ(std::try_lock(lock, other), -1);
    lock.unlock();
    other.unlock();
    EXPECT_TRUE(is_free(lock));
    EXPECT_TRUE(is_free(other));
}

TYPED_TEST(one_lock, guard_unlocks_when_an_exception_passes) {
    EXPECT_THROW(
        {
            const std::lock_guard hold(this->guard);
            throw 1;
        },
        int);
    EXPECT_TRUE(is_free(this->guard)) << "an exception is no death";
}

TYPED_TEST(one_lock, cannot_be_copied_or_moved) {
    EXPECT_FALSE(std::is_copy_constructible_v<TypeParam>);
    EXPECT_FALSE(std::is_copy_assignable_v<TypeParam>);
    EXPECT_FALSE(std::is_move_constructible_v<TypeParam>);
    EXPECT_FALSE(std::is_move_assignable_v<TypeParam>);
    EXPECT_TRUE(process_shared::allowed_in_shared_memory<TypeParam>);
}

TYPED_TEST(one_lock, is_made_of_zeroes) {
    void* zeroes = this->memory.allocate(sizeof(TypeParam));
    auto& lock = *static_cast<TypeParam*>(zeroes);
    lock.lock();
    EXPECT_FALSE(is_free(lock));
    lock.unlock();
    EXPECT_TRUE(is_free(lock));
    const std::vector<char> expected(sizeof(mutex), 0);
    EXPECT_EQ(std::memcmp(zeroes, expected.data(), expected.size()), 0);
}

TYPED_TEST(one_lock, unlock_of_a_free_lock_is_an_error) {
    EXPECT_TRUE(error_of([&] { this->guard.unlock(); }).code() == std::errc::operation_not_permitted);
    EXPECT_TRUE(is_free(this->guard));
    this->guard.lock();
    this->guard.unlock();
    EXPECT_TRUE(error_of([&] { this->guard.unlock(); }).code() == std::errc::operation_not_permitted);
    EXPECT_TRUE(is_free(this->guard));
}

TYPED_TEST(one_lock, unlock_by_another_thread_is_an_error) {
    this->guard.lock();
    std::thread([&] {
        EXPECT_TRUE(error_of([&] { this->guard.unlock(); }).code() == std::errc::operation_not_permitted);
        this->second.lock();  // now it has a seat
        EXPECT_TRUE(error_of([&] { this->guard.unlock(); }).code() == std::errc::operation_not_permitted);
        this->second.unlock();
    }).join();
    EXPECT_FALSE(is_free(this->guard));
    this->guard.unlock();
}

TYPED_TEST(one_lock, outside_any_segment_is_an_error_that_says_what_to_do) {
    TypeParam on_the_stack;
    const auto on_the_heap = std::make_unique<TypeParam>();
    static TypeParam with_the_program;
    for (TypeParam* lock : {&on_the_stack, on_the_heap.get(), &with_the_program}) {
        const std::system_error failures[] = {error_of([&] { lock->lock(); }),
                                              error_of([&] { (void)lock->try_lock(); }),
                                              error_of([&] { (void)lock->try_lock_for(1s); }),
                                              error_of([&] { lock->lock([] {}); }), error_of([&] { lock->unlock(); })};
        for (const auto& failure : failures) {
            EXPECT_TRUE(failure.code() == errc::outside_segment) << failure.what();
            EXPECT_TRUE(failure.code() == std::errc::operation_not_permitted);
            EXPECT_NE(std::string(failure.what()).find("construct"), std::string::npos) << failure.what();
        }
    }
}

TYPED_TEST(one_lock, is_outside_any_segment_once_the_last_handle_is_gone) {
    std::uintptr_t address = 0;
    {
        segment gone = segment::anonymous(4096);
        auto& lock = gone.construct<TypeParam>("lock");
        lock.lock();
        lock.unlock();
        address = reinterpret_cast<std::uintptr_t>(&lock);
    }
    auto* lock = reinterpret_cast<TypeParam*>(address);
    EXPECT_TRUE(error_of([&] { lock->lock(); }).code() == errc::outside_segment);
}

TYPED_TEST(one_lock, locks_beyond_the_sixtieth_are_refused_before_anything_changes) {
    auto& locks = this->memory.template construct<std::array<TypeParam, most_holds + 1>>("many");
    for (unsigned i = 0; i < most_holds; ++i) locks[i].lock();
    const auto refused = error_of([&] { locks[most_holds].lock(); });
    EXPECT_TRUE(refused.code() == errc::too_many_holds) << refused.what();
    EXPECT_TRUE(refused.code() == std::errc::no_lock_available);
    EXPECT_TRUE(error_of([&] { (void)locks[most_holds].try_lock(); }).code() == errc::too_many_holds);
    EXPECT_TRUE(error_of([&] { locks[most_holds].lock([] {}); }).code() == errc::too_many_holds);
    EXPECT_TRUE(is_free(locks[most_holds]));
    for (unsigned i = 0; i < most_holds; ++i) EXPECT_FALSE(is_free(locks[i]));

    std::vector<unsigned> order(most_holds);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), std::mt19937(3));
    for (const unsigned i : order) locks[i].unlock();
    for (auto& lock : locks) EXPECT_TRUE(is_free(lock));
    locks[most_holds].lock();
    locks[most_holds].unlock();
}

TYPED_TEST(one_lock, sixty_can_be_held_again_and_again_in_any_order) {
    auto& locks = this->memory.template construct<std::array<TypeParam, most_holds>>("many");
    std::mt19937 random(9);
    std::vector<unsigned> held;
    for (int round = 0; round < 5'000; ++round) {
        const auto i = static_cast<unsigned>(random() % most_holds);
        const auto found = std::find(held.begin(), held.end(), i);
        if (found == held.end()) {
            locks[i].lock();
            held.push_back(i);
        } else {
            locks[i].unlock();
            held.erase(found);
        }
    }
    for (const unsigned i : held) locks[i].unlock();
    for (auto& lock : locks) EXPECT_TRUE(is_free(lock));
}

TYPED_TEST(one_lock, limit_of_holds_is_one_of_each_segment) {
    auto& locks = this->memory.template construct<std::array<TypeParam, most_holds>>("many");
    segment another = segment::anonymous(4096);
    auto& more = another.template construct<TypeParam>("lock");
    for (auto& lock : locks) lock.lock();
    EXPECT_NO_THROW(more.lock());
    more.unlock();
    for (auto& lock : locks) lock.unlock();
}

TYPED_TEST(one_lock, locks_of_many_segments_are_held_at_once) {
    std::vector<segment> segments;
    std::vector<TypeParam*> locks;
    for (int i = 0; i < 12; ++i) {
        segments.push_back(segment::anonymous(4096));
        locks.push_back(&segments.back().template construct<TypeParam>("lock"));
    }
    for (int round = 0; round < 3; ++round) {
        for (auto* lock : locks) lock->lock();
        for (auto* lock : locks) EXPECT_FALSE(is_free(*lock));
        for (auto* lock : locks) lock->unlock();
    }
}

TYPED_TEST(one_lock, is_one_lock_with_one_owner_through_two_mappings) {
    segment again = segment::from_fd(this->memory.fd());
    auto& same = again.template find<TypeParam>("lock");
    ASSERT_NE(&same, &this->guard);
    this->guard.lock();
    EXPECT_FALSE(is_free(same));
    EXPECT_NO_THROW(same.unlock());
    EXPECT_TRUE(is_free(this->guard));
    same.lock();
    EXPECT_NO_THROW(this->guard.unlock());
    EXPECT_EQ(process_shared::inspect::look(this->memory).alive(), 1u) << "one thread, one seat";
}

TYPED_TEST(one_lock, stays_held_when_one_of_two_mappings_goes) {
    {
        segment again = segment::from_fd(this->memory.fd());
        again.template find<TypeParam>("lock").lock();
    }
    EXPECT_FALSE(is_free(this->guard));
    EXPECT_NO_THROW(this->guard.unlock());
    EXPECT_TRUE(is_free(this->guard));
}

TYPED_TEST(one_lock, thread_that_holds_it_and_ends_leaves_it_abandoned) {
    std::thread([&] { this->guard.lock(); }).join();
    EXPECT_THROW(this->guard.lock(), owner_died);
    EXPECT_FALSE(process_shared::inspect::look(this->memory).obituaries.empty());
}

// Late destructors of thread-specific data run after the library has let go of the thread's seats.
TYPED_TEST(one_lock, works_in_the_last_moments_of_a_thread) {
    struct late {
        TypeParam& lock;
        pthread_key_t key = 0;
        int round = 0;
        int outcome = not_yet;
    } late_use{this->guard};
    const auto run = [](void* data) {
        auto& mine = *static_cast<late*>(data);
        if (++mine.round < 3) {
            pthread_setspecific(mine.key, data);
            return;
        }
        mine.outcome = outcome_of([&] { const std::lock_guard hold(mine.lock); });
    };
    ASSERT_EQ(pthread_key_create(&late_use.key, run), 0);
    std::thread([&] {
        { const std::lock_guard hold(this->guard); }
        pthread_setspecific(late_use.key, &late_use);
    }).join();
    pthread_key_delete(late_use.key);
    EXPECT_EQ(late_use.round, 3);
    EXPECT_EQ(late_use.outcome, locked);
    EXPECT_TRUE(is_free(this->guard));
    EXPECT_TRUE(process_shared::inspect::look(this->memory).obituaries.empty());
}

TYPED_TEST(one_lock, threads_that_end_politely_give_their_seats_back) {
    process_shared::segment_options few;
    few.seats = 3;
    segment small = segment::anonymous(4096, few);
    auto& lock = small.template construct<TypeParam>("lock");
    for (int i = 0; i < 50; ++i) std::thread([&] { const std::lock_guard hold(lock); }).join();
    EXPECT_TRUE(process_shared::inspect::look(small).obituaries.empty());
}

TYPED_TEST(one_lock, seats_of_threads_that_died_holding_are_given_to_others) {
    process_shared::segment_options few;
    few.seats = 3;
    segment small = segment::anonymous(4096, few);
    auto& lock = small.template construct<TypeParam>("lock");
    for (int i = 0; i < 50; ++i) std::thread([&] { lock.lock([] {}); }).join();
    EXPECT_THROW(lock.lock(), owner_died);
}

TYPED_TEST(one_lock, thread_without_a_free_seat_is_told_so) {
    process_shared::segment_options few;
    few.seats = 1;
    segment small = segment::anonymous(4096, few);
    auto& lock = small.template construct<TypeParam>("lock");
    lock.lock();  // the only seat
    std::thread([&] {
        const auto refused = error_of([&] { (void)lock.try_lock(); });
        EXPECT_TRUE(refused.code() == errc::seats_full) << refused.what();
        EXPECT_TRUE(refused.code() == std::errc::no_lock_available);
    }).join();
    lock.unlock();
}

}  // namespace
}  // namespace contract
