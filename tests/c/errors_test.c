/* SPDX-License-Identifier: MIT */
/* Errors, deadlines, versions and participants. */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>

static int is_text(const char *text) { return text != NULL && text[0] != '\0'; }

TEST(error, has_a_text_for_every_code) {
    int code;
    for (code = PSHARED_OK; code <= PSHARED_ECLOSED; ++code) {
        int other;
        CHECK(is_text(pshared_strerror(code)));
        CHECK(strcmp(pshared_strerror(code), "unknown error") != 0);
        for (other = PSHARED_OK; other < code; ++other)
            CHECK(strcmp(pshared_strerror(code), pshared_strerror(other)) != 0);
    }
    EQUAL(0, strcmp(pshared_strerror(PSHARED_ECLOSED + 1), "unknown error"));
    EQUAL(0, strcmp(pshared_strerror(-1), "unknown error"));
    EQUAL(0, strcmp(pshared_strerror(PSHARED_EOS), "unknown error"));
    EQUAL(0, strcmp(pshared_strerror(PSHARED_EOS + EACCES), strerror(EACCES)));
    CHECK(is_text(pshared_strerror(PSHARED_EOS + 99999)));
}

TEST(error, has_the_errno_that_fits) {
    int code;
    const int some[][2] = {
        {PSHARED_EOWNERDEAD, EOWNERDEAD},
        {PSHARED_ENOTOWNER, EPERM},
        {PSHARED_EOUTSIDE, EPERM},
        {PSHARED_EDEADLK, EDEADLK},
        {PSHARED_ETOOMANYHOLDS, ENOLCK},
        {PSHARED_ESEATSFULL, ENOLCK},
        {PSHARED_EBADNAME, EINVAL},
        {PSHARED_ENAMETOOLONG, ENAMETOOLONG},
        {PSHARED_EEXIST, EEXIST},
        {PSHARED_ENOENT, ENOENT},
        {PSHARED_ESEGMENTFULL, ENOMEM},
        {PSHARED_ENOTYOURS, EACCES},
        {PSHARED_ERANGE, ERANGE},
        {PSHARED_ETOOLARGE, EMSGSIZE},
        {PSHARED_EBUSY, EBUSY},
        {PSHARED_EDEPTH, EAGAIN},
        {PSHARED_ENOSPC, ENOSPC},
        {PSHARED_EOVERFLOW, EOVERFLOW},
        {PSHARED_EMEMBERDEAD, EOWNERDEAD},
        {PSHARED_ETIMEDOUT, ETIMEDOUT},
        {PSHARED_EINTR, EINTR},
        {PSHARED_EINVAL, EINVAL},
        {PSHARED_ENOMEM, ENOMEM},
        {PSHARED_ECLOSED, EPIPE},
        {PSHARED_EOS + ENOTDIR, ENOTDIR},
        {PSHARED_OK, 0},
    };
    size_t i;
    for (i = 0; i < sizeof some / sizeof some[0]; ++i) EQUAL(some[i][1], pshared_errno(some[i][0]));
    for (code = PSHARED_EOWNERDEAD; code <= PSHARED_ECLOSED; ++code) CHECK(pshared_errno(code) > 0);
}

TEST(error, of_a_death_is_kept_for_the_calling_thread) {
    pshared_death_t who;
    memset(&who, 0xff, sizeof who);
    pshared_last_death(&who); /* nobody so far */
    EQUAL(0, who.process);
    EQUAL(0, who.thread);
    EQUAL('\0', who.thread_name[0]);
    pshared_last_death(NULL); /* nothing happens */
}

TEST(deadline, counts_from_now) {
    const int64_t before = monotonic_now();
    const pshared_deadline_t in_a_second = pshared_deadline_after(1000000000);
    CHECK(in_a_second >= before + 1000000000);
    CHECK(in_a_second <= monotonic_now() + 1000000000);
    EQUAL(PSHARED_NOW, pshared_deadline_after(0));
    EQUAL(PSHARED_NOW, pshared_deadline_after(-1));
    EQUAL(PSHARED_NOW, pshared_deadline_after(INT64_MIN));
    EQUAL(PSHARED_NEVER, pshared_deadline_after(INT64_MAX));
}

TEST(version, is_that_of_the_library) {
    CHECK(is_text(pshared_version()));
    EQUAL(0, strcmp(PSHARED_VERSION, pshared_version()));
}

/* ---- participant ----------------------------------------------------------------------------------------------- */

struct stage {
    pshared_mutex_t *guard;
    pshared_participant_t *who;
};
static void find_it_locked(void *guard) { CODE(PSHARED_ETIMEDOUT, pshared_mutex_lock(guard, PSHARED_NOW)); }
static void find_it_abandoned(void *guard) {
    CODE(PSHARED_EOWNERDEAD, pshared_mutex_lock(guard, PSHARED_NOW));
    OK(pshared_mutex_consistent(guard));
    OK(pshared_mutex_unlock(guard));
}
static void find_it_free(void *guard) {
    OK(pshared_mutex_lock(guard, PSHARED_NOW));
    OK(pshared_mutex_unlock(guard));
}
static void *unlock_as(void *context) {
    const struct stage *const here = context;
    CODE(PSHARED_ENOTOWNER, pshared_mutex_unlock(here->guard));
    OK(pshared_participant_enter(here->who));
    OK(pshared_mutex_unlock(here->guard));
    OK(pshared_participant_leave(here->who));
    return NULL;
}

TEST(participant, owns_what_it_locked_on_any_thread) {
    struct stage here = {object(sizeof(pshared_mutex_t), 8), NULL};
    pthread_t other;
    OK(pshared_participant_create(memory(), &here.who));
    OK(pshared_participant_enter(here.who));
    OK(pshared_mutex_lock(here.guard, PSHARED_NEVER));
    EQUAL(1, pshared_mutex_is_mine(here.guard));
    OK(pshared_participant_leave(here.who));
    EQUAL(0, pshared_mutex_is_mine(here.guard));
    CODE(PSHARED_ENOTOWNER, pshared_mutex_unlock(here.guard));
    elsewhere(find_it_locked, here.guard);
    CHECK(pthread_create(&other, NULL, unlock_as, &here) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    elsewhere(find_it_free, here.guard);
    pshared_participant_end(here.who);
}

TEST(participant, is_entered_and_left_in_pairs) {
    struct stage here = {object(2 * sizeof(pshared_mutex_t), 8), NULL};
    pshared_participant_t *inner = NULL;
    OK(pshared_participant_create(memory(), &here.who));
    OK(pshared_participant_create(memory(), &inner));
    CODE(PSHARED_ENOTOWNER, pshared_participant_leave(here.who));
    OK(pshared_participant_enter(here.who));
    OK(pshared_mutex_lock(here.guard, PSHARED_NEVER));
    OK(pshared_participant_enter(inner));
    CODE(PSHARED_ETIMEDOUT, pshared_mutex_lock(here.guard, PSHARED_NOW));
    OK(pshared_participant_leave(inner));
    OK(pshared_mutex_unlock(here.guard));
    OK(pshared_participant_leave(here.who));
    pshared_participant_end(inner);
    pshared_participant_end(here.who);
}

TEST(participant, abandons_what_it_holds_when_it_ends) {
    struct stage here = {object(sizeof(pshared_mutex_t), 8), NULL};
    OK(pshared_participant_create(memory(), &here.who));
    OK(pshared_participant_enter(here.who));
    OK(pshared_mutex_lock(here.guard, PSHARED_NEVER));
    OK(pshared_participant_leave(here.who));
    pshared_participant_end(here.who);
    find_it_abandoned(here.guard);
    find_it_free(here.guard);
}

static void is_not_the_parents(void *who) {
    CODE(PSHARED_ENOTOWNER, pshared_participant_enter(who));
    CODE(PSHARED_ENOTOWNER, pshared_act_as(who));
    OK(pshared_act_as(NULL));
}
TEST(participant, is_not_inherited_by_forked_children) {
    pshared_participant_t *who = NULL;
    OK(pshared_participant_create(memory(), &who));
    elsewhere(is_not_the_parents, who);
    pshared_participant_end(who);
}

TEST(participant, of_no_segment_sits_in_every_one_that_it_comes_to) {
    pshared_segment_t *other = NULL;
    pshared_participant_t *who = NULL;
    void *guards[2] = {object(sizeof(pshared_mutex_t), 8), NULL};
    int i;
    OK(pshared_segment_anonymous(4096, NULL, &other));
    OK(pshared_segment_allocate(other, sizeof(pshared_mutex_t), 8, &guards[1]));
    OK(pshared_participant_create(NULL, &who));
    OK(pshared_participant_enter(who));
    for (i = 0; i < 2; ++i) OK(pshared_mutex_lock(guards[i], PSHARED_NEVER));
    OK(pshared_participant_leave(who));
    for (i = 0; i < 2; ++i) CODE(PSHARED_ENOTOWNER, pshared_mutex_unlock(guards[i]));
    pshared_participant_end(who);
    for (i = 0; i < 2; ++i) find_it_abandoned(guards[i]);
    pshared_segment_close(other);
}

static void *unlock_acting_as(void *context) {
    const struct stage *const here = context;
    OK(pshared_act_as(here->who));
    OK(pshared_mutex_unlock(here->guard));
    OK(pshared_act_as(NULL));
    return NULL;
}
TEST(participant, is_acted_as_until_the_thread_is_itself_again) {
    struct stage here = {object(sizeof(pshared_mutex_t), 8), NULL};
    pshared_participant_t *another = NULL;
    pthread_t other;
    OK(pshared_participant_create(memory(), &here.who));
    OK(pshared_participant_create(memory(), &another));
    OK(pshared_act_as(here.who));
    OK(pshared_mutex_lock(here.guard, PSHARED_NEVER));
    OK(pshared_act_as(another));
    EQUAL(0, pshared_mutex_is_mine(here.guard));
    OK(pshared_act_as(here.who));
    EQUAL(1, pshared_mutex_is_mine(here.guard));
    OK(pshared_act_as(NULL));
    EQUAL(0, pshared_mutex_is_mine(here.guard));
    CHECK(pthread_create(&other, NULL, unlock_acting_as, &here) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    find_it_free(here.guard);
    pshared_participant_end(another);
    pshared_participant_end(here.who);
}

static void lock_under_another_name(void *guard) {
    find_it_free(guard); /* takes a seat under the first name */
    prctl(PR_SET_NAME, "renamed in C");
    pshared_thread_renamed();
    OK(pshared_mutex_lock(guard, PSHARED_NEVER));
}
TEST(participant, is_named_as_its_thread_was_renamed) {
    pshared_mutex_t *const guard = object(sizeof *guard, 8);
    pshared_death_t who;
    elsewhere(lock_under_another_name, guard);
    CODE(PSHARED_EOWNERDEAD, pshared_mutex_lock(guard, PSHARED_NEVER));
    pshared_last_death(&who);
    EQUAL(0, strcmp("renamed in C", who.thread_name));
}

TEST(participant, refuses_what_cannot_be) {
    pshared_participant_t *who = NULL;
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    pshared_segment_t *narrow = NULL;
    void *block;
    CODE(PSHARED_EINVAL, pshared_participant_create(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_participant_enter(NULL));
    CODE(PSHARED_EINVAL, pshared_participant_leave(NULL));
    how.seats = 1;
    OK(pshared_segment_anonymous(4096, &how, &narrow));
    OK(pshared_segment_allocate(narrow, 8, 8, &block)); /* takes the only seat */
    CODE(PSHARED_ESEATSFULL, pshared_participant_create(narrow, &who));
    CHECK(who == NULL);
    pshared_segment_close(narrow);
    pshared_participant_end(NULL);
}

TEST(participant, gives_up_all_it_holds_when_asked_to) {
    pshared_mutex_t *const guard = object(sizeof *guard, 8);
    OK(pshared_mutex_lock(guard, PSHARED_NEVER));
    pshared_abandon_held();
    EQUAL(0, pshared_mutex_is_mine(guard));
    elsewhere(find_it_abandoned, guard);
    find_it_free(guard);
    pshared_abandon_held(); /* of nothing */
}
