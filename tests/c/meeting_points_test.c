/* SPDX-License-Identifier: MIT */
/* barrier, latch, event and once. */
#include "harness.h"

#include <string.h>
#include <sys/types.h>

/* ---- barrier --------------------------------------------------------------------------------------------------- */

enum { max = 64 };

static pshared_barrier_t *barrier_of(int64_t expected) {
    pshared_barrier_t *const made = object(PSHARED_BARRIER_SIZE(max), 8);
    OK(pshared_barrier_init(made, expected, max));
    return made;
}
static int64_t expected_by(const pshared_barrier_t *barrier) {
    int64_t expected = -1;
    OK(pshared_barrier_expected(barrier, &expected));
    return expected;
}
static int is_broken(const pshared_barrier_t *barrier) {
    int broken = -1;
    OK(pshared_barrier_is_broken(barrier, &broken));
    return broken;
}
static int arrive_and_wait(void *it, pshared_deadline_t until) {
    uint32_t turn;
    const int code = pshared_barrier_arrive(it, max, &turn);
    return code != PSHARED_OK ? code : pshared_barrier_wait(it, max, turn, until);
}
static void join(void *it) { OK(pshared_barrier_join(it, max)); }
static void join_and_march_twice(void *it) {
    join(it);
    OK(arrive_and_wait(it, PSHARED_NEVER));
    OK(arrive_and_wait(it, PSHARED_NEVER));
    OK(pshared_barrier_arrive_and_drop(it, max));
}

TEST(barrier, lets_all_pass_when_all_have_arrived) {
    pshared_barrier_t *const it = barrier_of(2);
    uint32_t turn;
    pid_t other;
    EQUAL(2, expected_by(it));
    join(it);
    join(it); /* once is enough */
    other = start(join_and_march_twice, it);
    OK(pshared_barrier_arrive(it, max, &turn));
    OK(pshared_barrier_wait(it, max, turn, PSHARED_NEVER));
    OK(pshared_barrier_wait(it, max, turn, PSHARED_NOW)); /* it stays over */
    OK(arrive_and_wait(it, PSHARED_NEVER));
    finish(other);
    EQUAL(1, expected_by(it));
    OK(arrive_and_wait(it, PSHARED_NOW));
    EQUAL(0, is_broken(it));
}

/* The turn that is waited for; its arrival stands whatever ends a wait. */
struct march {
    pshared_barrier_t *it;
    uint32_t turn;
};
static void join_and_arrive(void *context) {
    struct march *const march = context;
    join(march->it);
    OK(pshared_barrier_arrive(march->it, max, &march->turn));
}
static int wait_for_turn(void *context, pshared_deadline_t until) {
    const struct march *const march = context;
    return pshared_barrier_wait(march->it, max, march->turn, until);
}
static void march_alone_now(void *context) {
    const struct march *const march = context;
    EQUAL(0, is_broken(march->it));
}

TEST(barrier, wait_ends_at_its_deadline_and_the_arrival_stands) {
    struct march march = {barrier_of(2), 0};
    const struct waiting waiting = {wait_for_turn, &march, join_and_arrive, march_alone_now};
    pid_t other;
    ends_at_its_deadline(waiting);
    other = start(join_and_march_twice, march.it);
    OK(wait_for_turn(&march, PSHARED_NEVER));
    OK(arrive_and_wait(march.it, PSHARED_NEVER));
    finish(other);
}

static void join_and_pass_once(void *it) {
    join(it);
    OK(arrive_and_wait(it, PSHARED_NEVER));
}
static void is_let_pass_later(void *context) {
    const struct march *const march = context;
    const pid_t other = start(join_and_pass_once, march->it);
    OK(wait_for_turn(context, PSHARED_NEVER));
    finish(other);
}
TEST(barrier, wait_ends_for_a_signal_and_the_arrival_stands) {
    struct march march = {barrier_of(2), 0};
    const struct waiting waiting = {wait_for_turn, &march, join_and_arrive, is_let_pass_later};
    ends_for_a_signal(waiting);
}

static int join_as_lock(void *it, pshared_deadline_t until) {
    (void)until;
    return pshared_barrier_join(it, max);
}
static int drop_as_unlock(void *it) { return pshared_barrier_arrive_and_drop(it, max); }

TEST(barrier, tells_all_that_a_member_died_until_it_is_reset) {
    pshared_barrier_t *const it = barrier_of(2);
    const struct lock membership = {join_as_lock, drop_as_unlock, it};
    struct holder member = hold_elsewhere(membership);
    struct march march = {it, 0};
    pshared_death_t who;
    join_and_arrive(&march);
    kill_now(member.pid);
    CODE(PSHARED_EMEMBERDEAD, wait_for_turn(&march, PSHARED_NEVER));
    pshared_last_death(&who);
    EQUAL(member.pid, who.process);
    EQUAL(member.pid, who.thread);
    EQUAL(0, strcmp(holder_name, who.thread_name));
    EQUAL(1, is_broken(it));
    CODE(PSHARED_EMEMBERDEAD, pshared_barrier_join(it, max));
    CODE(PSHARED_EMEMBERDEAD, pshared_barrier_arrive(it, max, &march.turn));
    CODE(PSHARED_EMEMBERDEAD, pshared_barrier_arrive_and_drop(it, max));
    OK(pshared_barrier_reset(it, max, 0));
    EQUAL(0, is_broken(it));
    EQUAL(2, expected_by(it));
    member = hold_elsewhere(membership); /* in its place */
    kill_now(member.pid);
    CODE(PSHARED_EMEMBERDEAD, arrive_and_wait(it, PSHARED_NEVER));
    CODE(PSHARED_ECOUNT, pshared_barrier_reset(it, max, -1));
    CODE(PSHARED_ECOUNT, pshared_barrier_reset(it, max, max + 1));
    OK(pshared_barrier_reset(it, max, 1));
    OK(arrive_and_wait(it, PSHARED_NEVER));
}

static void arrive_as_a_stranger(void *it) {
    uint32_t turn = 77;
    CODE(PSHARED_ENOTMEMBER, pshared_barrier_arrive(it, max, &turn));
    EQUAL(77, turn);
    CODE(PSHARED_ENOTMEMBER, pshared_barrier_arrive_and_drop(it, max));
    CODE(PSHARED_EBARRIERFULL, pshared_barrier_join(it, max));
}
TEST(barrier, is_for_its_members) {
    pshared_barrier_t *const it = barrier_of(1);
    join(it);
    elsewhere(arrive_as_a_stranger, it);
    CODE(PSHARED_EBUSY, pshared_barrier_reset(it, max, 2)); /* it is sound */
    OK(pshared_barrier_reset(it, max, 0));
    OK(pshared_barrier_reset(it, max, 1));
}

TEST(barrier, refuses_numbers_that_cannot_be) {
    pshared_barrier_t *const it = barrier_of(2);
    uint32_t turn;
    CODE(PSHARED_ECOUNT, pshared_barrier_init(it, 0, max));
    CODE(PSHARED_ECOUNT, pshared_barrier_init(it, max + 1, max));
    CODE(PSHARED_EINVAL, pshared_barrier_init(it, 1, 0));
    CODE(PSHARED_EINVAL, pshared_barrier_init(it, 1, 65001));
    CODE(PSHARED_EINVAL, pshared_barrier_join(it, 0));
    CODE(PSHARED_EINVAL, pshared_barrier_arrive(it, 65001, &turn));
    CODE(PSHARED_EINVAL, pshared_barrier_wait(it, 0, 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_barrier_arrive_and_drop(it, 0));
    CODE(PSHARED_EINVAL, pshared_barrier_reset(it, 0, 0));
    EQUAL(2, expected_by(it));
}

TEST(barrier, refuses_null_pointers) {
    pshared_barrier_t *const it = barrier_of(1);
    uint32_t turn;
    int64_t expected;
    int broken;
    CODE(PSHARED_EINVAL, pshared_barrier_init(NULL, 1, max));
    CODE(PSHARED_EINVAL, pshared_barrier_join(NULL, max));
    CODE(PSHARED_EINVAL, pshared_barrier_arrive(NULL, max, &turn));
    CODE(PSHARED_EINVAL, pshared_barrier_arrive(it, max, NULL));
    CODE(PSHARED_EINVAL, pshared_barrier_wait(NULL, max, 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_barrier_arrive_and_drop(NULL, max));
    CODE(PSHARED_EINVAL, pshared_barrier_reset(NULL, max, 0));
    CODE(PSHARED_EINVAL, pshared_barrier_expected(NULL, &expected));
    CODE(PSHARED_EINVAL, pshared_barrier_expected(it, NULL));
    CODE(PSHARED_EINVAL, pshared_barrier_is_broken(NULL, &broken));
    CODE(PSHARED_EINVAL, pshared_barrier_is_broken(it, NULL));
}

TEST(barrier, refuses_memory_outside_of_segments) {
    static uint64_t bytes[PSHARED_BARRIER_SIZE(max) / 8];
    pshared_barrier_t *const outside = (pshared_barrier_t *)bytes;
    uint32_t turn;
    int64_t expected;
    int broken;
    OK(pshared_barrier_init(outside, 1, max)); /* only bytes so far */
    CODE(PSHARED_EOUTSIDE, pshared_barrier_join(outside, max));
    CODE(PSHARED_EOUTSIDE, pshared_barrier_arrive(outside, max, &turn));
    CODE(PSHARED_EOUTSIDE, pshared_barrier_wait(outside, max, 0, PSHARED_NEVER));
    CODE(PSHARED_EOUTSIDE, pshared_barrier_arrive_and_drop(outside, max));
    CODE(PSHARED_EOUTSIDE, pshared_barrier_reset(outside, max, 0));
    CODE(PSHARED_EOUTSIDE, pshared_barrier_expected(outside, &expected));
    CODE(PSHARED_EOUTSIDE, pshared_barrier_is_broken(outside, &broken));
}

/* ---- latch ----------------------------------------------------------------------------------------------------- */

static pshared_latch_t *latch_of(int64_t count) {
    pshared_latch_t *const made = object(sizeof *made, 4);
    OK(pshared_latch_init(made, count));
    return made;
}
static int wait_for_latch(void *it, pshared_deadline_t until) { return pshared_latch_wait(it, until); }
static void pass_latch(void *it) { OK(wait_for_latch(it, PSHARED_NEVER)); }

TEST(latch, opens_when_all_have_counted_down) {
    pshared_latch_t *const it = latch_of(3);
    const pid_t waiter = start(pass_latch, it);
    AWAIT(is_asleep(waiter));
    OK(pshared_latch_count_down(it, 1));
    OK(pshared_latch_count_down(it, 0));
    CODE(PSHARED_ETIMEDOUT, wait_for_latch(it, PSHARED_NOW));
    OK(pshared_latch_count_down(it, 2));
    finish(waiter);
    OK(wait_for_latch(it, PSHARED_NOW));
    OK(wait_for_latch(latch_of(0), PSHARED_NEVER));
}

TEST(latch, wait_ends_at_its_deadline) {
    const struct waiting waiting = {wait_for_latch, latch_of(1), NULL, NULL};
    ends_at_its_deadline(waiting);
}

TEST(latch, wait_ends_for_a_signal) {
    const struct waiting waiting = {wait_for_latch, latch_of(1), NULL, NULL};
    ends_for_a_signal(waiting);
}

TEST(latch, refuses_what_cannot_be) {
    pshared_latch_t *const it = latch_of(1);
    pshared_latch_t outside = {{0}};
    CODE(PSHARED_ECOUNT, pshared_latch_init(it, -1));
    CODE(PSHARED_ECOUNT, pshared_latch_init(it, INT64_MAX));
    CODE(PSHARED_ECOUNT, pshared_latch_count_down(it, 2));
    CODE(PSHARED_ECOUNT, pshared_latch_count_down(it, -1));
    CODE(PSHARED_ETIMEDOUT, wait_for_latch(it, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_latch_init(NULL, 1));
    CODE(PSHARED_EINVAL, pshared_latch_count_down(NULL, 1));
    CODE(PSHARED_EINVAL, pshared_latch_wait(NULL, PSHARED_NOW));
    OK(pshared_latch_init(&outside, 1));
    CODE(PSHARED_EOUTSIDE, pshared_latch_count_down(&outside, 1));
    CODE(PSHARED_EOUTSIDE, pshared_latch_wait(&outside, PSHARED_NEVER));
}

/* ---- event ----------------------------------------------------------------------------------------------------- */

static pshared_event_t *event_of(int automatic, int is_set) {
    pshared_event_t *const made = object(sizeof *made, 4);
    OK(pshared_event_init(made, automatic, is_set));
    return made;
}
static int wait_for_event(void *it, pshared_deadline_t until) { return pshared_event_wait(it, until); }
static void pass_event(void *it) { OK(wait_for_event(it, PSHARED_NEVER)); }
static int event_is_set(const pshared_event_t *it) {
    int set = -1;
    OK(pshared_event_is_set(it, &set));
    return set;
}

TEST(event, lets_all_pass_until_it_is_reset) {
    pshared_event_t *const it = event_of(0, 0);
    const pid_t one = start(pass_event, it);
    const pid_t other = start(pass_event, it);
    AWAIT(is_asleep(one));
    AWAIT(is_asleep(other));
    EQUAL(0, event_is_set(it));
    OK(pshared_event_set(it));
    finish(one);
    finish(other);
    EQUAL(1, event_is_set(it));
    OK(wait_for_event(it, PSHARED_NOW));
    OK(pshared_event_reset(it));
    CODE(PSHARED_ETIMEDOUT, wait_for_event(it, PSHARED_NOW));
}

TEST(event, lets_one_pass_if_automatic) {
    pshared_event_t *const it = event_of(1, 1);
    pid_t waiter;
    OK(wait_for_event(it, PSHARED_NEVER));
    EQUAL(0, event_is_set(it));
    CODE(PSHARED_ETIMEDOUT, wait_for_event(it, PSHARED_NOW));
    waiter = start(pass_event, it);
    AWAIT(is_asleep(waiter));
    OK(pshared_event_set(it));
    finish(waiter);
    EQUAL(0, event_is_set(it));
}

TEST(event, wait_ends_at_its_deadline) {
    const struct waiting waiting = {wait_for_event, event_of(0, 0), NULL, NULL};
    ends_at_its_deadline(waiting);
}

TEST(event, wait_ends_for_a_signal) {
    const struct waiting waiting = {wait_for_event, event_of(1, 0), NULL, NULL};
    ends_for_a_signal(waiting);
}

TEST(event, refuses_what_cannot_be) {
    pshared_event_t *const it = event_of(0, 1);
    pshared_event_t outside;
    int set;
    CODE(PSHARED_EINVAL, pshared_event_init(NULL, 0, 0));
    CODE(PSHARED_EINVAL, pshared_event_set(NULL));
    CODE(PSHARED_EINVAL, pshared_event_reset(NULL));
    CODE(PSHARED_EINVAL, pshared_event_is_set(NULL, &set));
    CODE(PSHARED_EINVAL, pshared_event_is_set(it, NULL));
    CODE(PSHARED_EINVAL, pshared_event_wait(NULL, PSHARED_NOW));
    OK(pshared_event_init(&outside, 0, 1));
    CODE(PSHARED_EOUTSIDE, pshared_event_set(&outside));
    CODE(PSHARED_EOUTSIDE, pshared_event_reset(&outside));
    CODE(PSHARED_EOUTSIDE, pshared_event_is_set(&outside, &set));
    CODE(PSHARED_EOUTSIDE, pshared_event_wait(&outside, PSHARED_NEVER));
}

/* ---- once ------------------------------------------------------------------------------------------------------ */

static int is_done(const pshared_once_t *it) {
    int done = -1;
    OK(pshared_once_is_done(it, &done));
    return done;
}
static int begins(pshared_once_t *it) {
    int mine = -1;
    OK(pshared_once_begin(it, &mine));
    return mine;
}
static int begin_as_lock(void *it, pshared_deadline_t until) {
    (void)until;
    EQUAL(1, begins(it));
    return PSHARED_OK;
}
static int finish_as_unlock(void *it) { return pshared_once_finish(it); }
static void find_it_done(void *it) { EQUAL(0, begins(it)); }

TEST(once, is_done_once) {
    pshared_once_t *const it = object(sizeof *it, 8);
    pid_t waiter;
    EQUAL(0, is_done(it));
    EQUAL(1, begins(it));
    EQUAL(0, is_done(it));
    waiter = start(find_it_done, it);
    AWAIT(is_asleep(waiter));
    OK(pshared_once_finish(it));
    finish(waiter);
    EQUAL(1, is_done(it));
    find_it_done(it);
}

TEST(once, is_begun_anew_by_the_next_one_when_its_doer_dies_or_gives_up) {
    pshared_once_t *const it = object(sizeof *it, 8);
    const struct lock doing = {begin_as_lock, finish_as_unlock, it};
    struct holder doer = hold_elsewhere(doing);
    kill_now(doer.pid);
    EQUAL(0, is_done(it));
    EQUAL(1, begins(it));
    OK(pshared_once_give_up(it));
    EQUAL(0, is_done(it));
    doer = hold_elsewhere(doing);
    let_go(&doer);
    EQUAL(1, is_done(it));
}

static void finish_as_a_stranger(void *it) {
    CODE(PSHARED_ENOTOWNER, pshared_once_finish(it));
    CODE(PSHARED_ENOTOWNER, pshared_once_give_up(it));
    EQUAL(0, is_done(it));
}
TEST(once, is_finished_by_who_began_it) {
    pshared_once_t *const it = object(sizeof *it, 8);
    const struct lock doing = {begin_as_lock, finish_as_unlock, it};
    struct holder doer;
    int mine = -1;
    finish_as_a_stranger(it);
    doer = hold_elsewhere(doing);
    finish_as_a_stranger(it);
    let_go(&doer);
    EQUAL(1, is_done(it));
    CODE(PSHARED_ENOTOWNER, pshared_once_finish(it));
    memset((void *)it, 0, sizeof *it);
    EQUAL(1, begins(it));
    CODE(PSHARED_EDEADLK, pshared_once_begin(it, &mine));
    EQUAL(-1, mine);
}

static void finish_for_the_parent(void *it) {
    OK(pshared_once_finish(it)); /* nothing happens */
    OK(pshared_once_give_up(it));
    EQUAL(0, is_done(it));
}
TEST(once, is_not_finished_by_a_forked_child) {
    pshared_once_t *const it = object(sizeof *it, 8);
    EQUAL(1, begins(it));
    elsewhere(finish_for_the_parent, it);
    EQUAL(0, is_done(it));
    OK(pshared_once_finish(it));
}

TEST(once, refuses_what_cannot_be) {
    pshared_once_t *const it = object(sizeof *it, 8);
    pshared_once_t outside = {{0, 0}};
    int answer = -1;
    CODE(PSHARED_EINVAL, pshared_once_begin(NULL, &answer));
    CODE(PSHARED_EINVAL, pshared_once_begin(it, NULL));
    CODE(PSHARED_EINVAL, pshared_once_finish(NULL));
    CODE(PSHARED_EINVAL, pshared_once_give_up(NULL));
    CODE(PSHARED_EINVAL, pshared_once_is_done(NULL, &answer));
    CODE(PSHARED_EINVAL, pshared_once_is_done(it, NULL));
    CODE(PSHARED_EOUTSIDE, pshared_once_begin(&outside, &answer));
    CODE(PSHARED_EOUTSIDE, pshared_once_finish(&outside));
    CODE(PSHARED_EOUTSIDE, pshared_once_give_up(&outside));
    EQUAL(0, is_done(&outside));
    EQUAL(-1, answer);
}
