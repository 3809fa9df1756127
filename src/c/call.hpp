// SPDX-License-Identifier: MIT
// From C++ to C: exceptions become codes, codes of waits are told apart.
#pragma once

#include <process_shared/process_shared.h>
#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/lockable.hpp>

#include <memory>
#include <new>
#include <system_error>
#include <utility>

namespace process_shared::c {

int code_of(const std::error_code& error) noexcept;
void remember_death(const participant_name& who) noexcept;

/// What the exception that is being handled comes to.
int code_of_exception() noexcept;

/// Runs `operation`, which returns a code.
template <class Operation>
int call(Operation&& operation) noexcept {
    try {
        return std::forward<Operation>(operation)();
    } catch (...) {
        return code_of_exception();
    }
}

/// Runs `operation`, which returns nothing.
template <class Operation>
int run(Operation&& operation) noexcept {
    return call([&] {
        std::forward<Operation>(operation)();
        return static_cast<int>(PSHARED_OK);
    });
}

template <class... Pointers>
constexpr bool any_null(const Pointers*... pointers) noexcept {
    return (... || (pointers == nullptr));
}

/// Every wait from C ends when a signal handler runs.
inline deadline deadline_of(pshared_deadline_t until) noexcept { return deadline(until < 0 ? 0 : until).or_signal(); }
/// Why a wait ended without success. Not by was_interrupted: a predicate may have waited, too, and unset it.
inline int end_of_wait(pshared_deadline_t until) noexcept {
    return deadline(until).has_passed() ? PSHARED_ETIMEDOUT : PSHARED_EINTR;
}
inline int waited(bool well, pshared_deadline_t until) noexcept { return well ? PSHARED_OK : end_of_wait(until); }

/// In the way of POSIX: an abandoned lock is held, and that is told.
template <class Lock>
int owned(Lock* lock, detail::ownership how, pshared_deadline_t until) {
    if (how == detail::ownership::sound) [[likely]]
        return PSHARED_OK;
    if (how == detail::ownership::none) return end_of_wait(until);
    remember_death(detail::last_abandoned_by(lock));
    return PSHARED_EOWNERDEAD;
}

/// The C++ value that lies in those bytes.
template <class Value, class Opaque>
Value* value_of(Opaque* bytes) noexcept {
    static_assert(sizeof(Value) == sizeof(Opaque) && alignof(Value) == alignof(Opaque));
    return reinterpret_cast<Value*>(bytes);
}
template <class Value, class Opaque>
const Value* value_of(const Opaque* bytes) noexcept {
    static_assert(sizeof(Value) == sizeof(Opaque) && alignof(Value) == alignof(Opaque));
    return reinterpret_cast<const Value*>(bytes);
}

}  // namespace process_shared::c
