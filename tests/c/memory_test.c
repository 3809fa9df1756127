/* SPDX-License-Identifier: MIT */
/* Blocks, plain bytes and arrays. */
#include "harness.h"

#include <string.h>

/* ---- block ----------------------------------------------------------------------------------------------------- */

static void add_one(void *number) { ++*(int *)number; }

TEST(block, is_shared_with_forked_children) {
    pshared_block_t *block = NULL;
    int *number;
    OK(pshared_block_allocate(sizeof *number, sizeof *number, &block));
    number = pshared_block_address(block);
    CHECK(number != NULL);
    EQUAL(0, *number);
    elsewhere(add_one, number);
    EQUAL(1, *number);
    pshared_block_free(block);
}

TEST(block, is_aligned_and_zeroed_also_when_it_was_used_before) {
    int i;
    for (i = 0; i < 3; ++i) {
        pshared_block_t *block = NULL;
        unsigned char *bytes;
        int at;
        OK(pshared_block_allocate(1000, 64, &block));
        bytes = pshared_block_address(block);
        EQUAL(0, (uintptr_t)bytes % 64);
        for (at = 0; at < 1000; ++at) EQUAL(0, bytes[at]);
        memset(bytes, 0xff, 1000);
        pshared_block_free(block);
    }
}

TEST(block, holds_objects_of_the_library) {
    pshared_block_t *block = NULL;
    pshared_mutex_t *guard;
    OK(pshared_block_allocate(sizeof *guard, 8, &block));
    guard = pshared_block_address(block);
    OK(pshared_mutex_lock(guard, PSHARED_NOW));
    OK(pshared_mutex_unlock(guard));
    pshared_block_free(block);
}

TEST(block, refuses_what_cannot_be) {
    pshared_block_t *block = NULL;
    CODE(PSHARED_EINVAL, pshared_block_allocate(8, 8, NULL));
    CODE(PSHARED_EBADSIZE, pshared_block_allocate(0, 8, &block));
    CODE(PSHARED_EBADSIZE, pshared_block_allocate(SIZE_MAX, 8, &block));
    CODE(PSHARED_EALIGNMENT, pshared_block_allocate(8, 3, &block));
    CODE(PSHARED_EALIGNMENT, pshared_block_allocate(8, 0, &block));
    CODE(PSHARED_ESEGMENTFULL, pshared_block_allocate(SIZE_MAX / 16, 8, &block));
    CHECK(block == NULL);
    CHECK(pshared_block_address(NULL) == NULL);
    pshared_block_free(NULL);
}

/* ---- memory ---------------------------------------------------------------------------------------------------- */

static void write_hello(void *context) { OK(pshared_memory_write(context, 3, "hello", 5)); }

TEST(memory, without_a_name_is_shared_with_forked_children) {
    const size_t sizes[] = {16, 100000};
    size_t i;
    for (i = 0; i < 2; ++i) {
        pshared_memory_t *it = NULL;
        char text[6] = "";
        OK(pshared_memory_anonymous(sizes[i], &it));
        EQUAL(sizes[i], pshared_memory_size(it));
        elsewhere(write_hello, it);
        OK(pshared_memory_read(it, 3, text, 5));
        EQUAL(0, strcmp("hello", text));
        EQUAL(0, memcmp("hello", (char *)pshared_memory_data(it) + 3, 5));
        pshared_memory_close(it);
    }
}

TEST(memory, is_checked) {
    pshared_memory_t *it = NULL;
    char bytes[32];
    size_t at;
    OK(pshared_memory_anonymous(16, &it));
    OK(pshared_memory_fill(it, 4, 8, 0x141)); /* as a byte */
    OK(pshared_memory_read(it, 0, bytes, 16));
    for (at = 0; at < 16; ++at) EQUAL(at >= 4 && at < 12 ? 0x41 : 0, bytes[at]);
    OK(pshared_memory_read(it, 16, bytes, 0));
    CODE(PSHARED_ERANGE, pshared_memory_read(it, 15, bytes, 2));
    CODE(PSHARED_ERANGE, pshared_memory_read(it, 17, bytes, 0));
    CODE(PSHARED_ERANGE, pshared_memory_write(it, 16, bytes, 1));
    CODE(PSHARED_ERANGE, pshared_memory_write(it, SIZE_MAX, bytes, 2));
    CODE(PSHARED_ERANGE, pshared_memory_fill(it, 8, 9, 1));
    OK(pshared_memory_read(it, 0, bytes, 16));
    for (at = 0; at < 16; ++at) EQUAL(at >= 4 && at < 12 ? 0x41 : 0, bytes[at]);
    pshared_memory_close(it);
}

TEST(memory, with_a_name_is_found_by_it) {
    pshared_memory_t *made = NULL;
    pshared_memory_t *found = NULL;
    pshared_memory_t *same = NULL;
    pshared_memory_t *none = NULL;
    CODE(PSHARED_ENOENT, pshared_memory_open(memory(), "bytes", &none));
    OK(pshared_memory_create(memory(), "bytes", 100, &made));
    CODE(PSHARED_EEXIST, pshared_memory_create(memory(), "bytes", 100, &none));
    OK(pshared_memory_open(memory(), "bytes", &found));
    OK(pshared_memory_open_or_create(memory(), "bytes", 50, &same));
    CODE(PSHARED_ETOOSMALL, pshared_memory_open_or_create(memory(), "bytes", 101, &none));
    EQUAL(100, pshared_memory_size(same));
    CHECK(pshared_memory_data(made) == pshared_memory_data(found));
    CHECK(pshared_memory_data(made) == pshared_memory_data(same));
    OK(pshared_memory_remove(memory(), "bytes"));
    CODE(PSHARED_ENOENT, pshared_memory_remove(memory(), "bytes"));
    CHECK(none == NULL);
    pshared_memory_close(made);
    pshared_memory_close(found);
    pshared_memory_close(same);
}

TEST(memory, lives_longer_than_the_handle_of_its_segment) {
    pshared_segment_t *segment = NULL;
    pshared_memory_t *it = NULL;
    OK(pshared_segment_anonymous(4096, NULL, &segment));
    OK(pshared_memory_create(segment, "bytes", 8, &it));
    pshared_segment_close(segment);
    OK(pshared_memory_fill(it, 0, 8, 7));
    EQUAL(7, *(char *)pshared_memory_data(it));
    pshared_memory_close(it);
}

TEST(memory, refuses_what_cannot_be) {
    pshared_memory_t *it = NULL;
    pshared_memory_t *none = NULL;
    char byte = 0;
    OK(pshared_memory_anonymous(1, &it));
    CODE(PSHARED_EINVAL, pshared_memory_anonymous(1, NULL));
    CODE(PSHARED_EBADSIZE, pshared_memory_anonymous(0, &none));
    CODE(PSHARED_EBADSIZE, pshared_memory_anonymous(SIZE_MAX, &none));
    CODE(PSHARED_EINVAL, pshared_memory_create(NULL, "bytes", 1, &none));
    CODE(PSHARED_EINVAL, pshared_memory_create(memory(), NULL, 1, &none));
    CODE(PSHARED_EINVAL, pshared_memory_create(memory(), "bytes", 1, NULL));
    CODE(PSHARED_EBADSIZE, pshared_memory_create(memory(), "bytes", 0, &none));
    CODE(PSHARED_EBADNAME, pshared_memory_create(memory(), "", 1, &none));
    CODE(PSHARED_EINVAL, pshared_memory_open(NULL, "bytes", &none));
    CODE(PSHARED_EINVAL, pshared_memory_open(memory(), NULL, &none));
    CODE(PSHARED_EINVAL, pshared_memory_open(memory(), "bytes", NULL));
    CODE(PSHARED_EINVAL, pshared_memory_open_or_create(NULL, "bytes", 1, &none));
    CODE(PSHARED_EINVAL, pshared_memory_open_or_create(memory(), NULL, 1, &none));
    CODE(PSHARED_EINVAL, pshared_memory_open_or_create(memory(), "bytes", 1, NULL));
    CODE(PSHARED_EINVAL, pshared_memory_remove(NULL, "bytes"));
    CODE(PSHARED_EINVAL, pshared_memory_remove(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_memory_read(NULL, 0, &byte, 1));
    CODE(PSHARED_EINVAL, pshared_memory_read(it, 0, NULL, 1));
    CODE(PSHARED_EINVAL, pshared_memory_write(NULL, 0, &byte, 1));
    CODE(PSHARED_EINVAL, pshared_memory_write(it, 0, NULL, 1));
    CODE(PSHARED_EINVAL, pshared_memory_fill(NULL, 0, 1, 0));
    CHECK(none == NULL);
    CHECK(pshared_memory_data(NULL) == NULL);
    EQUAL(0, pshared_memory_size(NULL));
    pshared_memory_close(NULL);
    pshared_memory_close(it);
}

/* ---- array ----------------------------------------------------------------------------------------------------- */

static void square(void *context) {
    size_t i;
    for (i = 0; i < pshared_array_count(context); ++i) *(int *)pshared_array_at(context, i) = (int)(i * i);
}

TEST(array, without_a_name_is_shared_with_forked_children) {
    pshared_array_t *it = NULL;
    const int *numbers;
    OK(pshared_array_anonymous(100, "int", sizeof(int), sizeof(int), &it));
    EQUAL(100, pshared_array_count(it));
    elsewhere(square, it);
    numbers = pshared_array_data(it);
    EQUAL(99 * 99, numbers[99]);
    CHECK(pshared_array_at(it, 7) == &numbers[7]);
    CHECK(pshared_array_at(it, 100) == NULL);
    CHECK(pshared_array_at(it, SIZE_MAX) == NULL);
    pshared_array_close(it);
}

TEST(array, with_a_name_is_found_by_it_and_its_element) {
    pshared_array_t *made = NULL;
    pshared_array_t *found = NULL;
    pshared_array_t *same = NULL;
    pshared_array_t *none = NULL;
    CODE(PSHARED_ENOENT, pshared_array_open(memory(), "all", "double", 8, 8, &none));
    OK(pshared_array_create(memory(), "all", 10, "double", 8, 8, &made));
    CODE(PSHARED_EEXIST, pshared_array_create(memory(), "all", 10, "double", 8, 8, &none));
    OK(pshared_array_open(memory(), "all", "double", 8, 8, &found));
    OK(pshared_array_open_or_create(memory(), "all", 10, "double", 8, 8, &same));
    CODE(PSHARED_ETOOSMALL, pshared_array_open_or_create(memory(), "all", 11, "double", 8, 8, &none));
    CODE(PSHARED_EWRONGTYPE, pshared_array_open(memory(), "all", "long", 8, 8, &none));
    CODE(PSHARED_EWRONGTYPE, pshared_array_remove(memory(), "all", "long", 8, 8));
    EQUAL(10, pshared_array_count(found));
    *(double *)pshared_array_at(made, 9) = 1.5;
    CHECK(*(double *)pshared_array_at(found, 9) == 1.5);
    CHECK(pshared_array_data(made) == pshared_array_data(same));
    OK(pshared_array_remove(memory(), "all", "double", 8, 8));
    CODE(PSHARED_ENOENT, pshared_array_remove(memory(), "all", "double", 8, 8));
    CHECK(none == NULL);
    pshared_array_close(made);
    pshared_array_close(found);
    pshared_array_close(same);
}

TEST(array, refuses_what_cannot_be) {
    pshared_array_t *none = NULL;
    CODE(PSHARED_EBADSIZE, pshared_array_anonymous(0, "int", 4, 4, &none));
    CODE(PSHARED_EBADSIZE, pshared_array_anonymous(SIZE_MAX, "int", 4, 4, &none));
    CODE(PSHARED_EBADSIZE, pshared_array_anonymous(1, "int", 0, 4, &none));
    CODE(PSHARED_EALIGNMENT, pshared_array_anonymous(1, "int", 4, 0, &none));
    CODE(PSHARED_EALIGNMENT, pshared_array_anonymous(1, "int", 4, 3, &none));
    CODE(PSHARED_EALIGNMENT, pshared_array_anonymous(1, "int", 4, 8, &none));
    CODE(PSHARED_EALIGNMENT, pshared_array_anonymous(1, "int", 128, 128, &none));
    CODE(PSHARED_EINVAL, pshared_array_anonymous(1, NULL, 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_anonymous(1, "int", 4, 4, NULL));
    CODE(PSHARED_EINVAL, pshared_array_create(NULL, "all", 1, "int", 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_create(memory(), NULL, 1, "int", 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_create(memory(), "all", 1, NULL, 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_create(memory(), "all", 1, "int", 4, 4, NULL));
    CODE(PSHARED_EINVAL, pshared_array_open(NULL, "all", "int", 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_open(memory(), NULL, "int", 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_open(memory(), "all", NULL, 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_open(memory(), "all", "int", 4, 4, NULL));
    CODE(PSHARED_EINVAL, pshared_array_open_or_create(NULL, "all", 1, "int", 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_open_or_create(memory(), NULL, 1, "int", 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_open_or_create(memory(), "all", 1, NULL, 4, 4, &none));
    CODE(PSHARED_EINVAL, pshared_array_open_or_create(memory(), "all", 1, "int", 4, 4, NULL));
    CODE(PSHARED_EINVAL, pshared_array_remove(NULL, "all", "int", 4, 4));
    CODE(PSHARED_EINVAL, pshared_array_remove(memory(), NULL, "int", 4, 4));
    CODE(PSHARED_EINVAL, pshared_array_remove(memory(), "all", NULL, 4, 4));
    CHECK(none == NULL);
    CHECK(pshared_array_data(NULL) == NULL);
    CHECK(pshared_array_at(NULL, 0) == NULL);
    EQUAL(0, pshared_array_count(NULL));
    pshared_array_close(NULL);
}
