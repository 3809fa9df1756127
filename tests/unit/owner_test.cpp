// SPDX-License-Identifier: MIT
// The owner word: seat and generation survive packing, and never touch the flags.
#include "seats/owner.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>

namespace {

using namespace process_shared::seats;

constexpr std::uint32_t last_seat = 64'999;

TEST(owner, packing_keeps_seat_and_generation) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 10'000; ++i) {
        const auto number = static_cast<std::uint32_t>(random() % (last_seat + 1));
        const std::uint64_t generation = random() & generation_mask;
        const participant_id id = make_id(number, generation);
        EXPECT_EQ(seat_of(id), number);
        EXPECT_EQ(generation_of(id), generation);
        EXPECT_EQ(id & owner_flags, 0u);
        EXPECT_NE(id, 0u);
    }
}

TEST(owner, corners_of_the_fields_do_not_run_into_each_other) {
    for (const std::uint32_t number : {0u, 1u, last_seat})
        for (const std::uint64_t generation :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << low_generation_bits,
              (std::uint64_t{1} << low_generation_bits) - 1, generation_mask}) {
            EXPECT_EQ(seat_of(make_id(number, generation)), number);
            EXPECT_EQ(generation_of(make_id(number, generation)), generation);
        }
}

TEST(owner, generations_beyond_the_field_wrap_and_leave_the_seat_alone) {
    EXPECT_EQ(make_id(5, generation_mask + 1), make_id(5, 0));
    EXPECT_EQ(make_id(5, generation_mask + 8), make_id(5, 7));
}

TEST(owner, flags_come_off) {
    const participant_id id = make_id(17, 123'456'789);
    for (const std::uint64_t flags : {contended, abandoned, repairing, owner_flags, std::uint64_t{0}})
        EXPECT_EQ(owner_of(id | flags), id);
    EXPECT_EQ(owner_of(contended | abandoned), 0u);
}

TEST(owner, flags_are_three_different_bits_of_the_half_that_sleepers_watch) {
    EXPECT_EQ(std::set<std::uint64_t>({contended, abandoned, repairing}).size(), 3u);
    EXPECT_EQ(owner_flags >> 32, 0u);
    for (const std::uint64_t flag : {contended, abandoned, repairing}) EXPECT_EQ(flag & (flag - 1), 0u);
}

// A sleeper compares 32 bits only: the next sitter of a seat must differ there.
TEST(owner, next_generation_differs_in_the_low_half) {
    for (std::uint64_t generation = 0; generation < 10'000; ++generation)
        EXPECT_NE(static_cast<std::uint32_t>(make_id(3, generation)),
                  static_cast<std::uint32_t>(make_id(3, generation + 1)));
}

}  // namespace
