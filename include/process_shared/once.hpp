// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/export.hpp>
#include <process_shared/mutex.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace process_shared {

/// Whether something has been done once by any of the processes. To be placed inside a segment.
///
///     struct table { process_shared::once_flag filled; int values[1000]; };
///     auto memory = process_shared::segment::open_or_create("table", 65536);
///     auto& shared = memory.find_or_construct<table>("table");
///     process_shared::call_once(shared.filled, [&] { fill(shared.values); });
///     use(shared.values);                           // whole, whoever filled it
///
/// Blocks: call_once() while another runs its function.
/// Throws: what the function throws (the next caller runs its own then); std::system_error as mutex::lock(), with
///     resource_deadlock_would_occur for a call from within the function.
/// Synchronizes with: the function's return with the return of every call_once() on the same flag.
/// On death: the caller that dies inside the function is replaced by the next, which runs its own from the start: the
///     function must not mind what a half-done one left.
/// Differs from std::once_flag: the above; is_done().
/// Sizes: 16 bytes, 8-aligned; all-zero bytes are a flag of something not yet done. Done already: one load.
class PROCESS_SHARED_API once_flag {
public:
    constexpr once_flag() noexcept = default;
    once_flag(const once_flag&) = delete;
    once_flag& operator=(const once_flag&) = delete;

    [[nodiscard]] bool is_done() const noexcept {
        return done_.load(std::memory_order_acquire) != 0;  // pairs with finish()
    }

    /// The parts that call_once and the bindings are made of: begin() says whether the caller is to do it; then
    /// finish() or give_up() must follow.
    [[nodiscard]] bool begin();
    void finish();
    void give_up() noexcept;

private:
    mutex doing_;
    std::atomic<std::uint32_t> done_{0};
    [[maybe_unused]] std::uint32_t reserved_ = 0;
};

static_assert(sizeof(once_flag) == 16);

/// Calls `function(arguments...)` if nobody's call on this flag has returned yet.
template <class Function, class... Arguments>
void call_once(once_flag& flag, Function&& function, Arguments&&... arguments) {
    if (flag.is_done() || !flag.begin()) return;
    struct give_up_unless_done {
        once_flag& flag;
        bool done = false;
        ~give_up_unless_done() {
            if (!done) flag.give_up();
        }
    } guard{flag};
    std::invoke(std::forward<Function>(function), std::forward<Arguments>(arguments)...);
    guard.done = true;
    flag.finish();
}

}  // namespace process_shared
