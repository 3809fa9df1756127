// SPDX-License-Identifier: MIT
// A ring of messages, and two descriptions of what is in it, of which `turns` names the one that counts: whoever holds
// the guard writes the other one whole, and then changes `turns`. So each change of the ring is one store.
//
// turns: even: description 0 counts; odd: description 1
// description: [ head | tail | messages | most | closed ]   head, tail: positions that only grow, until it is empty
// message in the ring at `head`: its size, 8 bytes; then as many bytes, rounded up to 8. Both may run over the end.
//
// Step  From → To                            By       Order    If the doer dies right after
// CH1   guard: mine                          all      acquire  taken over by the next: there is nothing to repair
// CH2   bytes behind tail                    send     plain    nobody looks at them
// CH3   the other description                all      relaxed  nobody looks at it
// CH4   turns + 1                            all      relaxed  done: sent, received, closed
// CH5   guard: free                          all      release  who waits looks again at the backstop; so from CH4 on
// CH6   filled: notified (sent, closed)      send     –        nothing is left to do; closed: as CH5 for the senders
// CH7   emptied: notified (all but sent)     receive  –        nothing is left to do
// W1…   waiting, as condition_variable.cpp: prepared under the guard, after a look at the description
//
// A receiver copies the message out before CH4, so one that dies before CH4 leaves it for the next.
// M1  A description that counts was written whole: CH3 is before CH4, both under the guard, whose release and acquire
//     order them for the next; and a killed process leaves its stores in program order.
// M2  Nobody sleeps beside a message for ever: a receiver prepares under the guard when there is none; CH4 of a send is
//     later, and CH6 follows it. Each wait looks again at the backstop, should the sender have died before CH6.
//
// Steps that need the backstop after one death: from CH4 to the wake, that is CH4, the guard's U0 to U4, CH5, and N1 and
// N3 of condition_variable.cpp; of a close also CH6, for those who wait for room.
#include <process_shared/byte_channel.hpp>

#include "base/step.hpp"
#include "data/block_handle.hpp"
#include "seats/registry.hpp"
#include "segment/segment_state.hpp"
#include "sync/owner_lock.hpp"
#include "sync/word_wait.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace process_shared {
namespace detail {

struct channel_description {
    std::atomic<std::uint64_t> head;
    std::atomic<std::uint64_t> tail;
    std::atomic<std::uint64_t> messages;
    std::atomic<std::uint64_t> most;  // 0: any number
    std::atomic<std::uint64_t> closed;
    std::uint64_t reserved[3];
};
static_assert(sizeof(channel_description) == 64);

struct channel_head {
    mutex guard;
    condition_word filled;
    condition_word emptied;
    std::atomic<std::uint64_t> turns;
    std::uint64_t reserved[5];
    channel_description descriptions[2];
    std::uint64_t reserved_line[8];
};
static_assert(sizeof(channel_head) == 256);

}  // namespace detail

namespace {

using detail::channel_head;
using detail::step;

constexpr std::size_t unit = 8;
constexpr std::size_t line = 64;
constexpr std::string_view type_text = "process_shared::byte_channel";
constexpr auto relaxed = std::memory_order_relaxed;  // everywhere here: under the guard, see M1

constexpr std::uint64_t padded(std::uint64_t bytes) noexcept { return (bytes + unit - 1) / unit * unit; }

std::size_t checked_capacity(std::size_t asked) {
    if (asked == 0 || asked > detail::largest_size / 2) throw std::system_error(make_error_code(errc::bad_size));
    return std::max(padded(asked), 2 * unit);
}

detail::type_record record_for(std::size_t capacity) {
    return {detail::hash_text(type_text), sizeof(channel_head) + checked_capacity(capacity), line, type_text};
}

std::uint64_t checked_most(std::size_t messages) {
    if (messages == 0) throw std::system_error(make_error_code(errc::bad_count));
    return messages == byte_channel::any_number ? 0 : messages;
}

/// A copy of the description that counts, and how to replace it. For whoever holds the guard.
struct contents {
    std::uint64_t head, tail, messages, most, closed;

    /// Throws damaged: a stranger may have written anything.
    static contents of(const channel_head& from, std::size_t capacity) {
        const auto& now = from.descriptions[from.turns.load(relaxed) & 1];
        const contents all{now.head.load(relaxed), now.tail.load(relaxed), now.messages.load(relaxed),
                           now.most.load(relaxed), now.closed.load(relaxed)};
        const std::uint64_t used = all.tail - all.head;
        if (used > capacity || all.head % unit != 0 || all.tail % unit != 0 || all.messages > used / unit ||
            (all.messages == 0) != (used == 0))
            throw std::system_error(make_error_code(errc::damaged));
        return all;
    }

    void commit(channel_head& to) const noexcept {
        const std::uint64_t turns = to.turns.load(relaxed);
        auto& other = to.descriptions[(turns + 1) & 1];
        if (detail::broken("channel_commits_early")) to.turns.store(turns + 1, relaxed);
        // An empty one starts at the beginning, so that memory that is never reached is never used.
        other.head.store(messages == 0 ? 0 : head, relaxed);
        other.tail.store(messages == 0 ? 0 : tail, relaxed);
        other.messages.store(messages, relaxed);
        other.most.store(most, relaxed);
        other.closed.store(closed, relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);  // M1
        step("CH3");
        if (!detail::broken("channel_commits_early")) to.turns.store(turns + 1, relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        step("CH4");
    }
};

/// Some bytes of a ring.
struct ring_view {
    std::byte* bytes;
    std::size_t capacity;

    void write(std::uint64_t at, const void* from, std::size_t count) const noexcept {
        const std::size_t begin = static_cast<std::size_t>(at % capacity);
        const std::size_t first = std::min(count, capacity - begin);
        if (first != 0) std::memcpy(bytes + begin, from, first);
        if (count != first) std::memcpy(bytes, static_cast<const std::byte*>(from) + first, count - first);
    }
    void read(std::uint64_t at, void* to, std::size_t count) const noexcept {
        const std::size_t begin = static_cast<std::size_t>(at % capacity);
        const std::size_t first = std::min(count, capacity - begin);
        if (first != 0) std::memcpy(to, bytes + begin, first);
        if (count != first) std::memcpy(static_cast<std::byte*>(to) + first, bytes, count - first);
    }
};

/// The guard, for a scope. A dead one's is taken over.
class guarded {
public:
    explicit guarded(mutex& guard, deadline until = deadline::never()) : guard_(guard) {
        const auto owned = guard.acquire(until);
        if (owned == detail::ownership::abandoned) guard.declare_sound();
        holds_ = owned != detail::ownership::none;
        step("CH1");
    }
    ~guarded() {
        if (!holds_) return;
        try {
            guard_.unlock();
        } catch (const std::system_error&) {
            // A stranger has overwritten the guard: it is no longer ours to give back.
        }
    }
    guarded(const guarded&) = delete;
    guarded& operator=(const guarded&) = delete;

    [[nodiscard]] bool holds() const noexcept { return holds_; }
    void unlock() {
        holds_ = false;
        guard_.unlock();
        step("CH5");
    }

private:
    mutex& guard_;
    bool holds_ = false;
};

/// Tries until `attempt` under the guard says it is done, or the deadline passes. `attempt(contents&)` may commit.
template <class Attempt>
bool repeat(channel_head& head, std::size_t capacity, detail::condition_word& changed, deadline until,
            Attempt&& attempt) {
    for (bool last = false;;) {
        std::uint32_t prepared = 0;
        {
            // For as long as another one copies, also if there is no time: a message that is there is no reason to fail.
            guarded hold(head.guard, until.or_signal_only());
            if (!hold.holds()) return false;
            contents now = contents::of(head, capacity);
            if (attempt(now, hold)) return true;
            // Having slept, one more look: the time may have passed while a message came.
            if (last || until.has_passed()) return false;
            prepared = changed.prepare();
            hold.unlock();
        }
        last = changed.sleep(prepared, until) == detail::condition_word::outcome::timed_out;
    }
}

/// One change of what is in it, by whoever need not wait for anything.
template <class Change>
void change(channel_head& head, std::size_t capacity, Change&& make) {
    guarded hold(head.guard);
    contents now = contents::of(head, capacity);
    make(now);
    now.commit(head);
    hold.unlock();
}

channel_head& head_of(channel_head* head) {
    if (head == nullptr) throw std::system_error(make_error_code(errc::no_segment), "byte_channel");
    return *head;
}

void start(channel_head& head, std::uint64_t most) noexcept { head.descriptions[0].most.store(most, relaxed); }

}  // namespace

byte_channel::byte_channel(channel_head* head, std::byte* ring, std::size_t capacity,
                           std::shared_ptr<void> keep) noexcept
    : head_(head), ring_(ring), capacity_(capacity), keep_(std::move(keep)) {}

byte_channel::byte_channel(std::size_t capacity, std::size_t messages) : capacity_(checked_capacity(capacity)) {
    const std::uint64_t most = checked_most(messages);
    struct parts {
        std::shared_ptr<void> head, ring;
    };
    // The ring is no part of the default segment, which reserves all memory at once.
    auto keep = std::make_shared<parts>(
        parts{detail::anonymous_block(sizeof(channel_head), line), detail::own_mapping(capacity_)});
    head_ = static_cast<channel_head*>(keep->head.get());
    ring_ = static_cast<std::byte*>(keep->ring.get());
    keep_ = std::move(keep);
    start(*head_, most);
}

byte_channel byte_channel::of(segment& in, segment::block block, std::size_t capacity, std::size_t messages) {
    if (block.size < sizeof(channel_head) + 2 * unit || reinterpret_cast<std::uintptr_t>(block.address) % line != 0)
        throw std::system_error(make_error_code(errc::damaged), "byte_channel");
    const std::size_t room = (block.size - sizeof(channel_head)) / unit * unit;
    if (room < capacity) throw std::system_error(make_error_code(errc::too_small), "byte_channel");
    auto* bytes = static_cast<std::byte*>(block.address);
    auto* head = reinterpret_cast<channel_head*>(bytes);
    byte_channel made(head, bytes + sizeof(channel_head), room, segment_access::keep_alive(in));
    // The first one: nothing was ever changed. (Two at once write the same, or the last one counts.)
    if (messages != any_number && head->turns.load(relaxed) == 0) made.set_max_messages(messages);
    return made;
}

byte_channel byte_channel::create(segment& in, std::string_view name, std::size_t capacity, std::size_t messages) {
    static_cast<void>(checked_most(messages));
    return of(in, in.construct_block(name, record_for(capacity)), capacity, messages);
}
byte_channel byte_channel::open(segment& in, std::string_view name) {
    return of(in, in.find_block(name, detail::hash_text(type_text)), 0, any_number);
}
byte_channel byte_channel::open_or_create(segment& in, std::string_view name, std::size_t capacity,
                                          std::size_t messages) {
    static_cast<void>(checked_most(messages));
    return of(in, in.find_or_construct_block(name, record_for(capacity)), capacity, messages);
}
void byte_channel::remove(segment& in, std::string_view name) { in.destroy_block(name, detail::hash_text(type_text)); }

bool byte_channel::send_by(std::span<const std::byte> message, deadline until) {
    channel_head& head = head_of(head_);
    if (message.size() > capacity_ - unit || padded(message.size()) > capacity_ - unit)
        throw std::system_error(make_error_code(errc::object_too_large), "byte_channel");
    const std::uint64_t needed = unit + padded(message.size());
    const bool sent = repeat(head, capacity_, head.emptied, until, [&](contents& now, guarded& hold) {
        if (now.closed != 0) throw std::system_error(make_error_code(errc::channel_closed));
        if (capacity_ - (now.tail - now.head) < needed || (now.most != 0 && now.messages >= now.most)) return false;
        const ring_view ring{ring_, capacity_};
        const std::uint64_t size = message.size();
        ring.write(now.tail, &size, sizeof size);
        ring.write(now.tail + unit, message.data(), message.size());
        step("CH2");
        now.tail += needed;
        ++now.messages;
        now.commit(head);
        hold.unlock();
        return true;
    });
    if (!sent) return false;
    if (!detail::broken("channel_notifies_nobody")) head.filled.notify(false);
    step("CH6");
    return true;
}

byte_channel::outcome byte_channel::receive_by(std::vector<std::byte>& message, deadline until) {
    channel_head& head = head_of(head_);
    bool closed = false;
    const bool done = repeat(head, capacity_, head.filled, until, [&](contents& now, guarded& hold) {
        if (now.messages == 0) return closed = now.closed != 0;
        const ring_view ring{ring_, capacity_};
        std::uint64_t size = 0;
        ring.read(now.head, &size, sizeof size);
        if (size > now.tail - now.head - unit || padded(size) > now.tail - now.head - unit)
            throw std::system_error(make_error_code(errc::damaged));
        message.resize(static_cast<std::size_t>(size));
        ring.read(now.head + unit, message.data(), message.size());
        now.head += unit + padded(size);
        --now.messages;
        if ((now.messages == 0) != (now.head == now.tail)) throw std::system_error(make_error_code(errc::damaged));
        now.commit(head);
        hold.unlock();
        return true;
    });
    if (!done) return outcome::timed_out;
    if (closed) return outcome::closed;
    // All: they need not fit into the room that is there now, and one that does might not be told.
    head.emptied.notify(true);
    step("CH7");
    return outcome::received;
}

void byte_channel::close() {
    channel_head& head = head_of(head_);
    change(head, capacity_, [](contents& now) { now.closed = 1; });
    head.filled.notify(true);
    step("CH6");
    head.emptied.notify(true);
    step("CH7");
}

bool byte_channel::is_closed() const {
    channel_head& head = head_of(head_);
    const guarded hold(head.guard);
    return contents::of(head, capacity_).closed != 0;
}

void byte_channel::clear() {
    channel_head& head = head_of(head_);
    change(head, capacity_, [](contents& now) {
        now.head = now.tail;
        now.messages = 0;
    });
    head.emptied.notify(true);
    step("CH7");
}

std::size_t byte_channel::size() const {
    channel_head& head = head_of(head_);
    const guarded hold(head.guard);
    return static_cast<std::size_t>(contents::of(head, capacity_).messages);
}

std::size_t byte_channel::max_messages() const {
    channel_head& head = head_of(head_);
    const guarded hold(head.guard);
    const std::uint64_t most = contents::of(head, capacity_).most;
    return most == 0 ? any_number : static_cast<std::size_t>(most);
}

void byte_channel::set_max_messages(std::size_t messages) {
    channel_head& head = head_of(head_);
    const std::uint64_t most = checked_most(messages);
    change(head, capacity_, [most](contents& now) { now.most = most; });
    head.emptied.notify(true);
    step("CH7");
}

namespace {

std::size_t waiting_for(const detail::condition_word& word) {
    const seats::view in = seats::view_of(&word);
    if (in.base == nullptr) return 0;
    const auto offset = static_cast<std::uint64_t>(reinterpret_cast<const std::byte*>(&word) - in.base);
    return seats::count_waiting(in, seats::make_entry(seats::lock_kind::condition_variable, offset));
}

}  // namespace

std::size_t byte_channel::waiting_receivers() const { return waiting_for(head_of(head_).filled); }
bool byte_channel::is_busy() const { return sync::is_held(head_of(head_).guard); }
std::size_t byte_channel::waiting_senders() const { return waiting_for(head_of(head_).emptied); }

}  // namespace process_shared
