// SPDX-License-Identifier: MIT
// fence.hpp on Linux: membarrier(2). Registration belongs to the memory map: children inherit it, exec drops it.
#include "platform/fence.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace process_shared::platform {
namespace {

enum class support { unknown, yes, no };
// Not a static local: a fork beside its first use would leave the child's initialization guard locked.
constinit std::atomic<support> known{support::unknown};  // relaxed: each thread may find out by itself

bool ask() noexcept {
    const char* off = std::getenv("PROCESS_SHARED_NO_MEMBARRIER");
    if (off && *off && *off != '0') return false;
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

}  // namespace

bool can_fence_everyone() noexcept {
    support answer = known.load(std::memory_order_relaxed);
    if (answer == support::unknown) {
        answer = ask() ? support::yes : support::no;
        known.store(answer, std::memory_order_relaxed);
    }
    return answer == support::yes;
}

void fence_everyone() noexcept { syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0); }

}  // namespace process_shared::platform
