/* SPDX-License-Identifier: MIT */
/* process_shared in C: locks and shared memory between processes that survive kill -9.
 *
 *     #include <process_shared/process_shared.h>
 *     struct counter { pshared_mutex_t guard; int value; } *shared;
 *     pshared_segment_t *memory;
 *     if (pshared_segment_open_or_create("tally", 4096, NULL, &memory)) return 1;
 *     pshared_segment_find_or_construct(memory, "counter", "counter", sizeof *shared, 8, NULL, NULL, (void **)&shared);
 *     int code = pshared_mutex_lock(&shared->guard, PSHARED_NEVER);
 *     if (code == PSHARED_EOWNERDEAD) { recount(shared); pshared_mutex_consistent(&shared->guard); code = 0; }
 *     if (code == 0) { ++shared->value; pshared_mutex_unlock(&shared->guard); }
 *
 * Each type means and does what the C++ type of that name does (process_shared/NAME.hpp says it all): the same bytes,
 * so C, C++ and Ruby use the same objects. What differs in C stands here.
 *
 * Blocks: functions with a deadline wait until then; all others never, but for the segment's own lock, for a moment.
 * Errors: every function that can fail returns 0 or a code, and leaves the results alone when it fails. No function
 *     throws, and none may be called with a null pointer (PSHARED_EINVAL), but where it says so.
 * Waiting: every wait ends at an absolute deadline: nanoseconds of the monotonic clock, PSHARED_NOW or PSHARED_NEVER.
 *     It returns PSHARED_ETIMEDOUT then. If a signal handler runs while it sleeps, it returns PSHARED_EINTR, having
 *     acquired nothing, and never waits on by itself: call again to go on. (Of handlers without SA_RESTART: one with it
 *     ends some waits and not others. One that runs just before the sleep, or between two looks at the backstop, does
 *     not end it.)
 * On death: in the way of POSIX. The lock function that finds the last owner dead returns PSHARED_EOWNERDEAD and holds
 *     the lock; pshared_last_death() says who died. Repair the data, and call the lock's _consistent() before its
 *     _unlock(). An unlock without it leaves the lock abandoned, and the next one is told again. The functions named
 *     _unless_abandoned() do not take such a lock: PSHARED_EOWNERDEAD means that it is not held.
 * Synchronizes with: as the C++ types.
 * Differs from POSIX: relocking and stray unlocks are errors; no state is "not recoverable"; nothing is to be destroyed.
 * Sizes: given below, checked against C++ at compile time. Objects are placed in memory of a segment; all-zero bytes are
 *     a ready object, unless there is an _init function. Alignment 8, or as stated.
 */
#ifndef PROCESS_SHARED_PROCESS_SHARED_H
#define PROCESS_SHARED_PROCESS_SHARED_H

#include <stddef.h>
#include <stdint.h>

#if defined(PROCESS_SHARED_STATIC)
#define PSHARED_API
#else
#define PSHARED_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Errors and deadlines -------------------------------------------------------------------------------------- */

/* The numbers of process_shared::errc; they never change. */
enum pshared_error {
    PSHARED_OK = 0,
    PSHARED_EOWNERDEAD = 1,      /* the last owner died inside */
    PSHARED_ENOTOWNER = 2,       /* unlock of what the caller does not hold */
    PSHARED_EOUTSIDE = 3,        /* the object lies in no segment that is open here */
    PSHARED_EDEADLK = 4,         /* the caller already holds it */
    PSHARED_ETOOMANYHOLDS = 5,   /* the caller holds 60 locks of one segment */
    PSHARED_ESEATSFULL = 6,      /* no free seat in the segment */
    PSHARED_ETHREAD = 7,         /* a raw clone or vfork child */
    PSHARED_EBADNAME = 8,        /* not a name */
    PSHARED_ENAMETOOLONG = 9,    /* a segment's has up to 200 bytes, an object's up to 63 */
    PSHARED_EEXIST = 10,         /* the name is taken */
    PSHARED_ENOENT = 11,         /* nothing of that name */
    PSHARED_EWRONGTYPE = 12,     /* of that name, but of another type or size */
    PSHARED_EBADSIZE = 13,       /* zero, or larger than memory */
    PSHARED_ESEGMENTFULL = 14,   /* no free block of that size */
    PSHARED_EDIRECTORYFULL = 15, /* no free directory entry */
    PSHARED_ENOTSEGMENT = 16,    /* the file is no segment */
    PSHARED_EOTHERLAYOUT = 17,   /* of another layout version */
    PSHARED_EDAMAGED = 18,       /* contents contradict themselves */
    PSHARED_ENOTYOURS = 19,      /* another user's segment */
    PSHARED_ETOOSMALL = 20,      /* what exists is smaller than asked for */
    PSHARED_EOTHERBOOT = 21,     /* from before the last reboot */
    PSHARED_ERANGE = 22,         /* outside the memory */
    PSHARED_ETOOLARGE = 23,      /* larger than the buffer */
    PSHARED_ENOTHING = 24,       /* nothing stored yet */
    PSHARED_EBUSY = 25,          /* a living participant still uses it */
    PSHARED_EALIGNMENT = 26,     /* not aligned for the type */
    PSHARED_ECANNOTDECODE = 27,  /* the bytes are no object of that type */
    PSHARED_EDEPTH = 28,         /* locked too many times */
    PSHARED_ENOSEGMENT = 29,     /* an empty handle */
    PSHARED_ENOSPC = 30,         /* no room in the file system */
    PSHARED_ENOTBLOCK = 31,      /* not the address of a block */
    PSHARED_ECOUNT = 32,         /* a count that is negative or too large */
    PSHARED_EOVERFLOW = 33,      /* more permits than the maximum */
    PSHARED_EMEMBERDEAD = 34,    /* a member of the barrier died */
    PSHARED_ENOTMEMBER = 35,     /* not a member of the barrier */
    PSHARED_EBARRIERFULL = 36,   /* all members are there */
    PSHARED_ENOMEMBARRIER = 37,  /* membarrier(2) is missing here, and the segment needs it */
    PSHARED_ETIMEDOUT = 38,      /* the deadline passed */
    PSHARED_EINTR = 39,          /* a signal handler ran during the wait */
    PSHARED_EINVAL = 40,         /* a null pointer, or a value that is not allowed */
    PSHARED_ENOMEM = 41,         /* this process has no memory left */
    PSHARED_ECLOSED = 42,        /* the channel is closed */
    PSHARED_EOS = 1000           /* PSHARED_EOS + n: the operating system refused, with errno n */
};

/* Never null. For PSHARED_EOS + n the system's own text; in memory of the calling thread then. */
PSHARED_API const char *pshared_strerror(int code);
/* The errno that fits a code best; 0 for 0. */
PSHARED_API int pshared_errno(int code);

/* Who died: enough to find it in a log. */
typedef struct pshared_death {
    uint32_t seat;        /* place in the segment's registry */
    uint32_t process;     /* pid in its own PID namespace; 0 when no longer known */
    uint64_t generation;  /* which sitter of that seat */
    uint64_t thread;      /* tid in its own PID namespace; 0 when no longer known */
    char thread_name[24]; /* NUL-terminated; empty when no longer known */
} pshared_death_t;
/* Who died, when a function last returned PSHARED_EOWNERDEAD or PSHARED_EMEMBERDEAD to the calling thread. */
PSHARED_API void pshared_last_death(pshared_death_t *who);

/* When a wait ends, in nanoseconds of the monotonic clock (CLOCK_MONOTONIC). */
typedef int64_t pshared_deadline_t;
#define PSHARED_NOW INT64_C(0)  /* does not wait */
#define PSHARED_NEVER INT64_MAX
/* So many nanoseconds from now; PSHARED_NOW for 0 and less, PSHARED_NEVER for what cannot be counted. */
PSHARED_API pshared_deadline_t pshared_deadline_after(int64_t nanoseconds);

#define PSHARED_VERSION "0.1.0"
PSHARED_API const char *pshared_version(void); /* of the library that is loaded */

/* ---- Segments -------------------------------------------------------------------------------------------------- */

/* A handle of this process: segment.hpp. Threads may share it. */
typedef struct pshared_segment pshared_segment_t;

/* How a new segment is made. PSHARED_SEGMENT_OPTIONS_INIT has the defaults; so has a null pointer. */
typedef struct pshared_segment_options {
    size_t struct_size;    /* sizeof(pshared_segment_options_t) */
    uint32_t seats;        /* threads that may take part at once */
    uint32_t names;        /* named objects */
    uint32_t mode;         /* permissions of a named segment, whatever the umask */
    int32_t others;        /* not 0: also open segments that belong to another user */
    const char *directory; /* where named segments live; null: /dev/shm */
    int64_t backstop;      /* nanoseconds: the longest sleep before a re-check */
} pshared_segment_options_t;
#define PSHARED_SEGMENT_OPTIONS_INIT {sizeof(pshared_segment_options_t), 256, 128, 0600, 0, NULL, 100000000}

PSHARED_API int pshared_segment_anonymous(size_t bytes, const pshared_segment_options_t *how, pshared_segment_t **made);
PSHARED_API int pshared_segment_create(const char *name, size_t bytes, const pshared_segment_options_t *how,
                                       pshared_segment_t **made);
PSHARED_API int pshared_segment_open(const char *name, const pshared_segment_options_t *how, pshared_segment_t **opened);
PSHARED_API int pshared_segment_open_or_create(const char *name, size_t bytes, const pshared_segment_options_t *how,
                                               pshared_segment_t **opened);
/* The descriptor stays the caller's. */
PSHARED_API int pshared_segment_from_fd(int fd, pshared_segment_t **opened);
/* The segment of this process for objects that nobody named; forked children share it. Not to be closed. */
PSHARED_API int pshared_segment_default(pshared_segment_t **found);
/* Takes the name away; users keep the segment. PSHARED_ENOENT if there was none. */
PSHARED_API int pshared_segment_remove(const char *name, const pshared_segment_options_t *how);
/* Ends the handle; the mapping lives on while memory, arrays, buffers, channels or participants of it do. Null: nothing
 * happens. */
PSHARED_API void pshared_segment_close(pshared_segment_t *segment);

PSHARED_API int pshared_segment_name(const pshared_segment_t *segment, char *name, size_t room); /* PSHARED_ETOOLARGE */
PSHARED_API int pshared_segment_size(const pshared_segment_t *segment, size_t *bytes);
PSHARED_API int pshared_segment_free_bytes(const pshared_segment_t *segment, size_t *bytes);
PSHARED_API int pshared_segment_seats(const pshared_segment_t *segment, uint32_t *seats);
PSHARED_API int pshared_segment_uuid(const pshared_segment_t *segment, uint8_t uuid[16]);
PSHARED_API int pshared_segment_fd(const pshared_segment_t *segment, int *fd); /* to pass on; stays the segment's */

/* Named objects. `type` tells types apart, and is compared; for the types of this library it is one of
 * PSHARED_TYPE_…, so that C++ finds them with find<T>; for a type of one's own, its C++ name. Memory is zeroed; `init`,
 * if not null, then runs once, under the segment's lock, before anybody else sees the object. */
PSHARED_API int pshared_segment_construct(pshared_segment_t *segment, const char *name, const char *type, size_t bytes,
                                          size_t alignment, void (*init)(void *object, void *context), void *context,
                                          void **object);
PSHARED_API int pshared_segment_find(pshared_segment_t *segment, const char *name, const char *type, size_t bytes,
                                     size_t alignment, void **object);
PSHARED_API int pshared_segment_find_or_construct(pshared_segment_t *segment, const char *name, const char *type,
                                                  size_t bytes, size_t alignment,
                                                  void (*init)(void *object, void *context), void *context,
                                                  void **object);
/* Takes it out of the directory and frees it. PSHARED_EBUSY if a living participant holds a lock inside it. */
PSHARED_API int pshared_segment_destroy(pshared_segment_t *segment, const char *name, const char *type, size_t bytes,
                                        size_t alignment);
/* Zeroed memory without a name. */
PSHARED_API int pshared_segment_allocate(pshared_segment_t *segment, size_t bytes, size_t alignment, void **block);
PSHARED_API int pshared_segment_deallocate(pshared_segment_t *segment, void *block);
/* Where an address lies, the same in every process; and back, checked. */
PSHARED_API int pshared_segment_offset_of(const pshared_segment_t *segment, const void *address, uint64_t *offset);
PSHARED_API int pshared_segment_at(const pshared_segment_t *segment, uint64_t offset, size_t bytes, void **address);

/* ---- Locks ----------------------------------------------------------------------------------------------------- */

#define PSHARED_MUTEX_SIZE 8
#define PSHARED_TYPE_MUTEX "process_shared::mutex"
typedef struct pshared_mutex { uint64_t opaque[1]; } pshared_mutex_t; /* mutex.hpp */
PSHARED_API int pshared_mutex_lock(pshared_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_mutex_lock_unless_abandoned(pshared_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_mutex_unlock(pshared_mutex_t *mutex);
PSHARED_API int pshared_mutex_consistent(pshared_mutex_t *mutex);
/* Whether somebody, or the calling thread, holds it at the moment: 1 or 0. Abandoned: 0. */
PSHARED_API int pshared_mutex_is_locked(const pshared_mutex_t *mutex);
PSHARED_API int pshared_mutex_is_mine(const pshared_mutex_t *mutex);

#define PSHARED_RECURSIVE_MUTEX_SIZE 16
#define PSHARED_TYPE_RECURSIVE_MUTEX "process_shared::recursive_mutex"
typedef struct pshared_recursive_mutex { uint64_t opaque[2]; } pshared_recursive_mutex_t; /* recursive_mutex.hpp */
PSHARED_API int pshared_recursive_mutex_lock(pshared_recursive_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_recursive_mutex_lock_unless_abandoned(pshared_recursive_mutex_t *mutex,
                                                              pshared_deadline_t until);
PSHARED_API int pshared_recursive_mutex_unlock(pshared_recursive_mutex_t *mutex);
PSHARED_API int pshared_recursive_mutex_consistent(pshared_recursive_mutex_t *mutex);
PSHARED_API uint32_t pshared_recursive_mutex_depth(const pshared_recursive_mutex_t *mutex); /* the caller's */

#define PSHARED_CHECKED_MUTEX_SIZE 8
#define PSHARED_TYPE_CHECKED_MUTEX "process_shared::checked_mutex"
typedef struct pshared_checked_mutex { uint64_t opaque[1]; } pshared_checked_mutex_t; /* checked_mutex.hpp */
/* PSHARED_EDEADLK also if the caller waits for itself through others. */
PSHARED_API int pshared_checked_mutex_lock(pshared_checked_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_checked_mutex_lock_unless_abandoned(pshared_checked_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_checked_mutex_unlock(pshared_checked_mutex_t *mutex);
PSHARED_API int pshared_checked_mutex_consistent(pshared_checked_mutex_t *mutex);

#define PSHARED_SHARED_MUTEX_SIZE 24
#define PSHARED_TYPE_SHARED_MUTEX "process_shared::shared_mutex"
typedef struct pshared_shared_mutex { uint64_t opaque[3]; } pshared_shared_mutex_t; /* shared_mutex.hpp */
PSHARED_API int pshared_shared_mutex_lock(pshared_shared_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_shared_mutex_lock_unless_abandoned(pshared_shared_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_shared_mutex_unlock(pshared_shared_mutex_t *mutex);
PSHARED_API int pshared_shared_mutex_consistent(pshared_shared_mutex_t *mutex);
/* A reader cannot repair: PSHARED_EOWNERDEAD means that it is not held. */
PSHARED_API int pshared_shared_mutex_lock_shared(pshared_shared_mutex_t *mutex, pshared_deadline_t until);
PSHARED_API int pshared_shared_mutex_unlock_shared(pshared_shared_mutex_t *mutex);
/* Whether the calling thread holds it for reading: 1 or 0. */
PSHARED_API int pshared_shared_mutex_is_mine_shared(const pshared_shared_mutex_t *mutex);

#define PSHARED_MONITOR_SIZE 24
#define PSHARED_TYPE_MONITOR "process_shared::monitor"
typedef struct pshared_monitor { uint64_t opaque[3]; } pshared_monitor_t; /* monitor.hpp */
PSHARED_API int pshared_monitor_lock(pshared_monitor_t *monitor, pshared_deadline_t until);
PSHARED_API int pshared_monitor_lock_unless_abandoned(pshared_monitor_t *monitor, pshared_deadline_t until);
PSHARED_API int pshared_monitor_unlock(pshared_monitor_t *monitor);
PSHARED_API int pshared_monitor_consistent(pshared_monitor_t *monitor);
PSHARED_API uint32_t pshared_monitor_depth(const pshared_monitor_t *monitor); /* the caller's */
PSHARED_API int pshared_monitor_is_locked(const pshared_monitor_t *monitor); /* by somebody, at the moment */
/* At any depth: lets go, and says how deep it was; locks again, that deep. */
PSHARED_API int pshared_monitor_unlock_fully(pshared_monitor_t *monitor, uint32_t *depth);
PSHARED_API int pshared_monitor_lock_to_depth(pshared_monitor_t *monitor, uint32_t depth, pshared_deadline_t until);
/* Waits until `predicate(context)` is not 0; the lock is held whenever it is asked, and when this returns, at the depth
 * that it had, but for PSHARED_EOWNERDEAD: somebody died inside meanwhile, and the lock is not held. */
PSHARED_API int pshared_monitor_when(pshared_monitor_t *monitor, int (*predicate)(void *context), void *context,
                                     pshared_deadline_t until);

/* ---- Conditions ------------------------------------------------------------------------------------------------ */

#define PSHARED_CONDITION_VARIABLE_SIZE 4
#define PSHARED_TYPE_CONDITION_VARIABLE "process_shared::condition_variable"
#define PSHARED_TYPE_CONDITION_VARIABLE_ANY "process_shared::condition_variable_any"
typedef struct pshared_condition_variable { uint32_t opaque[1]; } pshared_condition_variable_t; /* condition_variable.hpp */
/* Lets the lock go, sleeps until notified, and locks again. Whatever this returns, the mutex is held, as before (a
 * monitor at its depth), but for what locking it again returns: PSHARED_EOWNERDEAD (held, to be repaired) and the errors
 * of _unlock (nothing has happened). Locking again is not interrupted. */
PSHARED_API int pshared_condition_variable_wait(pshared_condition_variable_t *condition, pshared_mutex_t *mutex,
                                                pshared_deadline_t until);
PSHARED_API int pshared_condition_variable_wait_monitor(pshared_condition_variable_t *condition,
                                                        pshared_monitor_t *monitor, pshared_deadline_t until);
PSHARED_API int pshared_condition_variable_notify_one(pshared_condition_variable_t *condition);
PSHARED_API int pshared_condition_variable_notify_all(pshared_condition_variable_t *condition);
/* The parts of a wait, for any lock: _prepare with the lock held, let it go, _sleep, lock again. */
PSHARED_API int pshared_condition_variable_prepare(pshared_condition_variable_t *condition, uint32_t *prepared);
PSHARED_API int pshared_condition_variable_sleep(pshared_condition_variable_t *condition, uint32_t prepared,
                                                 pshared_deadline_t until);

/* ---- Semaphores ------------------------------------------------------------------------------------------------ */

#define PSHARED_SEMAPHORE_SIZE 4
#define PSHARED_SEMAPHORE_MAX 0x40000000
#define PSHARED_TYPE_SEMAPHORE "process_shared::counting_semaphore<1073741824>"
#define PSHARED_TYPE_BINARY_SEMAPHORE "process_shared::counting_semaphore<1>"
typedef struct pshared_semaphore { uint32_t opaque[1]; } pshared_semaphore_t; /* semaphore.hpp: counting_semaphore */
PSHARED_API int pshared_semaphore_init(pshared_semaphore_t *semaphore, int64_t permits);
PSHARED_API int pshared_semaphore_acquire(pshared_semaphore_t *semaphore, pshared_deadline_t until);
/* PSHARED_EOVERFLOW: there would be more than `max` (up to PSHARED_SEMAPHORE_MAX), and nothing was released. */
PSHARED_API int pshared_semaphore_release(pshared_semaphore_t *semaphore, int64_t count, uint32_t max);
PSHARED_API int pshared_semaphore_value(const pshared_semaphore_t *semaphore, int64_t *permits);

/* Of up to `capacity` permits (4096 at most), which every call has to name; 64-aligned. C++ finds it as
 * owned_semaphore<capacity>. */
#define PSHARED_OWNED_SEMAPHORE_ALIGNMENT 64
#define PSHARED_OWNED_SEMAPHORE_SIZE(capacity) ((UINT64_C(10) * (capacity) + 127) / 64 * 64)
typedef struct pshared_owned_semaphore pshared_owned_semaphore_t; /* owned_semaphore.hpp */
PSHARED_API int pshared_owned_semaphore_init(pshared_owned_semaphore_t *semaphore, int64_t permits, uint32_t capacity);
PSHARED_API int pshared_owned_semaphore_acquire(pshared_owned_semaphore_t *semaphore, uint32_t capacity,
                                                pshared_deadline_t until);
PSHARED_API int pshared_owned_semaphore_release(pshared_owned_semaphore_t *semaphore, uint32_t capacity, int64_t count);
PSHARED_API int pshared_owned_semaphore_value(const pshared_owned_semaphore_t *semaphore, uint32_t capacity,
                                              int64_t *permits);
PSHARED_API int pshared_owned_semaphore_held(const pshared_owned_semaphore_t *semaphore, uint32_t capacity,
                                             int64_t *permits); /* the caller's */

/* ---- Meeting points -------------------------------------------------------------------------------------------- */

/* Of up to `max` members (65 000 at most), which every call has to name. C++ finds it as barrier<max>. */
#define PSHARED_BARRIER_SIZE(max) (UINT64_C(16) * (max) + 32)
typedef struct pshared_barrier pshared_barrier_t; /* barrier.hpp */
PSHARED_API int pshared_barrier_init(pshared_barrier_t *barrier, int64_t expected, uint32_t max);
PSHARED_API int pshared_barrier_join(pshared_barrier_t *barrier, uint32_t max);
PSHARED_API int pshared_barrier_arrive(pshared_barrier_t *barrier, uint32_t max, uint32_t *turn);
/* After PSHARED_ETIMEDOUT and PSHARED_EINTR the arrival stands, and may be waited for again. PSHARED_EMEMBERDEAD: see
 * pshared_last_death(). */
PSHARED_API int pshared_barrier_wait(pshared_barrier_t *barrier, uint32_t max, uint32_t turn, pshared_deadline_t until);
PSHARED_API int pshared_barrier_arrive_and_drop(pshared_barrier_t *barrier, uint32_t max);
/* expected 0: as many as before. */
PSHARED_API int pshared_barrier_reset(pshared_barrier_t *barrier, uint32_t max, int64_t expected);
PSHARED_API int pshared_barrier_expected(const pshared_barrier_t *barrier, int64_t *expected);
PSHARED_API int pshared_barrier_is_broken(const pshared_barrier_t *barrier, int *broken);

#define PSHARED_LATCH_SIZE 4
#define PSHARED_TYPE_LATCH "process_shared::latch"
typedef struct pshared_latch { uint32_t opaque[1]; } pshared_latch_t; /* latch.hpp */
PSHARED_API int pshared_latch_init(pshared_latch_t *latch, int64_t count);
PSHARED_API int pshared_latch_count_down(pshared_latch_t *latch, int64_t by);
PSHARED_API int pshared_latch_wait(pshared_latch_t *latch, pshared_deadline_t until);

#define PSHARED_EVENT_SIZE 4
#define PSHARED_TYPE_EVENT "process_shared::event"
typedef struct pshared_event { uint32_t opaque[1]; } pshared_event_t; /* event.hpp */
PSHARED_API int pshared_event_init(pshared_event_t *event, int automatic, int is_set);
PSHARED_API int pshared_event_set(pshared_event_t *event);
PSHARED_API int pshared_event_reset(pshared_event_t *event);
PSHARED_API int pshared_event_is_set(const pshared_event_t *event, int *is_set);
PSHARED_API int pshared_event_wait(pshared_event_t *event, pshared_deadline_t until);

#define PSHARED_ONCE_SIZE 16
#define PSHARED_TYPE_ONCE "process_shared::once_flag"
typedef struct pshared_once { uint64_t opaque[2]; } pshared_once_t; /* once.hpp: once_flag */
/* `mine` 1: do it, then call _finish or _give_up. 0: it is done. */
PSHARED_API int pshared_once_begin(pshared_once_t *once, int *mine);
PSHARED_API int pshared_once_finish(pshared_once_t *once);
PSHARED_API int pshared_once_give_up(pshared_once_t *once);
PSHARED_API int pshared_once_is_done(const pshared_once_t *once, int *done);

/* ---- Memory ---------------------------------------------------------------------------------------------------- */

/* Zeroed memory for the objects above in this process's default segment, inherited by forked children. Freed by
 * pshared_block_free() unless a fork since then may have given it to another process: then it is nobody's, until all of
 * them have ended. */
typedef struct pshared_block pshared_block_t;
PSHARED_API int pshared_block_allocate(size_t bytes, size_t alignment, pshared_block_t **block);
PSHARED_API void *pshared_block_address(const pshared_block_t *block);
PSHARED_API void pshared_block_free(pshared_block_t *block); /* null: nothing happens */

/* Plain bytes: shared_memory.hpp. Those without a name are inherited by forked children. */
typedef struct pshared_memory pshared_memory_t;
PSHARED_API int pshared_memory_anonymous(size_t bytes, pshared_memory_t **made);
PSHARED_API int pshared_memory_create(pshared_segment_t *in, const char *name, size_t bytes, pshared_memory_t **made);
PSHARED_API int pshared_memory_open(pshared_segment_t *in, const char *name, pshared_memory_t **opened);
PSHARED_API int pshared_memory_open_or_create(pshared_segment_t *in, const char *name, size_t bytes,
                                              pshared_memory_t **opened);
PSHARED_API int pshared_memory_remove(pshared_segment_t *in, const char *name);
PSHARED_API void pshared_memory_close(pshared_memory_t *memory); /* null: nothing happens */
PSHARED_API void *pshared_memory_data(const pshared_memory_t *memory);
PSHARED_API size_t pshared_memory_size(const pshared_memory_t *memory);
/* Checked copies: PSHARED_ERANGE, and nothing is copied. */
PSHARED_API int pshared_memory_read(const pshared_memory_t *memory, size_t offset, void *to, size_t bytes);
PSHARED_API int pshared_memory_write(pshared_memory_t *memory, size_t offset, const void *from, size_t bytes);
PSHARED_API int pshared_memory_fill(pshared_memory_t *memory, size_t offset, size_t bytes, int value);

/* A fixed number of elements: shared_array.hpp. `element` is the C++ name of their type ("int", "double"). */
typedef struct pshared_array pshared_array_t;
PSHARED_API int pshared_array_anonymous(size_t count, const char *element, size_t element_size, size_t alignment,
                                        pshared_array_t **made);
PSHARED_API int pshared_array_create(pshared_segment_t *in, const char *name, size_t count, const char *element,
                                     size_t element_size, size_t alignment, pshared_array_t **made);
PSHARED_API int pshared_array_open(pshared_segment_t *in, const char *name, const char *element, size_t element_size,
                                   size_t alignment, pshared_array_t **opened);
PSHARED_API int pshared_array_open_or_create(pshared_segment_t *in, const char *name, size_t count, const char *element,
                                             size_t element_size, size_t alignment, pshared_array_t **opened);
PSHARED_API int pshared_array_remove(pshared_segment_t *in, const char *name, const char *element, size_t element_size,
                                     size_t alignment);
PSHARED_API void pshared_array_close(pshared_array_t *array); /* null: nothing happens */
PSHARED_API void *pshared_array_data(const pshared_array_t *array);
PSHARED_API size_t pshared_array_count(const pshared_array_t *array);
/* The element, or null with an index outside. */
PSHARED_API void *pshared_array_at(const pshared_array_t *array, size_t index);

/* The newest object of many: object_buffer.hpp. How the bytes are to be read: */
enum pshared_codec {
    PSHARED_CODEC_BYTES = 1,   /* as they are */
    PSHARED_CODEC_AS_IS = 2,   /* a C++ object's, whose type is recorded */
    PSHARED_CODEC_MSGPACK = 3, /* MessagePack, the same in all languages */
    PSHARED_CODEC_MARSHAL = 4  /* Ruby's Marshal */
};
typedef struct pshared_object_buffer pshared_object_buffer_t;
PSHARED_API int pshared_object_buffer_anonymous(size_t capacity, pshared_object_buffer_t **made);
PSHARED_API int pshared_object_buffer_create(pshared_segment_t *in, const char *name, size_t capacity,
                                             pshared_object_buffer_t **made);
PSHARED_API int pshared_object_buffer_open(pshared_segment_t *in, const char *name, pshared_object_buffer_t **opened);
PSHARED_API int pshared_object_buffer_open_or_create(pshared_segment_t *in, const char *name, size_t capacity,
                                                     pshared_object_buffer_t **opened);
PSHARED_API int pshared_object_buffer_remove(pshared_segment_t *in, const char *name);
PSHARED_API void pshared_object_buffer_close(pshared_object_buffer_t *buffer); /* null: nothing happens */
PSHARED_API size_t pshared_object_buffer_capacity(const pshared_object_buffer_t *buffer);
/* Any codec but PSHARED_CODEC_AS_IS. */
PSHARED_API int pshared_object_buffer_store(pshared_object_buffer_t *buffer, int codec, const void *object,
                                            size_t bytes);
/* The same, waiting while another one stores, but not longer than that. */
PSHARED_API int pshared_object_buffer_store_until(pshared_object_buffer_t *buffer, int codec, const void *object,
                                                  size_t bytes, pshared_deadline_t until);
/* Whether another one is inside at the moment, so that _store would wait: 1 or 0. */
PSHARED_API int pshared_object_buffer_is_busy(const pshared_object_buffer_t *buffer);
/* A copy of the newest object, if its codec is this one (PSHARED_EWRONGTYPE; PSHARED_ENOTHING). */
typedef struct pshared_bytes {
    void *data; /* to be freed by pshared_bytes_free(); never null after success */
    size_t size;
} pshared_bytes_t;
PSHARED_API int pshared_object_buffer_load(const pshared_object_buffer_t *buffer, int codec, pshared_bytes_t *object);
PSHARED_API int pshared_object_buffer_load_until(const pshared_object_buffer_t *buffer, int codec,
                                                 pshared_bytes_t *object, pshared_deadline_t until);
PSHARED_API void pshared_bytes_free(pshared_bytes_t *bytes); /* data null: nothing happens */

/* ---- Messages -------------------------------------------------------------------------------------------------- */

/* byte_channel.hpp. `messages`: how many at once; 0: any number. */
typedef struct pshared_channel pshared_channel_t;
#define PSHARED_TYPE_CHANNEL "process_shared::byte_channel"
PSHARED_API int pshared_channel_anonymous(size_t capacity, size_t messages, pshared_channel_t **made);
PSHARED_API int pshared_channel_create(pshared_segment_t *in, const char *name, size_t capacity, size_t messages,
                                       pshared_channel_t **made);
PSHARED_API int pshared_channel_open(pshared_segment_t *in, const char *name, pshared_channel_t **opened);
PSHARED_API int pshared_channel_open_or_create(pshared_segment_t *in, const char *name, size_t capacity,
                                               size_t messages, pshared_channel_t **opened);
PSHARED_API int pshared_channel_remove(pshared_segment_t *in, const char *name);
PSHARED_API void pshared_channel_close_handle(pshared_channel_t *channel); /* null: nothing happens */
PSHARED_API int pshared_channel_send(pshared_channel_t *channel, const void *message, size_t bytes,
                                     pshared_deadline_t until);
/* PSHARED_ECLOSED once it is closed and empty. */
PSHARED_API int pshared_channel_receive(pshared_channel_t *channel, pshared_bytes_t *message, pshared_deadline_t until);
PSHARED_API int pshared_channel_close(pshared_channel_t *channel); /* for everybody */
PSHARED_API int pshared_channel_clear(pshared_channel_t *channel);
PSHARED_API int pshared_channel_is_closed(const pshared_channel_t *channel, int *closed);
PSHARED_API int pshared_channel_size(const pshared_channel_t *channel, size_t *messages);
PSHARED_API int pshared_channel_capacity(const pshared_channel_t *channel, size_t *bytes);
PSHARED_API int pshared_channel_max_messages(const pshared_channel_t *channel, size_t *messages); /* 0: any number */
PSHARED_API int pshared_channel_set_max_messages(pshared_channel_t *channel, size_t messages);
/* Whether another one is copying a message at the moment, so that any call would wait: 1 or 0. */
PSHARED_API int pshared_channel_is_busy(const pshared_channel_t *channel);
PSHARED_API int pshared_channel_waiting(const pshared_channel_t *channel, size_t *receivers, size_t *senders);

/* ---- Participants ---------------------------------------------------------------------------------------------- */

/* participant.hpp: who owns things; by default the calling thread. */
typedef struct pshared_participant pshared_participant_t;
/* `in` null: in every segment that it comes to. */
PSHARED_API int pshared_participant_create(const pshared_segment_t *in, pshared_participant_t **made);
PSHARED_API void pshared_participant_end(pshared_participant_t *participant); /* null: nothing happens */
/* From _enter to _leave the calling thread is `participant`; in pairs, the last one first. */
PSHARED_API int pshared_participant_enter(pshared_participant_t *participant);
PSHARED_API int pshared_participant_leave(pshared_participant_t *participant);
/* The calling thread is `participant` until it is another one, or itself again (null): for schedulers that cannot leave
 * on the thread where they entered. */
PSHARED_API int pshared_act_as(pshared_participant_t *participant);
/* The calling thread has another name now: tells it to its seats, which name it to others. */
PSHARED_API void pshared_thread_renamed(void);
/* The calling thread gives up all it holds, as if it had died here. */
PSHARED_API void pshared_abandon_held(void);

#ifdef __cplusplus
}
#endif
#endif
