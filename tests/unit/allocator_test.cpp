// SPDX-License-Identifier: MIT
// The allocator: blocks never overlap, free ones merge, and a damaged heap is an error and nothing worse.
#include "segment/allocator.hpp"

#include <process_shared/error.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <system_error>
#include <vector>

namespace {

using namespace process_shared::segments;
namespace seats = process_shared::seats;
using process_shared::errc;

constexpr std::uint64_t heap_offset = 4096;
constexpr std::uint64_t heap_bytes = 64 * 1024;
constexpr std::uint64_t room = heap_offset + 2 * heap_bytes;  // as much again to grow into

struct freed {
    void operator()(void* memory) const { std::free(memory); }
};

class allocator_test : public testing::Test {
protected:
    allocator_test() {
        std::fill_n(memory.get(), room, std::byte{0xcd});
        ::new (memory.get()) seats::header();
        for (std::size_t i = 0; i < 16; ++i) in.header().uuid[i] = static_cast<std::uint8_t>(17 * i);
        tested.format(heap_bytes);
    }
    std::vector<block> blocks() const {
        std::vector<block> all;
        tested.for_each([&](const block& here) { all.push_back(here); });
        return all;
    }
    seats::block_header& header_of(std::uint64_t payload) const {
        return *reinterpret_cast<seats::block_header*>(memory.get() + payload - header_size);
    }
    std::uint64_t largest_block() const { return heap_bytes - header_size; }

    template <class Operation>
    static void expect_damaged(Operation&& operation) {
        try {
            operation();
            ADD_FAILURE() << "nobody noticed the damage";
        } catch (const std::system_error& failure) {
            EXPECT_TRUE(failure.code() == errc::damaged) << failure.what();
        }
    }

    const std::unique_ptr<std::byte, freed> memory{static_cast<std::byte*>(std::aligned_alloc(4096, room))};
    const seats::view in{memory.get(), room, sizeof(seats::header), 0, 0, sizeof(seats::header), heap_offset};
    allocator tested{in};
};

TEST_F(allocator_test, new_heap_is_one_free_block) {
    ASSERT_EQ(blocks().size(), 1u);
    EXPECT_EQ(blocks()[0].state, block_state::free);
    EXPECT_EQ(blocks()[0].size, heap_bytes);
    EXPECT_EQ(tested.free_bytes(), largest_block());
}

TEST_F(allocator_test, new_block_is_pending_zeroed_and_inside_the_heap) {
    const std::uint64_t payload = tested.allocate(100, 16);
    ASSERT_GE(payload, tested.begin() + header_size);
    ASSERT_LE(payload + 100, tested.end());
    EXPECT_TRUE(std::all_of(memory.get() + payload, memory.get() + payload + 100,
                            [](std::byte value) { return value == std::byte{0}; }));
    const auto found = tested.find(payload);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->state, block_state::pending);
    EXPECT_EQ(found->payload(), payload);
}

TEST_F(allocator_test, states_change_as_told) {
    const std::uint64_t payload = tested.allocate(100, 16);
    tested.set_state(payload, block_state::used);
    EXPECT_EQ(tested.find(payload)->state, block_state::used);
    tested.set_state(payload, block_state::pending);
    EXPECT_EQ(tested.find(payload)->state, block_state::pending);
    tested.free(payload);
    EXPECT_FALSE(tested.find(payload).has_value());
}

TEST_F(allocator_test, whole_heap_can_be_one_block) {
    const std::uint64_t payload = tested.allocate(largest_block(), 16);
    EXPECT_NE(payload, 0u);
    EXPECT_EQ(tested.free_bytes(), 0u);
    EXPECT_EQ(tested.allocate(1, 16), 0u);
}

TEST_F(allocator_test, what_does_not_fit_is_not_given) {
    EXPECT_EQ(tested.allocate(largest_block() + 1, 16), 0u);
    EXPECT_EQ(tested.allocate(std::numeric_limits<std::uint64_t>::max() / 2, 16), 0u);
    EXPECT_EQ(tested.allocate(16, std::uint64_t{1} << 62), 0u);
    EXPECT_EQ(tested.free_bytes(), largest_block());
}

TEST_F(allocator_test, sizes_at_the_end_of_the_number_range_do_not_wrap) {
    for (std::uint64_t less = 0; less < 64; ++less)
        EXPECT_EQ(tested.allocate(std::numeric_limits<std::uint64_t>::max() - less, 16), 0u) << less;
    EXPECT_EQ(blocks().size(), 1u);
}

TEST_F(allocator_test, zero_bytes_are_refused_or_a_block_like_any_other) {
    std::vector<std::uint64_t> given;
    for (int i = 0; i < 10'000; ++i)
        if (const std::uint64_t payload = tested.allocate(0, 64)) given.push_back(payload);
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(blocks(), block_state::pending, &block::state)),
              given.size());
}

TEST_F(allocator_test, alignments_are_kept) {
    for (std::uint64_t alignment = 1; alignment <= 4096; alignment *= 2) {
        const std::uint64_t payload = tested.allocate(24, alignment);
        ASSERT_NE(payload, 0u);
        EXPECT_EQ(payload % alignment, 0u);
        EXPECT_EQ(payload % unit, 0u);
    }
}

TEST_F(allocator_test, freed_neighbours_become_one_block_in_any_order) {
    std::vector<std::size_t> order = {0, 1, 2, 3};
    do {
        std::vector<std::uint64_t> parts;
        for (std::size_t i = 0; i < order.size(); ++i)
            parts.push_back(tested.allocate(heap_bytes / 4 - header_size, 16));
        for (const std::uint64_t part : parts) ASSERT_NE(part, 0u);
        for (const std::size_t i : order) tested.free(parts[i]);
        const std::uint64_t whole = tested.allocate(largest_block(), 16);
        ASSERT_NE(whole, 0u);
        tested.free(whole);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(allocator_test, addresses_that_are_no_payload_find_nothing) {
    const std::uint64_t payload = tested.allocate(100, 16);
    for (const std::uint64_t wrong :
         {std::uint64_t{0}, payload - 16, payload + 8, payload + 16, tested.begin(), tested.end(), tested.end() + 16,
          std::numeric_limits<std::uint64_t>::max() & ~std::uint64_t{15}})
        EXPECT_FALSE(tested.find(wrong).has_value()) << wrong;
}

TEST_F(allocator_test, copied_header_does_not_pass_for_a_block) {
    const std::uint64_t payload = tested.allocate(256, 16);
    std::copy_n(memory.get() + payload - header_size, header_size, memory.get() + payload + 64);
    EXPECT_FALSE(tested.find(payload + 64 + header_size).has_value());
}

TEST_F(allocator_test, larger_heap_has_a_new_free_block) {
    const std::uint64_t first = tested.allocate(largest_block(), 16);
    tested.extend(2 * heap_bytes);
    EXPECT_EQ(tested.end(), heap_offset + 2 * heap_bytes);
    const std::uint64_t second = tested.allocate(heap_bytes / 2, 16);
    EXPECT_GT(second, first);
    EXPECT_LE(second + heap_bytes / 2, tested.end());
}

TEST_F(allocator_test, forgotten_rover_changes_nothing_but_where_search_begins) {
    const std::uint64_t first = tested.allocate(1000, 16);
    tested.forget_rover();
    const std::uint64_t second = tested.allocate(1000, 16);
    EXPECT_TRUE(second >= first + 1000 || second + 1000 <= first);
}

TEST_F(allocator_test, rover_outside_the_heap_is_ignored) {
    for (const std::uint64_t rover :
         {std::uint64_t{0}, std::uint64_t{8}, tested.end(), std::numeric_limits<std::uint64_t>::max()}) {
        in.header().rover = rover;
        EXPECT_NE(tested.allocate(16, 16), 0u) << rover;
    }
}

TEST_F(allocator_test, damaged_headers_are_noticed) {
    const std::uint64_t payload = tested.allocate(100, 16);
    const std::uint64_t good = header_of(payload).word;
    for (const std::uint64_t bad :
         {std::uint64_t{0}, std::uint64_t{2}, good & ~std::uint64_t{15}, good | 15, good | std::uint64_t{1} << 62,
          good + (heap_bytes / unit << 4), std::uint64_t{1} << 4 | 2, ~std::uint64_t{0}}) {
        header_of(payload).word = bad;
        expect_damaged([&] { blocks(); });
        expect_damaged([&] { tested.free(payload); });
        expect_damaged([&] { tested.set_state(payload, block_state::used); });
        expect_damaged([&] { (void)tested.free_bytes(); });
        header_of(payload).word = good;
    }
    header_of(payload).check.fetch_xor(1);
    expect_damaged([&] { blocks(); });
    expect_damaged([&] { tested.free(payload); });
    EXPECT_FALSE(tested.find(payload).has_value());
}

TEST_F(allocator_test, damaged_heap_size_is_noticed) {
    for (const std::uint64_t bad : {room, heap_bytes + 8, std::numeric_limits<std::uint64_t>::max()}) {
        in.header().heap_size = bad;
        expect_damaged([&] { (void)tested.end(); });
        expect_damaged([&] { (void)tested.allocate(16, 16); });
    }
}

/// What a user believes to have: checked after each step against what the heap says.
class reference {
public:
    void add(std::uint64_t payload, std::uint64_t size, std::uint8_t mark) {
        const auto next = live_.lower_bound(payload);
        ASSERT_TRUE(next == live_.end() || payload + size <= next->first);
        ASSERT_TRUE(next == live_.begin() || std::prev(next)->first + std::prev(next)->second.size <= payload);
        live_[payload] = {size, mark};
    }
    struct owned {
        std::uint64_t size;
        std::uint8_t mark;
    };
    std::map<std::uint64_t, owned> live_;
};

TEST_F(allocator_test, equals_a_reference_under_random_use) {
    std::mt19937_64 random(11);
    reference mine;
    for (int round = 0; round < 30'000; ++round) {
        if (mine.live_.empty() || random() % 100 < 55) {
            const std::uint64_t size = 1 + random() % (random() % 10 == 0 ? 8'000 : 300);
            const std::uint64_t alignment = std::uint64_t{1} << random() % (random() % 10 == 0 ? 13 : 6);
            const std::uint64_t payload = tested.allocate(size, alignment);
            if (payload == 0) continue;  // full: some will be freed
            ASSERT_EQ(payload % alignment, 0u);
            ASSERT_GE(payload, tested.begin() + header_size);
            ASSERT_LE(payload + size, tested.end());
            std::byte* bytes = memory.get() + payload;
            ASSERT_TRUE(std::all_of(bytes, bytes + size, [](std::byte value) { return value == std::byte{0}; }));
            const auto mark = static_cast<std::uint8_t>(1 + random() % 255);
            ASSERT_NO_FATAL_FAILURE(mine.add(payload, size, mark));
            std::fill_n(bytes, size, std::byte{mark});
            tested.set_state(payload, block_state::used);
        } else {
            const auto chosen =
                std::next(mine.live_.begin(), static_cast<std::ptrdiff_t>(random() % mine.live_.size()));
            const auto [payload, owned] = *chosen;
            const std::byte* bytes = memory.get() + payload;
            ASSERT_TRUE(std::all_of(bytes, bytes + owned.size,
                                    [&](std::byte value) { return value == std::byte{owned.mark}; }));
            tested.free(payload);
            mine.live_.erase(chosen);
        }
        if (round % 100 == 0) {
            const auto all = blocks();
            ASSERT_EQ(all.front().offset, tested.begin());
            ASSERT_EQ(all.back().end(), tested.end());
            const auto used =
                std::count_if(all.begin(), all.end(), [](const block& b) { return b.state == block_state::used; });
            ASSERT_EQ(static_cast<std::size_t>(used), mine.live_.size());
        }
    }
    for (const auto& [payload, owned] : mine.live_) tested.free(payload);
    EXPECT_NE(tested.allocate(largest_block(), 16), 0u) << "all of it must come back";
}

}  // namespace
