// SPDX-License-Identifier: MIT
// The scenarios around a byte_channel.
#pragma once

#include "death/lock_scenario.hpp"
#include "support/scratch.hpp"

#include <process_shared/byte_channel.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace death {

using process_shared::byte_channel;

/// A message that tells whose it is, the how manieth, and whether it is whole.
struct letter {
    std::uint32_t sender = 0;
    std::uint32_t number = 0;
    std::size_t words = 2;  // of 8 bytes, the sum included

    [[nodiscard]] std::vector<std::byte> bytes() const {
        std::vector<std::uint64_t> all{std::uint64_t{sender} << 32 | number};
        std::uint64_t sum = all[0];
        while (all.size() + 1 < words) sum += all.emplace_back(all.back() * 0x9e3779b97f4a7c15u + 1);
        all.push_back(~sum);
        std::vector<std::byte> made(all.size() * sizeof all[0]);
        std::memcpy(made.data(), all.data(), made.size());
        return made;
    }
    /// Throws check_failed if it is not whole.
    static letter from(const std::vector<std::byte>& bytes) {
        letter read;
        read.words = bytes.size() / sizeof(std::uint64_t);
        std::uint64_t first = 0;
        support::check(read.words >= 2 && bytes.size() % sizeof first == 0, "a message of another length");
        std::memcpy(&first, bytes.data(), sizeof first);
        read.sender = static_cast<std::uint32_t>(first >> 32);
        read.number = static_cast<std::uint32_t>(first);
        support::check(read.bytes() == bytes, "a message that is not whole");
        return read;
    }
    [[nodiscard]] std::size_t in_the_ring() const { return 8 + words * 8; }
};

class channel_scenario : public scenario {
public:
    static constexpr std::size_t capacity = 128;

    explicit channel_scenario(const conditions& under, std::size_t most = byte_channel::any_number)
        : memory_(process_shared::segment::anonymous(4096, small_segment(under))), most_(most) {}

    void prepare(stage&) override {
        channel_ = byte_channel::create(memory_, "jobs", capacity, most_);
        words_ = static_cast<const std::atomic<std::uint64_t>*>(
            memory_.find_block("jobs", process_shared::detail::hash_text("process_shared::byte_channel")).address);
        victims_ = letter{victim, 1, 4}.bytes();
        fill();
        turns_before_ = turns();
    }
    std::span<const std::byte> shared_memory() const override { return mapping_of(words_); }
    void warm_up(board&) override {
        static_cast<void>(channel_.size());                   // a seat
        static_cast<void>(std::vector<std::byte>(capacity));  // malloc's first
    }
    void victim_is_dead(stage&) override {}

    /// What is left can be received, and others can go on.
    void survivors_are_through(stage& on) override {
        on.start([this] {
            std::vector<std::byte> message;
            const std::size_t said = channel_.size();
            std::size_t left = 0;
            while (channel_.try_receive(message) == byte_channel::outcome::received) {
                note(message);
                ++left;
            }
            support::check(said == left,
                           std::to_string(said) + " messages, it says, but there are " + std::to_string(left));
            support::check(channel_.size() == 0, "empty, and it says it is not");
            if (channel_.is_closed()) return;
            for (std::size_t words = 2; words < 8; ++words) {
                send(last_visitor, words);
                receive();
            }
        });
    }
    void judge(stage&) override {
        int lost = 0;
        for (std::uint32_t sender = 0; sender < senders; ++sender)
            for (std::uint32_t number = 0; number < numbers; ++number) {
                const int sent = log_->sent[sender][number];
                const int received = log_->received[sender][number];
                if (sender == victim && number == 1) {
                    support::check(received == (victim_has_sent_ ? 1 : 0),
                                   "the dead one's message was received " + std::to_string(received) + " times");
                    continue;
                }
                const std::string which = std::to_string(number) + " of " + std::to_string(sender);
                support::check(received <= sent, "message " + which + " was received too often");
                lost += sent - received;
            }
        support::check(lost <= may_lose(), std::to_string(lost) + " messages are lost");
    }

protected:
    static constexpr std::uint32_t before = 0, victim = 1, visitor = 2, another = 3, last_visitor = 4;
    static constexpr std::uint32_t senders = 5, numbers = 16;

    /// What is in it when the victim begins.
    virtual void fill() {}
    /// How many the victim may take along.
    [[nodiscard]] virtual int may_lose() const { return 0; }

    /// The channel's words, as docs/format.md has them: asking it would wait for the victim.
    [[nodiscard]] std::uint64_t turns() const { return words_[2]; }
    [[nodiscard]] std::uint64_t described(std::size_t field) const { return words_[8 + 8 * (turns() & 1) + field]; }
    [[nodiscard]] std::uint64_t messages() const { return described(2); }
    /// Whose message is received next.
    [[nodiscard]] std::uint32_t first_sender() const {
        return static_cast<std::uint32_t>(words_[32 + (described(0) + 8) % capacity / 8] >> 32);
    }
    [[nodiscard]] bool was_changed() const { return turns() != turns_before_; }

    void send(std::uint32_t sender, std::size_t words = 4) {
        const letter one{sender, static_cast<std::uint32_t>(++log_->last[sender]), words};
        channel_.send(one.bytes());
        ++log_->sent[sender][one.number];
    }
    void receive() {
        const auto message = channel_.receive();
        support::check(message.has_value(), "it is closed");
        note(*message);
    }
    void note(const std::vector<std::byte>& message) {
        const letter one = letter::from(message);
        support::check(one.sender < senders && one.number < numbers, "a message that nobody sent");
        support::check(one.number > seen_[one.sender], "messages of one sender in the wrong order");
        seen_[one.sender] = one.number;
        ++log_->received[one.sender][one.number];
    }

    survivor& start_sender(stage& on, std::uint32_t sender) {
        return on.start([this, sender] { send(sender); });
    }
    survivor& start_receiver(stage& on, std::uint64_t count = 1) {
        return on.start([this, count] {
            for (std::uint64_t i = 0; i < count; ++i) receive();
        });
    }
    /// It sleeps when this returns.
    static survivor& asleep(survivor& sleeper) {
        const auto settled = [&] { return sleeper.sleeps() || sleeper.done() || sleeper.failed(); };
        support::check(support::await(settled) && !sleeper.done() && !sleeper.failed(),
                       "one did not wait; " + sleeper.complaint());
        return sleeper;
    }

    struct account_book {
        std::atomic<int> last[senders];
        std::atomic<int> sent[senders][numbers];
        std::atomic<int> received[senders][numbers];
    };
    process_shared::segment memory_;
    const std::size_t most_;
    byte_channel channel_;
    const std::atomic<std::uint64_t>* words_ = nullptr;
    std::vector<std::byte> victims_;
    std::uint64_t turns_before_ = 0;
    bool victim_has_sent_ = false;
    support::scratch<account_book> log_;
    std::array<std::uint32_t, senders> seen_{};  // each process has its own
};

/// Another sends behind the victim, wherever it stands. Before, two were sent and one received, so that an old
/// description is told from the new one.
class send_beside_a_sender : public channel_scenario {
public:
    using channel_scenario::channel_scenario;
    void operation(board&) override { channel_.send(victims_); }
    void victim_is_about_to_die(stage& on) override {
        victim_has_sent_ = was_changed();
        start_sender(on, visitor);
        on.await_rest();
    }
    void victim_is_dead(stage& on) override { start_receiver(on, 2); }

protected:
    void fill() override {
        send(before, 3);
        send(before, 2);
        receive();
    }
};

/// The victim's message runs over the end of the ring.
class send_across_the_end : public send_beside_a_sender {
public:
    using send_beside_a_sender::send_beside_a_sender;
    void prepare(stage& on) override {
        send_beside_a_sender::prepare(on);
        const std::uint64_t begin = described(1) % capacity;
        support::check(begin + 8 < capacity && begin + 8 + victims_.size() > capacity, "it does not run over the end");
    }

protected:
    void fill() override {
        send(before, 7);  // 64 bytes
        send(before, 5);  // 48
        receive();
    }
};

class send_to_a_sleeper : public channel_scenario {
public:
    using channel_scenario::channel_scenario;
    void victim_is_ready(stage& on) override { asleep(start_receiver(on)); }
    void operation(board&) override { channel_.send(victims_); }
    void victim_is_about_to_die(stage& on) override {
        on.await_rest();
        victim_has_sent_ = was_changed();
    }
    void victim_is_dead(stage& on) override {
        if (!victim_has_sent_) start_sender(on, visitor);
    }
};

/// Another receives behind it.
class receive_beside_a_receiver : public channel_scenario {
public:
    using channel_scenario::channel_scenario;
    void operation(board&) override { static_cast<void>(channel_.receive()); }
    void victim_is_about_to_die(stage& on) override {
        start_receiver(on);
        on.await_rest();
    }
    void judge(stage& on) override {
        channel_scenario::judge(on);
        support::check(log_->received[before][3] == 1, "the last one is lost");
    }

protected:
    void fill() override {
        send(before, 2);
        send(before, 6);
        send(before, 3);
    }
    int may_lose() const override { return 1; }
};

/// Two senders sleep because it is full: of bytes, or of messages.
template <bool of_bytes>
class receive_with_senders_asleep : public channel_scenario {
public:
    explicit receive_with_senders_asleep(const conditions& under)
        : channel_scenario(under, of_bytes ? byte_channel::any_number : 1) {}
    void victim_is_ready(stage& on) override {
        asleep(start_sender(on, visitor));
        asleep(start_sender(on, another));
    }
    void operation(board&) override { static_cast<void>(channel_.receive()); }
    void victim_is_about_to_die(stage& on) override {
        on.await_rest();
        taken_ = was_changed();
    }
    /// It sleeps as well if nobody has told the senders.
    void victim_is_dead(stage& on) override { start_receiver(on, taken_ ? 2 : 3); }

protected:
    void fill() override { send(before, of_bytes ? 13 : 2); }
    int may_lose() const override { return 1; }

private:
    bool taken_ = false;
};

/// The victim waits for a message, another behind it; one is sent when both sleep, or when the victim stands for the
/// last time. If the other one is quicker, it sends it on; if the victim took it, another is sent when it is dead.
class woken_receiver : public channel_scenario {
public:
    using channel_scenario::channel_scenario;
    void operation(board&) override { static_cast<void>(channel_.receive()); }
    void victim_sleeps(stage& on) override { send_with_another_behind(on); }
    void victim_is_about_to_die(stage& on) override {
        if (sender_ == nullptr) send_with_another_behind(on);
        on.await_rest();
        taken_by_victim_ = sender_->done() && messages() == 0 && !receiver_->done();
    }
    void victim_is_dead(stage& on) override {
        if (taken_by_victim_) start_sender(on, another);
    }

protected:
    int may_lose() const override { return 1; }
    void send_with_another_behind(stage& on) {
        receiver_ = &on.start([this] {
            receive();
            send(last_visitor);
        });
        on.await_rest();
        sender_ = &start_sender(on, visitor);
    }

private:
    survivor* receiver_ = nullptr;
    survivor* sender_ = nullptr;
    bool taken_by_victim_ = false;
};

/// The victim gives up; whatever wake it may have swallowed, the other gets the message that is sent meanwhile.
class receiver_gives_up : public woken_receiver {
public:
    using woken_receiver::woken_receiver;
    void prepare(stage& on) override {
        woken_receiver::prepare(on);
        on.shared().patience = patience_that_sleeps;
    }
    void victim_sleeps(stage&) override {}
    void operation(board& shared) override {
        std::vector<std::byte> message;
        static_cast<void>(channel_.try_receive_for(message, std::chrono::nanoseconds(shared.patience)));
    }
};

/// The same with a full channel: the victim waits for room, another behind it, and one receives. The other one makes
/// room again for the victim.
class woken_sender : public channel_scenario {
public:
    explicit woken_sender(const conditions& under) : channel_scenario(under, 1) {}
    void operation(board&) override { channel_.send(victims_); }
    void victim_sleeps(stage& on) override { receive_with_another_behind(on); }
    void victim_is_about_to_die(stage& on) override {
        if (receiver_ == nullptr) receive_with_another_behind(on);
        on.await_rest();
        victim_has_sent_ = messages() == 1 && first_sender() == victim;
    }
    void victim_is_dead(stage& on) override {
        if (victim_has_sent_) start_receiver(on);
    }

protected:
    void fill() override { send(before); }

private:
    void receive_with_another_behind(stage& on) {
        on.start([this] {
            send(visitor);
            receive();
        });
        on.await_rest();
        receiver_ = &start_receiver(on);
    }
    survivor* receiver_ = nullptr;
};

/// Two sleep, who wait for a message or for room. If the victim did not come to close it, another does.
template <bool senders_wait>
class close_with_sleepers : public channel_scenario {
public:
    using channel_scenario::channel_scenario;
    void victim_is_ready(stage& on) override {
        for (int i = 0; i < 2; ++i) asleep(on.start([this] { senders_wait ? send_in_vain() : receive_in_vain(); }));
    }
    void operation(board&) override { channel_.close(); }
    void victim_is_about_to_die(stage& on) override {
        on.await_rest();
        closed_ = was_changed();
    }
    void victim_is_dead(stage& on) override {
        if (!closed_) on.start([this] { channel_.close(); });
    }
    void judge(stage& on) override {
        channel_scenario::judge(on);
        support::check(described(4) != 0, "it is not closed in the end");
    }

protected:
    void fill() override {
        if (senders_wait) send(before, 13);
    }

private:
    void receive_in_vain() { support::check(!channel_.receive(), "a message of nobody"); }
    void send_in_vain() {
        try {
            channel_.send(victims_);
        } catch (const std::system_error& refusal) {
            support::check(refusal.code() == process_shared::errc::channel_closed, refusal.what());
            return;
        }
        throw support::check_failed("it was sent");
    }
    bool closed_ = false;
};

/// One sleeps because the channel is full. The victim makes room without receiving: by its maximum, or by clearing it.
template <bool by_clearing>
class make_room : public channel_scenario {
public:
    explicit make_room(const conditions& under) : channel_scenario(under, 1) {}
    void victim_is_ready(stage& on) override { asleep(start_sender(on, visitor)); }
    void operation(board&) override { do_it(); }
    void victim_is_about_to_die(stage& on) override {
        on.await_rest();
        done_ = was_changed();
    }
    void victim_is_dead(stage& on) override {
        if (!done_) on.start([this] { do_it(); });
    }

protected:
    void fill() override { send(before); }
    int may_lose() const override { return by_clearing ? 1 : 0; }

private:
    void do_it() { by_clearing ? channel_.clear() : channel_.set_max_messages(2); }
    bool done_ = false;
};

}  // namespace death
