// SPDX-License-Identifier: MIT
// object_buffer: what goes in comes out, and what does not fit or does not match is told apart.
#include <process_shared/object_buffer.hpp>

#include "expect_error.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

using process_shared::errc;
using process_shared::object_buffer;
using process_shared::segment;

namespace {

struct reading {
    double celsius;
    int sensor;
};
struct other_reading {
    double celsius;
    int sensor;
};
struct point {
    point(int a, int b) : x(a), y(b) {}
    int x, y;
};

std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

/// The words of a buffer, as docs/format.md has them, for a test that plays the stranger.
struct raw_buffer {
    segment in = segment::anonymous(16 * 1024);
    object_buffer box;
    std::byte* block;
    std::size_t second_bank;

    static constexpr std::size_t guard = 0, index = 8, first_bank = 64;
    static constexpr std::size_t sequence = 0, size = 8, type = 16, codec = 24, bytes = 32;

    explicit raw_buffer(std::size_t capacity)
        : box(object_buffer::create(in, "box", capacity)),
          block(static_cast<std::byte*>(
              in.find_block("box", process_shared::detail::hash_text("process_shared::object_buffer")).address)),
          second_bank(first_bank + (bytes + capacity + 63) / 64 * 64) {}

    [[nodiscard]] std::uint64_t word(std::size_t offset) const {
        std::uint64_t value;
        std::memcpy(&value, block + offset, sizeof value);
        return value;
    }
    void set(std::size_t offset, std::uint64_t value) const { std::memcpy(block + offset, &value, sizeof value); }
    [[nodiscard]] std::size_t newest() const { return (word(index) & 1) != 0 ? second_bank : first_bank; }
};

constexpr std::uint64_t nonsense[] = {0,          1,          2,          3,          5,         77,
                                      1ull << 31, 1ull << 32, 1ull << 63, ~0ull - 40, ~0ull - 1, ~0ull};

}  // namespace

TEST(object_buffer, returns_what_was_stored_last) {
    const object_buffer box(sizeof(reading));
    for (int i = 1; i <= 5; ++i) {
        box.store(reading{i / 2.0, i});
        const auto seen = box.load<reading>();
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->celsius, i / 2.0);
        EXPECT_EQ(seen->sensor, i);
    }
}

TEST(object_buffer, what_a_child_stores_the_parent_loads) {
    const object_buffer box(sizeof(reading));
    support::child writer([&] { box.store(reading{21.5, 7}); });
    ASSERT_TRUE(writer.wait_success());
    const auto seen = box.load<reading>();
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->celsius, 21.5);
}

TEST(object_buffer, an_empty_one_has_nothing_to_load) {
    const object_buffer box(100);
    EXPECT_FALSE(box.load<reading>());
    EXPECT_FALSE(box.load_bytes());
    reading untouched{1, 2};
    EXPECT_FALSE(box.load_into(untouched));
    EXPECT_EQ(untouched.sensor, 2);
    std::error_code error;
    EXPECT_FALSE(box.load<reading>(error));
    EXPECT_EQ(error, errc::nothing_stored);
    EXPECT_FALSE(box.load_into(untouched, error));
    EXPECT_EQ(error, errc::nothing_stored);
    EXPECT_FALSE(box.load_bytes(error));
    EXPECT_EQ(error, errc::nothing_stored);
}

TEST(object_buffer, a_success_clears_the_error) {
    const object_buffer box(100);
    std::error_code error = errc::damaged;
    box.store(reading{1, 2}, error);
    EXPECT_FALSE(error);
    error = errc::damaged;
    EXPECT_TRUE(box.load<reading>(error));
    EXPECT_FALSE(error);
    reading target{};
    error = errc::damaged;
    EXPECT_TRUE(box.load_into(target, error));
    EXPECT_FALSE(error);
}

TEST(object_buffer, another_type_is_an_error_and_not_a_cast) {
    const object_buffer box(100);
    box.store(reading{1, 2});
    EXPECT_EQ(error_of([&] { (void)box.load<other_reading>(); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)box.load<int>(); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)box.load<point>(); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)box.load_bytes(); }), errc::wrong_type);
    EXPECT_EQ(box.load<reading>()->sensor, 2) << "and it is still there";
    box.store(7);
    EXPECT_EQ(error_of([&] { (void)box.load<reading>(); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)box.load<unsigned>(); }), errc::wrong_type);
    EXPECT_EQ(box.load<int>(), 7);
    box.store_bytes(as_bytes("1234"));
    EXPECT_EQ(error_of([&] { (void)box.load<int>(); }), errc::wrong_type);
}

TEST(object_buffer, a_type_without_default_constructor_can_be_loaded) {
    const object_buffer box(sizeof(point));
    EXPECT_FALSE(box.load<point>());
    box.store(point(1, 2));
    EXPECT_EQ(box.load<point>()->y, 2);
    point target(0, 0);
    EXPECT_TRUE(box.load_into(target));
    EXPECT_EQ(target.x, 1);
}

TEST(object_buffer, objects_of_every_size_come_back_whole) {
    const std::size_t most = 5000;
    const object_buffer box(most);
    std::vector<std::byte> object(most);
    for (std::size_t i = 0; i < most; ++i) object[i] = static_cast<std::byte>(i * 7 + 1);
    for (std::size_t size = 0; size <= most; size = size < 600 ? size + 1 : size + 523) {
        box.store_bytes(std::span(object).first(size));
        const auto seen = box.load_bytes();
        ASSERT_TRUE(seen);
        ASSERT_EQ(seen->size(), size);
        ASSERT_TRUE(std::equal(seen->begin(), seen->end(), object.begin())) << size;
    }
    box.store_bytes(object);
    EXPECT_EQ(box.load_bytes(), object);
}

TEST(object_buffer, holds_exactly_its_capacity) {
    for (const std::size_t capacity : {1u, 2u, 7u, 8u, 9u, 31u, 32u, 33u, 63u, 64u, 65u, 500u, 4096u}) {
        const object_buffer box(capacity);
        ASSERT_EQ(box.capacity(), capacity);
        std::vector<std::byte> object(capacity + 1, std::byte{5});
        EXPECT_EQ(error_of([&] { box.store_bytes(object); }), errc::object_too_large);
        EXPECT_FALSE(box.load_bytes()) << "nothing was stored";
        object.pop_back();
        box.store_bytes(object);
        EXPECT_EQ(box.load_bytes(), object);
    }
}

TEST(object_buffer, an_object_that_is_too_large_leaves_the_old_one) {
    const object_buffer box(16);
    box.store(reading{3, 4});
    const std::array<int, 5> larger{};
    EXPECT_EQ(error_of([&] { box.store(larger); }), errc::object_too_large);
    std::error_code error;
    box.store(larger, error);
    EXPECT_EQ(error, std::errc::message_size);
    EXPECT_EQ(box.load<reading>()->sensor, 4);
}

TEST(object_buffer, neighbours_in_a_segment_do_not_touch) {
    segment in = segment::anonymous(64 * 1024);
    for (const std::size_t capacity : {1u, 31u, 32u, 33u, 100u, 1000u}) {
        const auto box = object_buffer::create(in, "box", capacity);
        const auto next = object_buffer::create(in, "next", capacity);
        const std::vector<std::byte> ones(capacity, std::byte{1}), twos(capacity, std::byte{2});
        for (int i = 0; i < 4; ++i) {
            next.store_bytes(twos);
            box.store_bytes(ones);
            EXPECT_EQ(next.load_bytes(), twos);
            EXPECT_EQ(box.load_bytes(), ones);
        }
        object_buffer::remove(in, "box");
        object_buffer::remove(in, "next");
    }
}

TEST(object_buffer, a_capacity_of_nothing_or_beyond_all_memory_is_an_error) {
    constexpr std::size_t highest = std::numeric_limits<std::size_t>::max();
    segment in = segment::anonymous(4096);
    for (const std::size_t capacity : {std::size_t{0}, highest, highest - 300, highest / 2, highest / 4}) {
        EXPECT_EQ(error_of([&] { object_buffer box(capacity); }), errc::bad_size) << capacity;
        EXPECT_EQ(error_of([&] { (void)object_buffer::create(in, "box", capacity); }), errc::bad_size) << capacity;
    }
    EXPECT_EQ(error_of([&] { (void)object_buffer::create(in, "box", highest / 64); }), errc::segment_full);
    EXPECT_EQ(error_of([&] { (void)object_buffer::open(in, "box"); }), errc::no_such_name);
}

TEST(object_buffer, copies_of_a_handle_refer_to_the_same_buffer) {
    object_buffer first(8);
    const object_buffer second = first;
    second.store(1);
    EXPECT_EQ(first.load<int>(), 1);
    const object_buffer third = std::move(first);
    EXPECT_EQ(third.load<int>(), 1);
    first = second;
    EXPECT_EQ(first.load<int>(), 1);
}

TEST(object_buffer, an_empty_handle_says_so) {
    object_buffer moved(8);
    moved.store(1);
    const object_buffer taken = std::move(moved);
    for (const object_buffer& empty : {object_buffer(), moved}) {  // NOLINT(bugprone-use-after-move)
        EXPECT_FALSE(empty.valid());
        EXPECT_EQ(empty.capacity(), 0u);
        EXPECT_EQ(error_of([&] { empty.store(1); }), errc::no_segment);
        EXPECT_EQ(error_of([&] { (void)empty.load<int>(); }), errc::no_segment);
        EXPECT_EQ(error_of([&] { (void)empty.load_bytes(); }), errc::no_segment);
    }
}

TEST(object_buffer, a_named_one_is_found_in_another_mapping) {
    const support::segment_name name;
    segment here = segment::create(name, 4096);
    segment there = segment::open(name);
    const auto made = object_buffer::create(here, "reading", sizeof(reading));
    const auto found = object_buffer::open(there, "reading");
    EXPECT_EQ(made.capacity(), sizeof(reading));
    EXPECT_EQ(found.capacity(), sizeof(reading));
    made.store(reading{1, 1});
    EXPECT_EQ(found.load<reading>()->sensor, 1);
    found.store(reading{2, 2});
    EXPECT_EQ(made.load<reading>()->sensor, 2);
    EXPECT_EQ(object_buffer::open_or_create(there, "reading", 1).load<reading>()->sensor, 2);
}

TEST(object_buffer, a_named_one_keeps_its_segment_mapped) {
    const support::segment_name name;
    object_buffer box;
    {
        segment in = segment::create(name, 4096);
        box = object_buffer::open_or_create(in, "box", 8);
    }
    box.store(42);
    segment again = segment::open(name);
    EXPECT_EQ(object_buffer::open(again, "box").load<int>(), 42);
}

TEST(object_buffer, bad_names_sizes_and_types_are_told_apart) {
    const support::segment_name name;
    segment in = segment::create(name, 8192);
    (void)object_buffer::create(in, "box", 100);
    in.construct<int>("number");
    EXPECT_EQ(error_of([&] { (void)object_buffer::create(in, "box", 100); }), errc::name_taken);
    EXPECT_EQ(error_of([&] { (void)object_buffer::open(in, "absent"); }), errc::no_such_name);
    EXPECT_EQ(error_of([&] { (void)object_buffer::open(in, "number"); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)object_buffer::open_or_create(in, "number", 4); }), errc::wrong_type);
    EXPECT_EQ(error_of([&] { (void)object_buffer::open_or_create(in, "box", 101); }), errc::too_small);
    EXPECT_EQ(error_of([&] { (void)object_buffer::create(in, "a/b", 1); }), errc::bad_name);
    EXPECT_EQ(error_of([&] { object_buffer::remove(in, "absent"); }), errc::no_such_name);
    EXPECT_EQ(error_of([&] { object_buffer::remove(in, "number"); }), errc::wrong_type);
    std::error_code error;
    EXPECT_FALSE(object_buffer::open(in, "absent", error));
    EXPECT_EQ(error, errc::no_such_name);
    EXPECT_FALSE(object_buffer::create(in, "box", 100, error));
    EXPECT_EQ(error, errc::name_taken);
    EXPECT_TRUE(object_buffer::open_or_create(in, "box", 100, error));
    EXPECT_FALSE(error);
    object_buffer::remove(in, "box", error);
    EXPECT_FALSE(error);
    object_buffer::remove(in, "box", error);
    EXPECT_EQ(error, errc::no_such_name);
}

TEST(object_buffer, nonsense_in_the_head_of_the_newest_object_is_found) {
    const raw_buffer raw(100);
    for (int i = 0; i < 2; ++i) {  // each bank once
        raw.box.store(reading{1, i});
        const std::size_t bank = raw.newest();
        for (const std::size_t field : {raw_buffer::sequence, raw_buffer::size, raw_buffer::codec}) {
            const std::uint64_t right = raw.word(bank + field);
            for (const std::uint64_t wrong : nonsense) {
                raw.set(bank + field, wrong);
                std::error_code error;
                const auto seen = raw.box.load<reading>(error);
                // A smaller size or another codec that exists is an object of another type; all else contradicts.
                const bool another = (field == raw_buffer::size && wrong <= 100) ||
                                     (field == raw_buffer::codec && wrong >= 1 && wrong <= 4);
                if (wrong == right)
                    EXPECT_EQ(seen->sensor, i);
                else
                    EXPECT_EQ(error, another ? errc::wrong_type : errc::damaged) << field << " " << wrong;
                EXPECT_EQ(static_cast<bool>(raw.box.load_bytes(error)), field == raw_buffer::codec && wrong == 1);
            }
            raw.set(bank + field, right);
        }
        raw.set(bank + raw_buffer::type, 12345);
        EXPECT_EQ(error_of([&] { (void)raw.box.load<reading>(); }), errc::wrong_type);
    }
}

TEST(object_buffer, nonsense_in_the_index_is_found_and_the_next_store_mends_it) {
    const raw_buffer raw(100);
    for (const std::uint64_t wrong : nonsense) {
        raw.box.store(reading{1, 1});
        raw.box.store(reading{2, 2});
        const std::uint64_t right = raw.word(raw_buffer::index);
        raw.set(raw_buffer::index, wrong);
        std::error_code error;
        const auto seen = raw.box.load<reading>(error);
        if (wrong == 0)
            EXPECT_EQ(error, errc::nothing_stored);
        else if (wrong == right || wrong + 1 == right)
            EXPECT_TRUE(seen) << wrong;
        else
            EXPECT_EQ(error, errc::damaged) << wrong;
        raw.box.store(reading{3, 3});
        ASSERT_TRUE(raw.box.load<reading>()) << wrong;
        EXPECT_EQ(raw.box.load<reading>()->sensor, 3) << wrong;
    }
}

TEST(object_buffer, nonsense_in_the_guard_neither_crashes_nor_spoils_an_object) {
    const raw_buffer raw(100);
    for (const std::uint64_t wrong : nonsense) {
        raw.set(raw_buffer::guard, 0);
        raw.box.store(reading{1, 1});
        raw.set(raw_buffer::guard, wrong);
        EXPECT_EQ(raw.box.load<reading>()->sensor, 1) << "readers do not need it";
    }
    raw.set(raw_buffer::guard, 0);
    raw.box.store(reading{2, 2});
    EXPECT_EQ(raw.box.load<reading>()->sensor, 2);
}

TEST(object_buffer, a_block_of_another_size_is_refused) {
    segment in = segment::anonymous(16 * 1024);
    const std::string_view type = "process_shared::object_buffer";
    for (const std::uint64_t size : {1u, 64u, 100u, 166u}) {
        in.construct_block("box", {process_shared::detail::hash_text(type), size, 64, type});
        EXPECT_EQ(error_of([&] { (void)object_buffer::open(in, "box"); }), errc::damaged) << size;
        object_buffer::remove(in, "box");
    }
    in.construct_block("box", {process_shared::detail::hash_text(type), 1000, 16, type});
    in.construct_block("box2", {process_shared::detail::hash_text(type), 1000, 16, type});
    int aligned = 0;
    for (const char* name : {"box", "box2"})
        if (error_of([&] { (void)object_buffer::open(in, name); }) != errc::damaged) ++aligned;
    EXPECT_LT(aligned, 2) << "two blocks of 1016 bytes in a row cannot both begin at a cache line";
}

TEST(object_buffer, a_small_one_that_a_child_may_hold_is_not_reused) {
    struct flags {
        std::atomic<int> gone;
    };
    const support::scratch<flags> parent;
    object_buffer box(8);
    box.store(17);
    support::child reader([&] {
        support::check(support::await([&] { return parent->gone.load() == 1; }), "the parent never let go");
        support::check(box.load<int>() == 17, "another object came to lie there");
    });
    box = object_buffer();
    std::vector<object_buffer> others;
    for (int i = 0; i < 100; ++i) others.emplace_back(8).store(1);
    parent->gone = 1;
    EXPECT_TRUE(reader.wait_success());
}

TEST(object_buffer, an_anonymous_one_is_freed_by_its_last_handle) {
    (void)object_buffer(8);
    const std::size_t before = segment::process_default().free_bytes();
    object_buffer box(8);
    EXPECT_LT(segment::process_default().free_bytes(), before);
    box = object_buffer();
    EXPECT_EQ(segment::process_default().free_bytes(), before);
}
