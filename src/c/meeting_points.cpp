// SPDX-License-Identifier: MIT
// barrier, latch, event and once_flag.
#include "c/call.hpp"

#include <process_shared/allowed.hpp>
#include <process_shared/barrier.hpp>
#include <process_shared/event.hpp>
#include <process_shared/latch.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/once.hpp>

#include <cstring>
#include <span>

using namespace process_shared;
using namespace process_shared::c;
using detail::barrier_core;
using detail::barrier_place;

static_assert(PSHARED_BARRIER_SIZE(1) == sizeof(barrier<1>) && PSHARED_BARRIER_SIZE(64) == sizeof(barrier<64>));
static_assert(type_name<barrier<>>::value == "process_shared::barrier<64>");
static_assert(PSHARED_LATCH_SIZE == sizeof(latch) && type_name<latch>::value == PSHARED_TYPE_LATCH);
static_assert(PSHARED_EVENT_SIZE == sizeof(event) && type_name<event>::value == PSHARED_TYPE_EVENT);
static_assert(PSHARED_ONCE_SIZE == sizeof(once_flag) && type_name<once_flag>::value == PSHARED_TYPE_ONCE);

namespace {

constexpr bool is_max(uint32_t max) noexcept { return max >= 1 && max <= 65'000; }

/// Runs `operation(core, places)`.
template <class Operation>
int with_core(pshared_barrier_t* bytes, uint32_t max, Operation&& operation) noexcept {
    if (bytes == nullptr || !is_max(max)) return PSHARED_EINVAL;
    auto* const core = reinterpret_cast<barrier_core*>(bytes);
    const std::span<barrier_place> places{reinterpret_cast<barrier_place*>(core + 1), max};
    return call([&] {
        operation(*core, places);
        return PSHARED_OK;
    });
}

}  // namespace

extern "C" {

int pshared_barrier_init(pshared_barrier_t* b, int64_t expected, uint32_t max) {
    if (b == nullptr || !is_max(max)) return PSHARED_EINVAL;
    return run([&] {
        const barrier_core checked(expected, max);
        std::memset(static_cast<void*>(b), 0, PSHARED_BARRIER_SIZE(max));
        ::new (static_cast<void*>(b)) barrier_core(expected, max);
    });
}
int pshared_barrier_join(pshared_barrier_t* b, uint32_t max) {
    return with_core(b, max, [](barrier_core& core, auto places) { core.join(places); });
}
int pshared_barrier_arrive(pshared_barrier_t* b, uint32_t max, uint32_t* turn) {
    if (turn == nullptr) return PSHARED_EINVAL;
    return with_core(b, max, [&](barrier_core& core, auto places) { *turn = core.arrive(places); });
}
int pshared_barrier_wait(pshared_barrier_t* b, uint32_t max, uint32_t turn, pshared_deadline_t until) {
    bool over = false;
    const int code = with_core(
        b, max, [&](barrier_core& core, auto places) { over = core.wait_by(places, turn, deadline_of(until)); });
    return code != PSHARED_OK ? code : waited(over, until);
}
int pshared_barrier_arrive_and_drop(pshared_barrier_t* b, uint32_t max) {
    return with_core(b, max, [](barrier_core& core, auto places) { core.arrive_and_drop(places); });
}
int pshared_barrier_reset(pshared_barrier_t* b, uint32_t max, int64_t expected) {
    if (expected < 0 || expected > static_cast<int64_t>(max)) return PSHARED_ECOUNT;
    return with_core(b, max, [&](barrier_core& core, auto places) { core.reset(places, expected); });
}
int pshared_barrier_expected(const pshared_barrier_t* b, int64_t* expected) {
    if (any_null(b, expected)) return PSHARED_EINVAL;
    return run([&] { *expected = reinterpret_cast<const barrier_core*>(b)->expected(); });
}
int pshared_barrier_is_broken(const pshared_barrier_t* b, int* broken) {
    if (any_null(b, broken)) return PSHARED_EINVAL;
    return run([&] { *broken = reinterpret_cast<const barrier_core*>(b)->is_broken() ? 1 : 0; });
}

int pshared_latch_init(pshared_latch_t* l, int64_t count) {
    if (l == nullptr) return PSHARED_EINVAL;
    return run([&] { ::new (l) latch(count); });
}
int pshared_latch_count_down(pshared_latch_t* l, int64_t by) {
    if (l == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<latch>(l)->count_down(by); });
}
int pshared_latch_wait(pshared_latch_t* l, pshared_deadline_t until) {
    if (l == nullptr) return PSHARED_EINVAL;
    return call([&] { return waited(value_of<latch>(l)->wait_by(deadline_of(until)), until); });
}

int pshared_event_init(pshared_event_t* e, int automatic, int is_set) {
    if (e == nullptr) return PSHARED_EINVAL;
    ::new (e) event(automatic != 0 ? event_reset::automatic : event_reset::manual, is_set != 0);
    return PSHARED_OK;
}
int pshared_event_set(pshared_event_t* e) {
    if (e == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<event>(e)->set(); });
}
int pshared_event_reset(pshared_event_t* e) {
    if (e == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<event>(e)->reset(); });
}
int pshared_event_is_set(const pshared_event_t* e, int* is_set) {
    if (any_null(e, is_set)) return PSHARED_EINVAL;
    return run([&] { *is_set = value_of<event>(e)->is_set() ? 1 : 0; });
}
int pshared_event_wait(pshared_event_t* e, pshared_deadline_t until) {
    if (e == nullptr) return PSHARED_EINVAL;
    return call([&] { return waited(value_of<event>(e)->wait_by(deadline_of(until)), until); });
}

int pshared_once_begin(pshared_once_t* once, int* mine) {
    if (any_null(once, mine)) return PSHARED_EINVAL;
    return run([&] { *mine = value_of<once_flag>(once)->begin() ? 1 : 0; });
}
int pshared_once_finish(pshared_once_t* once) {
    if (once == nullptr) return PSHARED_EINVAL;
    return run([&] { value_of<once_flag>(once)->finish(); });
}
int pshared_once_give_up(pshared_once_t* once) {
    if (once == nullptr) return PSHARED_EINVAL;
    // give_up() itself, but for the error that it keeps to itself. A once_flag begins with its mutex.
    return run([&] { reinterpret_cast<mutex*>(once)->unlock(); });
}
int pshared_once_is_done(const pshared_once_t* once, int* done) {
    if (any_null(once, done)) return PSHARED_EINVAL;
    *done = value_of<once_flag>(once)->is_done() ? 1 : 0;
    return PSHARED_OK;
}

}  // extern "C"
