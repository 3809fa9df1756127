/* SPDX-License-Identifier: MIT */
/*   c_test                     all tests
 *   c_test mutex               those of a suite
 *   c_test mutex.SENTENCE      one */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Far above what a healthy test needs; no statement about speed. */
enum { watchdog_seconds = 100, patience_seconds = 60 };

static struct test *tests;
static pid_t runner; /* the process that starts the tests: its pid is in all names */

void register_test(struct test *test) {
    test->next = tests;
    tests = test;
}

/* ---- Checks ---------------------------------------------------------------------------------------------------- */

void fail_at(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: process %d: %s\n", file, line, (int)getpid(), what);
    fflush(NULL);
    _exit(1);
}

void check_equal(const char *file, int line, const char *what, int64_t expected, int64_t found) {
    char text[512];
    if (expected == found) return;
    snprintf(text, sizeof text, "%s is %lld, not %lld", what, (long long)found, (long long)expected);
    fail_at(file, line, text);
}

void check_code(const char *file, int line, const char *call, int expected, int found) {
    char text[1024];
    int length;
    if (expected == found) return;
    length = snprintf(text, sizeof text, "%s returned %d (%s)", call, found, pshared_strerror(found));
    if (length > 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ", not %d (%s)", expected, pshared_strerror(expected));
    fail_at(file, line, text);
}

/* ---- Waiting for a condition ----------------------------------------------------------------------------------- */

int64_t monotonic_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int wait_a_moment(struct patience *patience) {
    const int64_t now = monotonic_now();
    if (patience->end == 0) patience->end = now + (int64_t)patience_seconds * 1000000000;
    if (now >= patience->end) return 0;
    if (patience->rounds++ < 50) {
        sched_yield();
    } else {
        const struct timespec moment = {0, 50000};
        nanosleep(&moment, NULL);
    }
    return 1;
}

/* The beginning of a file in /proc; empty if it cannot be read. */
static void read_proc(pid_t thread, const char *file, char *text, size_t room) {
    char path[64];
    ssize_t length = 0;
    int opened;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)thread, file);
    opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened >= 0) {
        length = read(opened, text, room - 1);
        close(opened);
    }
    text[length > 0 ? length : 0] = '\0';
}

int is_asleep(pid_t thread) {
    char text[2048];
    const char *name_end;
    read_proc(thread, "stat", text, sizeof text);
    name_end = strrchr(text, ')'); /* the name before it may hold anything */
    if (name_end == NULL || strlen(name_end) < 3 || name_end[2] != 'S') return 0;
    /* "202 0x… …", or "running". Not readable without the right to trace; then the place where it waits must do. */
    read_proc(thread, "syscall", text, sizeof text);
    if (text[0] != '\0') {
        char *end;
        const long number = strtol(text, &end, 10);
        return end != text && (number == SYS_futex || number == 449 /* futex_waitv, on every architecture */);
    }
    read_proc(thread, "wchan", text, sizeof text);
    return strstr(text, "futex") != NULL;
}

/* ---- Processes ------------------------------------------------------------------------------------------------- */

static void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127); /* it had ended before the line above */
}

pid_t start(void (*part)(void *), void *context) {
    const pid_t parent = getpid();
    pid_t child;
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child != 0) return child;
    die_with(parent);
    part(context);
    fflush(NULL);
    _exit(0);
}

static int ended_as;
int has_ended(pid_t child) {
    pid_t reaped;
    do reaped = waitpid(child, &ended_as, WNOHANG);
    while (reaped < 0 && errno == EINTR);
    return reaped == child;
}

void finish(pid_t child) {
    AWAIT(has_ended(child));
    CHECK(WIFEXITED(ended_as) && WEXITSTATUS(ended_as) == 0);
}

void elsewhere(void (*part)(void *), void *context) { finish(start(part, context)); }

void kill_now(pid_t child) {
    CHECK(kill(child, SIGKILL) == 0);
    while (waitpid(child, NULL, 0) < 0) CHECK(errno == EINTR);
}

void *scratch(size_t bytes) {
    void *const shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    return shared;
}

/* ---- Things of the library ------------------------------------------------------------------------------------- */

static pshared_segment_t *memory_of_this_test;

pshared_segment_t *memory(void) {
    if (memory_of_this_test == NULL) OK(pshared_segment_anonymous(256 * 1024, NULL, &memory_of_this_test));
    return memory_of_this_test;
}

void *object(size_t bytes, size_t alignment) {
    void *made = NULL;
    OK(pshared_segment_allocate(memory(), bytes, alignment, &made));
    return made;
}

const char *unique_name(void) {
    static unsigned count;
    static char names[16][64];
    char *const name = names[count % 16];
    snprintf(name, sizeof names[0], "process_shared_c_test.%d.%d.%u", (int)runner, (int)getpid(), count);
    ++count;
    return name;
}

/* Removes what carries a name of this run, and says how much that was. */
static int remove_segments_left(void) {
    char prefix[64];
    struct dirent *entry;
    int count = 0;
    DIR *const folder = opendir("/dev/shm");
    if (folder == NULL) return 0;
    snprintf(prefix, sizeof prefix, "process_shared_c_test.%d.", (int)runner);
    while ((entry = readdir(folder)) != NULL) {
        if (strstr(entry->d_name, prefix) == NULL) continue;
        fprintf(stderr, "left behind: %s\n", entry->d_name);
        unlinkat(dirfd(folder), entry->d_name, 0);
        ++count;
    }
    closedir(folder);
    return count;
}

const char *const holder_name = "holder in C";

static void hold(void *context) {
    struct holder *const me = context;
    prctl(PR_SET_NAME, holder_name);
    OK(me->of.lock(me->of.it, PSHARED_NEVER));
    atomic_store(me->holds, 1);
    AWAIT(atomic_load(me->let_go));
    OK(me->of.unlock(me->of.it));
}

struct holder hold_elsewhere(struct lock of) {
    atomic_int *const flags = scratch(2 * sizeof(atomic_int));
    struct holder made = {0, of, flags, flags + 1};
    made.pid = start(hold, &made);
    AWAIT(atomic_load(made.holds) || has_ended(made.pid));
    CHECK(atomic_load(made.holds));
    return made;
}

void let_go(struct holder *holder) {
    atomic_store(holder->let_go, 1);
    finish(holder->pid);
}

/* ---- Waits ----------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t signals_handled;
static void handle(int number) {
    (void)number;
    ++signals_handled;
}

struct interruption {
    struct waiting waiting;
    atomic_int ready;
    atomic_int returned;
};

static void wait_for_ever(void *context) {
    struct interruption *const about = context;
    struct sigaction action;
    int code;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle; /* without SA_RESTART */
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    if (about->waiting.before != NULL) about->waiting.before(about->waiting.context);
    atomic_store(&about->ready, 1);
    code = about->waiting.wait(about->waiting.context, PSHARED_NEVER);
    atomic_store(&about->returned, 1);
    CODE(PSHARED_EINTR, code);
    CHECK(signals_handled > 0);
    if (about->waiting.after != NULL) about->waiting.after(about->waiting.context);
}

void ends_for_a_signal(struct waiting waiting) {
    struct interruption *const about = scratch(sizeof *about);
    struct patience patience = {0, 0};
    pid_t waiter;
    about->waiting = waiting;
    waiter = start(wait_for_ever, about);
    AWAIT(atomic_load(&about->ready) || has_ended(waiter));
    CHECK(atomic_load(&about->ready));
    AWAIT(is_asleep(waiter));
    CHECK(!atomic_load(&about->returned));
    /* Asleep is known of a moment ago: a signal that comes between two sleeps ends none, so more may have to come. */
    while (!atomic_load(&about->returned)) {
        if (is_asleep(waiter)) kill(waiter, SIGUSR1);
        CHECK(wait_a_moment(&patience));
    }
    finish(waiter);
}

void ends_at_its_deadline(struct waiting waiting) {
    const pshared_deadline_t end = pshared_deadline_after(20000000);
    if (waiting.before != NULL) waiting.before(waiting.context);
    CODE(PSHARED_ETIMEDOUT, waiting.wait(waiting.context, PSHARED_NOW));
    CODE(PSHARED_ETIMEDOUT, waiting.wait(waiting.context, -5));
    CODE(PSHARED_ETIMEDOUT, waiting.wait(waiting.context, end));
    CHECK(monotonic_now() >= end);
    if (waiting.after != NULL) waiting.after(waiting.context);
}

/* ---- Running --------------------------------------------------------------------------------------------------- */

static int is_wanted(const struct test *test, const char *what) {
    const size_t length = strlen(test->suite);
    if (what == NULL) return 1;
    if (strncmp(what, test->suite, length) != 0) return 0;
    return what[length] == '\0' || (what[length] == '.' && strcmp(what + length + 1, test->sentence) == 0);
}

static int passes(const struct test *test) {
    const pid_t parent = getpid();
    int status = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        die_with(parent);
        alarm(watchdog_seconds);
        test->run();
        pshared_segment_close(memory_of_this_test);
        exit(0); /* not _exit: who looks for leaks looks then */
    }
    while (waitpid(child, &status, 0) < 0) CHECK(errno == EINTR);
    if (WIFSIGNALED(status)) fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
    return status == 0;
}

int main(int count, char **words) {
    const char *const what = count > 1 ? words[1] : NULL;
    const struct test *test;
    int ran = 0;
    int failed = 0;
    runner = getpid();
    for (test = tests; test != NULL; test = test->next) {
        int good;
        if (!is_wanted(test, what)) continue;
        good = passes(test);
        if (remove_segments_left() != 0) good = 0;
        printf("%s %s.%s\n", good ? "ok    " : "FAILED", test->suite, test->sentence);
        ++ran;
        if (!good) ++failed;
    }
    printf("%d of %d failed\n", failed, ran);
    return failed != 0 || ran == 0;
}
