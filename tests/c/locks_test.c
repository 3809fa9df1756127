/* SPDX-License-Identifier: MIT */
/* What mutex, recursive_mutex, checked_mutex, shared_mutex and monitor have in common. */
#include "harness.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* The functions of one kind of lock, for objects that are passed as void pointers. */
struct kind {
    size_t size;
    int (*lock)(void *it, pshared_deadline_t until);
    int (*lock_unless_abandoned)(void *it, pshared_deadline_t until);
    int (*unlock)(void *it);
    int (*consistent)(void *it);
};
#define KIND(name)                                                                                          \
    static int name##_lock(void *it, pshared_deadline_t until) { return pshared_##name##_lock(it, until); } \
    static int name##_lock_unless_abandoned(void *it, pshared_deadline_t until) {                           \
        return pshared_##name##_lock_unless_abandoned(it, until);                                           \
    }                                                                                                       \
    static int name##_unlock(void *it) { return pshared_##name##_unlock(it); }                              \
    static int name##_consistent(void *it) { return pshared_##name##_consistent(it); }                      \
    static const struct kind name = {sizeof(pshared_##name##_t), name##_lock, name##_lock_unless_abandoned, \
                                     name##_unlock, name##_consistent}
KIND(mutex);
KIND(recursive_mutex);
KIND(checked_mutex);
KIND(shared_mutex);
KIND(monitor);

struct stage {
    const struct kind *of;
    void *it;
};

static struct stage stage_of(const struct kind *of) {
    const struct stage made = {of, object(of->size, 8)};
    return made;
}
static struct lock lock_of(struct stage stage) {
    const struct lock made = {stage.of->lock, stage.of->unlock, stage.it};
    return made;
}

/* ---- Parts for children ---------------------------------------------------------------------------------------- */

/* Not asked by an unlock: in a forked child that does nothing, and is no error. */
static void is_not_mine(const struct stage *here) { CODE(PSHARED_ENOTOWNER, here->of->consistent(here->it)); }
static void find_it_locked(void *context) {
    const struct stage *const here = context;
    CODE(PSHARED_ETIMEDOUT, here->of->lock(here->it, PSHARED_NOW));
    CODE(PSHARED_ETIMEDOUT, here->of->lock_unless_abandoned(here->it, PSHARED_NOW));
    is_not_mine(here);
}
static void find_it_free(void *context) {
    const struct stage *const here = context;
    OK(here->of->lock(here->it, PSHARED_NOW));
    OK(here->of->unlock(here->it));
    OK(here->of->lock_unless_abandoned(here->it, PSHARED_NEVER));
    OK(here->of->unlock(here->it));
}
static void find_it_abandoned(void *context) {
    const struct stage *const here = context;
    CODE(PSHARED_EOWNERDEAD, here->of->lock_unless_abandoned(here->it, PSHARED_NEVER));
    is_not_mine(here);
}
static void take_over_and_do_not_repair(void *context) {
    const struct stage *const here = context;
    CODE(PSHARED_EOWNERDEAD, here->of->lock(here->it, PSHARED_NEVER));
    OK(here->of->unlock(here->it));
}

static void died_was(pid_t process, const char *name) {
    pshared_death_t who;
    memset(&who, 0xff, sizeof who);
    pshared_last_death(&who);
    EQUAL(process, who.process);
    EQUAL(process, who.thread); /* its main thread */
    EQUAL(0, strcmp(name, who.thread_name));
}

/* A holder is killed; who it was. */
static pid_t abandon(struct stage here) {
    const struct holder owner = hold_elsewhere(lock_of(here));
    kill_now(owner.pid);
    return owner.pid;
}

/* ---- Sentences ------------------------------------------------------------------------------------------------- */

static void excludes(const struct kind *of) {
    struct stage here = stage_of(of);
    struct holder other;
    elsewhere(find_it_free, &here);
    OK(of->lock(here.it, PSHARED_NEVER));
    elsewhere(find_it_locked, &here);
    OK(of->unlock(here.it));
    OK(of->lock_unless_abandoned(here.it, PSHARED_NOW));
    OK(of->consistent(here.it)); /* of a sound one: nothing happens */
    elsewhere(find_it_locked, &here);
    OK(of->unlock(here.it));
    elsewhere(find_it_free, &here);
    other = hold_elsewhere(lock_of(here));
    find_it_locked(&here);
    CODE(PSHARED_ENOTOWNER, of->unlock(here.it));
    let_go(&other);
    find_it_free(&here);
}

static void ends_by_deadline(const struct kind *of) {
    struct stage here = stage_of(of);
    struct holder other = hold_elsewhere(lock_of(here));
    const struct waiting waits[] = {{of->lock, here.it, NULL, NULL}, {of->lock_unless_abandoned, here.it, NULL, NULL}};
    ends_at_its_deadline(waits[0]);
    ends_at_its_deadline(waits[1]);
    CODE(PSHARED_ENOTOWNER, of->unlock(here.it));
    let_go(&other);
    elsewhere(find_it_free, &here);
}

static const struct kind *interrupted_kind;
static void is_not_held(void *it) { CODE(PSHARED_ENOTOWNER, interrupted_kind->consistent(it)); }
static void ends_by_signal(const struct kind *of) {
    struct stage here = stage_of(of);
    struct holder other = hold_elsewhere(lock_of(here));
    const struct waiting waits[] = {{of->lock, here.it, NULL, is_not_held},
                                    {of->lock_unless_abandoned, here.it, NULL, is_not_held}};
    interrupted_kind = of;
    ends_for_a_signal(waits[0]);
    ends_for_a_signal(waits[1]);
    let_go(&other);
    elsewhere(find_it_free, &here);
}

static void tells_of_death(const struct kind *of) {
    struct stage here = stage_of(of);
    const pid_t dead = abandon(here);
    CODE(PSHARED_EOWNERDEAD, of->lock(here.it, PSHARED_NEVER));
    died_was(dead, holder_name);
    elsewhere(find_it_locked, &here);
    OK(of->consistent(here.it));
    elsewhere(find_it_locked, &here);
    OK(of->unlock(here.it));
    elsewhere(find_it_free, &here);
    find_it_free(&here);
}

static void tells_again(const struct kind *of) {
    struct stage here = stage_of(of);
    abandon(here);
    CODE(PSHARED_EOWNERDEAD, of->lock(here.it, PSHARED_NOW));
    OK(of->unlock(here.it));
    elsewhere(find_it_abandoned, &here);
    elsewhere(take_over_and_do_not_repair, &here);
    elsewhere(find_it_abandoned, &here);
    CODE(PSHARED_EOWNERDEAD, of->lock(here.it, PSHARED_NEVER));
    OK(of->consistent(here.it));
    OK(of->unlock(here.it));
    elsewhere(find_it_free, &here);
}

static void is_not_taken_if_abandoned(const struct kind *of) {
    struct stage here = stage_of(of);
    const pid_t dead = abandon(here);
    int i;
    for (i = 0; i < 2; ++i) {
        pshared_death_t who;
        CODE(PSHARED_EOWNERDEAD, of->lock_unless_abandoned(here.it, i == 0 ? PSHARED_NOW : PSHARED_NEVER));
        died_was(dead, holder_name);
        pshared_last_death(&who);
        CHECK(who.generation != 0);
        CODE(PSHARED_ENOTOWNER, of->unlock(here.it));
        CODE(PSHARED_ENOTOWNER, of->consistent(here.it));
    }
    CODE(PSHARED_EOWNERDEAD, of->lock(here.it, PSHARED_NOW));
    OK(of->consistent(here.it));
    OK(of->unlock(here.it));
    find_it_free(&here);
}

struct sleeper {
    struct stage here;
    pid_t owner;
};
static void is_told(void *context) {
    const struct sleeper *const me = context;
    CODE(PSHARED_EOWNERDEAD, me->here.of->lock(me->here.it, PSHARED_NEVER));
    died_was(me->owner, holder_name);
    OK(me->here.of->consistent(me->here.it));
    OK(me->here.of->unlock(me->here.it));
}
static void wakes_for_death(const struct kind *of) {
    struct sleeper about = {stage_of(of), 0};
    const struct holder owner = hold_elsewhere(lock_of(about.here));
    pid_t waiter;
    about.owner = owner.pid;
    waiter = start(is_told, &about);
    AWAIT(is_asleep(waiter));
    kill_now(owner.pid);
    finish(waiter);
    find_it_free(&about.here);
}

static int lock_to_repair(void *it, pshared_deadline_t until) {
    CODE(PSHARED_EOWNERDEAD, interrupted_kind->lock(it, until));
    return PSHARED_OK;
}
static void repairer_dies(const struct kind *of) {
    struct stage here = stage_of(of);
    struct lock repairing = lock_of(here);
    struct holder repairer;
    abandon(here);
    interrupted_kind = of;
    repairing.lock = lock_to_repair;
    repairer = hold_elsewhere(repairing);
    find_it_locked(&here);
    kill_now(repairer.pid);
    CODE(PSHARED_EOWNERDEAD, of->lock(here.it, PSHARED_NEVER));
    died_was(repairer.pid, holder_name);
    OK(of->consistent(here.it));
    OK(of->unlock(here.it));
    find_it_free(&here);
}

static void refuses_null(const struct kind *of) {
    CODE(PSHARED_EINVAL, of->lock(NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, of->lock_unless_abandoned(NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, of->unlock(NULL));
    CODE(PSHARED_EINVAL, of->consistent(NULL));
}
static void refuses_outside(const struct kind *of) {
    uint64_t bytes[8] = {0};
    CODE(PSHARED_EOUTSIDE, of->lock(bytes, PSHARED_NEVER));
    CODE(PSHARED_EOUTSIDE, of->lock_unless_abandoned(bytes, PSHARED_NOW));
    CODE(PSHARED_EOUTSIDE, of->unlock(bytes));
    CHECK(of->consistent(bytes) != PSHARED_OK);
    EQUAL(0, bytes[0]);
}

TEST(mutex, excludes_other_processes) { excludes(&mutex); }
TEST(mutex, lock_ends_at_its_deadline) { ends_by_deadline(&mutex); }
TEST(mutex, lock_ends_for_a_signal_having_acquired_nothing) { ends_by_signal(&mutex); }
TEST(mutex, next_locker_is_told_when_owner_dies) { tells_of_death(&mutex); }
TEST(mutex, next_one_is_told_again_after_an_unlock_without_repair) { tells_again(&mutex); }
TEST(mutex, unless_abandoned_does_not_hold_what_is_abandoned) { is_not_taken_if_abandoned(&mutex); }
TEST(mutex, sleeper_is_told_when_owner_dies) { wakes_for_death(&mutex); }
TEST(mutex, next_one_is_told_of_a_repairer_that_died) { repairer_dies(&mutex); }
TEST(mutex, refuses_null_pointers) { refuses_null(&mutex); }
TEST(mutex, refuses_memory_outside_of_segments) { refuses_outside(&mutex); }

TEST(recursive_mutex, excludes_other_processes) { excludes(&recursive_mutex); }
TEST(recursive_mutex, lock_ends_at_its_deadline) { ends_by_deadline(&recursive_mutex); }
TEST(recursive_mutex, lock_ends_for_a_signal_having_acquired_nothing) { ends_by_signal(&recursive_mutex); }
TEST(recursive_mutex, next_locker_is_told_when_owner_dies) { tells_of_death(&recursive_mutex); }
TEST(recursive_mutex, next_one_is_told_again_after_an_unlock_without_repair) { tells_again(&recursive_mutex); }
TEST(recursive_mutex, unless_abandoned_does_not_hold_what_is_abandoned) { is_not_taken_if_abandoned(&recursive_mutex); }
TEST(recursive_mutex, sleeper_is_told_when_owner_dies) { wakes_for_death(&recursive_mutex); }
TEST(recursive_mutex, next_one_is_told_of_a_repairer_that_died) { repairer_dies(&recursive_mutex); }
TEST(recursive_mutex, refuses_null_pointers) {
    refuses_null(&recursive_mutex);
    EQUAL(0, pshared_recursive_mutex_depth(NULL));
}
TEST(recursive_mutex, refuses_memory_outside_of_segments) { refuses_outside(&recursive_mutex); }

TEST(checked_mutex, excludes_other_processes) { excludes(&checked_mutex); }
TEST(checked_mutex, lock_ends_at_its_deadline) { ends_by_deadline(&checked_mutex); }
TEST(checked_mutex, lock_ends_for_a_signal_having_acquired_nothing) { ends_by_signal(&checked_mutex); }
TEST(checked_mutex, next_locker_is_told_when_owner_dies) { tells_of_death(&checked_mutex); }
TEST(checked_mutex, next_one_is_told_again_after_an_unlock_without_repair) { tells_again(&checked_mutex); }
TEST(checked_mutex, unless_abandoned_does_not_hold_what_is_abandoned) { is_not_taken_if_abandoned(&checked_mutex); }
TEST(checked_mutex, sleeper_is_told_when_owner_dies) { wakes_for_death(&checked_mutex); }
TEST(checked_mutex, next_one_is_told_of_a_repairer_that_died) { repairer_dies(&checked_mutex); }
TEST(checked_mutex, refuses_null_pointers) { refuses_null(&checked_mutex); }
TEST(checked_mutex, refuses_memory_outside_of_segments) { refuses_outside(&checked_mutex); }

TEST(shared_mutex, excludes_other_processes) { excludes(&shared_mutex); }
TEST(shared_mutex, lock_ends_at_its_deadline) { ends_by_deadline(&shared_mutex); }
TEST(shared_mutex, lock_ends_for_a_signal_having_acquired_nothing) { ends_by_signal(&shared_mutex); }
TEST(shared_mutex, next_locker_is_told_when_owner_dies) { tells_of_death(&shared_mutex); }
TEST(shared_mutex, next_one_is_told_again_after_an_unlock_without_repair) { tells_again(&shared_mutex); }
TEST(shared_mutex, unless_abandoned_does_not_hold_what_is_abandoned) { is_not_taken_if_abandoned(&shared_mutex); }
TEST(shared_mutex, sleeper_is_told_when_owner_dies) { wakes_for_death(&shared_mutex); }
TEST(shared_mutex, next_one_is_told_of_a_repairer_that_died) { repairer_dies(&shared_mutex); }
TEST(shared_mutex, refuses_null_pointers) {
    refuses_null(&shared_mutex);
    CODE(PSHARED_EINVAL, pshared_shared_mutex_lock_shared(NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_shared_mutex_unlock_shared(NULL));
}
TEST(shared_mutex, refuses_memory_outside_of_segments) {
    pshared_shared_mutex_t outside = {{0, 0, 0}};
    refuses_outside(&shared_mutex);
    CODE(PSHARED_EOUTSIDE, pshared_shared_mutex_lock_shared(&outside, PSHARED_NEVER));
    CODE(PSHARED_EOUTSIDE, pshared_shared_mutex_unlock_shared(&outside));
}

TEST(monitor, excludes_other_processes) { excludes(&monitor); }
TEST(monitor, lock_ends_at_its_deadline) { ends_by_deadline(&monitor); }
TEST(monitor, lock_ends_for_a_signal_having_acquired_nothing) { ends_by_signal(&monitor); }
TEST(monitor, next_locker_is_told_when_owner_dies) { tells_of_death(&monitor); }
TEST(monitor, next_one_is_told_again_after_an_unlock_without_repair) { tells_again(&monitor); }
TEST(monitor, unless_abandoned_does_not_hold_what_is_abandoned) { is_not_taken_if_abandoned(&monitor); }
TEST(monitor, sleeper_is_told_when_owner_dies) { wakes_for_death(&monitor); }
TEST(monitor, next_one_is_told_of_a_repairer_that_died) { repairer_dies(&monitor); }
TEST(monitor, refuses_memory_outside_of_segments) { refuses_outside(&monitor); }
TEST(monitor, refuses_null_pointers) {
    pshared_monitor_t *const it = object(sizeof *it, 8);
    uint32_t depth;
    refuses_null(&monitor);
    EQUAL(0, pshared_monitor_depth(NULL));
    EQUAL(0, pshared_monitor_is_locked(NULL));
    CODE(PSHARED_EINVAL, pshared_monitor_unlock_fully(NULL, &depth));
    CODE(PSHARED_EINVAL, pshared_monitor_unlock_fully(it, NULL));
    CODE(PSHARED_EINVAL, pshared_monitor_lock_to_depth(NULL, 1, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_monitor_lock_to_depth(it, 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_monitor_when(NULL, NULL, NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_monitor_when(it, NULL, NULL, PSHARED_NOW));
}

/* ---- mutex ----------------------------------------------------------------------------------------------------- */

TEST(mutex, knows_whether_it_is_locked_and_whose_it_is) {
    struct stage here = stage_of(&mutex);
    struct holder other;
    EQUAL(0, pshared_mutex_is_locked(NULL));
    EQUAL(0, pshared_mutex_is_mine(NULL));
    EQUAL(0, pshared_mutex_is_locked(here.it));
    EQUAL(0, pshared_mutex_is_mine(here.it));
    OK(pshared_mutex_lock(here.it, PSHARED_NEVER));
    EQUAL(1, pshared_mutex_is_locked(here.it));
    EQUAL(1, pshared_mutex_is_mine(here.it));
    OK(pshared_mutex_unlock(here.it));
    other = hold_elsewhere(lock_of(here));
    EQUAL(1, pshared_mutex_is_locked(here.it));
    EQUAL(0, pshared_mutex_is_mine(here.it));
    kill_now(other.pid);
    EQUAL(0, pshared_mutex_is_locked(here.it)); /* abandoned */
    EQUAL(0, pshared_mutex_is_mine(here.it));
    CODE(PSHARED_EOWNERDEAD, pshared_mutex_lock(here.it, PSHARED_NEVER));
    EQUAL(1, pshared_mutex_is_locked(here.it));
    EQUAL(1, pshared_mutex_is_mine(here.it));
}

TEST(mutex, refuses_to_be_locked_twice) {
    pshared_mutex_t *const it = object(sizeof *it, 8);
    OK(pshared_mutex_lock(it, PSHARED_NEVER));
    CODE(PSHARED_EDEADLK, pshared_mutex_lock(it, PSHARED_NEVER));
    CODE(PSHARED_EDEADLK, pshared_mutex_lock_unless_abandoned(it, PSHARED_NOW));
    OK(pshared_mutex_unlock(it));
    CODE(PSHARED_ENOTOWNER, pshared_mutex_unlock(it));
}

TEST(mutex, is_refused_to_who_holds_sixty_locks) {
    pshared_mutex_t *const locks = object(61 * sizeof *locks, 8);
    int i;
    for (i = 0; i < 60; ++i) OK(pshared_mutex_lock(&locks[i], PSHARED_NOW));
    CODE(PSHARED_ETOOMANYHOLDS, pshared_mutex_lock(&locks[60], PSHARED_NOW));
    OK(pshared_mutex_unlock(&locks[17]));
    OK(pshared_mutex_lock(&locks[60], PSHARED_NOW));
}

static void find_no_seat(void *it) { CODE(PSHARED_ESEATSFULL, pshared_mutex_lock(it, PSHARED_NOW)); }
TEST(mutex, is_refused_where_no_seat_is_free) {
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    pshared_segment_t *narrow = NULL;
    struct stage here = {&mutex, NULL};
    struct holder other;
    how.seats = 2;
    OK(pshared_segment_anonymous(4096, &how, &narrow));
    OK(pshared_segment_allocate(narrow, 2 * PSHARED_MUTEX_SIZE, 8, &here.it)); /* takes the first */
    other = hold_elsewhere(lock_of(here));
    elsewhere(find_no_seat, (char *)here.it + PSHARED_MUTEX_SIZE);
    let_go(&other);
    pshared_segment_close(narrow);
}

#ifdef SYS_fork /* not on every architecture; elsewhere by clone, whose arguments differ */
TEST(mutex, is_refused_to_a_process_without_libc) {
    pshared_mutex_t *const it = object(sizeof *it, 8);
    atomic_int *const told = scratch(sizeof *told);
    const pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        atomic_store(told, pshared_mutex_lock(it, PSHARED_NOW));
        _exit(0);
    }
    finish(child);
    CODE(PSHARED_ETHREAD, atomic_load(told));
}
#endif

static void unlock_what_the_parent_locked(void *context) {
    const struct stage *const here = context;
    OK(here->of->unlock(here->it));
}
static void do_nothing_to_the_parents(const struct kind *of) {
    struct stage here = stage_of(of);
    OK(of->lock(here.it, PSHARED_NEVER));
    elsewhere(unlock_what_the_parent_locked, &here);
    elsewhere(find_it_locked, &here);
    OK(of->unlock(here.it));
}
TEST(mutex, is_not_unlocked_by_a_forked_child) { do_nothing_to_the_parents(&mutex); }
TEST(recursive_mutex, is_not_unlocked_by_a_forked_child) { do_nothing_to_the_parents(&recursive_mutex); }
TEST(checked_mutex, is_not_unlocked_by_a_forked_child) { do_nothing_to_the_parents(&checked_mutex); }
TEST(shared_mutex, is_not_unlocked_by_a_forked_child) { do_nothing_to_the_parents(&shared_mutex); }
TEST(monitor, is_not_unlocked_by_a_forked_child) { do_nothing_to_the_parents(&monitor); }

/* Only waits for words that nobody owns: the kernel itself takes up the others again after such a handler. */
static void handle_nothing(int number) { (void)number; }
static int acquire_restarting(void *it, pshared_deadline_t until) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle_nothing;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    return pshared_mutex_lock(it, until);
}
struct restarting {
    pshared_mutex_t *it;
    atomic_int code;
};
static void wait_restarting(void *context) {
    struct restarting *const me = context;
    atomic_store(&me->code, acquire_restarting(me->it, PSHARED_NEVER));
    CHECK(atomic_load(&me->code) == PSHARED_EINTR || pshared_mutex_unlock(me->it) == PSHARED_OK);
}
TEST(mutex, wait_may_go_on_after_a_handler_with_sa_restart) {
    struct stage here = stage_of(&mutex);
    struct restarting *const about = scratch(sizeof *about);
    struct holder other = hold_elsewhere(lock_of(here));
    pid_t waiter;
    about->it = here.it;
    atomic_store(&about->code, -1);
    waiter = start(wait_restarting, about);
    AWAIT(is_asleep(waiter));
    kill(waiter, SIGUSR2);
    let_go(&other);
    finish(waiter);
    CHECK(atomic_load(&about->code) == PSHARED_OK || atomic_load(&about->code) == PSHARED_EINTR);
}

/* ---- recursive_mutex ------------------------------------------------------------------------------------------- */

TEST(recursive_mutex, is_locked_as_often_as_it_is_unlocked) {
    struct stage here = stage_of(&recursive_mutex);
    pshared_recursive_mutex_t *const it = here.it;
    EQUAL(0, pshared_recursive_mutex_depth(it));
    OK(pshared_recursive_mutex_lock(it, PSHARED_NOW));
    OK(pshared_recursive_mutex_lock(it, PSHARED_NEVER));
    OK(pshared_recursive_mutex_lock_unless_abandoned(it, PSHARED_NOW));
    EQUAL(3, pshared_recursive_mutex_depth(it));
    OK(pshared_recursive_mutex_unlock(it));
    OK(pshared_recursive_mutex_unlock(it));
    EQUAL(1, pshared_recursive_mutex_depth(it));
    elsewhere(find_it_locked, &here);
    OK(pshared_recursive_mutex_unlock(it));
    EQUAL(0, pshared_recursive_mutex_depth(it));
    elsewhere(find_it_free, &here);
}

TEST(recursive_mutex, is_told_once_and_locked_deeper_while_it_is_repaired) {
    struct stage here = stage_of(&recursive_mutex);
    abandon(here);
    CODE(PSHARED_EOWNERDEAD, pshared_recursive_mutex_lock(here.it, PSHARED_NEVER));
    OK(pshared_recursive_mutex_lock(here.it, PSHARED_NEVER));
    EQUAL(2, pshared_recursive_mutex_depth(here.it));
    OK(pshared_recursive_mutex_consistent(here.it));
    OK(pshared_recursive_mutex_unlock(here.it));
    OK(pshared_recursive_mutex_unlock(here.it));
    elsewhere(find_it_free, &here);
}

TEST(recursive_mutex, cannot_be_locked_deeper_than_it_counts) {
    pshared_recursive_mutex_t *const it = object(sizeof *it, 8);
    const uint32_t deepest = UINT32_MAX;
    OK(pshared_recursive_mutex_lock(it, PSHARED_NEVER));
    memcpy(&it->opaque[1], &deepest, sizeof deepest); /* docs/format.md: the depth */
    CODE(PSHARED_EDEPTH, pshared_recursive_mutex_lock(it, PSHARED_NEVER));
    CODE(PSHARED_EDEPTH, pshared_recursive_mutex_lock_unless_abandoned(it, PSHARED_NEVER));
}

/* ---- checked_mutex --------------------------------------------------------------------------------------------- */

TEST(checked_mutex, refuses_to_be_locked_twice) {
    pshared_checked_mutex_t *const it = object(sizeof *it, 8);
    OK(pshared_checked_mutex_lock(it, PSHARED_NEVER));
    CODE(PSHARED_EDEADLK, pshared_checked_mutex_lock(it, PSHARED_NEVER));
    OK(pshared_checked_mutex_unlock(it));
}

struct circle {
    pshared_checked_mutex_t *locks;
    atomic_int holding;
    atomic_int refused;
};
/* Holds one, and wants the other. */
static void close_circle(struct circle *circle, int mine) {
    int code;
    OK(pshared_checked_mutex_lock(&circle->locks[mine], PSHARED_NEVER));
    atomic_fetch_add(&circle->holding, 1);
    AWAIT(atomic_load(&circle->holding) == 2);
    code = pshared_checked_mutex_lock(&circle->locks[1 - mine], PSHARED_NEVER);
    if (code == PSHARED_EDEADLK)
        atomic_fetch_add(&circle->refused, 1);
    else
        OK(code);
    if (code == PSHARED_OK) OK(pshared_checked_mutex_unlock(&circle->locks[1 - mine]));
    OK(pshared_checked_mutex_unlock(&circle->locks[mine]));
}
static void close_it_from_the_other_side(void *context) { close_circle(context, 1); }
TEST(checked_mutex, refuses_to_close_a_circle) {
    struct circle *const circle = scratch(sizeof *circle);
    pid_t other;
    circle->locks = object(2 * sizeof *circle->locks, 8);
    other = start(close_it_from_the_other_side, circle);
    close_circle(circle, 0);
    finish(other);
    CHECK(atomic_load(&circle->refused) >= 1);
}

/* ---- shared_mutex ---------------------------------------------------------------------------------------------- */

static int read_lock(void *it, pshared_deadline_t until) { return pshared_shared_mutex_lock_shared(it, until); }
static int read_unlock(void *it) { return pshared_shared_mutex_unlock_shared(it); }
static struct lock reading(void *it) {
    const struct lock made = {read_lock, read_unlock, it};
    return made;
}
/* While another one writes. */
static void does_not_read(void *it) {
    EQUAL(0, pshared_shared_mutex_is_mine_shared(it));
    CODE(PSHARED_ETIMEDOUT, pshared_shared_mutex_lock(it, PSHARED_NOW));
}
static void does_not_write(void *it) { CODE(PSHARED_ENOTOWNER, pshared_shared_mutex_consistent(it)); }

TEST(shared_mutex, is_read_by_many_and_written_by_one) {
    struct stage here = stage_of(&shared_mutex);
    struct holder reader = hold_elsewhere(reading(here.it));
    OK(pshared_shared_mutex_lock_shared(here.it, PSHARED_NOW));
    OK(pshared_shared_mutex_lock_shared(here.it, PSHARED_NEVER)); /* twice */
    CODE(PSHARED_EDEADLK, pshared_shared_mutex_lock(here.it, PSHARED_NEVER));
    OK(pshared_shared_mutex_unlock_shared(here.it));
    OK(pshared_shared_mutex_unlock_shared(here.it));
    CODE(PSHARED_ENOTOWNER, pshared_shared_mutex_unlock_shared(here.it));
    CODE(PSHARED_ETIMEDOUT, pshared_shared_mutex_lock(here.it, PSHARED_NOW));
    let_go(&reader);
    OK(pshared_shared_mutex_lock(here.it, PSHARED_NEVER));
    CODE(PSHARED_EDEADLK, pshared_shared_mutex_lock(here.it, PSHARED_NEVER));
    CODE(PSHARED_EDEADLK, pshared_shared_mutex_lock_shared(here.it, PSHARED_NEVER));
    OK(pshared_shared_mutex_unlock(here.it));
}

static void is_not_read_by_me(void *it) { EQUAL(0, pshared_shared_mutex_is_mine_shared(it)); }
TEST(shared_mutex, knows_whether_the_caller_reads) {
    pshared_shared_mutex_t *const it = object(sizeof *it, 8);
    pshared_shared_mutex_t outside = {{0, 0, 0}};
    EQUAL(0, pshared_shared_mutex_is_mine_shared(NULL));
    EQUAL(0, pshared_shared_mutex_is_mine_shared(&outside));
    is_not_read_by_me(it);
    OK(pshared_shared_mutex_lock_shared(it, PSHARED_NEVER));
    EQUAL(1, pshared_shared_mutex_is_mine_shared(it));
    elsewhere(is_not_read_by_me, it);
    OK(pshared_shared_mutex_unlock_shared(it));
    OK(pshared_shared_mutex_lock(it, PSHARED_NEVER));
    is_not_read_by_me(it); /* but written */
    OK(pshared_shared_mutex_unlock(it));
}

TEST(shared_mutex, readers_wait_ends_at_its_deadline) {
    struct stage here = stage_of(&shared_mutex);
    struct holder writer = hold_elsewhere(lock_of(here));
    const struct waiting wait = {read_lock, here.it, NULL, does_not_read};
    ends_at_its_deadline(wait);
    let_go(&writer);
}

TEST(shared_mutex, readers_wait_ends_for_a_signal_having_acquired_nothing) {
    struct stage here = stage_of(&shared_mutex);
    struct holder writer = hold_elsewhere(lock_of(here));
    const struct waiting wait = {read_lock, here.it, NULL, does_not_read};
    ends_for_a_signal(wait);
    let_go(&writer);
    elsewhere(find_it_free, &here);
}

/* A reader that has waited long asks for the next turn. */
static void read_for_ever(void *it) { (void)pshared_shared_mutex_lock_shared(it, PSHARED_NEVER); }
TEST(shared_mutex, of_a_reader_that_gave_up_is_free_for_who_only_tries) {
    struct stage here = stage_of(&shared_mutex);
    struct holder writer = hold_elsewhere(lock_of(here));
    pid_t reader;
    CODE(PSHARED_ETIMEDOUT, pshared_shared_mutex_lock_shared(here.it, pshared_deadline_after(20000000)));
    let_go(&writer);
    find_it_free(&here);
    writer = hold_elsewhere(lock_of(here));
    reader = start(read_for_ever, here.it);
    AWAIT(is_asleep(reader));
    CODE(PSHARED_ETIMEDOUT, pshared_shared_mutex_lock(here.it, pshared_deadline_after(20000000)));
    kill_now(reader);
    let_go(&writer);
    find_it_free(&here);
}

TEST(shared_mutex, writers_wait_for_readers_ends_at_its_deadline) {
    struct stage here = stage_of(&shared_mutex);
    struct holder reader = hold_elsewhere(reading(here.it));
    const struct waiting wait = {shared_mutex_lock, here.it, NULL, does_not_write};
    ends_at_its_deadline(wait);
    OK(pshared_shared_mutex_lock_shared(here.it, PSHARED_NEVER)); /* still open for readers */
    OK(pshared_shared_mutex_unlock_shared(here.it));
    let_go(&reader);
}

TEST(shared_mutex, writers_wait_for_readers_ends_for_a_signal_having_acquired_nothing) {
    struct stage here = stage_of(&shared_mutex);
    struct holder reader = hold_elsewhere(reading(here.it));
    const struct waiting wait = {shared_mutex_lock, here.it, NULL, does_not_write};
    ends_for_a_signal(wait);
    OK(pshared_shared_mutex_lock_shared(here.it, PSHARED_NEVER));
    OK(pshared_shared_mutex_unlock_shared(here.it));
    let_go(&reader);
    elsewhere(find_it_free, &here);
}

TEST(shared_mutex, reader_is_told_of_a_dead_writer_and_holds_nothing) {
    struct stage here = stage_of(&shared_mutex);
    const pid_t dead = abandon(here);
    CODE(PSHARED_EOWNERDEAD, pshared_shared_mutex_lock_shared(here.it, PSHARED_NEVER));
    died_was(dead, holder_name);
    CODE(PSHARED_ENOTOWNER, pshared_shared_mutex_unlock_shared(here.it));
    CODE(PSHARED_EOWNERDEAD, pshared_shared_mutex_lock(here.it, PSHARED_NEVER));
    OK(pshared_shared_mutex_consistent(here.it));
    OK(pshared_shared_mutex_unlock(here.it));
    OK(pshared_shared_mutex_lock_shared(here.it, PSHARED_NEVER));
    OK(pshared_shared_mutex_unlock_shared(here.it));
}

TEST(shared_mutex, dead_reader_leaves_nothing) {
    struct stage here = stage_of(&shared_mutex);
    const struct holder reader = hold_elsewhere(reading(here.it));
    kill_now(reader.pid);
    OK(pshared_shared_mutex_lock(here.it, PSHARED_NEVER));
    OK(pshared_shared_mutex_unlock(here.it));
}

TEST(shared_mutex, cannot_be_read_deeper_than_it_counts) {
    pshared_shared_mutex_t *const it = object(sizeof *it, 8);
    int i;
    int code = PSHARED_OK;
    for (i = 0; code == PSHARED_OK && i < 5000; ++i) code = pshared_shared_mutex_lock_shared(it, PSHARED_NEVER);
    CODE(PSHARED_EDEPTH, code);
    for (--i; i > 0; --i) OK(pshared_shared_mutex_unlock_shared(it));
    CODE(PSHARED_ENOTOWNER, pshared_shared_mutex_unlock_shared(it));
}

/* ---- monitor --------------------------------------------------------------------------------------------------- */

TEST(monitor, is_left_and_entered_again_at_its_depth) {
    struct stage here = stage_of(&monitor);
    pshared_monitor_t *const it = here.it;
    uint32_t depth = 77;
    CODE(PSHARED_ENOTOWNER, pshared_monitor_unlock_fully(it, &depth));
    EQUAL(77, depth);
    EQUAL(0, pshared_monitor_is_locked(it));
    OK(pshared_monitor_lock(it, PSHARED_NOW));
    OK(pshared_monitor_lock(it, PSHARED_NOW));
    OK(pshared_monitor_lock_unless_abandoned(it, PSHARED_NOW));
    EQUAL(3, pshared_monitor_depth(it));
    EQUAL(1, pshared_monitor_is_locked(it));
    CODE(PSHARED_EDEADLK, pshared_monitor_lock_to_depth(it, 2, PSHARED_NEVER));
    OK(pshared_monitor_unlock_fully(it, &depth));
    EQUAL(3, depth);
    EQUAL(0, pshared_monitor_depth(it));
    elsewhere(find_it_free, &here);
    OK(pshared_monitor_lock_to_depth(it, depth, PSHARED_NEVER));
    EQUAL(3, pshared_monitor_depth(it));
    elsewhere(find_it_locked, &here);
    OK(pshared_monitor_unlock(it));
    OK(pshared_monitor_unlock(it));
    OK(pshared_monitor_unlock(it));
    CODE(PSHARED_ENOTOWNER, pshared_monitor_unlock(it));
}

static int lock_to_depth_two(void *it, pshared_deadline_t until) { return pshared_monitor_lock_to_depth(it, 2, until); }
static void has_no_depth(void *it) { EQUAL(0, pshared_monitor_depth(it)); }

TEST(monitor, lock_to_depth_ends_at_its_deadline) {
    struct stage here = stage_of(&monitor);
    struct holder other = hold_elsewhere(lock_of(here));
    const struct waiting wait = {lock_to_depth_two, here.it, NULL, has_no_depth};
    EQUAL(1, pshared_monitor_is_locked(here.it));
    ends_at_its_deadline(wait);
    let_go(&other);
}

TEST(monitor, lock_to_depth_ends_for_a_signal_having_acquired_nothing) {
    struct stage here = stage_of(&monitor);
    struct holder other = hold_elsewhere(lock_of(here));
    const struct waiting wait = {lock_to_depth_two, here.it, NULL, has_no_depth};
    ends_for_a_signal(wait);
    let_go(&other);
}

TEST(monitor, lock_to_depth_is_told_of_a_death_and_holds_at_that_depth) {
    struct stage here = stage_of(&monitor);
    const pid_t dead = abandon(here);
    CODE(PSHARED_EOWNERDEAD, pshared_monitor_lock_to_depth(here.it, 2, PSHARED_NEVER));
    died_was(dead, holder_name);
    EQUAL(2, pshared_monitor_depth(here.it));
    OK(pshared_monitor_consistent(here.it));
    OK(pshared_monitor_unlock(here.it));
    OK(pshared_monitor_unlock(here.it));
    find_it_free(&here);
}

struct table {
    pshared_monitor_t *guard;
    int strokes; /* under guard */
    atomic_int asked;
};
static int has_strokes(void *context) {
    struct table *const table = context;
    atomic_fetch_add(&table->asked, 1);
    CHECK(pshared_monitor_depth(table->guard) != 0);
    return table->strokes;
}
static int when_stroked(void *context, pshared_deadline_t until) {
    struct table *const table = context;
    return pshared_monitor_when(table->guard, has_strokes, table, until);
}
static void enter_twice(void *context) {
    const struct table *const table = context;
    OK(pshared_monitor_lock(table->guard, PSHARED_NEVER));
    OK(pshared_monitor_lock(table->guard, PSHARED_NEVER));
}
static void is_inside_twice(void *context) {
    const struct table *const table = context;
    EQUAL(2, pshared_monitor_depth(table->guard));
    OK(pshared_monitor_unlock(table->guard));
    OK(pshared_monitor_unlock(table->guard));
}
static struct table *new_table(void) {
    struct table *const made = scratch(sizeof *made);
    made->guard = object(sizeof *made->guard, 8);
    return made;
}
static void wait_for_strokes(void *context) {
    enter_twice(context);
    OK(when_stroked(context, PSHARED_NEVER));
    is_inside_twice(context);
}

TEST(monitor, when_returns_as_soon_as_it_is_so) {
    struct table *const table = new_table();
    pid_t waiter;
    CODE(PSHARED_ENOTOWNER, when_stroked(table, PSHARED_NEVER));
    EQUAL(0, atomic_load(&table->asked));
    waiter = start(wait_for_strokes, table);
    AWAIT(is_asleep(waiter));
    OK(pshared_monitor_lock(table->guard, PSHARED_NEVER));
    table->strokes = 1;
    OK(pshared_monitor_unlock(table->guard));
    finish(waiter);
    OK(pshared_monitor_lock(table->guard, PSHARED_NEVER));
    OK(when_stroked(table, PSHARED_NOW));
    OK(pshared_monitor_unlock(table->guard));
}

TEST(monitor, when_ends_at_its_deadline_inside) {
    const struct waiting wait = {when_stroked, new_table(), enter_twice, is_inside_twice};
    ends_at_its_deadline(wait);
}

TEST(monitor, when_ends_for_a_signal_inside) {
    const struct waiting wait = {when_stroked, new_table(), enter_twice, is_inside_twice};
    ends_for_a_signal(wait);
}

static int asks_the_library(void *context) {
    struct table *const table = context;
    pshared_mutex_t *const other = (pshared_mutex_t *)(table->guard + 1);
    OK(pshared_mutex_lock(other, PSHARED_NOW));
    OK(pshared_mutex_unlock(other));
    return table->strokes;
}
static int when_asked(void *context, pshared_deadline_t until) {
    struct table *const table = context;
    return pshared_monitor_when(table->guard, asks_the_library, table, until);
}
TEST(monitor, when_ends_for_a_signal_also_if_its_predicate_locks) {
    struct table *const table = scratch(sizeof *table);
    const struct waiting wait = {when_asked, table, enter_twice, is_inside_twice};
    table->guard = object(sizeof *table->guard + sizeof(pshared_mutex_t), 8);
    ends_for_a_signal(wait);
}

static void wait_and_be_told_of_a_death(void *context) {
    const struct table *const table = context;
    enter_twice(context);
    CODE(PSHARED_EOWNERDEAD, when_stroked(context, PSHARED_NEVER));
    EQUAL(0, pshared_monitor_depth(table->guard));
}
TEST(monitor, when_is_told_of_a_death_and_holds_nothing) {
    struct table *const table = new_table();
    const struct stage here = {&monitor, table->guard};
    const pid_t waiter = start(wait_and_be_told_of_a_death, table);
    AWAIT(is_asleep(waiter));
    abandon(here);
    finish(waiter);
}
