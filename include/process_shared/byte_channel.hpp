// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/condition_variable.hpp>
#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

namespace process_shared {
namespace detail {
struct channel_head;
}

/// Messages of any number of bytes from any process to any other, in the order in which they were sent.
///
///     process_shared::byte_channel jobs(1 << 20);                   // inherited by forked children
///     if (fork() == 0)
///         while (auto job = jobs.receive()) work(*job);             // nothing, once it is closed and empty
///     for (const std::string& line : lines) jobs.send(std::as_bytes(std::span(line)));
///     jobs.close();
///
/// A handle: copyable (copies refer to the same channel), of this process.
/// Blocks: send() while there is no room, receive() while there is no message, the timed ones to the deadline; all of
///     them for as long as another one copies a message.
/// Throws: channel_closed (send; receive does not), object_too_large (larger than the channel; nothing is sent),
///     bad_count, damaged, no_segment (an empty handle), and what segment and mutex throw, but never owner_died.
/// Synchronizes with: send() with the receive() of that message.
/// On death: a sender that is killed in send() has sent its message or not; the next one goes on without a word. A
///     receiver that is killed has taken its message along or not. Whoever waits finds out within the backstop (100 ms).
/// Differs from std: there is none.
/// Sizes: in bytes. A message takes its own, rounded up to 8, and 8 more. A channel without a name uses memory as it
///     fills, and starts at the beginning when it is empty. A named one takes 256 bytes and its capacity.
class PROCESS_SHARED_API byte_channel {
public:
    /// An empty handle: valid() is false.
    byte_channel() noexcept = default;

    static constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
    /// A channel without a name, for this process and the children that it forks from now on. It holds at most
    /// `messages` at once (1 or more), of together `capacity` bytes.
    explicit byte_channel(std::size_t capacity, std::size_t messages = any_number);

    /// A channel of a segment, found by name. An existing one must have room for `capacity` bytes (too_small).
    static byte_channel create(segment& in, std::string_view name, std::size_t capacity,
                               std::size_t messages = any_number);
    static byte_channel open(segment& in, std::string_view name);
    static byte_channel open_or_create(segment& in, std::string_view name, std::size_t capacity,
                                       std::size_t messages = any_number);
    /// Takes it out of the segment and frees it. Nobody may use it any more.
    static void remove(segment& in, std::string_view name);

    [[nodiscard]] bool valid() const noexcept { return head_ != nullptr; }
    explicit operator bool() const noexcept { return valid(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

    void send(std::span<const std::byte> message) { (void)send_by(message, deadline::never()); }
    [[nodiscard]] bool try_send(std::span<const std::byte> message) { return send_by(message, deadline::passed()); }
    template <class Rep, class Period>
    [[nodiscard]] bool try_send_for(std::span<const std::byte> message,
                                    const std::chrono::duration<Rep, Period>& wait) {
        return send_by(message, deadline::after(wait));
    }

    /// Nothing, once it is closed and empty.
    [[nodiscard]] std::optional<std::vector<std::byte>> receive() {
        std::vector<std::byte> message;
        return receive_by(message, deadline::never()) == outcome::received ? std::optional(std::move(message))
                                                                           : std::nullopt;
    }
    enum class outcome { received, timed_out, closed };
    [[nodiscard]] outcome try_receive(std::vector<std::byte>& message) {
        return receive_by(message, deadline::passed());
    }
    template <class Rep, class Period>
    [[nodiscard]] outcome try_receive_for(std::vector<std::byte>& message,
                                          const std::chrono::duration<Rep, Period>& wait) {
        return receive_by(message, deadline::after(wait));
    }

    /// No more can be sent; what is in it can still be received. Whoever waits in send() or receive() is told.
    void close();
    [[nodiscard]] bool is_closed() const;
    /// Takes all messages out, unread.
    void clear();

    [[nodiscard]] std::size_t size() const;          ///< messages at the moment
    [[nodiscard]] std::size_t max_messages() const;  ///< at once
    void set_max_messages(std::size_t messages);
    [[nodiscard]] std::size_t waiting_receivers() const;  ///< asleep at the moment
    [[nodiscard]] std::size_t waiting_senders() const;
    /// Whether another one is copying a message at the moment, so that any call would wait.
    [[nodiscard]] bool is_busy() const;

    /// The parts that the above and the bindings are made of. False if the deadline passed first.
    [[nodiscard]] bool send_by(std::span<const std::byte> message, deadline until);
    [[nodiscard]] outcome receive_by(std::vector<std::byte>& message, deadline until);

private:
    byte_channel(detail::channel_head* head, std::byte* ring, std::size_t capacity,
                 std::shared_ptr<void> keep) noexcept;
    static byte_channel of(segment& in, segment::block block, std::size_t capacity, std::size_t messages);

    detail::channel_head* head_ = nullptr;
    std::byte* ring_ = nullptr;
    std::size_t capacity_ = 0;
    std::shared_ptr<void> keep_;
};

}  // namespace process_shared
