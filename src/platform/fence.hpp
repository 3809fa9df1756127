// SPDX-License-Identifier: MIT
// A fence that one thread makes for all others, so that they need none of their own.
#pragma once

namespace process_shared::platform {

/// Makes the threads of this process (and of children forked later) reachable by the other processes' fences. False if
/// the OS has no such thing, or PROCESS_SHARED_NO_MEMBARRIER is set. Asked once a program.
bool can_fence_everyone() noexcept;

/// Every thread of every process that can be reached passes a full fence between the call and its return.
void fence_everyone() noexcept;

}  // namespace process_shared::platform
