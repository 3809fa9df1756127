// SPDX-License-Identifier: MIT
// A token: a word by which the OS tells the others that a thread died. Also who this thread is, and what fork did.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>

namespace process_shared::platform {

/// Room in a seat for whatever the OS and its libc need. Everybody but the owner reads one 32-bit word of it.
struct alignas(64) token {
    std::byte opaque[64];
};

struct arming {
    std::error_code error;          ///< unsupported_thread if the OS will not tell of this thread's death
    std::uint32_t word_offset = 0;  ///< where in the token the word is that others watch
};

/// Ties the token to the calling thread. From now on its word says "dead" as soon as the thread has ended in
/// whatever way (also by exec), and one of its sleepers is woken. It is never disarmed: it ends with the thread.
/// The token's memory must stay mapped for as long as the thread lives.
arming arm(token& mine) noexcept;

/// Whether a value of the watched word means that the thread has certainly ended. Anything unknown means "may be
/// alive".
bool says_dead(std::uint32_t word) noexcept;

/// Makes the OS wake a sleeper of this word when the thread dies. Returns the value to sleep on; nothing if the
/// thread is dead, or if the word changed meanwhile (look again).
std::optional<std::uint32_t> watch(std::atomic<std::uint32_t>& word) noexcept;

struct thread_identity {
    std::uint32_t process;  ///< pid in its own namespace: for people, never for decisions
    std::uint64_t thread;
    std::array<char, 16> name;  ///< NUL-terminated
};
thread_identity who_am_i() noexcept;

/// Runs `leave(context)` when the calling thread ends in an orderly way, late: after the C++ thread_locals are gone.
/// One registration a thread; a second replaces the first. False if the OS refuses.
bool at_thread_exit(void (*leave)(void*), void* context) noexcept;

/// How many times fork() was called in this process since counting began (the first call of this function).
/// _Fork and vfork are not counted.
std::uint64_t forks_made() noexcept;

/// Memory of this process alone (zeroed, page-aligned) that a forked child finds zeroed, however it was forked.
/// nullptr if there is none.
void* wiped_on_fork(std::size_t bytes) noexcept;

}  // namespace process_shared::platform
