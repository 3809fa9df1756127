/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <sys/types.h>

struct table {
    pshared_condition_variable_t *changed;
    pshared_mutex_t *guard;
    pshared_monitor_t *monitor;
    int served; /* under either */
};

static struct table *new_table(void) {
    struct table *const made = scratch(sizeof *made);
    made->changed = object(sizeof *made->changed, 4);
    made->guard = object(sizeof *made->guard, 8);
    made->monitor = object(sizeof *made->monitor, 8);
    return made;
}

/* ---- With a mutex ---------------------------------------------------------------------------------------------- */

static void lock(void *context) {
    const struct table *const table = context;
    OK(pshared_mutex_lock(table->guard, PSHARED_NEVER));
}
static int wait(void *context, pshared_deadline_t until) {
    const struct table *const table = context;
    return pshared_condition_variable_wait(table->changed, table->guard, until);
}
static void is_held(void *context) {
    const struct table *const table = context;
    EQUAL(1, pshared_mutex_is_mine(table->guard));
    OK(pshared_mutex_unlock(table->guard));
}

static void be_served(void *context) {
    struct table *const table = context;
    lock(table);
    OK(wait(table, PSHARED_NEVER));
    ++table->served;
    is_held(table);
}

TEST(condition_variable, notify_one_ends_a_wait) {
    struct table *const table = new_table();
    const pid_t waiter = start(be_served, table);
    AWAIT(is_asleep(waiter));
    lock(table);
    OK(pshared_condition_variable_notify_one(table->changed));
    OK(pshared_mutex_unlock(table->guard));
    finish(waiter);
    EQUAL(1, table->served);
}

TEST(condition_variable, notify_all_ends_all_waits) {
    struct table *const table = new_table();
    pid_t waiters[3];
    int i;
    for (i = 0; i < 3; ++i) waiters[i] = start(be_served, table);
    for (i = 0; i < 3; ++i) AWAIT(is_asleep(waiters[i]));
    lock(table);
    OK(pshared_condition_variable_notify_all(table->changed));
    OK(pshared_mutex_unlock(table->guard));
    for (i = 0; i < 3; ++i) finish(waiters[i]);
    EQUAL(3, table->served);
}

TEST(condition_variable, wait_ends_at_its_deadline_holding_the_mutex) {
    const struct waiting waiting = {wait, new_table(), lock, is_held};
    ends_at_its_deadline(waiting);
}

TEST(condition_variable, wait_ends_for_a_signal_holding_the_mutex) {
    const struct waiting waiting = {wait, new_table(), lock, is_held};
    ends_for_a_signal(waiting);
}

static int lock_mutex(void *it, pshared_deadline_t until) { return pshared_mutex_lock(it, until); }
static int unlock_mutex(void *it) { return pshared_mutex_unlock(it); }

TEST(condition_variable, wait_needs_the_mutex) {
    struct table *const table = new_table();
    const struct lock guard = {lock_mutex, unlock_mutex, table->guard};
    pshared_mutex_t outside = {{0}};
    struct holder other;
    CODE(PSHARED_ENOTOWNER, wait(table, PSHARED_NEVER));
    other = hold_elsewhere(guard);
    CODE(PSHARED_ENOTOWNER, wait(table, PSHARED_NEVER));
    let_go(&other);
    CODE(PSHARED_EOUTSIDE, pshared_condition_variable_wait(table->changed, &outside, PSHARED_NEVER));
}

static void be_told_of_a_death(void *context) {
    const struct table *const table = context;
    pshared_death_t who;
    lock(context);
    CODE(PSHARED_EOWNERDEAD, wait(context, PSHARED_NEVER));
    EQUAL(1, pshared_mutex_is_mine(table->guard));
    pshared_last_death(&who);
    CHECK(who.process != 0);
    OK(pshared_mutex_consistent(table->guard));
    is_held(context);
}
TEST(condition_variable, wait_is_told_that_the_mutex_was_abandoned_and_holds_it) {
    struct table *const table = new_table();
    const struct lock guard = {lock_mutex, unlock_mutex, table->guard};
    const pid_t waiter = start(be_told_of_a_death, table);
    struct holder owner;
    AWAIT(is_asleep(waiter));
    owner = hold_elsewhere(guard);
    OK(pshared_condition_variable_notify_one(table->changed));
    kill_now(owner.pid);
    finish(waiter);
    lock(table);
    OK(pshared_mutex_unlock(table->guard));
}

/* ---- With a monitor -------------------------------------------------------------------------------------------- */

static void enter_twice(void *context) {
    const struct table *const table = context;
    OK(pshared_monitor_lock(table->monitor, PSHARED_NEVER));
    OK(pshared_monitor_lock(table->monitor, PSHARED_NEVER));
}
static int wait_inside(void *context, pshared_deadline_t until) {
    const struct table *const table = context;
    return pshared_condition_variable_wait_monitor(table->changed, table->monitor, until);
}
static void is_inside_twice(void *context) {
    const struct table *const table = context;
    EQUAL(2, pshared_monitor_depth(table->monitor));
    OK(pshared_monitor_unlock(table->monitor));
    OK(pshared_monitor_unlock(table->monitor));
}
static void be_served_inside(void *context) {
    enter_twice(context);
    OK(wait_inside(context, PSHARED_NEVER));
    is_inside_twice(context);
}

TEST(condition_variable, wait_leaves_a_monitor_and_comes_back_at_its_depth) {
    struct table *const table = new_table();
    pid_t waiter;
    CODE(PSHARED_ENOTOWNER, wait_inside(table, PSHARED_NEVER));
    waiter = start(be_served_inside, table);
    AWAIT(is_asleep(waiter));
    enter_twice(table);
    OK(pshared_condition_variable_notify_one(table->changed));
    is_inside_twice(table);
    finish(waiter);
}

TEST(condition_variable, wait_in_a_monitor_ends_at_its_deadline_inside) {
    const struct waiting waiting = {wait_inside, new_table(), enter_twice, is_inside_twice};
    ends_at_its_deadline(waiting);
}

TEST(condition_variable, wait_in_a_monitor_ends_for_a_signal_inside) {
    const struct waiting waiting = {wait_inside, new_table(), enter_twice, is_inside_twice};
    ends_for_a_signal(waiting);
}

static int lock_monitor(void *it, pshared_deadline_t until) { return pshared_monitor_lock(it, until); }
static int unlock_monitor(void *it) { return pshared_monitor_unlock(it); }
static void be_told_inside(void *context) {
    const struct table *const table = context;
    enter_twice(context);
    CODE(PSHARED_EOWNERDEAD, wait_inside(context, PSHARED_NEVER));
    OK(pshared_monitor_consistent(table->monitor));
    is_inside_twice(context);
}
TEST(condition_variable, wait_in_a_monitor_is_told_that_it_was_abandoned_and_is_inside) {
    struct table *const table = new_table();
    const struct lock guard = {lock_monitor, unlock_monitor, table->monitor};
    const pid_t waiter = start(be_told_inside, table);
    struct holder owner;
    AWAIT(is_asleep(waiter));
    owner = hold_elsewhere(guard);
    OK(pshared_condition_variable_notify_all(table->changed));
    kill_now(owner.pid);
    finish(waiter);
}

/* ---- In parts, for any lock ------------------------------------------------------------------------------------ */

static int prepare_and_sleep(void *context, pshared_deadline_t until) {
    const struct table *const table = context;
    uint32_t prepared;
    OK(pshared_condition_variable_prepare(table->changed, &prepared));
    return pshared_condition_variable_sleep(table->changed, prepared, until);
}
static void sleep_until_notified(void *context) { OK(prepare_and_sleep(context, PSHARED_NEVER)); }

TEST(condition_variable, sleep_ends_when_notified) {
    struct table *const table = new_table();
    const pid_t waiter = start(sleep_until_notified, table);
    AWAIT(is_asleep(waiter));
    OK(pshared_condition_variable_notify_one(table->changed));
    finish(waiter);
}

TEST(condition_variable, sleep_does_not_miss_what_came_since_it_was_prepared) {
    struct table *const table = new_table();
    uint32_t prepared;
    OK(pshared_condition_variable_prepare(table->changed, &prepared));
    OK(pshared_condition_variable_notify_all(table->changed));
    OK(pshared_condition_variable_sleep(table->changed, prepared, PSHARED_NEVER));
}

TEST(condition_variable, sleep_ends_at_its_deadline) {
    const struct waiting waiting = {prepare_and_sleep, new_table(), NULL, NULL};
    ends_at_its_deadline(waiting);
}

TEST(condition_variable, sleep_ends_for_a_signal) {
    const struct waiting waiting = {prepare_and_sleep, new_table(), NULL, NULL};
    ends_for_a_signal(waiting);
}

TEST(condition_variable, refuses_null_pointers) {
    struct table *const table = new_table();
    uint32_t prepared;
    CODE(PSHARED_EINVAL, pshared_condition_variable_wait(NULL, table->guard, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_condition_variable_wait(table->changed, NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_condition_variable_wait_monitor(NULL, table->monitor, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_condition_variable_wait_monitor(table->changed, NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_condition_variable_notify_one(NULL));
    CODE(PSHARED_EINVAL, pshared_condition_variable_notify_all(NULL));
    CODE(PSHARED_EINVAL, pshared_condition_variable_prepare(NULL, &prepared));
    CODE(PSHARED_EINVAL, pshared_condition_variable_prepare(table->changed, NULL));
    CODE(PSHARED_EINVAL, pshared_condition_variable_sleep(NULL, 0, PSHARED_NOW));
}

TEST(condition_variable, refuses_memory_outside_of_segments) {
    struct table *const table = new_table();
    pshared_condition_variable_t outside = {{0}};
    pshared_monitor_t monitor_outside = {{0, 0, 0}};
    uint32_t prepared = 0;
    CODE(PSHARED_EOUTSIDE, pshared_condition_variable_notify_one(&outside));
    CODE(PSHARED_EOUTSIDE, pshared_condition_variable_notify_all(&outside));
    CODE(PSHARED_EOUTSIDE, pshared_condition_variable_prepare(&outside, &prepared));
    CODE(PSHARED_EOUTSIDE, pshared_condition_variable_sleep(&outside, prepared, PSHARED_NEVER));
    CODE(PSHARED_ENOTOWNER, pshared_condition_variable_wait_monitor(table->changed, &monitor_outside, PSHARED_NEVER));
    lock(table);
    CODE(PSHARED_EOUTSIDE, pshared_condition_variable_wait(&outside, table->guard, PSHARED_NEVER));
    is_held(table);
}
