/* SPDX-License-Identifier: MIT */
/* In C: a counter that processes share. One is killed inside; the next one is told, repairs, and counts on. */
#include <process_shared/process_shared.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { workers = 3, rounds = 1000 };

struct counter {
    pshared_mutex_t guard;
    int by_worker[workers]; /* under guard */
    int total;              /* under guard: the sum of those */
};

static void must(int code, const char *what) {
    if (code == PSHARED_OK) return;
    fprintf(stderr, "%s: %s\n", what, pshared_strerror(code));
    exit(1);
}

/* Locks; whoever is told that the last owner died inside holds the lock, and repairs. */
static void enter(struct counter *shared) {
    int code = pshared_mutex_lock(&shared->guard, PSHARED_NEVER);
    if (code == PSHARED_EOWNERDEAD) {
        pshared_death_t who;
        pshared_last_death(&who);
        shared->total = 0;
        for (int i = 0; i < workers; ++i) shared->total += shared->by_worker[i];
        printf("process %u died inside, repaired\n", (unsigned)who.process);
        code = pshared_mutex_consistent(&shared->guard);
    }
    must(code, "lock");
}

static void leave(struct counter *shared) { must(pshared_mutex_unlock(&shared->guard), "unlock"); }

static void work(struct counter *shared, int me) {
    for (int i = 0; i < rounds; ++i) {
        enter(shared);
        ++shared->by_worker[me];
        if (me == 0 && i == rounds / 2) raise(SIGKILL); /* before the total is right again */
        ++shared->total;
        leave(shared);
    }
}

int main(void) {
    pshared_segment_t *memory;
    void *found;
    must(pshared_segment_anonymous(4096, NULL, &memory), "segment");
    must(pshared_segment_construct(memory, "counter", "counter", sizeof(struct counter), 8, NULL, NULL, &found),
         "counter");
    struct counter *const shared = found;

    for (int i = 0; i < workers; ++i) {
        if (fork() == 0) {
            work(shared, i);
            exit(0); /* not _exit: what was printed is to be seen */
        }
    }
    while (wait(NULL) > 0) {}

    enter(shared);
    printf("counted to %d, the parts say %d\n", shared->total,
           shared->by_worker[0] + shared->by_worker[1] + shared->by_worker[2]);
    leave(shared);
    pshared_segment_close(memory);
    return 0;
}
