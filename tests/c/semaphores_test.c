/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <string.h>
#include <sys/types.h>

/* ---- semaphore ------------------------------------------------------------------------------------------------- */

static pshared_semaphore_t *semaphore_of(int64_t permits) {
    pshared_semaphore_t *const made = object(sizeof *made, 4);
    OK(pshared_semaphore_init(made, permits));
    return made;
}
static int64_t value_of(const pshared_semaphore_t *semaphore) {
    int64_t value = -1;
    OK(pshared_semaphore_value(semaphore, &value));
    return value;
}
static int acquire(void *it, pshared_deadline_t until) { return pshared_semaphore_acquire(it, until); }
static void has_no_permits(void *it) { EQUAL(0, value_of(it)); }
static void acquire_one(void *it) { OK(acquire(it, PSHARED_NEVER)); }

TEST(semaphore, counts_permits) {
    pshared_semaphore_t *const it = semaphore_of(2);
    EQUAL(2, value_of(it));
    OK(acquire(it, PSHARED_NOW));
    elsewhere(acquire_one, it);
    CODE(PSHARED_ETIMEDOUT, acquire(it, PSHARED_NOW));
    OK(pshared_semaphore_release(it, 3, PSHARED_SEMAPHORE_MAX));
    OK(pshared_semaphore_release(it, 0, PSHARED_SEMAPHORE_MAX));
    EQUAL(3, value_of(it));
    OK(acquire(it, PSHARED_NEVER));
    OK(acquire(it, pshared_deadline_after(1000000000)));
    EQUAL(1, value_of(it));
}

TEST(semaphore, release_wakes_who_waits) {
    pshared_semaphore_t *const it = semaphore_of(0);
    const pid_t one = start(acquire_one, it);
    const pid_t other = start(acquire_one, it);
    AWAIT(is_asleep(one));
    AWAIT(is_asleep(other));
    OK(pshared_semaphore_release(it, 1, PSHARED_SEMAPHORE_MAX));
    OK(pshared_semaphore_release(it, 1, PSHARED_SEMAPHORE_MAX));
    finish(one);
    finish(other);
    EQUAL(0, value_of(it));
}

TEST(semaphore, acquire_ends_at_its_deadline) {
    const struct waiting waiting = {acquire, semaphore_of(0), NULL, has_no_permits};
    ends_at_its_deadline(waiting);
}

TEST(semaphore, acquire_ends_for_a_signal_having_acquired_nothing) {
    pshared_semaphore_t *const it = semaphore_of(0);
    const struct waiting waiting = {acquire, it, NULL, has_no_permits};
    ends_for_a_signal(waiting);
    OK(pshared_semaphore_release(it, 1, PSHARED_SEMAPHORE_MAX));
    EQUAL(1, value_of(it));
}

TEST(semaphore, refuses_counts_that_cannot_be) {
    pshared_semaphore_t *const it = semaphore_of(1);
    CODE(PSHARED_ECOUNT, pshared_semaphore_init(it, -1));
    CODE(PSHARED_ECOUNT, pshared_semaphore_init(it, (int64_t)PSHARED_SEMAPHORE_MAX + 1));
    EQUAL(1, value_of(it));
    CODE(PSHARED_ECOUNT, pshared_semaphore_release(it, -1, PSHARED_SEMAPHORE_MAX));
    CODE(PSHARED_EINVAL, pshared_semaphore_release(it, 1, (uint32_t)PSHARED_SEMAPHORE_MAX + 1));
    CODE(PSHARED_EOVERFLOW, pshared_semaphore_release(it, INT64_MAX, PSHARED_SEMAPHORE_MAX));
    CODE(PSHARED_EOVERFLOW, pshared_semaphore_release(it, PSHARED_SEMAPHORE_MAX, PSHARED_SEMAPHORE_MAX));
    EQUAL(1, value_of(it));
    OK(pshared_semaphore_init(it, PSHARED_SEMAPHORE_MAX));
    CODE(PSHARED_EOVERFLOW, pshared_semaphore_release(it, 1, PSHARED_SEMAPHORE_MAX));
}

TEST(semaphore, of_one_permit_takes_no_second) {
    pshared_semaphore_t *const it = semaphore_of(1);
    CODE(PSHARED_EOVERFLOW, pshared_semaphore_release(it, 1, 1));
    OK(acquire(it, PSHARED_NOW));
    CODE(PSHARED_EOVERFLOW, pshared_semaphore_release(it, 2, 1));
    OK(pshared_semaphore_release(it, 1, 1));
    EQUAL(1, value_of(it));
}

TEST(semaphore, refuses_null_pointers) {
    pshared_semaphore_t *const it = semaphore_of(1);
    int64_t value = -1;
    CODE(PSHARED_EINVAL, pshared_semaphore_init(NULL, 1));
    CODE(PSHARED_EINVAL, pshared_semaphore_acquire(NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_semaphore_release(NULL, 1, 1));
    CODE(PSHARED_EINVAL, pshared_semaphore_value(NULL, &value));
    CODE(PSHARED_EINVAL, pshared_semaphore_value(it, NULL));
    EQUAL(-1, value);
}

TEST(semaphore, refuses_memory_outside_of_segments) {
    pshared_semaphore_t outside;
    int64_t value = -1;
    OK(pshared_semaphore_init(&outside, 1)); /* only bytes so far */
    CODE(PSHARED_EOUTSIDE, pshared_semaphore_acquire(&outside, PSHARED_NOW));
    CODE(PSHARED_EOUTSIDE, pshared_semaphore_acquire(&outside, PSHARED_NEVER));
    CODE(PSHARED_EOUTSIDE, pshared_semaphore_release(&outside, 1, PSHARED_SEMAPHORE_MAX));
    CODE(PSHARED_EOUTSIDE, pshared_semaphore_release(&outside, 2, PSHARED_SEMAPHORE_MAX));
    CODE(PSHARED_EOUTSIDE, pshared_semaphore_value(&outside, &value));
    EQUAL(-1, value);
}

/* ---- owned_semaphore ------------------------------------------------------------------------------------------- */

enum { capacity = 16 };

static pshared_owned_semaphore_t *owned_semaphore_of(int64_t permits) {
    pshared_owned_semaphore_t *const made =
        object(PSHARED_OWNED_SEMAPHORE_SIZE(capacity), PSHARED_OWNED_SEMAPHORE_ALIGNMENT);
    OK(pshared_owned_semaphore_init(made, permits, capacity));
    return made;
}
static int64_t free_permits(const pshared_owned_semaphore_t *it) {
    int64_t value = -1;
    OK(pshared_owned_semaphore_value(it, capacity, &value));
    return value;
}
static int64_t my_permits(const pshared_owned_semaphore_t *it) {
    int64_t value = -1;
    OK(pshared_owned_semaphore_held(it, capacity, &value));
    return value;
}
static int acquire_owned(void *it, pshared_deadline_t until) {
    return pshared_owned_semaphore_acquire(it, capacity, until);
}
static int release_owned(void *it) { return pshared_owned_semaphore_release(it, capacity, 1); }
static void holds_no_permit(void *it) { EQUAL(0, my_permits(it)); }
static void acquire_and_release_owned(void *it) {
    OK(acquire_owned(it, PSHARED_NEVER));
    EQUAL(1, my_permits(it));
    OK(release_owned(it));
}
static struct lock permit_of(pshared_owned_semaphore_t *it) {
    const struct lock made = {acquire_owned, release_owned, it};
    return made;
}

TEST(owned_semaphore, gives_permits_to_those_who_take_them) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(3);
    EQUAL(3, free_permits(it));
    EQUAL(0, my_permits(it));
    OK(acquire_owned(it, PSHARED_NOW));
    OK(acquire_owned(it, PSHARED_NEVER));
    EQUAL(1, free_permits(it));
    EQUAL(2, my_permits(it));
    elsewhere(acquire_and_release_owned, it);
    CODE(PSHARED_ENOTOWNER, pshared_owned_semaphore_release(it, capacity, 3));
    EQUAL(2, my_permits(it));
    OK(pshared_owned_semaphore_release(it, capacity, 0));
    OK(pshared_owned_semaphore_release(it, capacity, 2));
    holds_no_permit(it);
    CODE(PSHARED_ENOTOWNER, release_owned(it));
    EQUAL(3, free_permits(it));
}

TEST(owned_semaphore, gets_the_permit_of_the_dead_back) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(1);
    struct holder owner = hold_elsewhere(permit_of(it));
    pid_t waiter;
    CODE(PSHARED_ETIMEDOUT, acquire_owned(it, PSHARED_NOW));
    waiter = start(acquire_and_release_owned, it);
    AWAIT(is_asleep(waiter));
    kill_now(owner.pid);
    finish(waiter);
    OK(acquire_owned(it, PSHARED_NEVER));
}

TEST(owned_semaphore, acquire_ends_at_its_deadline) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(1);
    struct holder owner = hold_elsewhere(permit_of(it));
    const struct waiting waiting = {acquire_owned, it, NULL, holds_no_permit};
    ends_at_its_deadline(waiting);
    let_go(&owner);
}

TEST(owned_semaphore, acquire_ends_for_a_signal_having_acquired_nothing) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(1);
    struct holder owner = hold_elsewhere(permit_of(it));
    const struct waiting waiting = {acquire_owned, it, NULL, holds_no_permit};
    ends_for_a_signal(waiting);
    let_go(&owner);
    EQUAL(1, free_permits(it));
}

TEST(owned_semaphore, refuses_to_wait_for_its_own_permits) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(1);
    OK(acquire_owned(it, PSHARED_NEVER));
    CODE(PSHARED_EDEADLK, acquire_owned(it, PSHARED_NEVER));
}

TEST(owned_semaphore, refuses_counts_that_cannot_be) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(2);
    int64_t value = -1;
    CODE(PSHARED_ECOUNT, pshared_owned_semaphore_init(it, 0, capacity));
    CODE(PSHARED_ECOUNT, pshared_owned_semaphore_init(it, -1, capacity));
    CODE(PSHARED_ECOUNT, pshared_owned_semaphore_init(it, capacity + 1, capacity));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_init(it, 1, 0));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_init(it, 1, 4097));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_acquire(it, 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_release(it, 4097, 1));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_value(it, 0, &value));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_held(it, 0, &value));
    CODE(PSHARED_ECOUNT, pshared_owned_semaphore_release(it, capacity, -1));
    EQUAL(-1, value);
    EQUAL(2, free_permits(it));
}

TEST(owned_semaphore, refuses_memory_that_is_not_aligned) {
    char *const bytes = object(PSHARED_OWNED_SEMAPHORE_SIZE(capacity) + 64, PSHARED_OWNED_SEMAPHORE_ALIGNMENT);
    void *const beside = bytes + 8;
    int64_t value;
    CODE(PSHARED_EALIGNMENT, pshared_owned_semaphore_init(beside, 1, capacity));
    CODE(PSHARED_EALIGNMENT, pshared_owned_semaphore_acquire(beside, capacity, PSHARED_NOW));
    CODE(PSHARED_EALIGNMENT, pshared_owned_semaphore_release(beside, capacity, 1));
    CODE(PSHARED_EALIGNMENT, pshared_owned_semaphore_value(beside, capacity, &value));
    CODE(PSHARED_EALIGNMENT, pshared_owned_semaphore_held(beside, capacity, &value));
}

TEST(owned_semaphore, refuses_null_pointers) {
    pshared_owned_semaphore_t *const it = owned_semaphore_of(1);
    int64_t value;
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_init(NULL, 1, capacity));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_acquire(NULL, capacity, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_release(NULL, capacity, 1));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_value(NULL, capacity, &value));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_value(it, capacity, NULL));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_held(NULL, capacity, &value));
    CODE(PSHARED_EINVAL, pshared_owned_semaphore_held(it, capacity, NULL));
}

TEST(owned_semaphore, refuses_memory_outside_of_segments) {
    static _Alignas(PSHARED_OWNED_SEMAPHORE_ALIGNMENT) char bytes[PSHARED_OWNED_SEMAPHORE_SIZE(capacity)];
    void *const outside = bytes;
    int64_t value;
    OK(pshared_owned_semaphore_init(outside, 1, capacity)); /* only bytes so far */
    CODE(PSHARED_EOUTSIDE, pshared_owned_semaphore_acquire(outside, capacity, PSHARED_NEVER));
    CODE(PSHARED_EOUTSIDE, pshared_owned_semaphore_release(outside, capacity, 1));
    CODE(PSHARED_EOUTSIDE, pshared_owned_semaphore_value(outside, capacity, &value));
    CODE(PSHARED_EOUTSIDE, pshared_owned_semaphore_held(outside, capacity, &value));
}

TEST(owned_semaphore, of_any_capacity_fits_into_its_size) {
    const uint32_t most = 4096;
    const size_t size = PSHARED_OWNED_SEMAPHORE_SIZE(most);
    pshared_owned_semaphore_t *const it = object(size, PSHARED_OWNED_SEMAPHORE_ALIGNMENT);
    int64_t value;
    memset((void *)it, 0xff, size); /* whatever was there */
    OK(pshared_owned_semaphore_init(it, most, most));
    OK(pshared_owned_semaphore_value(it, most, &value));
    EQUAL(most, value);
    OK(pshared_owned_semaphore_acquire(it, most, PSHARED_NEVER));
    OK(pshared_owned_semaphore_held(it, most, &value));
    EQUAL(1, value);
    OK(pshared_owned_semaphore_release(it, most, 1));
}
