// SPDX-License-Identifier: MIT
#include "c/call.hpp"

#include <process_shared/allowed.hpp>
#include <process_shared/owned_semaphore.hpp>
#include <process_shared/semaphore.hpp>

#include <cstring>

using namespace process_shared;
using namespace process_shared::c;
using detail::owned_semaphore_core;
using detail::semaphore_word;

static_assert(PSHARED_SEMAPHORE_SIZE == sizeof(semaphore_word) && PSHARED_SEMAPHORE_MAX == semaphore_word::most);
static_assert(type_name<counting_semaphore<>>::value == PSHARED_TYPE_SEMAPHORE);
static_assert(type_name<binary_semaphore>::value == PSHARED_TYPE_BINARY_SEMAPHORE);
static_assert(PSHARED_OWNED_SEMAPHORE_ALIGNMENT == alignof(owned_semaphore<1>));
static_assert(PSHARED_OWNED_SEMAPHORE_SIZE(1) == sizeof(owned_semaphore<1>) &&
              PSHARED_OWNED_SEMAPHORE_SIZE(16) == sizeof(owned_semaphore<16>) &&
              PSHARED_OWNED_SEMAPHORE_SIZE(77) == sizeof(owned_semaphore<77>) &&
              PSHARED_OWNED_SEMAPHORE_SIZE(4096) == sizeof(owned_semaphore<4096>));

namespace {

constexpr bool is_capacity(uint32_t capacity) noexcept { return capacity >= 1 && capacity <= 4096; }
bool is_aligned(const void* at) noexcept {
    return reinterpret_cast<std::uintptr_t>(at) % alignof(owned_semaphore_core) == 0;
}
owned_semaphore_core& core_of(pshared_owned_semaphore_t* bytes) noexcept {
    return *reinterpret_cast<owned_semaphore_core*>(bytes);
}
const owned_semaphore_core& core_of(const pshared_owned_semaphore_t* bytes) noexcept {
    return *reinterpret_cast<const owned_semaphore_core*>(bytes);
}

/// Runs `operation(core)` if the arguments make sense.
template <class Semaphore, class Operation>
int with_core(Semaphore* bytes, uint32_t capacity, Operation&& operation) noexcept {
    if (bytes == nullptr || !is_capacity(capacity)) return PSHARED_EINVAL;
    if (!is_aligned(bytes)) return PSHARED_EALIGNMENT;
    return call([&] { return operation(core_of(bytes)); });
}

}  // namespace

extern "C" {

int pshared_semaphore_init(pshared_semaphore_t* semaphore, int64_t permits) {
    if (semaphore == nullptr) return PSHARED_EINVAL;
    if (permits < 0 || permits > PSHARED_SEMAPHORE_MAX) return PSHARED_ECOUNT;
    ::new (semaphore) semaphore_word(static_cast<std::uint32_t>(permits));
    return PSHARED_OK;
}
int pshared_semaphore_acquire(pshared_semaphore_t* semaphore, pshared_deadline_t until) {
    if (semaphore == nullptr) return PSHARED_EINVAL;
    auto* const word = value_of<semaphore_word>(semaphore);
    if (until == PSHARED_NOW) return call([&] { return word->try_acquire() ? PSHARED_OK : PSHARED_ETIMEDOUT; });
    return call([&] { return waited(word->acquire_by(deadline_of(until)), until); });
}
int pshared_semaphore_release(pshared_semaphore_t* semaphore, int64_t count, uint32_t max) {
    if (semaphore == nullptr || max > PSHARED_SEMAPHORE_MAX) return PSHARED_EINVAL;
    auto* const word = value_of<semaphore_word>(semaphore);
    return run([&] { count == 1 ? word->release_one(max) : word->release(count, max); });
}
int pshared_semaphore_value(const pshared_semaphore_t* semaphore, int64_t* permits) {
    if (any_null(semaphore, permits)) return PSHARED_EINVAL;
    return run([&] { *permits = value_of<semaphore_word>(semaphore)->value(); });
}

int pshared_owned_semaphore_init(pshared_owned_semaphore_t* semaphore, int64_t permits, uint32_t capacity) {
    return with_core(semaphore, capacity, [&](owned_semaphore_core&) {
        owned_semaphore_core checked(permits, capacity);
        std::memset(static_cast<void*>(semaphore), 0, PSHARED_OWNED_SEMAPHORE_SIZE(capacity));
        ::new (static_cast<void*>(semaphore)) owned_semaphore_core(permits, capacity);
        return PSHARED_OK;
    });
}
int pshared_owned_semaphore_acquire(pshared_owned_semaphore_t* semaphore, uint32_t capacity, pshared_deadline_t until) {
    return with_core(semaphore, capacity, [&](owned_semaphore_core& core) {
        return waited(core.acquire(capacity, deadline_of(until)) != owned_semaphore_core::no_slot, until);
    });
}
int pshared_owned_semaphore_release(pshared_owned_semaphore_t* semaphore, uint32_t capacity, int64_t count) {
    return with_core(semaphore, capacity, [&](owned_semaphore_core& core) {
        core.release(capacity, count);
        return PSHARED_OK;
    });
}
int pshared_owned_semaphore_value(const pshared_owned_semaphore_t* semaphore, uint32_t capacity, int64_t* permits) {
    if (permits == nullptr) return PSHARED_EINVAL;
    return with_core(semaphore, capacity, [&](const owned_semaphore_core& core) {
        *permits = core.value(capacity);
        return PSHARED_OK;
    });
}
int pshared_owned_semaphore_held(const pshared_owned_semaphore_t* semaphore, uint32_t capacity, int64_t* permits) {
    if (permits == nullptr) return PSHARED_EINVAL;
    return with_core(semaphore, capacity, [&](const owned_semaphore_core& core) {
        *permits = core.held(capacity);
        return PSHARED_OK;
    });
}

}  // extern "C"
