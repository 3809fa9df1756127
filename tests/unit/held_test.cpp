// SPDX-License-Identifier: MIT
// The held list: sixty entries, taken away in any order, and never out of bounds.
#include "seats/held.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace {

using namespace process_shared::seats;

held_entry lock_at(std::uint64_t index) { return make_entry(lock_kind::mutex, 4096 + 8 * index); }

/// What a sweeper would find, sorted.
std::vector<held_entry> entries(const seat& of) {
    std::vector<held_entry> found;
    for (const auto& slot : of.held)
        if (const held_entry entry = slot.load(); entry != 0) found.push_back(entry);
    std::sort(found.begin(), found.end());
    return found;
}

class held_list : public testing::Test {
protected:
    /// As a locker does it: anywhere, when the favourite slot is taken.
    bool add(held_entry entry) { return push_held(mine, entry) || push_held_anywhere(mine, entry); }
    void fill() {
        for (std::uint64_t i = 0; i < max_holds; ++i) ASSERT_TRUE(add(lock_at(i)));
    }
    const std::unique_ptr<seat> owned = std::make_unique<seat>();
    seat& mine = *owned;
};

TEST_F(held_list, holds_sixty_entries_and_refuses_the_next) {
    fill();
    const auto before = entries(mine);
    EXPECT_EQ(before.size(), std::size_t{max_holds});
    EXPECT_FALSE(push_held(mine, lock_at(1000)));
    EXPECT_FALSE(push_held_anywhere(mine, lock_at(1000)));
    EXPECT_EQ(entries(mine), before);
}

TEST_F(held_list, last_in_first_out_leaves_it_empty) {
    fill();
    for (std::uint64_t i = max_holds; i-- > 0;) pop_held(mine, lock_at(i));
    EXPECT_TRUE(entries(mine).empty());
}

TEST_F(held_list, first_in_first_out_leaves_room_for_sixty_again) {
    fill();
    for (std::uint64_t i = 0; i < max_holds; ++i) pop_held(mine, lock_at(i));
    EXPECT_TRUE(entries(mine).empty());
    fill();
}

TEST_F(held_list, taking_away_one_in_the_middle_keeps_the_others) {
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(add(lock_at(i)));
    pop_held(mine, lock_at(1));
    EXPECT_EQ(entries(mine), (std::vector{lock_at(0), lock_at(2)}));
    pop_held(mine, lock_at(2));
    EXPECT_EQ(entries(mine), std::vector{lock_at(0)});
    pop_held(mine, lock_at(0));
    EXPECT_TRUE(entries(mine).empty());
}

TEST_F(held_list, holes_are_room) {
    fill();
    for (std::uint64_t i = 0; i < max_holds; i += 2) pop_held(mine, lock_at(i));
    EXPECT_EQ(entries(mine).size(), std::size_t{max_holds / 2});
    for (std::uint64_t i = 0; i < max_holds / 2; ++i) EXPECT_TRUE(add(lock_at(100 + i)));
    EXPECT_EQ(entries(mine).size(), std::size_t{max_holds});
    EXPECT_FALSE(add(lock_at(1000)));
}

TEST_F(held_list, entries_with_one_favourite_slot_find_room_and_are_taken_away) {
    const held_entry first = lock_at(0);
    const held_entry second = lock_at(32);
    ASSERT_EQ(&favourite_slot(mine, first), &favourite_slot(mine, second));
    ASSERT_TRUE(push_held(mine, first));
    EXPECT_FALSE(push_held(mine, second));
    ASSERT_TRUE(push_held_anywhere(mine, second));
    EXPECT_EQ(entries(mine), (std::vector{first, second}));
    pop_held(mine, first);
    EXPECT_EQ(entries(mine), std::vector{second});
    pop_held(mine, second);
    EXPECT_TRUE(entries(mine).empty());
}

TEST_F(held_list, of_two_equal_entries_one_is_taken_away) {
    for (const unsigned index : {7u, 8u, 7u}) ASSERT_TRUE(add(lock_at(index)));
    pop_held(mine, lock_at(7));
    EXPECT_EQ(entries(mine), (std::vector{lock_at(7), lock_at(8)}));
}

TEST_F(held_list, taking_away_what_is_not_there_changes_nothing) {
    pop_held(mine, lock_at(1));
    EXPECT_TRUE(entries(mine).empty());
    ASSERT_TRUE(add(lock_at(2)));
    pop_held(mine, lock_at(1));
    EXPECT_EQ(entries(mine), std::vector{lock_at(2)});
}

TEST_F(held_list, kinds_at_one_offset_are_different_entries) {
    ASSERT_TRUE(add(make_entry(lock_kind::mutex, 64)));
    ASSERT_TRUE(add(make_entry(lock_kind::recursive_mutex, 64)));
    pop_held(mine, make_entry(lock_kind::mutex, 64));
    EXPECT_EQ(entries(mine), std::vector{make_entry(lock_kind::recursive_mutex, 64)});
}

TEST_F(held_list, equals_a_multiset_under_random_use) {
    std::mt19937 random(7);
    std::vector<held_entry> expected;
    for (int round = 0; round < 20'000; ++round) {
        if (expected.empty() || random() % 100 < 52) {
            const held_entry entry = lock_at(random() % 40);
            const bool added = add(entry);
            ASSERT_EQ(added, expected.size() < max_holds);
            if (added) expected.push_back(entry);
        } else {
            const std::size_t which = random() % expected.size();
            pop_held(mine, expected[which]);
            expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(which));
        }
        auto sorted = expected;
        std::sort(sorted.begin(), sorted.end());
        ASSERT_EQ(entries(mine), sorted);
    }
}

}  // namespace
