// SPDX-License-Identifier: MIT
// byte_channel: what goes in comes out, in order, whatever its length and place in the ring; and what does not fit or
// contradicts itself is told apart.
#include <process_shared/byte_channel.hpp>

#include "expect_error.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <new>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using process_shared::byte_channel;
using process_shared::errc;
using process_shared::segment;

namespace {

using outcome = byte_channel::outcome;
using bytes = std::vector<std::byte>;
using namespace std::chrono_literals;

std::span<const std::byte> text(std::string_view of) { return std::as_bytes(std::span(of)); }
std::string text_of(const bytes& message) { return {reinterpret_cast<const char*>(message.data()), message.size()}; }
bytes pattern(std::size_t size, std::size_t seed) {
    bytes made(size);
    for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<std::byte>(seed * 31 + i);
    return made;
}
std::string received(byte_channel& from) {
    bytes message;
    return from.try_receive(message) == outcome::received ? text_of(message) : "nothing";
}

/// The words of a channel, as docs/format.md has them, for a test that plays the stranger.
struct raw_channel {
    segment in = segment::anonymous(16 * 1024);
    byte_channel jobs;
    std::byte* block;

    static constexpr std::size_t guard = 0, conditions = 8, turns = 16, descriptions = 64, ring = 256;
    enum field : std::size_t { head, tail, messages, most, closed, fields };

    explicit raw_channel(std::size_t capacity)
        : jobs(byte_channel::create(in, "jobs", capacity)),
          block(static_cast<std::byte*>(
              in.find_block("jobs", process_shared::detail::hash_text("process_shared::byte_channel")).address)) {}

    [[nodiscard]] std::uint64_t word(std::size_t offset) const {
        std::uint64_t value;
        std::memcpy(&value, block + offset, sizeof value);
        return value;
    }
    void set(std::size_t offset, std::uint64_t value) const { std::memcpy(block + offset, &value, sizeof value); }
    /// As when it was made. A thread can sit in no more than some 2000 segments, so that many tries share one.
    void clear() const { std::memset(block, 0, ring); }
    [[nodiscard]] std::size_t place_of(field which) const { return descriptions + 64 * (word(turns) & 1) + 8 * which; }
    [[nodiscard]] std::uint64_t now(field which) const { return word(place_of(which)); }
};

constexpr std::uint64_t nonsense[] = {0,          1,          2,          3,          5,         7,         8,
                                      16,         24,         64,         72,         77,        128,       1ull << 31,
                                      1ull << 32, 1ull << 63, ~0ull - 40, ~0ull - 15, ~0ull - 7, ~0ull - 1, ~0ull};

}  // namespace

TEST(byte_channel, gives_messages_in_the_order_in_which_they_were_sent) {
    byte_channel jobs(1000);
    for (const char* one : {"first", "", "third, and longer"}) jobs.send(text(one));
    EXPECT_EQ(jobs.size(), 3u);
    EXPECT_EQ(received(jobs), "first");
    EXPECT_EQ(received(jobs), "");
    EXPECT_EQ(received(jobs), "third, and longer");
    EXPECT_EQ(received(jobs), "nothing");
    EXPECT_EQ(jobs.size(), 0u);
}

TEST(byte_channel, takes_messages_of_nothing_and_of_all_it_has_room_for) {
    byte_channel jobs(64);
    EXPECT_EQ(jobs.capacity(), 64u);
    const bytes largest = pattern(64 - 8, 1);
    jobs.send(largest);
    EXPECT_FALSE(jobs.try_send({})) << "it is full";
    bytes message;
    ASSERT_EQ(jobs.try_receive(message), outcome::received);
    EXPECT_EQ(message, largest);
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(jobs.try_send({})) << "8 bytes each";
    EXPECT_FALSE(jobs.try_send({}));
    EXPECT_EQ(jobs.size(), 8u);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(received(jobs), "");
}

TEST(byte_channel, refuses_what_can_never_fit) {
    byte_channel jobs(64);
    EXPECT_TRUE(error_of([&] { jobs.send(pattern(57, 1)); }) == errc::object_too_large);
    EXPECT_TRUE(error_of([&] { (void)jobs.try_send(pattern(1000, 1)); }) == errc::object_too_large);
    EXPECT_EQ(jobs.size(), 0u);
    EXPECT_TRUE(jobs.try_send(pattern(56, 1)));
}

TEST(byte_channel, takes_at_least_what_its_capacity_says) {
    for (std::size_t asked = 1; asked < 40; ++asked) {
        byte_channel jobs(asked);
        EXPECT_GE(jobs.capacity(), asked);
        EXPECT_TRUE(jobs.try_send(pattern(jobs.capacity() - 8, 1)));
    }
    EXPECT_TRUE(error_of([] { byte_channel none(0); }) == errc::bad_size);
    for (const std::size_t huge :
         {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 16})
        EXPECT_TRUE(error_of([&] { byte_channel none(huge); })) << huge;
}

TEST(byte_channel, wraps_around_at_every_place) {
    constexpr std::size_t capacity = 96;
    for (std::size_t behind = 0; behind <= capacity - 24; ++behind)
        for (std::size_t size = 0; size <= 40; ++size) {
            byte_channel jobs(capacity);
            // One that stays, so that the channel does not begin anew.
            ASSERT_TRUE(jobs.try_send(pattern(behind, 1)));
            ASSERT_TRUE(jobs.try_send(pattern(0, 2)));
            bytes message;
            ASSERT_EQ(jobs.try_receive(message), outcome::received);
            ASSERT_EQ(message, pattern(behind, 1));
            ASSERT_TRUE(jobs.try_send(pattern(size, 3))) << behind << ' ' << size;
            ASSERT_EQ(jobs.try_receive(message), outcome::received);
            ASSERT_TRUE(message.empty());
            ASSERT_EQ(jobs.try_receive(message), outcome::received);
            ASSERT_EQ(message, pattern(size, 3)) << behind << ' ' << size;
            ASSERT_EQ(jobs.size(), 0u);
        }
}

TEST(byte_channel, is_a_queue_whatever_comes_and_goes) {
    std::mt19937 random(7);
    for (const std::size_t capacity : {std::size_t{16}, std::size_t{24}, std::size_t{200}, std::size_t{1000}}) {
        byte_channel jobs(capacity);
        std::deque<bytes> expected;
        std::size_t used = 0;
        const auto room_of = [](const bytes& one) { return 8 + (one.size() + 7) / 8 * 8; };
        for (std::size_t i = 0; i < 3000; ++i) {
            if (random() % 2 == 0) {
                const bytes next = pattern(random() % (capacity - 8 + 1), i);
                const bool fits = used + room_of(next) <= capacity;
                ASSERT_EQ(jobs.try_send(next), fits);
                if (!fits) continue;
                used += room_of(next);
                expected.push_back(next);
            } else {
                bytes message;
                ASSERT_EQ(jobs.try_receive(message), expected.empty() ? outcome::timed_out : outcome::received);
                if (expected.empty()) continue;
                ASSERT_EQ(message, expected.front());
                used -= room_of(message);
                expected.pop_front();
            }
            ASSERT_EQ(jobs.size(), expected.size());
        }
    }
}

TEST(byte_channel, holds_no_more_messages_at_once_than_it_is_told) {
    byte_channel jobs(1000, 2);
    EXPECT_EQ(jobs.max_messages(), 2u);
    EXPECT_TRUE(jobs.try_send({}));
    EXPECT_TRUE(jobs.try_send({}));
    EXPECT_FALSE(jobs.try_send({}));
    jobs.set_max_messages(3);
    EXPECT_TRUE(jobs.try_send({}));
    jobs.set_max_messages(1);
    EXPECT_EQ(jobs.size(), 3u) << "those that are there stay";
    EXPECT_EQ(received(jobs), "");
    EXPECT_FALSE(jobs.try_send({}));
    jobs.set_max_messages(byte_channel::any_number);
    EXPECT_EQ(jobs.max_messages(), byte_channel::any_number);
    while (jobs.try_send({})) {}
    EXPECT_EQ(jobs.size(), 1000 / 8u);
    EXPECT_TRUE(error_of([&] { jobs.set_max_messages(0); }) == errc::bad_count);
    EXPECT_TRUE(error_of([] { byte_channel none(1000, 0); }) == errc::bad_count);
}

TEST(byte_channel, takes_no_more_once_it_is_closed_and_gives_what_is_left) {
    byte_channel jobs(100);
    EXPECT_FALSE(jobs.is_closed());
    jobs.send(text("left"));
    jobs.close();
    EXPECT_TRUE(jobs.is_closed());
    EXPECT_TRUE(error_of([&] { jobs.send(text("late")); }) == errc::channel_closed);
    EXPECT_TRUE(error_of([&] { (void)jobs.try_send(text("late")); }) == errc::channel_closed);
    bytes message;
    EXPECT_EQ(jobs.try_receive(message), outcome::received);
    EXPECT_EQ(text_of(message), "left");
    EXPECT_EQ(jobs.try_receive(message), outcome::closed);
    EXPECT_EQ(jobs.try_receive_for(message, 1h), outcome::closed);
    EXPECT_FALSE(jobs.receive());
    EXPECT_NO_THROW(jobs.close()) << "once more changes nothing";
}

TEST(byte_channel, is_empty_after_clear) {
    byte_channel jobs(64);
    while (jobs.try_send(text("full"))) {}
    jobs.clear();
    EXPECT_EQ(jobs.size(), 0u);
    EXPECT_EQ(received(jobs), "nothing");
    EXPECT_TRUE(jobs.try_send(pattern(56, 1)));
    jobs.close();
    jobs.clear();
    EXPECT_TRUE(jobs.is_closed());
}

TEST(byte_channel, begins_anew_when_it_is_empty) {
    const raw_channel shown(256);
    byte_channel jobs = shown.jobs;
    for (int i = 0; i < 5; ++i) {
        jobs.send(text("one"));
        EXPECT_EQ(shown.now(raw_channel::head), 0u);
        jobs.send(text("two"));
        EXPECT_EQ(received(jobs), "one");
        EXPECT_NE(shown.now(raw_channel::head), 0u);
        EXPECT_EQ(received(jobs), "two");
        EXPECT_EQ(shown.now(raw_channel::tail), 0u);
    }
}

TEST(byte_channel, copies_of_a_handle_are_the_same_channel) {
    byte_channel jobs(100);
    byte_channel copy = jobs;
    jobs.send(text("one"));
    EXPECT_EQ(received(copy), "one");
    { const byte_channel gone = std::move(jobs); }
    copy.send(text("two"));
    EXPECT_EQ(received(copy), "two");
}

TEST(byte_channel, empty_handle_is_an_error) {
    byte_channel none;
    bytes message;
    EXPECT_FALSE(none.valid());
    EXPECT_EQ(none.capacity(), 0u);
    EXPECT_TRUE(error_of([&] { none.send({}); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { (void)none.try_receive(message); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { (void)none.size(); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { none.close(); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { none.clear(); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { (void)none.is_closed(); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { (void)none.max_messages(); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { none.set_max_messages(1); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { (void)none.waiting_receivers(); }) == errc::no_segment);
    EXPECT_TRUE(error_of([&] { (void)none.waiting_senders(); }) == errc::no_segment);
}

TEST(byte_channel, without_a_name_is_inherited_by_children) {
    byte_channel there(1 << 20), back(100);
    support::child echo([&] {
        while (auto message = there.receive()) back.send(std::span(*message).first(5));
    });
    for (std::size_t i = 0; i < 50; ++i) {
        const bytes message = pattern(5 + i * 1000, i);
        there.send(message);
        const auto answer = back.receive();
        ASSERT_TRUE(answer);
        EXPECT_TRUE(std::equal(answer->begin(), answer->end(), message.begin()));
    }
    there.close();
    EXPECT_TRUE(echo.wait_success());
}

TEST(byte_channel, without_a_name_is_given_back) {
    for (int i = 0; i < 2000; ++i) {
        byte_channel jobs(1 << 16);
        jobs.send(text("x"));
    }
}

TEST(byte_channel, is_found_by_name) {
    const support::segment_name name;
    segment memory = segment::create(name, 16 * 1024);
    byte_channel made = byte_channel::create(memory, "jobs", 100, 3);
    EXPECT_GE(made.capacity(), 100u);
    made.send(text("hello"));

    segment again = segment::open(name);
    byte_channel opened = byte_channel::open(again, "jobs");
    EXPECT_EQ(opened.capacity(), made.capacity());
    EXPECT_EQ(opened.max_messages(), 3u);
    EXPECT_EQ(received(opened), "hello");
    opened.send(text("back"));
    EXPECT_EQ(received(made), "back");

    EXPECT_TRUE(error_of([&] { byte_channel::create(again, "jobs", 100); }) == errc::name_taken);
    EXPECT_TRUE(error_of([&] { byte_channel::open(again, "none"); }) == errc::no_such_name);
    byte_channel::remove(again, "jobs");
    EXPECT_TRUE(error_of([&] { byte_channel::open(again, "jobs"); }) == errc::no_such_name);
    EXPECT_NO_THROW(byte_channel::create(again, "jobs", 200));
}

TEST(byte_channel, handle_keeps_its_segment) {
    byte_channel jobs;
    {
        segment memory = segment::anonymous(16 * 1024);
        jobs = byte_channel::create(memory, "jobs", 100);
    }
    jobs.send(text("still there"));
    EXPECT_EQ(received(jobs), "still there");
}

TEST(byte_channel, of_an_existing_name_has_the_room_that_is_asked_for_or_is_refused) {
    segment memory = segment::anonymous(16 * 1024);
    byte_channel first = byte_channel::open_or_create(memory, "jobs", 200, 2);
    EXPECT_EQ(first.max_messages(), 2u);
    first.send(text("one"));
    byte_channel smaller = byte_channel::open_or_create(memory, "jobs", 100, 7);
    EXPECT_EQ(smaller.capacity(), first.capacity());
    EXPECT_EQ(smaller.max_messages(), 2u) << "the first one says";
    EXPECT_EQ(received(smaller), "one");
    EXPECT_TRUE(error_of([&] { byte_channel::open_or_create(memory, "jobs", 1000); }) == errc::too_small);
    EXPECT_TRUE(error_of([&] { byte_channel::open_or_create(memory, "jobs", 0); }) == errc::bad_size);
    EXPECT_TRUE(error_of([&] { byte_channel::open_or_create(memory, "jobs", 100, 0); }) == errc::bad_count);
    EXPECT_TRUE(error_of([&] { byte_channel::create(memory, "others", 100, 0); }) == errc::bad_count);
    EXPECT_TRUE(error_of([&] { byte_channel::open(memory, "others"); }) == errc::no_such_name);
    EXPECT_TRUE(error_of([&] { byte_channel::create(memory, "large", 1 << 20); }) == errc::segment_full);
}

TEST(byte_channel, other_objects_are_not_channels) {
    segment memory = segment::anonymous(16 * 1024);
    memory.construct<int>("number");
    EXPECT_TRUE(error_of([&] { byte_channel::open(memory, "number"); }) == errc::wrong_type);
    EXPECT_TRUE(error_of([&] { byte_channel::open_or_create(memory, "number", 100); }) == errc::wrong_type);
    EXPECT_TRUE(error_of([&] { byte_channel::remove(memory, "number"); }) == errc::wrong_type);
    byte_channel::create(memory, "jobs", 100);
    EXPECT_TRUE(error_of([&] { (void)memory.find<int>("jobs"); }) == errc::wrong_type);
}

// What a stranger wrote: an error, or nonsense within bounds; never more.

namespace {

/// Everything that can be done without waiting. True if one of it said that it is damaged; other errors are failures.
bool some_say_damaged(byte_channel& jobs) {
    bool damaged = false;
    const auto attempt = [&](auto&& operation) {
        const std::error_code error = error_of(operation);
        EXPECT_TRUE(!error || error == errc::damaged || error == errc::channel_closed) << error.message();
        damaged = damaged || error == errc::damaged;
    };
    bytes message;
    attempt([&] { (void)jobs.size(); });
    attempt([&] { (void)jobs.max_messages(); });
    attempt([&] { (void)jobs.is_closed(); });
    attempt([&] { (void)jobs.try_send(pattern(40, 1)); });
    for (int i = 0; i < 20; ++i)
        attempt([&] {
            if (jobs.try_receive(message) == outcome::received) {
                EXPECT_LE(message.size(), jobs.capacity() - 8);
            }
        });
    attempt([&] { (void)jobs.try_send(pattern(jobs.capacity() - 8, 1)); });
    attempt([&] { jobs.set_max_messages(3); });
    attempt([&] { jobs.clear(); });
    attempt([&] { jobs.close(); });
    EXPECT_LE(jobs.waiting_receivers() + jobs.waiting_senders(), 0u);
    return damaged;
}

}  // namespace

TEST(byte_channel, any_number_in_a_description_is_within_bounds_or_damaged) {
    int seen_damaged = 0;
    raw_channel forged(64);
    for (std::size_t which = 0; which < raw_channel::fields; ++which)
        for (const std::uint64_t value : nonsense) {
            forged.clear();
            forged.jobs.send(text("one"));
            forged.jobs.send(text("two"));
            ASSERT_EQ(received(forged.jobs), "one");
            forged.set(forged.place_of(static_cast<raw_channel::field>(which)), value);
            if (some_say_damaged(forged.jobs)) ++seen_damaged;
        }
    EXPECT_GT(seen_damaged, 30) << "most are";
}

TEST(byte_channel, any_pair_of_numbers_in_a_description_is_within_bounds_or_damaged) {
    raw_channel forged(64);
    for (const std::uint64_t head : nonsense)
        for (const std::uint64_t tail : nonsense)
            for (const std::uint64_t messages : {0ull, 1ull, 2ull, 8ull, ~0ull}) {
                forged.clear();
                forged.set(forged.place_of(raw_channel::head), head);
                forged.set(forged.place_of(raw_channel::tail), tail);
                forged.set(forged.place_of(raw_channel::messages), messages);
                some_say_damaged(forged.jobs);
            }
}

TEST(byte_channel, any_size_of_a_message_is_within_bounds_or_damaged) {
    for (const std::uint64_t value : nonsense) {
        raw_channel forged(64);
        forged.jobs.send(text("one"));
        forged.jobs.send(text("two"));
        forged.set(raw_channel::ring, value);
        const bool fits = value <= 24;  // two messages of 16
        bytes message;
        const std::error_code error = error_of([&] { (void)forged.jobs.try_receive(message); });
        if (!fits) {
            EXPECT_TRUE(error == errc::damaged) << value;
        }
        EXPECT_LE(message.size(), 56u);
        some_say_damaged(forged.jobs);
    }
}

TEST(byte_channel, damage_leaves_the_guard_free) {
    raw_channel forged(64);
    forged.set(forged.place_of(raw_channel::tail), 4);
    EXPECT_TRUE(error_of([&] { forged.jobs.send(text("one")); }) == errc::damaged);
    EXPECT_TRUE(error_of([&] { (void)forged.jobs.receive(); }) == errc::damaged);
    EXPECT_TRUE(error_of([&] { (void)forged.jobs.size(); }) == errc::damaged);
    EXPECT_EQ(forged.word(raw_channel::guard), 0u);
    forged.set(forged.place_of(raw_channel::tail), 0);
    EXPECT_TRUE(forged.jobs.try_send(text("one"))) << "and once it is right again, all goes on";
}

TEST(byte_channel, any_turn_and_any_count_of_notifications_will_do) {
    for (const std::uint64_t value : nonsense) {
        raw_channel forged(64);
        forged.set(raw_channel::turns, value);
        forged.set(raw_channel::conditions, value);
        for (int i = 0; i < 3; ++i) {
            EXPECT_TRUE(forged.jobs.try_send(text("one")));
            EXPECT_EQ(received(forged.jobs), "one");
        }
    }
}

TEST(byte_channel, guard_of_somebody_who_was_never_there_is_taken_over) {
    for (const std::uint64_t value : {0x0000'1234'0000'0001ull, 0xffff'ffff'1fff'ffffull, 0x0000'0001'4000'0003ull}) {
        raw_channel forged(64);
        forged.set(raw_channel::guard, value);
        EXPECT_TRUE(forged.jobs.try_send(text("one"))) << value;
        EXPECT_EQ(received(forged.jobs), "one");
    }
}

TEST(byte_channel, block_too_small_for_a_channel_is_damaged) {
    segment memory = segment::anonymous(16 * 1024);
    byte_channel::create(memory, "jobs", 64);
    // The directory's entry says how large it is: 192 bytes each, size at 16; see docs/format.md.
    auto* base = reinterpret_cast<std::byte*>(memory.at(memory.offset_of(
        memory.find_block("jobs", process_shared::detail::hash_text("process_shared::byte_channel")).address)));
    base -= memory.offset_of(base);
    std::uint64_t directory = 0;
    std::memcpy(&directory, base + 72, sizeof directory);
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{256}, std::uint64_t{264}}) {
        std::memcpy(base + directory + 16, &size, sizeof size);
        const std::error_code error = error_of([&] { byte_channel::open(memory, "jobs"); });
        EXPECT_TRUE(error == errc::damaged || error == errc::wrong_type) << size << ": " << error.message();
    }
}
