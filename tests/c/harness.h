/* SPDX-License-Identifier: MIT */
/* Tests in C: sentences, each in a process of its own, and the children that they start.
 *
 *     TEST(mutex, excludes_other_processes) { CODE(PSHARED_OK, pshared_mutex_lock(guard, PSHARED_NEVER)); … }
 *
 * A check that fails ends the process it fails in. Nothing outlives a test: children die with their parents, and a test
 * that leaves a segment behind fails. */
#ifndef PROCESS_SHARED_TESTS_C_HARNESS_H
#define PROCESS_SHARED_TESTS_C_HARNESS_H

#include <process_shared/process_shared.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- Tests and checks ------------------------------------------------------------------------------------------ */

struct test {
    const char *suite;
    const char *sentence;
    void (*run)(void);
    struct test *next;
};
void register_test(struct test *test);

/* CMakeLists.txt reads these lines to know the tests: one a line. */
#define TEST(suite, sentence)                                                      \
    static void test_##suite##_##sentence(void);                                   \
    __attribute__((constructor)) static void register_##suite##_##sentence(void) { \
        static struct test me = {#suite, #sentence, test_##suite##_##sentence, 0}; \
        register_test(&me);                                                        \
    }                                                                              \
    static void test_##suite##_##sentence(void)

__attribute__((noreturn)) void fail_at(const char *file, int line, const char *what);
void check_equal(const char *file, int line, const char *what, int64_t expected, int64_t found);
void check_code(const char *file, int line, const char *call, int expected, int found);

#define CHECK(condition) ((condition) ? (void)0 : fail_at(__FILE__, __LINE__, #condition))
#define EQUAL(expected, found) check_equal(__FILE__, __LINE__, #found, (int64_t)(expected), (int64_t)(found))
/* What a function of the library returned. */
#define CODE(expected, call) check_code(__FILE__, __LINE__, #call, (expected), (call))
#define OK(call) CODE(PSHARED_OK, call)

/* ---- Waiting for a condition ----------------------------------------------------------------------------------- */

struct patience {
    int64_t end;
    unsigned rounds;
};
/* A moment, and whether there is still time. */
int wait_a_moment(struct patience *patience);

#define AWAIT(condition)                                                                                 \
    do {                                                                                                 \
        struct patience patience_of_await = {0, 0};                                                      \
        while (!(condition))                                                                             \
            if (!wait_a_moment(&patience_of_await)) fail_at(__FILE__, __LINE__, "in vain: " #condition); \
    } while (0)

int64_t monotonic_now(void);
/* Whether that thread (a pid stands for the main one) sleeps in a futex now. */
int is_asleep(pid_t thread);

/* ---- Processes ------------------------------------------------------------------------------------------------- */

/* A forked child that plays a part. Killed when the caller ends. */
pid_t start(void (*part)(void *context), void *context);
/* Awaits its end, which has to be a good one. */
void finish(pid_t child);
/* Plays it in a child, to its end. */
void elsewhere(void (*part)(void *context), void *context);
/* SIGKILL, and the kernel has buried it when this returns. */
void kill_now(pid_t child);
int has_ended(pid_t child);

/* Zeroed memory that children share, outside of what is tested; until the process ends. */
void *scratch(size_t bytes);

/* ---- Things of the library ------------------------------------------------------------------------------------- */

/* An anonymous segment of this test. */
pshared_segment_t *memory(void);
/* Zeroed memory in it. */
void *object(size_t bytes, size_t alignment);
/* A name for a segment, different at each call; removed after the test. */
const char *unique_name(void);

/* Something that one thread at a time can hold. */
struct lock {
    int (*lock)(void *it, pshared_deadline_t until);
    int (*unlock)(void *it);
    void *it;
};
/* A child that holds it until told. Returns when it does. */
struct holder {
    pid_t pid;
    struct lock of;
    atomic_int *holds;
    atomic_int *let_go;
};
struct holder hold_elsewhere(struct lock of);
void let_go(struct holder *holder);
/* The name of a holder's thread. */
extern const char *const holder_name;

/* A wait, what comes before it in the same thread, and what must be true after it. Both may be null. */
struct waiting {
    int (*wait)(void *context, pshared_deadline_t until);
    void *context;
    void (*before)(void *context);
    void (*after)(void *context);
};
/* In a child that waits for ever: a signal ends the wait with PSHARED_EINTR, once, by itself. */
void ends_for_a_signal(struct waiting waiting);
/* PSHARED_ETIMEDOUT, now and after a while, and not before. */
void ends_at_its_deadline(struct waiting waiting);

#endif
