// SPDX-License-Identifier: MIT
// liveness.hpp on Linux: the token is a robust mutex that its thread locks and never unlocks. The kernel, not libc,
// marks it when the thread ends. Nobody but its owner ever calls a pthread function on it.
#include "platform/liveness.hpp"

#include <process_shared/error.hpp>

#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace process_shared::platform {
namespace {

static_assert(sizeof(pthread_mutex_t) <= sizeof(token::opaque));

constexpr std::uint32_t thread_bits = FUTEX_TID_MASK;

std::error_code unsupported() noexcept { return make_error_code(errc::unsupported_thread); }

/// The kernel's list of this thread's robust locks; nullptr for a raw clone, which has none.
robust_list_head* my_robust_list() noexcept {
    robust_list_head* head = nullptr;
    std::size_t length = 0;
    if (syscall(SYS_get_robust_list, 0, &head, &length) != 0) return nullptr;
    return head;
}

bool init_robust(pthread_mutex_t& mutex) noexcept {
    pthread_mutexattr_t attributes;
    if (pthread_mutexattr_init(&attributes) != 0) return false;
    const bool made = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                      pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                      pthread_mutex_init(&mutex, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    return made;
}

/// Where the kernel will look for the lock word of the entry that was linked last.
std::uintptr_t word_of_newest(const robust_list_head& head) noexcept {
    const auto node =
        reinterpret_cast<std::uintptr_t>(head.list.next) & ~std::uintptr_t{1};  // bit 0: priority inheritance
    return node + static_cast<std::uintptr_t>(head.futex_offset);
}

struct exit_action {
    void (*leave)(void*) = nullptr;
    void* context = nullptr;
};
thread_local constinit exit_action at_exit;

pthread_key_t exit_key;
bool exit_key_made = false;
pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;

void run_exit_action(void*) {
    const exit_action action = at_exit;
    at_exit = {};
    if (action.leave) action.leave(action.context);
}

std::atomic<std::uint64_t> forks{0};
pthread_once_t forks_once = PTHREAD_ONCE_INIT;

}  // namespace

arming arm(token& mine) noexcept {
#if defined(__GLIBC__)
    // Before anything is linked: a vfork child shares its parent's libc state, but has no list in the kernel.
    // (musl registers the list with the first lock, so there nothing can be known yet.)
    if (my_robust_list() == nullptr) return {unsupported(), 0};
#endif
    std::memset(mine.opaque, 0, sizeof mine.opaque);
    auto& mutex = *reinterpret_cast<pthread_mutex_t*>(mine.opaque);
    if (!init_robust(mutex) || pthread_mutex_lock(&mutex) != 0) return {unsupported(), 0};
    const robust_list_head* list = my_robust_list();
    if (list == nullptr) return {unsupported(), 0};
    const std::uintptr_t word = word_of_newest(*list);
    const auto start = reinterpret_cast<std::uintptr_t>(mine.opaque);
    if (word < start || word - start > sizeof mine.opaque - sizeof(std::uint32_t) || word % 4 != 0)
        return {unsupported(), 0};
    const auto value = reinterpret_cast<const std::atomic<std::uint32_t>*>(word)->load(std::memory_order_relaxed);
    // relaxed: written by this thread. A clone with libc's memory but another thread id would show here.
    if ((value & thread_bits) != static_cast<std::uint32_t>(syscall(SYS_gettid))) return {unsupported(), 0};
    return {{}, static_cast<std::uint32_t>(word - start)};
}

bool says_dead(std::uint32_t word) noexcept { return (word & FUTEX_OWNER_DIED) != 0 || (word & thread_bits) == 0; }

std::optional<std::uint32_t> watch(std::atomic<std::uint32_t>& word) noexcept {
    // acquire: a dead owner's last stores come before the kernel's mark.
    std::uint32_t value = word.load(std::memory_order_acquire);
    if (says_dead(value)) return std::nullopt;
    if ((value & FUTEX_WAITERS) != 0) return value;
    // relaxed: the bit carries no data; the kernel reads it when the thread ends.
    if (!word.compare_exchange_strong(value, value | FUTEX_WAITERS, std::memory_order_relaxed)) return std::nullopt;
    return value | FUTEX_WAITERS;
}

thread_identity who_am_i() noexcept {
    thread_identity me{};
    me.process = static_cast<std::uint32_t>(getpid());
    me.thread = static_cast<std::uint64_t>(syscall(SYS_gettid));
    prctl(PR_GET_NAME, me.name.data());
    return me;
}

bool at_thread_exit(void (*leave)(void*), void* context) noexcept {
    pthread_once(&exit_key_once, [] { exit_key_made = pthread_key_create(&exit_key, run_exit_action) == 0; });
    if (!exit_key_made) return false;
    at_exit = {leave, context};
    // Any value but null makes libc call the destructor; a registration from within one gets another round.
    return pthread_setspecific(exit_key, &at_exit) == 0;
}

std::uint64_t forks_made() noexcept {
    // relaxed: counted and read around calls of fork, which order everything.
    pthread_once(&forks_once,
                 [] { pthread_atfork([] { forks.fetch_add(1, std::memory_order_relaxed); }, nullptr, nullptr); });
    return forks.load(std::memory_order_relaxed);
}

void* wiped_on_fork(std::size_t bytes) noexcept {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (madvise(memory, bytes, MADV_WIPEONFORK) != 0) {
        munmap(memory, bytes);
        return nullptr;
    }
    return memory;
}

}  // namespace process_shared::platform
