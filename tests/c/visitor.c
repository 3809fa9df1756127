/* SPDX-License-Identifier: MIT */
/* A stranger in C. On a segment that C++ made, or makes and leaves one:
 *   c_visitor finds NAME     each object as meeting_test.cpp left it; changes each
 *   c_visitor makes NAME     the same objects */
#include <process_shared/process_shared.h>

#include <stdio.h>
#include <string.h>

#define OK(call) check(call, #call, __LINE__)
static int bad;
static void check(int code, const char *what, int line) {
    if (code == PSHARED_OK) return;
    fprintf(stderr, "visitor.c:%d: %s: %s\n", line, what, pshared_strerror(code));
    bad = 1;
}
static void expect(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "visitor.c: not so: %s\n", what);
    bad = 1;
}
#define EXPECT(condition) expect(condition, #condition)

enum { licences = 16, members = 64 };
/* MessagePack: lists of one string. */
static const char packed[] = "\221\254to the other";
static const char packed_answer[] = "\221\246from C";
static const char licence_type[] = "process_shared::owned_semaphore<16>";
static const char barrier_type[] = "process_shared::barrier<64>";

struct things {
    pshared_mutex_t *guard;
    pshared_recursive_mutex_t *recursive;
    pshared_checked_mutex_t *checked;
    pshared_shared_mutex_t *table;
    pshared_monitor_t *monitor;
    pshared_condition_variable_t *changed;
    pshared_condition_variable_t *changed_any;
    pshared_semaphore_t *tools;
    pshared_semaphore_t *flag;
    pshared_owned_semaphore_t *licences;
    pshared_barrier_t *step;
    pshared_latch_t *latch;
    pshared_event_t *event;
    pshared_once_t *once;
    pshared_object_buffer_t *box;
    pshared_channel_t *jobs;
    pshared_memory_t *bytes;
    pshared_array_t *numbers;
};

typedef void initializer(void *object, void *context);
static void two_permits(void *it, void *context) {
    (void)context;
    OK(pshared_semaphore_init(it, 2));
}
static void one_permit(void *it, void *context) {
    (void)context;
    OK(pshared_semaphore_init(it, 1));
}
static void three_licences(void *it, void *context) {
    (void)context;
    OK(pshared_owned_semaphore_init(it, 3, licences));
}
static void two_members(void *it, void *context) {
    (void)context;
    OK(pshared_barrier_init(it, 2, members));
}
static void count_of_two(void *it, void *context) {
    (void)context;
    OK(pshared_latch_init(it, 2));
}
static void automatic_and_set(void *it, void *context) {
    (void)context;
    OK(pshared_event_init(it, 1, 1));
}

static void *get(pshared_segment_t *in, int makes, const char *name, const char *type, size_t bytes, size_t alignment,
                 initializer *init) {
    void *it = NULL;
    const int code = makes ? pshared_segment_construct(in, name, type, bytes, alignment, init, NULL, &it)
                           : pshared_segment_find(in, name, type, bytes, alignment, &it);
    check(code, name, __LINE__);
    return it;
}

/* Finds each, or makes it. */
static struct things all_in(pshared_segment_t *in, int makes) {
    struct things all;
    memset(&all, 0, sizeof all);
    all.guard = get(in, makes, "guard", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8, NULL);
    all.recursive = get(in, makes, "recursive", PSHARED_TYPE_RECURSIVE_MUTEX, PSHARED_RECURSIVE_MUTEX_SIZE, 8, NULL);
    all.checked = get(in, makes, "checked", PSHARED_TYPE_CHECKED_MUTEX, PSHARED_CHECKED_MUTEX_SIZE, 8, NULL);
    all.table = get(in, makes, "table", PSHARED_TYPE_SHARED_MUTEX, PSHARED_SHARED_MUTEX_SIZE, 8, NULL);
    all.monitor = get(in, makes, "monitor", PSHARED_TYPE_MONITOR, PSHARED_MONITOR_SIZE, 8, NULL);
    all.changed = get(in, makes, "changed", PSHARED_TYPE_CONDITION_VARIABLE, PSHARED_CONDITION_VARIABLE_SIZE, 4, NULL);
    all.changed_any =
        get(in, makes, "changed_any", PSHARED_TYPE_CONDITION_VARIABLE_ANY, PSHARED_CONDITION_VARIABLE_SIZE, 4, NULL);
    all.tools = get(in, makes, "tools", PSHARED_TYPE_SEMAPHORE, PSHARED_SEMAPHORE_SIZE, 4, two_permits);
    all.flag = get(in, makes, "flag", PSHARED_TYPE_BINARY_SEMAPHORE, PSHARED_SEMAPHORE_SIZE, 4, one_permit);
    all.licences = get(in, makes, "licences", licence_type, PSHARED_OWNED_SEMAPHORE_SIZE(licences),
                       PSHARED_OWNED_SEMAPHORE_ALIGNMENT, three_licences);
    all.step = get(in, makes, "step", barrier_type, PSHARED_BARRIER_SIZE(members), 8, two_members);
    all.latch = get(in, makes, "latch", PSHARED_TYPE_LATCH, PSHARED_LATCH_SIZE, 4, count_of_two);
    all.event = get(in, makes, "event", PSHARED_TYPE_EVENT, PSHARED_EVENT_SIZE, 4, automatic_and_set);
    all.once = get(in, makes, "once", PSHARED_TYPE_ONCE, PSHARED_ONCE_SIZE, 8, NULL);
    OK(makes ? pshared_object_buffer_create(in, "box", 100, &all.box)
             : pshared_object_buffer_open(in, "box", &all.box));
    OK(makes ? pshared_channel_create(in, "jobs", 1000, 5, &all.jobs) : pshared_channel_open(in, "jobs", &all.jobs));
    OK(makes ? pshared_memory_create(in, "bytes", 100, &all.bytes) : pshared_memory_open(in, "bytes", &all.bytes));
    OK(makes ? pshared_array_create(in, "numbers", 10, "int", sizeof(int), sizeof(int), &all.numbers)
             : pshared_array_open(in, "numbers", "int", sizeof(int), sizeof(int), &all.numbers));
    return all;
}

static void close_all(struct things *all) {
    pshared_object_buffer_close(all->box);
    pshared_channel_close_handle(all->jobs);
    pshared_memory_close(all->bytes);
    pshared_array_close(all->numbers);
}

/* What a maker leaves, beyond what construction did. */
static void leave_traces(struct things *all) {
    const int number = 7;
    OK(pshared_object_buffer_store(all->box, PSHARED_CODEC_MSGPACK, packed, sizeof packed - 1));
    OK(pshared_channel_send(all->jobs, "to the other", 12, PSHARED_NOW));
    OK(pshared_memory_write(all->bytes, 0, &number, sizeof number));
    if (pshared_array_count(all->numbers) >= 4) *(int *)pshared_array_at(all->numbers, 3) = 33;
}

/* What a finder sees, and what it does. The test in C++ does the same with what is made here. */
static void visit(struct things *all) {
    int64_t number = -1;
    int answer = -1;
    int seven = 0;
    size_t most = 0;
    pshared_bytes_t bytes = {NULL, 0};

    EXPECT(pshared_mutex_is_locked(all->guard)); /* by the test */
    EXPECT(pshared_mutex_lock(all->guard, PSHARED_NOW) == PSHARED_ETIMEDOUT);
    OK(pshared_recursive_mutex_lock(all->recursive, PSHARED_NOW));
    OK(pshared_recursive_mutex_unlock(all->recursive));
    OK(pshared_checked_mutex_lock(all->checked, PSHARED_NOW));
    OK(pshared_checked_mutex_unlock(all->checked));
    OK(pshared_shared_mutex_lock_shared(all->table, PSHARED_NOW)); /* the test reads, too */
    EXPECT(pshared_shared_mutex_lock(all->table, PSHARED_NOW) == PSHARED_EDEADLK);
    OK(pshared_shared_mutex_unlock_shared(all->table));
    EXPECT(pshared_shared_mutex_lock(all->table, PSHARED_NOW) == PSHARED_ETIMEDOUT);
    OK(pshared_monitor_lock(all->monitor, PSHARED_NOW));
    OK(pshared_monitor_unlock(all->monitor));
    OK(pshared_condition_variable_notify_all(all->changed));
    OK(pshared_condition_variable_notify_one(all->changed_any));

    OK(pshared_semaphore_value(all->tools, &number));
    EXPECT(number == 2);
    OK(pshared_semaphore_release(all->tools, 3, PSHARED_SEMAPHORE_MAX));
    OK(pshared_semaphore_acquire(all->flag, PSHARED_NOW));
    OK(pshared_owned_semaphore_value(all->licences, licences, &number));
    EXPECT(number == 2); /* one is the test's */
    OK(pshared_owned_semaphore_acquire(all->licences, licences, PSHARED_NOW));

    OK(pshared_barrier_expected(all->step, &number));
    EXPECT(number == 2);
    OK(pshared_barrier_join(all->step, members)); /* and is a dead member soon */
    OK(pshared_latch_count_down(all->latch, 1));
    EXPECT(pshared_latch_wait(all->latch, PSHARED_NOW) == PSHARED_ETIMEDOUT);
    OK(pshared_event_wait(all->event, PSHARED_NOW)); /* automatic: it is unset now */
    EXPECT(pshared_event_wait(all->event, PSHARED_NOW) == PSHARED_ETIMEDOUT);
    OK(pshared_once_begin(all->once, &answer));
    EXPECT(answer == 1);
    OK(pshared_once_finish(all->once));

    OK(pshared_object_buffer_load(all->box, PSHARED_CODEC_MSGPACK, &bytes));
    EXPECT(bytes.size == sizeof packed - 1 && memcmp(bytes.data, packed, sizeof packed - 1) == 0);
    pshared_bytes_free(&bytes);
    OK(pshared_object_buffer_store(all->box, PSHARED_CODEC_MSGPACK, packed_answer, sizeof packed_answer - 1));
    OK(pshared_channel_receive(all->jobs, &bytes, PSHARED_NOW));
    EXPECT(bytes.size == 12 && memcmp(bytes.data, "to the other", 12) == 0);
    pshared_bytes_free(&bytes);
    OK(pshared_channel_max_messages(all->jobs, &most));
    EXPECT(most == 5);
    OK(pshared_channel_send(all->jobs, "from C", 6, PSHARED_NOW));
    OK(pshared_memory_read(all->bytes, 0, &seven, sizeof seven));
    EXPECT(seven == 7);
    EXPECT(pshared_array_count(all->numbers) >= 10 && *(int *)pshared_array_at(all->numbers, 3) == 33);
    *(int *)pshared_array_at(all->numbers, 3) = 34;
}

int main(int count, char **words) {
    const int makes = count == 3 && strcmp(words[1], "makes") == 0;
    pshared_segment_t *segment = NULL;
    struct things all;
    if (count != 3) return 2;
    OK(makes ? pshared_segment_create(words[2], 65536, NULL, &segment)
             : pshared_segment_open(words[2], NULL, &segment));
    if (bad) return 1;
    all = all_in(segment, makes);
    if (!bad && makes) leave_traces(&all);
    if (!bad && !makes) visit(&all);
    if (!bad && makes) OK(pshared_mutex_lock(all.guard, PSHARED_NEVER)); /* and ends inside */
    close_all(&all);
    pshared_segment_close(segment);
    return bad;
}
