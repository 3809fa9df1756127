/* SPDX-License-Identifier: MIT */
/* object_buffer and channel. */
#include "harness.h"

#include <string.h>
#include <sys/types.h>

static const pshared_bytes_t nothing = {NULL, 0};

/* Whether these are those of that text; frees them. */
static int are(pshared_bytes_t *bytes, const char *text) {
    const int same = bytes->size == strlen(text) && memcmp(bytes->data, text, bytes->size) == 0;
    pshared_bytes_free(bytes);
    return same;
}

/* ---- object_buffer --------------------------------------------------------------------------------------------- */

static void store_hello(void *context) { OK(pshared_object_buffer_store(context, PSHARED_CODEC_BYTES, "hello", 5)); }

TEST(object_buffer, without_a_name_is_shared_with_forked_children) {
    pshared_object_buffer_t *it = NULL;
    pshared_bytes_t seen = nothing;
    OK(pshared_object_buffer_anonymous(100, &it));
    EQUAL(100, pshared_object_buffer_capacity(it));
    CODE(PSHARED_ENOTHING, pshared_object_buffer_load(it, PSHARED_CODEC_BYTES, &seen));
    elsewhere(store_hello, it);
    OK(pshared_object_buffer_load(it, PSHARED_CODEC_BYTES, &seen));
    CHECK(are(&seen, "hello"));
    CHECK(seen.data == NULL);
    pshared_object_buffer_close(it);
}

TEST(object_buffer, keeps_the_newest_object_and_its_codec) {
    pshared_object_buffer_t *it = NULL;
    pshared_bytes_t seen = nothing;
    OK(pshared_object_buffer_anonymous(8, &it));
    OK(pshared_object_buffer_store(it, PSHARED_CODEC_MSGPACK, "\x2a", 1));
    CODE(PSHARED_EWRONGTYPE, pshared_object_buffer_load(it, PSHARED_CODEC_BYTES, &seen));
    CODE(PSHARED_EWRONGTYPE, pshared_object_buffer_load(it, PSHARED_CODEC_MARSHAL, &seen));
    CHECK(seen.data == NULL);
    OK(pshared_object_buffer_load(it, PSHARED_CODEC_MSGPACK, &seen));
    CHECK(are(&seen, "\x2a"));
    OK(pshared_object_buffer_store(it, PSHARED_CODEC_MARSHAL, "\x04\x08i/", 4));
    OK(pshared_object_buffer_load(it, PSHARED_CODEC_MARSHAL, &seen));
    CHECK(are(&seen, "\x04\x08i/"));
    CODE(PSHARED_ETOOLARGE, pshared_object_buffer_store(it, PSHARED_CODEC_BYTES, "123456789", 9));
    OK(pshared_object_buffer_load(it, PSHARED_CODEC_MARSHAL, &seen));
    CHECK(are(&seen, "\x04\x08i/"));
    OK(pshared_object_buffer_store(it, PSHARED_CODEC_BYTES, "", 0));
    OK(pshared_object_buffer_load(it, PSHARED_CODEC_BYTES, &seen));
    CHECK(seen.data != NULL); /* never null after success */
    CHECK(are(&seen, ""));
    pshared_object_buffer_close(it);
}

/* A mutex stands at the head of both: docs/format.md. Whoever holds it is busy inside. */
static int lock_head(void *it, pshared_deadline_t until) { return pshared_mutex_lock(it, until); }
static int unlock_head(void *it) { return pshared_mutex_unlock(it); }
static struct lock head_of(const char *name, const char *type, size_t bytes) {
    struct lock head = {lock_head, unlock_head, NULL};
    OK(pshared_segment_find(memory(), name, type, bytes, 64, &head.it));
    return head;
}

static int store_until(void *buffer, pshared_deadline_t until) {
    return pshared_object_buffer_store_until(buffer, PSHARED_CODEC_BYTES, "hello", 5, until);
}
static int load_until(void *buffer, pshared_deadline_t until) {
    pshared_bytes_t seen = nothing;
    const int code = pshared_object_buffer_load_until(buffer, PSHARED_CODEC_BYTES, &seen, until);
    CHECK(code == PSHARED_OK ? are(&seen, "hello") : seen.data == NULL);
    return code;
}

TEST(object_buffer, store_waits_for_another_one_until_its_deadline_or_a_signal) {
    const struct waiting storing = {store_until, NULL, NULL, NULL};
    struct waiting waiting = storing;
    pshared_object_buffer_t *it = NULL;
    struct holder busy;
    OK(pshared_object_buffer_create(memory(), "box", 100, &it));
    OK(store_until(it, PSHARED_NOW));
    OK(load_until(it, PSHARED_NOW));
    EQUAL(0, pshared_object_buffer_is_busy(it));
    busy = hold_elsewhere(head_of("box", "process_shared::object_buffer", 395));
    EQUAL(1, pshared_object_buffer_is_busy(it));
    waiting.context = it;
    ends_at_its_deadline(waiting);
    ends_for_a_signal(waiting);
    OK(load_until(it, PSHARED_NOW)); /* who loads does not wait for who stores */
    kill_now(busy.pid);
    EQUAL(0, pshared_object_buffer_is_busy(it));
    OK(store_until(it, PSHARED_NEVER));
    pshared_object_buffer_close(it);
}

TEST(object_buffer, load_that_is_overtaken_waits_until_its_deadline_or_a_signal) {
    const struct waiting loading = {load_until, NULL, NULL, NULL};
    struct waiting waiting = loading;
    pshared_object_buffer_t *it = NULL;
    struct holder busy;
    struct lock head;
    uint64_t *sequence;
    OK(pshared_object_buffer_create(memory(), "box", 100, &it));
    OK(store_until(it, PSHARED_NEVER));
    head = head_of("box", "process_shared::object_buffer", 395);
    busy = hold_elsewhere(head);
    sequence = (uint64_t *)head.it + 256 / sizeof *sequence; /* of the second bank, where the first object lies */
    EQUAL(1, *sequence);
    *sequence = 0; /* as if it were being overwritten */
    waiting.context = it;
    ends_at_its_deadline(waiting);
    ends_for_a_signal(waiting);
    *sequence = 1;
    let_go(&busy);
    OK(load_until(it, PSHARED_NEVER));
    pshared_object_buffer_close(it);
}

TEST(object_buffer, with_a_name_is_found_by_it) {
    pshared_object_buffer_t *made = NULL;
    pshared_object_buffer_t *found = NULL;
    pshared_object_buffer_t *same = NULL;
    pshared_object_buffer_t *none = NULL;
    pshared_bytes_t seen = nothing;
    void *other;
    CODE(PSHARED_ENOENT, pshared_object_buffer_open(memory(), "box", &none));
    OK(pshared_object_buffer_create(memory(), "box", 100, &made));
    CODE(PSHARED_EEXIST, pshared_object_buffer_create(memory(), "box", 100, &none));
    OK(pshared_object_buffer_open(memory(), "box", &found));
    OK(pshared_object_buffer_open_or_create(memory(), "box", 50, &same));
    CODE(PSHARED_ETOOSMALL, pshared_object_buffer_open_or_create(memory(), "box", 101, &none));
    OK(pshared_segment_construct(memory(), "other", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8, NULL, NULL, &other));
    CODE(PSHARED_EWRONGTYPE, pshared_object_buffer_open(memory(), "other", &none));
    store_hello(made);
    OK(pshared_object_buffer_load(found, PSHARED_CODEC_BYTES, &seen));
    CHECK(are(&seen, "hello"));
    EQUAL(100, pshared_object_buffer_capacity(same));
    OK(pshared_object_buffer_remove(memory(), "box"));
    CODE(PSHARED_ENOENT, pshared_object_buffer_remove(memory(), "box"));
    CHECK(none == NULL);
    pshared_object_buffer_close(made);
    pshared_object_buffer_close(found);
    pshared_object_buffer_close(same);
}

TEST(object_buffer, refuses_what_cannot_be) {
    pshared_object_buffer_t *it = NULL;
    pshared_object_buffer_t *none = NULL;
    pshared_bytes_t seen = nothing;
    const int codecs[] = {0, PSHARED_CODEC_AS_IS, 5, -1};
    size_t i;
    OK(pshared_object_buffer_anonymous(8, &it));
    for (i = 0; i < 4; ++i) {
        CODE(PSHARED_EINVAL, pshared_object_buffer_store(it, codecs[i], "", 0));
        CODE(PSHARED_EINVAL, pshared_object_buffer_load(it, codecs[i], &seen));
        CODE(PSHARED_EINVAL, pshared_object_buffer_store_until(it, codecs[i], "", 0, PSHARED_NOW));
        CODE(PSHARED_EINVAL, pshared_object_buffer_load_until(it, codecs[i], &seen, PSHARED_NOW));
    }
    CODE(PSHARED_EBADSIZE, pshared_object_buffer_anonymous(0, &none));
    CODE(PSHARED_EBADSIZE, pshared_object_buffer_anonymous(SIZE_MAX, &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_anonymous(1, NULL));
    CODE(PSHARED_EINVAL, pshared_object_buffer_create(NULL, "box", 1, &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_create(memory(), NULL, 1, &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_create(memory(), "box", 1, NULL));
    CODE(PSHARED_EINVAL, pshared_object_buffer_open(NULL, "box", &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_open(memory(), NULL, &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_open(memory(), "box", NULL));
    CODE(PSHARED_EINVAL, pshared_object_buffer_open_or_create(NULL, "box", 1, &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_open_or_create(memory(), NULL, 1, &none));
    CODE(PSHARED_EINVAL, pshared_object_buffer_open_or_create(memory(), "box", 1, NULL));
    CODE(PSHARED_EINVAL, pshared_object_buffer_remove(NULL, "box"));
    CODE(PSHARED_EINVAL, pshared_object_buffer_remove(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_object_buffer_store(NULL, PSHARED_CODEC_BYTES, "", 0));
    CODE(PSHARED_EINVAL, pshared_object_buffer_store(it, PSHARED_CODEC_BYTES, NULL, 0));
    CODE(PSHARED_EINVAL, pshared_object_buffer_load(NULL, PSHARED_CODEC_BYTES, &seen));
    CODE(PSHARED_EINVAL, pshared_object_buffer_load(it, PSHARED_CODEC_BYTES, NULL));
    CODE(PSHARED_EINVAL, pshared_object_buffer_store_until(NULL, PSHARED_CODEC_BYTES, "", 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_object_buffer_store_until(it, PSHARED_CODEC_BYTES, NULL, 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_object_buffer_load_until(NULL, PSHARED_CODEC_BYTES, &seen, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_object_buffer_load_until(it, PSHARED_CODEC_BYTES, NULL, PSHARED_NOW));
    CODE(PSHARED_ETOOLARGE, pshared_object_buffer_store_until(it, PSHARED_CODEC_BYTES, "123456789", 9, PSHARED_NOW));
    EQUAL(0, pshared_object_buffer_is_busy(NULL));
    CHECK(none == NULL);
    CHECK(seen.data == NULL);
    EQUAL(0, pshared_object_buffer_capacity(NULL));
    pshared_object_buffer_close(NULL);
    pshared_object_buffer_close(it);
    pshared_bytes_free(NULL);
    pshared_bytes_free(&seen);
}

/* ---- channel --------------------------------------------------------------------------------------------------- */

static pshared_channel_t *channel_of(size_t capacity, size_t messages) {
    pshared_channel_t *made = NULL;
    OK(pshared_channel_anonymous(capacity, messages, &made));
    return made;
}
static int send(void *channel, pshared_deadline_t until) { return pshared_channel_send(channel, "message", 7, until); }
static int receive(void *channel, pshared_deadline_t until) {
    pshared_bytes_t message = nothing;
    const int code = pshared_channel_receive(channel, &message, until);
    if (code == PSHARED_OK)
        CHECK(are(&message, "message"));
    else
        CHECK(message.data == NULL);
    return code;
}
static size_t messages_in(const pshared_channel_t *channel) {
    size_t messages = SIZE_MAX;
    OK(pshared_channel_size(channel, &messages));
    return messages;
}
static void receive_one(void *channel) { OK(receive(channel, PSHARED_NEVER)); }
static void send_one(void *channel) { OK(send(channel, PSHARED_NEVER)); }
static void is_empty(void *channel) { EQUAL(0, messages_in(channel)); }
static void has_one_message(void *channel) { EQUAL(1, messages_in(channel)); }

TEST(channel, hands_messages_over_in_their_order) {
    pshared_channel_t *const it = channel_of(1000, 0);
    pshared_bytes_t message = nothing;
    size_t number = 77;
    OK(pshared_channel_capacity(it, &number));
    EQUAL(1000, number);
    OK(pshared_channel_max_messages(it, &number));
    EQUAL(0, number);
    OK(pshared_channel_send(it, "first", 5, PSHARED_NEVER));
    elsewhere(send_one, it);
    OK(pshared_channel_send(it, "", 0, PSHARED_NOW));
    EQUAL(3, messages_in(it));
    OK(pshared_channel_receive(it, &message, PSHARED_NEVER));
    CHECK(are(&message, "first"));
    elsewhere(receive_one, it);
    OK(pshared_channel_receive(it, &message, PSHARED_NOW));
    CHECK(message.data != NULL);
    CHECK(are(&message, ""));
    EQUAL(0, messages_in(it));
    pshared_channel_close_handle(it);
}

TEST(channel, wakes_who_waits) {
    pshared_channel_t *const it = channel_of(1000, 1);
    size_t receivers = 0;
    size_t senders = 0;
    pid_t other = start(receive_one, it);
    AWAIT(pshared_channel_waiting(it, &receivers, &senders) == PSHARED_OK && receivers == 1);
    EQUAL(0, senders);
    send_one(it);
    finish(other);
    send_one(it);
    other = start(send_one, it);
    AWAIT(pshared_channel_waiting(it, &receivers, &senders) == PSHARED_OK && senders == 1);
    EQUAL(0, receivers);
    receive_one(it);
    finish(other);
    OK(pshared_channel_max_messages(it, &receivers));
    EQUAL(1, receivers);
    other = start(send_one, it);
    AWAIT(is_asleep(other));
    OK(pshared_channel_set_max_messages(it, 2));
    finish(other);
    EQUAL(2, messages_in(it));
    OK(pshared_channel_set_max_messages(it, 0));
    send_one(it);
    OK(pshared_channel_clear(it));
    is_empty(it);
    pshared_channel_close_handle(it);
}

TEST(channel, receive_ends_at_its_deadline) {
    const struct waiting waiting = {receive, channel_of(100, 0), NULL, is_empty};
    ends_at_its_deadline(waiting);
    pshared_channel_close_handle(waiting.context);
}

TEST(channel, receive_ends_for_a_signal_having_received_nothing) {
    const struct waiting waiting = {receive, channel_of(100, 0), NULL, is_empty};
    ends_for_a_signal(waiting);
    send_one(waiting.context);
    receive_one(waiting.context);
    pshared_channel_close_handle(waiting.context);
}

TEST(channel, send_ends_at_its_deadline) {
    const struct waiting waiting = {send, channel_of(100, 1), NULL, has_one_message};
    send_one(waiting.context);
    ends_at_its_deadline(waiting);
    pshared_channel_close_handle(waiting.context);
}

TEST(channel, send_ends_for_a_signal_having_sent_nothing) {
    const struct waiting waiting = {send, channel_of(100, 1), NULL, has_one_message};
    send_one(waiting.context);
    ends_for_a_signal(waiting);
    receive_one(waiting.context);
    is_empty(waiting.context);
    pshared_channel_close_handle(waiting.context);
}

static void be_told_that_it_is_closed(void *channel) { CODE(PSHARED_ECLOSED, receive(channel, PSHARED_NEVER)); }

TEST(channel, is_closed_for_everybody_and_emptied_first) {
    pshared_channel_t *const it = channel_of(100, 0);
    int closed = -1;
    pid_t waiter = start(be_told_that_it_is_closed, it);
    AWAIT(is_asleep(waiter));
    OK(pshared_channel_is_closed(it, &closed));
    EQUAL(0, closed);
    OK(pshared_channel_close(it));
    finish(waiter);
    pshared_channel_close_handle(it);
    {
        pshared_channel_t *const other = channel_of(100, 0);
        send_one(other);
        OK(pshared_channel_close(other));
        OK(pshared_channel_close(other));
        OK(pshared_channel_is_closed(other, &closed));
        EQUAL(1, closed);
        CODE(PSHARED_ECLOSED, send(other, PSHARED_NEVER));
        receive_one(other);
        be_told_that_it_is_closed(other);
        pshared_channel_close_handle(other);
    }
}

TEST(channel, knows_whether_another_one_is_inside) {
    pshared_channel_t *it = NULL;
    struct holder busy;
    OK(pshared_channel_create(memory(), "jobs", 1000, 0, &it));
    EQUAL(0, pshared_channel_is_busy(it));
    busy = hold_elsewhere(head_of("jobs", PSHARED_TYPE_CHANNEL, 256 + 1000));
    EQUAL(1, pshared_channel_is_busy(it));
    kill_now(busy.pid);
    EQUAL(0, pshared_channel_is_busy(it));
    send_one(it); /* takes over from the dead */
    receive_one(it);
    EQUAL(0, pshared_channel_is_busy(NULL));
    pshared_channel_close_handle(it);
}

TEST(channel, with_a_name_is_found_by_it) {
    pshared_channel_t *made = NULL;
    pshared_channel_t *found = NULL;
    pshared_channel_t *same = NULL;
    pshared_channel_t *none = NULL;
    size_t number = 0;
    void *other;
    CODE(PSHARED_ENOENT, pshared_channel_open(memory(), "jobs", &none));
    OK(pshared_channel_create(memory(), "jobs", 1000, 3, &made));
    CODE(PSHARED_EEXIST, pshared_channel_create(memory(), "jobs", 1000, 3, &none));
    OK(pshared_channel_open(memory(), "jobs", &found));
    OK(pshared_channel_open_or_create(memory(), "jobs", 500, 0, &same));
    CODE(PSHARED_ETOOSMALL, pshared_channel_open_or_create(memory(), "jobs", 100000, 0, &none));
    OK(pshared_segment_construct(memory(), "other", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8, NULL, NULL, &other));
    CODE(PSHARED_EWRONGTYPE, pshared_channel_open(memory(), "other", &none));
    send_one(made);
    OK(pshared_channel_max_messages(found, &number));
    EQUAL(3, number);
    receive_one(found);
    OK(pshared_channel_capacity(same, &number));
    CHECK(number >= 1000);
    OK(pshared_channel_remove(memory(), "jobs"));
    CODE(PSHARED_ENOENT, pshared_channel_remove(memory(), "jobs"));
    CHECK(none == NULL);
    pshared_channel_close_handle(made);
    pshared_channel_close_handle(found);
    pshared_channel_close_handle(same);
}

TEST(channel, refuses_what_cannot_be) {
    pshared_channel_t *const it = channel_of(16, 0);
    pshared_channel_t *none = NULL;
    pshared_bytes_t message = nothing;
    size_t number;
    int closed;
    CODE(PSHARED_ETOOLARGE, pshared_channel_send(it, "123456789", 9, PSHARED_NEVER));
    CODE(PSHARED_ETOOLARGE, pshared_channel_send(it, "", SIZE_MAX, PSHARED_NEVER));
    CODE(PSHARED_EBADSIZE, pshared_channel_anonymous(0, 0, &none));
    CODE(PSHARED_EBADSIZE, pshared_channel_anonymous(SIZE_MAX, 0, &none));
    CODE(PSHARED_EINVAL, pshared_channel_anonymous(16, 0, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_create(NULL, "jobs", 16, 0, &none));
    CODE(PSHARED_EINVAL, pshared_channel_create(memory(), NULL, 16, 0, &none));
    CODE(PSHARED_EINVAL, pshared_channel_create(memory(), "jobs", 16, 0, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_open(NULL, "jobs", &none));
    CODE(PSHARED_EINVAL, pshared_channel_open(memory(), NULL, &none));
    CODE(PSHARED_EINVAL, pshared_channel_open(memory(), "jobs", NULL));
    CODE(PSHARED_EINVAL, pshared_channel_open_or_create(NULL, "jobs", 16, 0, &none));
    CODE(PSHARED_EINVAL, pshared_channel_open_or_create(memory(), NULL, 16, 0, &none));
    CODE(PSHARED_EINVAL, pshared_channel_open_or_create(memory(), "jobs", 16, 0, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_remove(NULL, "jobs"));
    CODE(PSHARED_EINVAL, pshared_channel_remove(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_channel_send(NULL, "", 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_channel_send(it, NULL, 0, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_channel_receive(NULL, &message, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_channel_receive(it, NULL, PSHARED_NOW));
    CODE(PSHARED_EINVAL, pshared_channel_close(NULL));
    CODE(PSHARED_EINVAL, pshared_channel_clear(NULL));
    CODE(PSHARED_EINVAL, pshared_channel_is_closed(NULL, &closed));
    CODE(PSHARED_EINVAL, pshared_channel_is_closed(it, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_size(NULL, &number));
    CODE(PSHARED_EINVAL, pshared_channel_size(it, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_capacity(NULL, &number));
    CODE(PSHARED_EINVAL, pshared_channel_capacity(it, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_max_messages(NULL, &number));
    CODE(PSHARED_EINVAL, pshared_channel_max_messages(it, NULL));
    CODE(PSHARED_EINVAL, pshared_channel_set_max_messages(NULL, 1));
    CODE(PSHARED_EINVAL, pshared_channel_waiting(NULL, &number, &number));
    CODE(PSHARED_EINVAL, pshared_channel_waiting(it, NULL, &number));
    CODE(PSHARED_EINVAL, pshared_channel_waiting(it, &number, NULL));
    CHECK(none == NULL);
    CHECK(message.data == NULL);
    pshared_channel_close_handle(NULL);
    pshared_channel_close_handle(it);
}
