// SPDX-License-Identifier: MIT
// Time, for the floors above.
#pragma once

#include <cstdint>

namespace process_shared::platform {

/// Nanoseconds of the steady clock, the same for all processes of a machine, and the clock of
/// std::chrono::steady_clock.
std::int64_t now() noexcept;

/// Nanoseconds of the calendar, since 1970.
std::int64_t calendar_now() noexcept;

/// A pause for spinning: a few to some fifty nanoseconds, friendly to the other hardware thread.
void relax() noexcept;

/// Lets others run; may return at once.
void yield() noexcept;

/// How many processors this process may run on. Spinning is pointless on one.
unsigned processors() noexcept;

}  // namespace process_shared::platform
