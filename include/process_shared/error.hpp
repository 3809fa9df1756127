// SPDX-License-Identifier: MIT
// Errors: one category, one list (errors.def), and owner_died, which says who died.
#pragma once

#include <process_shared/export.hpp>

#include <chrono>
#include <cstdint>
#include <new>
#include <string>
#include <system_error>

namespace process_shared {

/// What can go wrong. Each value also equals the std::errc that fits it best
/// (`error.code() == std::errc::owner_dead` is true for errc::owner_died).
enum class errc {
#define PROCESS_SHARED_ERROR(name, number, equals, text) name = (number),
#include <process_shared/errors.def>
#undef PROCESS_SHARED_ERROR
};

PROCESS_SHARED_API const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc value) noexcept { return {static_cast<int>(value), error_category()}; }

/// Who a participant was: enough to find it in a log.
struct participant_name {
    std::uint32_t seat = 0;        ///< place in the segment's registry
    std::uint64_t generation = 0;  ///< which sitter of that seat; seat and generation never repeat
    std::uint32_t process = 0;     ///< pid in its own PID namespace; 0 when no longer known
    std::uint64_t thread = 0;      ///< tid in its own PID namespace; 0 when no longer known
    std::string thread_name;       ///< empty when no longer known
};

/// Thrown by a lock whose last owner died inside it and which nobody has repaired.
///
///     try { account.guard.lock(); }
///     catch (const process_shared::owner_died& death) {
///         log("process {} died inside", death.who().process);
///         account.guard.lock([&] { account.recount(); });   // holds the lock afterwards
///     }
///     std::lock_guard hold(account.guard, std::adopt_lock);
///
/// The lock is not held by the thread that catches this; it stays abandoned, and tells the next one too.
class PROCESS_SHARED_API owner_died : public std::system_error {
public:
    explicit owner_died(participant_name who);
    ~owner_died() override;
    owner_died(const owner_died&) = default;
    owner_died& operator=(const owner_died&) = default;

    [[nodiscard]] const participant_name& who() const noexcept { return who_; }

private:
    participant_name who_;
};

/// Thrown by a barrier of which a member has died.
class PROCESS_SHARED_API participant_died : public std::system_error {
public:
    explicit participant_died(participant_name who);
    ~participant_died() override;
    participant_died(const participant_died&) = default;
    participant_died& operator=(const participant_died&) = default;

    [[nodiscard]] const participant_name& who() const noexcept { return who_; }

private:
    participant_name who_;
};

namespace detail {

/// Runs `operation`; what it throws becomes `error`, and the result an empty one.
template <class Operation>
auto quietly(std::error_code& error, Operation&& operation) noexcept -> decltype(operation()) {
    try {
        error.clear();
        return operation();
    } catch (const std::system_error& failure) {
        error = failure.code();
    } catch (const std::bad_alloc&) {
        error = std::make_error_code(std::errc::not_enough_memory);
    } catch (...) {
        error = std::make_error_code(std::errc::state_not_recoverable);
    }
    return decltype(operation())();
}

}  // namespace detail
}  // namespace process_shared

template <>
struct std::is_error_code_enum<process_shared::errc> : std::true_type {};
