// SPDX-License-Identifier: MIT
// byte_channel: messages between participants, each once, whole, and in the order of its sender.
#include "contract/company.hpp"

#include <process_shared/byte_channel.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace contract {
namespace {

using process_shared::byte_channel;

constexpr std::size_t capacity = 256;
constexpr std::uint32_t per_sender = 200;
constexpr std::uint32_t most_senders = 4;

/// Whose message it is, the how manieth, and bytes that follow from both.
struct letter {
    std::uint32_t sender = 0;
    std::uint32_t number = 0;

    [[nodiscard]] std::vector<std::byte> bytes() const {
        std::vector<std::byte> all(sizeof *this + (number * 7 + sender * 13) % (capacity - 8 - sizeof *this + 1));
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(number + sender * 5 + i);
        std::memcpy(all.data(), this, sizeof *this);
        return all;
    }
    static std::optional<letter> from(const std::vector<std::byte>& bytes) {
        letter read;
        if (bytes.size() < sizeof read) return std::nullopt;
        std::memcpy(&read, bytes.data(), sizeof read);
        return read.bytes() == bytes ? std::optional(read) : std::nullopt;
    }
};

struct post_office {
    std::atomic<std::uint32_t> senders{0};
    std::atomic<std::uint32_t> received{0};
    std::atomic<std::uint64_t> sum{0};
    std::atomic<int> wrong{0};
};

byte_channel channel_of(segment& own) { return byte_channel::open(own, "jobs"); }
std::span<const std::byte> text(std::string_view of) { return std::as_bytes(std::span(of)); }

const part<post_office> sends_many("sends_many", [](post_office& with, actor_state&, segment& own) {
    byte_channel jobs = channel_of(own);
    const std::uint32_t me = with.senders++;
    for (std::uint32_t i = 1; i <= per_sender; ++i) {
        const auto message = letter{me, i}.bytes();
        if (i % 3 != 0)
            jobs.send(message);
        else
            while (!jobs.try_send_for(message, 1ms)) {}
    }
});

const part<post_office> receives_until_closed("receives_until_closed", [](post_office& with, actor_state& mine,
                                                                          segment& own) {
    mine.task = gettid();
    byte_channel jobs = channel_of(own);
    std::array<std::uint32_t, most_senders> last{};
    for (std::uint32_t round = 0;; ++round) {
        std::vector<std::byte> message;
        if (round % 3 != 0) {
            auto got = jobs.receive();
            if (!got) break;
            message = std::move(*got);
        } else {
            const auto ended = jobs.try_receive_for(message, 1ms);
            if (ended == byte_channel::outcome::closed) break;
            if (ended == byte_channel::outcome::timed_out) continue;
        }
        const auto got = letter::from(message);
        if (!got || got->sender >= most_senders || got->number <= last[got->sender]) {
            ++with.wrong;
            continue;
        }
        last[got->sender] = got->number;
        ++with.received;
        with.sum += got->number;
    }
});

const part<post_office> receives("receives", [](post_office& with, actor_state& mine, segment& own) {
    byte_channel jobs = channel_of(own);
    mine.task = gettid();
    mine.outcome = outcome_of([&] { return jobs.receive().has_value(); });
    ++with.received;
});

const part<post_office> sends("sends", [](post_office&, actor_state& mine, segment& own) {
    byte_channel jobs = channel_of(own);
    mine.task = gettid();
    mine.outcome = outcome_of([&] { jobs.send(text("another")); });
});

class channel : public company<post_office> {
protected:
    byte_channel jobs = byte_channel::create(memory(), "jobs", capacity);
    std::vector<std::byte> message;
};

TEST_P(channel, messages_of_many_arrive_once_whole_and_in_the_order_of_each) {
    start("receives_until_closed", 2);
    start("sends_many", 3);
    for (unsigned i = 2; i < 5; ++i) EXPECT_TRUE(performer_of(i).finished());
    jobs.close();
    for (unsigned i = 0; i < 2; ++i) EXPECT_TRUE(performer_of(i).finished());
    EXPECT_EQ(with.wrong, 0);
    EXPECT_EQ(with.received, 3 * per_sender);
    EXPECT_EQ(with.sum, 3ull * per_sender * (per_sender + 1) / 2);
    EXPECT_EQ(jobs.size(), 0u);
}

TEST_P(channel, receiver_waits_for_a_message) {
    start("receives");
    ASSERT_TRUE(asleep());
    jobs.send(text("one"));
    expect_all_finish();
    EXPECT_EQ(actor(0).outcome, locked);
}

TEST_P(channel, each_message_wakes_a_receiver) {
    start("receives", 4);
    ASSERT_TRUE(asleep());
    for (int i = 0; i < 3; ++i) jobs.send(text("one"));
    EXPECT_TRUE(support::await([&] { return with.received == 3; }));
    jobs.send(text("one"));
    expect_all_finish();
}

TEST_P(channel, sender_waits_for_room) {
    const std::vector<std::byte> large(capacity - 8);
    jobs.send(large);
    start("sends");
    ASSERT_TRUE(asleep());
    EXPECT_EQ(jobs.size(), 1u);
    EXPECT_EQ(jobs.try_receive(message), byte_channel::outcome::received);
    EXPECT_EQ(message, large);
    expect_all_finish();
    EXPECT_EQ(jobs.size(), 1u);
}

TEST_P(channel, one_of_one_message_at_once_is_a_hand_over) {
    jobs.set_max_messages(1);
    jobs.send(text("first"));
    EXPECT_FALSE(jobs.try_send(text("second")));
    start("sends", 2);
    ASSERT_TRUE(asleep());
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(jobs.receive()) << i;
    expect_all_finish();
    EXPECT_EQ(jobs.size(), 0u);
}

TEST_P(channel, raising_the_maximum_lets_senders_go_on) {
    jobs.set_max_messages(1);
    jobs.send(text("first"));
    start("sends", 2);
    ASSERT_TRUE(asleep());
    jobs.set_max_messages(3);
    expect_all_finish();
    EXPECT_EQ(jobs.size(), 3u);
}

TEST_P(channel, clearing_lets_senders_go_on) {
    jobs.set_max_messages(2);
    jobs.send(text("first"));
    jobs.send(text("second"));
    start("sends", 2);
    ASSERT_TRUE(asleep());
    jobs.clear();
    expect_all_finish();
    EXPECT_EQ(jobs.size(), 2u);
    EXPECT_EQ(jobs.try_receive(message), byte_channel::outcome::received);
    EXPECT_EQ(message.size(), text("another").size()) << "what was there before is gone";
}

TEST_P(channel, closing_tells_those_who_receive) {
    start("receives", 3);
    ASSERT_TRUE(asleep());
    jobs.close();
    expect_all_finish();
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(actor(i).outcome, not_locked) << "nothing is there, and nothing comes";
}

TEST_P(channel, closing_tells_those_who_send) {
    jobs.set_max_messages(1);
    jobs.send(text("first"));
    start("sends", 3);
    ASSERT_TRUE(asleep());
    jobs.close();
    expect_all_finish();
    for (unsigned i = 0; i < 3; ++i) EXPECT_EQ(actor(i).outcome, static_cast<int>(errc::channel_closed));
    EXPECT_TRUE(jobs.receive()) << "what was sent before can still be received";
    EXPECT_FALSE(jobs.receive());
}

TEST_P(channel, says_how_many_wait) {
    EXPECT_EQ(jobs.waiting_receivers(), 0u);
    start("receives", 2);
    ASSERT_TRUE(asleep());
    EXPECT_TRUE(support::await([&] { return jobs.waiting_receivers() == 2; }));
    EXPECT_EQ(jobs.waiting_senders(), 0u);
    jobs.close();
    expect_all_finish();
    EXPECT_EQ(jobs.waiting_receivers(), 0u);
}

TEST_P(channel, says_how_many_wait_for_room) {
    jobs.set_max_messages(1);
    jobs.send(text("first"));
    start("sends", 2);
    ASSERT_TRUE(asleep());
    EXPECT_TRUE(support::await([&] { return jobs.waiting_senders() == 2; }));
    EXPECT_EQ(jobs.waiting_receivers(), 0u);
    jobs.clear();
    jobs.set_max_messages(2);
    expect_all_finish();
    EXPECT_EQ(jobs.waiting_senders(), 0u);
}

TEST_P(channel, message_goes_past_a_receiver_that_was_killed_asleep) {
    if (GetParam().actor == actor_kind::thread) GTEST_SKIP() << "processes die";
    start("receives");
    ASSERT_TRUE(asleep());
    performer_of(0).die();
    jobs.send(text("for the next"));
    EXPECT_EQ(jobs.try_receive_for(message, 10s), byte_channel::outcome::received) << "the dead took nothing along";
    EXPECT_EQ(jobs.waiting_receivers(), 0u) << "nobody that lives";
}

TEST_P(channel, room_goes_past_a_sender_that_was_killed_asleep) {
    if (GetParam().actor == actor_kind::thread) GTEST_SKIP() << "processes die";
    jobs.set_max_messages(1);
    jobs.send(text("first"));
    start("sends");
    ASSERT_TRUE(asleep());
    performer_of(0).die();
    EXPECT_TRUE(jobs.receive());
    EXPECT_TRUE(jobs.try_send_for(text("mine"), 10s));
    EXPECT_EQ(jobs.size(), 1u) << "the dead one's was never sent";
}

TEST_P(channel, timed_attempts_wait_at_least_as_long_as_asked_and_change_nothing) {
    using steady = std::chrono::steady_clock;
    auto begin = steady::now();
    EXPECT_EQ(jobs.try_receive_for(message, 15ms), byte_channel::outcome::timed_out);
    EXPECT_GE(steady::now() - begin, 15ms);
    EXPECT_EQ(jobs.try_receive(message), byte_channel::outcome::timed_out);
    EXPECT_EQ(jobs.try_receive_for(message, -1h), byte_channel::outcome::timed_out);
    jobs.set_max_messages(1);
    jobs.send(text("first"));
    begin = steady::now();
    EXPECT_FALSE(jobs.try_send_for(text("second"), 15ms));
    EXPECT_GE(steady::now() - begin, 15ms);
    EXPECT_FALSE(jobs.try_send_for(text("second"), -1h));
    EXPECT_EQ(jobs.size(), 1u);
    EXPECT_EQ(jobs.try_receive_for(message, -1h), byte_channel::outcome::received) << "one that is there, however late";
    EXPECT_EQ(message.size(), 5u);
}

FOR_ALL_COMPANIES(channel);

}  // namespace
}  // namespace contract
