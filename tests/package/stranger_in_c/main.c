/* SPDX-License-Identifier: MIT */
/* What a first user might write in C: a counter under a mutex and a message, shared with forked children. */
#include <process_shared/process_shared.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { children = 2, rounds = 1000 };

struct counter {
    pshared_mutex_t guard;
    int value; /* under guard */
};

static int work(struct counter *shared, pshared_channel_t *news) {
    for (int i = 0; i < rounds; ++i) {
        if (pshared_mutex_lock(&shared->guard, PSHARED_NEVER) != PSHARED_OK) return 1;
        ++shared->value;
        if (pshared_mutex_unlock(&shared->guard) != PSHARED_OK) return 1;
    }
    return pshared_channel_send(news, "done", 4, PSHARED_NOW) != PSHARED_OK;
}

int main(void) {
    pshared_segment_t *memory;
    pshared_channel_t *news;
    void *found;
    if (pshared_segment_anonymous(4096, NULL, &memory) != PSHARED_OK) return 1;
    if (pshared_segment_construct(memory, "counter", "counter", sizeof(struct counter), 8, NULL, NULL, &found))
        return 1;
    if (pshared_channel_anonymous(100, 0, &news) != PSHARED_OK) return 1;
    struct counter *const shared = found;

    for (int child = 0; child < children; ++child)
        if (fork() == 0) _exit(work(shared, news));
    int ended_well = 0;
    for (int status = 0; wait(&status) > 0;) ended_well += WIFEXITED(status) && WEXITSTATUS(status) == 0;

    int told = 0;
    pshared_bytes_t message;
    while (pshared_channel_receive(news, &message, PSHARED_NOW) == PSHARED_OK) {
        told += message.size == 4 && memcmp(message.data, "done", 4) == 0;
        pshared_bytes_free(&message);
    }
    const int right = ended_well == children && told == children && shared->value == children * rounds;
    printf("%d children, counter %d, version %s: %s\n", ended_well, shared->value, pshared_version(),
           right ? "right" : "wrong");
    pshared_channel_close_handle(news);
    pshared_segment_close(memory);
    return right ? 0 : 1;
}
