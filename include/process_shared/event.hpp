// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/deadline.hpp>
#include <process_shared/export.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace process_shared {

/// When an event that was set is unset again.
enum class event_reset : std::uint8_t {
    manual,     ///< by reset()
    automatic,  ///< by the one waiter that it lets pass
};

/// Something that has happened, or not yet, told between processes. To be placed inside a segment.
///
///     auto memory = process_shared::segment::open_or_create("server", 65536);
///     auto& ready = memory.find_or_construct<process_shared::event>("ready");
///     ready.set();                                  // in the server, once it listens
///     if (!ready.wait_for(2s)) complain();          // in its clients
///     ready.reset();                                // when it stops
///
/// Blocks: wait() until it is set, wait_for/until to the deadline, the others never.
/// Throws: std::system_error equal to operation_not_permitted (outside any attached segment),
///     no_lock_available (to wait takes a seat, and none is free).
/// Synchronizes with: set() with each wait that it lets pass.
/// On death: nothing to recover. Who is killed inside set() has set it or not; if it dies before it wakes the sleepers,
///     they find out within the backstop (100 ms). What an automatic event told to a process that died is told.
/// Differs from std: there is none; as Windows' events. Whoever waits when a manual event is set passes, also if it
///     is reset at once. Setting a set event changes nothing.
/// Sizes: 4 bytes, 4-aligned; all-zero bytes are an unset event with manual reset.
class PROCESS_SHARED_API event {
public:
    explicit constexpr event(event_reset how = event_reset::manual, bool is_set = false) noexcept
        : word_((how == event_reset::automatic ? automatic : 0) | (is_set ? happened : 0)) {}
    event(const event&) = delete;
    event& operator=(const event&) = delete;

    void set();
    void reset();
    [[nodiscard]] bool is_set() const;

    void wait() { (void)wait_by(deadline::never()); }
    /// As wait_for(0s): an automatic event that was set is unset then.
    [[nodiscard]] bool try_wait() { return wait_by(deadline::passed()); }
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(const std::chrono::duration<Rep, Period>& wait) {
        return wait_by(deadline::after(wait));
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(const std::chrono::time_point<Clock, Duration>& point) {
        return wait_by(deadline::at(point));
    }
    /// The part that the above and the bindings are made of.
    [[nodiscard]] bool wait_by(deadline until);

private:
    static constexpr std::uint32_t happened = 1;
    static constexpr std::uint32_t automatic = 2;

    std::atomic<std::uint32_t> word_;
};

static_assert(sizeof(event) == 4);

}  // namespace process_shared
