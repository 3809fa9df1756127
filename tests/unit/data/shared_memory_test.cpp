// SPDX-License-Identifier: MIT
// shared_memory: bounds, alignment, who sees the bytes and for how long.
#include <process_shared/shared_memory.hpp>

#include "expect_error.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <gtest/gtest.h>

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using process_shared::errc;
using process_shared::segment;
using process_shared::shared_memory;

namespace {

constexpr std::size_t highest = std::numeric_limits<std::size_t>::max();
constexpr std::size_t small = 100;
const std::size_t large = 3 * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + 1;

template <class T>
concept resizable = requires(T memory) { memory.resize(std::size_t{1}); };
template <class T, class Element>
concept holding = requires(T memory, Element element) {
    memory.template get<Element>(0);
    memory.template put<Element>(0, element);
    memory.template as<Element>(0, 1);
};
static_assert(!resizable<shared_memory> && resizable<std::vector<int>>);
static_assert(holding<shared_memory, double> && holding<shared_memory, std::array<int, 3>>);
static_assert(!holding<shared_memory, int*> && !holding<shared_memory, std::string> &&
              !holding<shared_memory, std::string_view>);

bool all(std::span<const std::byte> bytes, std::byte value) {
    return std::all_of(bytes.begin(), bytes.end(), [&](std::byte each) { return each == value; });
}

bool is_mapped(void* page) {
    unsigned char resident;
    return mincore(page, 1, &resident) == 0;
}

class shared_memory_of_any_size : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(small_and_large, shared_memory_of_any_size, testing::Values(1, small, 4095, 4096, large));

}  // namespace

TEST_P(shared_memory_of_any_size, is_zero_and_has_the_size_asked_for) {
    const shared_memory memory(GetParam());
    EXPECT_EQ(memory.size(), GetParam());
    EXPECT_EQ(memory.bytes().size(), GetParam());
    EXPECT_TRUE(all(memory.bytes(), std::byte{0}));
}

TEST_P(shared_memory_of_any_size, what_a_child_writes_the_parent_reads) {
    const shared_memory memory(GetParam());
    support::child writer([&] { memory.fill(std::byte{42}); });
    ASSERT_TRUE(writer.wait_success());
    EXPECT_TRUE(all(memory.bytes(), std::byte{42}));
}

TEST_P(shared_memory_of_any_size, is_readable_up_to_its_last_byte_and_no_further) {
    const shared_memory memory(GetParam());
    const std::size_t size = memory.size();
    memory.put<unsigned char>(size - 1, 7);
    EXPECT_EQ(memory.get<unsigned char>(size - 1), 7);
    EXPECT_EQ(error_of([&] { (void)memory.get<unsigned char>(size); }), errc::out_of_bounds);
    EXPECT_EQ(error_of([&] { memory.put<unsigned char>(size, 1); }), errc::out_of_bounds);
    EXPECT_EQ(error_of([&] { memory.put<std::uint64_t>(size - 1, 1); }), errc::out_of_bounds);
    EXPECT_EQ(memory.get<unsigned char>(size - 1), 7) << "a refused write must change nothing";
}

TEST(shared_memory, get_and_put_work_at_any_alignment) {
    const shared_memory memory(small);
    for (std::size_t offset = 0; offset < 16; ++offset) {
        memory.put<double>(offset, 2.5);
        EXPECT_EQ(memory.get<double>(offset), 2.5);
    }
}

TEST(shared_memory, a_type_without_default_constructor_can_be_read) {
    struct point {
        point(int a, int b) : x(a), y(b) {}
        int x, y;
    };
    const shared_memory memory(small);
    memory.put<point>(3, point(1, 2));
    EXPECT_EQ(memory.get<point>(3).y, 2);
}

TEST(shared_memory, offsets_and_counts_that_overflow_are_refused) {
    const shared_memory memory(small);
    std::array<std::byte, 8> eight{};
    for (const std::size_t offset : {small - 7, small, small + 1, highest - 7, highest - 3, highest}) {
        EXPECT_EQ(error_of([&] { (void)memory.get<std::uint64_t>(offset); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { memory.put<std::uint64_t>(offset, 1); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { (void)memory.as<std::uint64_t>(offset, 1); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { (void)memory.bytes(offset, 8); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { memory.fill(offset, 8, std::byte{1}); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { memory.copy_from(offset, eight); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { memory.copy_to(offset, eight); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { memory.copy(offset, memory, 0, 8); }), errc::out_of_bounds) << offset;
        EXPECT_EQ(error_of([&] { memory.copy(0, memory, offset, 8); }), errc::out_of_bounds) << offset;
    }
    // A product that wraps to something small: 2^61 + 1 elements of 8 bytes are 8 bytes, modulo 2^64.
    for (const std::size_t count : {small / 8 + 1, highest / 8 + 2, highest / 4, highest})
        EXPECT_EQ(error_of([&] { (void)memory.as<std::uint64_t>(0, count); }), errc::out_of_bounds) << count;
    EXPECT_EQ(error_of([&] { (void)memory.bytes(1, highest); }), errc::out_of_bounds);
    EXPECT_TRUE(all(memory.bytes(), std::byte{0}));
}

TEST(shared_memory, typed_spans_are_in_place_and_need_alignment) {
    const shared_memory memory(small);
    const std::span<std::uint64_t> table = memory.as<std::uint64_t>(8, 4);
    ASSERT_EQ(table.size(), 4u);
    table[3] = 99;
    EXPECT_EQ(memory.get<std::uint64_t>(8 + 3 * 8), 99u);
    EXPECT_EQ(memory.as<const std::uint64_t>(8, 4)[3], 99u);
    EXPECT_EQ(memory.as<std::uint64_t>(0, small / 8).size(), small / 8);
    EXPECT_EQ(memory.as<char>(small, 0).size(), 0u);
    for (const std::size_t offset : {1u, 2u, 4u, 7u, 9u})
        EXPECT_EQ(error_of([&] { (void)memory.as<std::uint64_t>(offset, 1); }), errc::bad_alignment) << offset;
}

TEST(shared_memory, alignment_is_that_of_the_address_not_of_the_offset) {
    struct alignas(4096) page {
        std::byte bytes[4096];
    };
    const support::segment_name name;
    segment in = segment::create(name, 64 * 1024);
    (void)shared_memory::create(in, "first", 16);
    const auto memory = shared_memory::create(in, "memory", 2 * sizeof(page));
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    ASSERT_NE(address % alignof(page), 0u);
    EXPECT_EQ(error_of([&] { (void)memory.as<page>(0, 1); }), errc::bad_alignment);
    const std::size_t offset = alignof(page) - address % alignof(page);
    EXPECT_EQ(memory.as<page>(offset, 1).data()->bytes, memory.data() + offset);
}

TEST(shared_memory, no_bytes_and_too_many_bytes_are_errors) {
    EXPECT_EQ(error_of([] { shared_memory memory(0); }), errc::bad_size);
    EXPECT_EQ(error_of([] { shared_memory memory(highest); }), errc::bad_size);
    EXPECT_EQ(error_of([] { shared_memory memory(highest / 2); }), errc::bad_size);
    EXPECT_EQ(error_of([] { shared_memory memory(highest / 16); }), std::errc::not_enough_memory);
}

TEST(shared_memory, fills_a_part) {
    const shared_memory memory(small);
    memory.fill(std::byte{1});
    memory.fill(10, 20, std::byte{2});
    EXPECT_TRUE(all(memory.bytes(0, 10), std::byte{1}));
    EXPECT_TRUE(all(memory.bytes(10, 20), std::byte{2}));
    EXPECT_TRUE(all(memory.bytes(30, small - 30), std::byte{1}));
    memory.fill(small, 0, std::byte{3});
    EXPECT_TRUE(all(memory.bytes(30, small - 30), std::byte{1}));
}

TEST(shared_memory, copies_to_and_from_private_memory) {
    const shared_memory memory(small);
    const std::string_view text = "twelve bytes";
    memory.copy_from(5, std::as_bytes(std::span(text)));
    std::string back(text.size(), ' ');
    memory.copy_to(5, std::as_writable_bytes(std::span(back)));
    EXPECT_EQ(back, text);
    EXPECT_EQ(memory.get<char>(4), 0);
    EXPECT_EQ(memory.get<char>(5 + text.size()), 0);
}

TEST(shared_memory, copies_between_memories_and_within_one_even_overlapping) {
    const shared_memory from(small), to(large);
    for (std::size_t i = 0; i < small; ++i) from.put<unsigned char>(i, static_cast<unsigned char>(i));
    to.copy(large - small, from, 0, small);
    EXPECT_EQ(std::memcmp(to.data() + large - small, from.data(), small), 0);
    from.copy(3, from, 0, small - 3);
    for (std::size_t i = 3; i < small; ++i) ASSERT_EQ(from.get<unsigned char>(i), i - 3);
    from.copy(0, from, 3, small - 3);
    for (std::size_t i = 0; i < small - 3; ++i) ASSERT_EQ(from.get<unsigned char>(i), i);
}

TEST(shared_memory, copies_of_a_handle_refer_to_the_same_bytes) {
    shared_memory first(small);
    const shared_memory second = first;
    second.put<int>(0, 5);
    EXPECT_EQ(first.get<int>(0), 5);
    first = shared_memory(large);
    EXPECT_EQ(second.get<int>(0), 5) << "the bytes live while one handle does";
    EXPECT_EQ(first.get<int>(0), 0);
}

TEST(shared_memory, a_handle_moved_from_is_empty_and_safe) {
    for (const std::size_t size : {small, large}) {
        shared_memory first(size);
        first.put<int>(0, 5);
        const shared_memory second = std::move(first);
        EXPECT_EQ(second.get<int>(0), 5);
        EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): that is the question
        EXPECT_EQ(first.size(), 0u);
        EXPECT_EQ(error_of([&] { (void)first.get<char>(0); }), errc::out_of_bounds);
        EXPECT_EQ(error_of([&] { first.put<char>(0, 1); }), errc::out_of_bounds);
        first.fill(std::byte{1});
        first = second;
        EXPECT_EQ(first.get<int>(0), 5);
    }
}

TEST(shared_memory, a_large_one_is_unmapped_by_its_last_handle) {
    auto first = std::make_unique<shared_memory>(large);
    auto second = std::make_unique<shared_memory>(*first);
    void* const page = first->data();
    first.reset();
    EXPECT_TRUE(is_mapped(page));
    second->put<int>(0, 1);
    second.reset();
    EXPECT_FALSE(is_mapped(page));
}

TEST(shared_memory, a_large_one_stays_with_a_child_when_the_parent_lets_go) {
    struct flags {
        std::atomic<int> gone;
    };
    const support::scratch<flags> parent;
    shared_memory memory(large);
    memory.put<int>(4096, 17);
    support::child reader([&] {
        support::check(support::await([&] { return parent->gone.load() == 1; }), "the parent never let go");
        support::check(memory.get<int>(4096) == 17, "the bytes changed");
    });
    memory = shared_memory();
    parent->gone = 1;
    EXPECT_TRUE(reader.wait_success());
}

TEST(shared_memory, a_small_one_is_freed_by_its_last_handle) {
    (void)shared_memory(small);  // the default segment exists from here on
    const std::size_t before = segment::process_default().free_bytes();
    shared_memory first(small);
    EXPECT_LT(segment::process_default().free_bytes(), before);
    {
        const shared_memory second = first;
        first = shared_memory();
        EXPECT_LT(segment::process_default().free_bytes(), before);
    }
    EXPECT_EQ(segment::process_default().free_bytes(), before);
}

TEST(shared_memory, a_small_one_that_a_child_may_hold_is_not_reused) {
    struct flags {
        std::atomic<int> gone;
    };
    const support::scratch<flags> parent;
    shared_memory memory(small);
    memory.fill(std::byte{17});
    const std::size_t before = segment::process_default().free_bytes();
    support::child reader([&] {
        support::check(support::await([&] { return parent->gone.load() == 1; }), "the parent never let go");
        support::check(all(memory.bytes(), std::byte{17}), "the bytes changed");
    });
    memory = shared_memory();
    EXPECT_EQ(segment::process_default().free_bytes(), before);
    std::vector<shared_memory> others;
    for (int i = 0; i < 100; ++i) others.emplace_back(small).fill(std::byte{1});
    parent->gone = 1;
    EXPECT_TRUE(reader.wait_success());
}

TEST(shared_memory, a_child_that_lets_go_of_an_inherited_small_one_does_not_free_it) {
    shared_memory memory(small);
    memory.fill(std::byte{17});
    support::child other([&] {
        const std::size_t before = segment::process_default().free_bytes();
        { const shared_memory mine = std::move(memory); }
        EXPECT_EQ(segment::process_default().free_bytes(), before);
        const shared_memory fresh(small);
        fresh.fill(std::byte{1});
    });
    EXPECT_TRUE(other.wait_success());
    EXPECT_TRUE(all(memory.bytes(), std::byte{17}));
}

TEST(shared_memory, a_block_that_a_child_makes_it_also_frees) {
    (void)shared_memory(small);
    support::child other([] {
        (void)shared_memory(small);
        const std::size_t before = segment::process_default().free_bytes();
        { const shared_memory mine(small); }
        EXPECT_EQ(segment::process_default().free_bytes(), before);
    });
    EXPECT_TRUE(other.wait_success());
}

TEST(shared_memory, a_named_one_is_found_in_another_mapping) {
    const support::segment_name name;
    segment here = segment::create(name, 4096);
    segment there = segment::open(name);
    const auto made = shared_memory::create(here, "bytes", small);
    const auto found = shared_memory::open(there, "bytes");
    EXPECT_NE(made.data(), found.data());
    EXPECT_EQ(found.size(), small);
    EXPECT_TRUE(all(found.bytes(), std::byte{0}));
    made.put<int>(8, 42);
    EXPECT_EQ(found.get<int>(8), 42);
    EXPECT_EQ(shared_memory::open_or_create(there, "bytes", small / 2).get<int>(8), 42);
}

TEST(shared_memory, a_named_one_keeps_its_segment_mapped) {
    const support::segment_name name;
    shared_memory memory;
    {
        segment in = segment::create(name, 4096);
        memory = shared_memory::create(in, "bytes", small);
    }
    memory.put<int>(0, 42);
    segment again = segment::open(name);
    EXPECT_EQ(shared_memory::open(again, "bytes").get<int>(0), 42);
}

TEST(shared_memory, bad_names_sizes_and_types_are_told_apart) {
    const support::segment_name name;
    segment in = segment::create(name, 4096);
    (void)shared_memory::create(in, "bytes", small);
    in.construct<int>("number");
    EXPECT_EQ(error_of([&] { (void)shared_memory::create(in, "bytes", small); }), errc::name_taken);
    EXPECT_EQ(error_of([&] { (void)shared_memory::open(in, "absent"); }), errc::no_such_name);
    EXPECT_EQ(error_of([&] { (void)shared_memory::open(in, "number"); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)shared_memory::open_or_create(in, "number", 4); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)shared_memory::open_or_create(in, "bytes", small + 1); }), errc::too_small);
    EXPECT_EQ(error_of([&] { (void)shared_memory::create(in, "none", 0); }), errc::bad_size);
    EXPECT_EQ(error_of([&] { (void)shared_memory::create(in, "huge", highest); }), errc::bad_size);
    EXPECT_EQ(error_of([&] { (void)shared_memory::create(in, "big", 1 << 20); }), errc::segment_full);
    EXPECT_EQ(error_of([&] { (void)shared_memory::create(in, "", 1); }), errc::bad_name);
    EXPECT_EQ(error_of([&] { shared_memory::remove(in, "absent"); }), errc::no_such_name);
    EXPECT_EQ(error_of([&] { shared_memory::remove(in, "number"); }), errc::wrong_type);
    segment none;
    EXPECT_EQ(error_of([&] { (void)shared_memory::create(none, "bytes", 1); }), errc::no_segment);
}

TEST(shared_memory, the_twins_set_the_error_and_return_an_empty_handle) {
    const support::segment_name name;
    segment in = segment::create(name, 4096);
    std::error_code error;
    EXPECT_FALSE(shared_memory::open(in, "bytes", error).valid());
    EXPECT_EQ(error, errc::no_such_name);
    EXPECT_TRUE(shared_memory::create(in, "bytes", small, error).valid());
    EXPECT_FALSE(error);
    EXPECT_FALSE(shared_memory::create(in, "bytes", small, error).valid());
    EXPECT_EQ(error, errc::name_taken);
    EXPECT_FALSE(shared_memory::open_or_create(in, "bytes", 2 * small, error).valid());
    EXPECT_EQ(error, errc::too_small);
    EXPECT_EQ(shared_memory::open_or_create(in, "bytes", small, error).size(), small);
    EXPECT_FALSE(error);
    shared_memory::remove(in, "bytes", error);
    EXPECT_FALSE(error);
    shared_memory::remove(in, "bytes", error);
    EXPECT_EQ(error, errc::no_such_name);
}

TEST(shared_memory, a_removed_name_can_be_made_anew_and_is_zero_again) {
    const support::segment_name name;
    segment in = segment::create(name, 4096);
    shared_memory::create(in, "bytes", small).fill(std::byte{9});
    shared_memory::remove(in, "bytes");
    const auto again = shared_memory::create(in, "bytes", small);
    EXPECT_TRUE(all(again.bytes(), std::byte{0}));
}
