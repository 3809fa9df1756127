// SPDX-License-Identifier: MIT
// What shared_mutex's quickest way to read needs to see. Not for users.
#pragma once

#include <process_shared/export.hpp>

#include <atomic>
#include <cstdint>

namespace process_shared::detail {

/// The shared_mutex that the calling thread read last, and the slot of its seat for that.
struct last_read {
    // Atomic because closing a segment clears it in other threads. relaxed: a thread that goes on to use the same
    // addresses for another object has synchronized with the closing one in its own way.
    std::atomic<const void*> lock{nullptr};
    std::atomic<std::uint64_t>* slot = nullptr;
    std::uint64_t entry = 0;
    std::uint64_t reads = 0;  // with a fence, in a row
};

// Never null. Points into memory that a forked child finds zeroed.
extern PROCESS_SHARED_API thread_local constinit last_read* my_last_read __attribute__((tls_model("initial-exec")));

/// Bits of a shared_mutex's gate, see shared_mutex.cpp.
inline constexpr std::uint32_t gate_open = 1;
inline constexpr std::uint32_t gate_draining = 2;
inline constexpr std::uint32_t gate_biased = 4;
inline constexpr std::uint32_t gate_waiting = 8;

/// Reads with a fence, undisturbed, after which they are worth a writer's membarrier (11 us).
inline constexpr std::uint64_t reads_to_bias = 100'000;

}  // namespace process_shared::detail
