/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- Making and finding ---------------------------------------------------------------------------------------- */

static pshared_segment_t *create(const char *name) {
    pshared_segment_t *made = NULL;
    OK(pshared_segment_create(name, 4096, NULL, &made));
    return made;
}
static void remove_and_close(const char *name, pshared_segment_t *segment) {
    OK(pshared_segment_remove(name, NULL));
    pshared_segment_close(segment);
}
/* The file that a named segment is: docs/format.md. */
static const char *file_of(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "/dev/shm/pshared.%s", name);
    return path;
}

static void add_one_to_a_strangers_number(void *name) {
    pshared_segment_t *segment = NULL;
    void *number = NULL;
    OK(pshared_segment_open(name, NULL, &segment));
    OK(pshared_segment_find(segment, "number", "int", sizeof(int), sizeof(int), &number));
    ++*(int *)number;
    pshared_segment_close(segment);
}

TEST(segment, is_found_by_its_name) {
    char name[64];
    char found[64];
    pshared_segment_t *made;
    pshared_segment_t *same = NULL;
    void *number = NULL;
    uint8_t uuid[2][16];
    strcpy(name, unique_name());
    made = create(name);
    OK(pshared_segment_construct(made, "number", "int", sizeof(int), sizeof(int), NULL, NULL, &number));
    elsewhere(add_one_to_a_strangers_number, name);
    EQUAL(1, *(int *)number);
    OK(pshared_segment_open_or_create(name, 4096, NULL, &same));
    OK(pshared_segment_name(same, found, sizeof found));
    EQUAL(0, strcmp(name, found));
    OK(pshared_segment_uuid(made, uuid[0]));
    OK(pshared_segment_uuid(same, uuid[1]));
    EQUAL(0, memcmp(uuid[0], uuid[1], 16));
    pshared_segment_close(same);
    remove_and_close(name, made);
}

TEST(segment, is_taken_too_small_or_not_there) {
    char name[64];
    pshared_segment_t *made;
    pshared_segment_t *none = NULL;
    strcpy(name, unique_name());
    CODE(PSHARED_ENOENT, pshared_segment_open(name, NULL, &none));
    CODE(PSHARED_ENOENT, pshared_segment_remove(name, NULL));
    OK(pshared_segment_open_or_create(name, 4096, NULL, &made));
    CODE(PSHARED_EEXIST, pshared_segment_create(name, 4096, NULL, &none));
    CODE(PSHARED_ETOOSMALL, pshared_segment_open_or_create(name, 1 << 20, NULL, &none));
    CHECK(none == NULL);
    remove_and_close(name, made);
    CODE(PSHARED_ENOENT, pshared_segment_open(name, NULL, &none));
}

TEST(segment, without_a_name_has_none) {
    char name[4] = "xyz";
    OK(pshared_segment_name(memory(), name, sizeof name));
    EQUAL('\0', name[0]);
}

TEST(segment, says_what_it_is) {
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    char name[64];
    char short_of_one[64];
    pshared_segment_t *made = NULL;
    size_t size = 0;
    size_t left = 0;
    size_t later = 0;
    uint32_t seats = 0;
    int fd = -1;
    struct stat status;
    void *block;
    strcpy(name, unique_name());
    how.seats = 17;
    how.mode = 0640;
    how.others = 1;
    OK(pshared_segment_create(name, 10000, &how, &made));
    OK(pshared_segment_size(made, &size));
    CHECK(size >= 10000);
    OK(pshared_segment_free_bytes(made, &left));
    CHECK(left >= 10000 && left <= size);
    OK(pshared_segment_allocate(made, 1000, 8, &block));
    OK(pshared_segment_free_bytes(made, &later));
    CHECK(later + 1000 <= left);
    OK(pshared_segment_seats(made, &seats));
    EQUAL(17, seats);
    OK(pshared_segment_fd(made, &fd));
    CHECK(fstat(fd, &status) == 0);
    EQUAL(0640, status.st_mode & 07777);
    CODE(PSHARED_ETOOLARGE, pshared_segment_name(made, short_of_one, strlen(name)));
    OK(pshared_segment_name(made, short_of_one, strlen(name) + 1));
    EQUAL(0, strcmp(name, short_of_one));
    remove_and_close(name, made);
}

static void open_by_descriptor(void *fd) {
    pshared_segment_t *found = NULL;
    void *number = NULL;
    OK(pshared_segment_from_fd(*(int *)fd, &found));
    OK(pshared_segment_find(found, "number", "int", sizeof(int), sizeof(int), &number));
    EQUAL(41, *(int *)number);
    ++*(int *)number;
    pshared_segment_close(found);
    CHECK(fcntl(*(int *)fd, F_GETFD) >= 0); /* stays the caller's */
}
TEST(segment, is_passed_on_as_a_descriptor) {
    void *number = NULL;
    int fd = -1;
    pshared_segment_t *none = NULL;
    OK(pshared_segment_construct(memory(), "number", "int", sizeof(int), sizeof(int), NULL, NULL, &number));
    *(int *)number = 41;
    OK(pshared_segment_fd(memory(), &fd));
    elsewhere(open_by_descriptor, &fd);
    EQUAL(42, *(int *)number);
    CODE(PSHARED_EOS + EBADF, pshared_segment_from_fd(-1, &none));
    CHECK(none == NULL);
}

TEST(segment, by_default_is_one_for_the_process_and_its_children) {
    pshared_segment_t *one = NULL;
    pshared_segment_t *other = NULL;
    size_t size = 0;
    OK(pshared_segment_default(&one));
    OK(pshared_segment_default(&other));
    CHECK(one == other);
    pshared_segment_close(one); /* nothing happens */
    OK(pshared_segment_size(other, &size));
    CHECK(size > 0);
    CODE(PSHARED_EINVAL, pshared_segment_default(NULL));
}

TEST(segment, lives_in_the_directory_that_is_asked_for) {
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    char folder[128];
    char name[64];
    pshared_segment_t *made = NULL;
    pshared_segment_t *none = NULL;
    strcpy(name, unique_name());
    snprintf(folder, sizeof folder, "/dev/shm/%s.XXXXXX", unique_name());
    CHECK(mkdtemp(folder) != NULL);
    how.directory = folder;
    OK(pshared_segment_create(name, 4096, &how, &made));
    CODE(PSHARED_ENOENT, pshared_segment_open(name, NULL, &none));
    pshared_segment_close(made);
    OK(pshared_segment_open(name, &how, &made));
    pshared_segment_close(made);
    OK(pshared_segment_remove(name, &how));
    CHECK(rmdir(folder) == 0);
    CHECK(pshared_segment_create(name, 4096, &how, &none) != PSHARED_OK);
    CHECK(none == NULL);
}

TEST(segment, refuses_names_that_are_none) {
    char long_name[202];
    pshared_segment_t *none = NULL;
    memset(long_name, 'x', 201);
    long_name[201] = '\0';
    CODE(PSHARED_EBADNAME, pshared_segment_create("", 4096, NULL, &none));
    CODE(PSHARED_EBADNAME, pshared_segment_open("a/b", NULL, &none));
    CODE(PSHARED_EBADNAME, pshared_segment_open_or_create("..", 4096, NULL, &none));
    CODE(PSHARED_EBADNAME, pshared_segment_remove(".", NULL));
    CODE(PSHARED_ENAMETOOLONG, pshared_segment_create(long_name, 4096, NULL, &none));
    CHECK(none == NULL);
}

TEST(segment, refuses_options_that_cannot_be) {
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    pshared_segment_t *none = NULL;
    struct statvfs room;
    how.struct_size = sizeof how - 1;
    CODE(PSHARED_EINVAL, pshared_segment_anonymous(4096, &how, &none));
    CODE(PSHARED_EINVAL, pshared_segment_remove("tally", &how));
    how.struct_size = sizeof how;
    how.seats = 0;
    CODE(PSHARED_EBADSIZE, pshared_segment_anonymous(4096, &how, &none));
    how.seats = 65001;
    CODE(PSHARED_EBADSIZE, pshared_segment_anonymous(4096, &how, &none));
    how.seats = 1;
    how.names = 0;
    CODE(PSHARED_EBADSIZE, pshared_segment_anonymous(4096, &how, &none));
    how.names = 1;
    how.backstop = 0;
    CODE(PSHARED_EBADSIZE, pshared_segment_anonymous(4096, &how, &none));
    CODE(PSHARED_EBADSIZE, pshared_segment_anonymous(0, NULL, &none));
    CODE(PSHARED_EBADSIZE, pshared_segment_anonymous(SIZE_MAX, NULL, &none));
    /* In a file system without a limit it would only ask for all memory that there is. */
    if (statvfs("/dev/shm", &room) == 0 && room.f_blocks != 0 && room.f_blocks * room.f_frsize < (fsblkcnt_t)1 << 42)
        CODE(PSHARED_ENOSPC, pshared_segment_create(unique_name(), (size_t)1 << 42, NULL, &none));
    CHECK(none == NULL);
}

/* Writes into the file that a segment is. */
static void patch(const char *name, off_t at, const void *bytes, size_t count) {
    const int file = open(file_of(name), O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    CHECK(pwrite(file, bytes, count, at) == (ssize_t)count);
    close(file);
}
TEST(segment, refuses_files_that_are_none) {
    char name[64];
    pshared_segment_t *none = NULL;
    const uint32_t layout = 0xffffffff;
    const uint64_t garbage = UINT64_MAX;
    int file;
    strcpy(name, unique_name());
    file = open(file_of(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CHECK(file >= 0 && ftruncate(file, 10000) == 0);
    close(file);
    CODE(PSHARED_ENOTSEGMENT, pshared_segment_open(name, NULL, &none));
    CODE(PSHARED_ENOTSEGMENT, pshared_segment_open_or_create(name, 4096, NULL, &none));
    OK(pshared_segment_remove(name, NULL));
    pshared_segment_close(create(name));
    patch(name, 48, "another boot  ..", 16); /* docs/format.md */
    CODE(PSHARED_EOTHERBOOT, pshared_segment_open(name, NULL, &none));
    OK(pshared_segment_remove(name, NULL));
    pshared_segment_close(create(name));
    patch(name, 64, &garbage, sizeof garbage);
    CODE(PSHARED_EDAMAGED, pshared_segment_open(name, NULL, &none));
    patch(name, 8, &layout, sizeof layout);
    CODE(PSHARED_EOTHERLAYOUT, pshared_segment_open(name, NULL, &none));
    OK(pshared_segment_remove(name, NULL));
    CHECK(none == NULL);
}

TEST(segment, of_another_user_is_opened_only_by_who_wants_that) {
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    char name[64];
    pshared_segment_t *made;
    pshared_segment_t *found = NULL;
    if (geteuid() != 0) {
        printf("skipped: only root can give a file away\n");
        return;
    }
    strcpy(name, unique_name());
    made = create(name);
    CHECK(chown(file_of(name), 12345, (gid_t)-1) == 0);
    CODE(PSHARED_ENOTYOURS, pshared_segment_open(name, NULL, &found));
    how.others = 1;
    OK(pshared_segment_open(name, &how, &found));
    pshared_segment_close(found);
    remove_and_close(name, made);
}

TEST(segment, refuses_null_pointers) {
    pshared_segment_t *none = NULL;
    char name[4];
    size_t number;
    uint32_t seats;
    uint8_t uuid[16];
    int fd;
    CODE(PSHARED_EINVAL, pshared_segment_anonymous(4096, NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_create(NULL, 4096, NULL, &none));
    CODE(PSHARED_EINVAL, pshared_segment_create("x", 4096, NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_open(NULL, NULL, &none));
    CODE(PSHARED_EINVAL, pshared_segment_open("x", NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_open_or_create(NULL, 4096, NULL, &none));
    CODE(PSHARED_EINVAL, pshared_segment_open_or_create("x", 4096, NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_from_fd(0, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_remove(NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_name(NULL, name, sizeof name));
    CODE(PSHARED_EINVAL, pshared_segment_name(memory(), NULL, 4));
    CODE(PSHARED_EINVAL, pshared_segment_size(NULL, &number));
    CODE(PSHARED_EINVAL, pshared_segment_size(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_segment_free_bytes(NULL, &number));
    CODE(PSHARED_EINVAL, pshared_segment_free_bytes(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_segment_seats(NULL, &seats));
    CODE(PSHARED_EINVAL, pshared_segment_seats(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_segment_uuid(NULL, uuid));
    CODE(PSHARED_EINVAL, pshared_segment_uuid(memory(), NULL));
    CODE(PSHARED_EINVAL, pshared_segment_fd(NULL, &fd));
    CODE(PSHARED_EINVAL, pshared_segment_fd(memory(), NULL));
    pshared_segment_close(NULL);
    CHECK(none == NULL);
}

/* ---- Objects in it --------------------------------------------------------------------------------------------- */

static void set_to(void *where, void *context) {
    EQUAL(0, *(int *)where);
    *(int *)where = ++*(int *)context;
}

TEST(segment, constructs_objects_once) {
    int calls = 6;
    void *made = NULL;
    void *found = NULL;
    void *same = NULL;
    void *none = NULL;
    CODE(PSHARED_ENOENT, pshared_segment_find(memory(), "n", "int", 4, 4, &none));
    OK(pshared_segment_construct(memory(), "n", "int", 4, 4, set_to, &calls, &made));
    EQUAL(7, *(int *)made);
    CODE(PSHARED_EEXIST, pshared_segment_construct(memory(), "n", "int", 4, 4, set_to, &calls, &none));
    OK(pshared_segment_find_or_construct(memory(), "n", "int", 4, 4, set_to, &calls, &same));
    OK(pshared_segment_find(memory(), "n", "int", 4, 4, &found));
    CHECK(made == found && made == same);
    EQUAL(7, calls);
    CODE(PSHARED_EWRONGTYPE, pshared_segment_find(memory(), "n", "unsigned", 4, 4, &none));
    CODE(PSHARED_EWRONGTYPE, pshared_segment_find(memory(), "n", "int", 8, 4, &none));
    CODE(PSHARED_EWRONGTYPE, pshared_segment_find_or_construct(memory(), "n", "long", 8, 8, NULL, NULL, &none));
    CODE(PSHARED_EWRONGTYPE, pshared_segment_destroy(memory(), "n", "unsigned", 4, 4));
    OK(pshared_segment_destroy(memory(), "n", "int", 4, 4));
    CODE(PSHARED_ENOENT, pshared_segment_destroy(memory(), "n", "int", 4, 4));
    OK(pshared_segment_find_or_construct(memory(), "n", "int", 4, 4, NULL, NULL, &same));
    EQUAL(0, *(int *)same); /* zeroed again */
    CHECK(none == NULL);
}

static int lock_mutex(void *it, pshared_deadline_t until) { return pshared_mutex_lock(it, until); }
static int unlock_mutex(void *it) { return pshared_mutex_unlock(it); }

TEST(segment, keeps_what_somebody_holds) {
    void *guard = NULL;
    struct lock of = {lock_mutex, unlock_mutex, NULL};
    struct holder holder;
    OK(pshared_segment_construct(memory(), "guard", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8, NULL, NULL, &guard));
    of.it = guard;
    holder = hold_elsewhere(of);
    CODE(PSHARED_EBUSY, pshared_segment_destroy(memory(), "guard", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8));
    let_go(&holder);
    OK(pshared_segment_destroy(memory(), "guard", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8));
    of.it = object(PSHARED_MUTEX_SIZE, 8);
    holder = hold_elsewhere(of);
    CODE(PSHARED_EBUSY, pshared_segment_deallocate(memory(), of.it));
    kill_now(holder.pid);
    OK(pshared_segment_deallocate(memory(), of.it));
}

TEST(segment, refuses_objects_that_cannot_be) {
    char long_name[65];
    void *none = NULL;
    void *block = NULL;
    memset(long_name, 'x', 64);
    long_name[64] = '\0';
    CODE(PSHARED_ENAMETOOLONG, pshared_segment_construct(memory(), long_name, "int", 4, 4, NULL, NULL, &none));
    CODE(PSHARED_EBADNAME, pshared_segment_construct(memory(), "", "int", 4, 4, NULL, NULL, &none));
    CODE(PSHARED_EALIGNMENT, pshared_segment_construct(memory(), "n", "int", 4, 3, NULL, NULL, &none));
    CODE(PSHARED_EALIGNMENT, pshared_segment_construct(memory(), "n", "int", 4, 0, NULL, NULL, &none));
    CODE(PSHARED_EALIGNMENT, pshared_segment_find(memory(), "n", "int", 4, 8192, &none));
    CODE(PSHARED_EBADSIZE, pshared_segment_construct(memory(), "n", "int", 0, 4, NULL, NULL, &none));
    CODE(PSHARED_ESEGMENTFULL, pshared_segment_construct(memory(), "n", "int", 1 << 30, 4, NULL, NULL, &none));
    CODE(PSHARED_ESEGMENTFULL, pshared_segment_allocate(memory(), 1 << 30, 8, &none));
    CODE(PSHARED_ESEGMENTFULL, pshared_segment_allocate(memory(), SIZE_MAX, 8, &none));
    CODE(PSHARED_EALIGNMENT, pshared_segment_allocate(memory(), 8, 3, &none));
    CODE(PSHARED_ENOENT, pshared_segment_find(memory(), "n", "int", 4, 4, &none));
    CHECK(none == NULL);
    OK(pshared_segment_construct(memory(), "n", "int", 4, 4, NULL, NULL, &block));
    CODE(PSHARED_ENOTBLOCK, pshared_segment_deallocate(memory(), block)); /* it has a name */
}

TEST(segment, has_as_many_names_as_asked_for) {
    pshared_segment_options_t how = PSHARED_SEGMENT_OPTIONS_INIT;
    pshared_segment_t *small = NULL;
    void *made = NULL;
    void *none = NULL;
    how.names = 1;
    OK(pshared_segment_anonymous(4096, &how, &small));
    OK(pshared_segment_construct(small, "one", "int", 4, 4, NULL, NULL, &made));
    CODE(PSHARED_EDIRECTORYFULL, pshared_segment_construct(small, "other", "int", 4, 4, NULL, NULL, &none));
    CHECK(none == NULL);
    pshared_segment_close(small);
}

TEST(segment, allocates_and_knows_where_things_lie) {
    void *block = NULL;
    void *same = NULL;
    uint64_t offset = 0;
    size_t size = 0;
    int local = 0;
    int at;
    OK(pshared_segment_allocate(memory(), 100, 64, &block));
    EQUAL(0, (uintptr_t)block % 64);
    for (at = 0; at < 100; ++at) EQUAL(0, ((char *)block)[at]);
    OK(pshared_segment_offset_of(memory(), block, &offset));
    OK(pshared_segment_at(memory(), offset, 100, &same));
    CHECK(same == block);
    CODE(PSHARED_ERANGE, pshared_segment_offset_of(memory(), &local, &offset));
    OK(pshared_segment_size(memory(), &size));
    same = NULL;
    CODE(PSHARED_ERANGE, pshared_segment_at(memory(), offset, size + 1, &same));
    CODE(PSHARED_ERANGE, pshared_segment_at(memory(), UINT64_MAX, 1, &same));
    CODE(PSHARED_ERANGE, pshared_segment_at(memory(), 0, 1, &same)); /* the header is nobody's */
    CHECK(same == NULL);
    CODE(PSHARED_ENOTBLOCK, pshared_segment_deallocate(memory(), (char *)block + 8));
    CODE(PSHARED_ERANGE, pshared_segment_deallocate(memory(), &local));
    OK(pshared_segment_deallocate(memory(), block));
    CODE(PSHARED_ENOTBLOCK, pshared_segment_deallocate(memory(), block));
}

TEST(segment, refuses_null_pointers_for_objects) {
    void *it = NULL;
    uint64_t offset;
    pshared_segment_t *const in = memory();
    CODE(PSHARED_EINVAL, pshared_segment_construct(NULL, "n", "int", 4, 4, NULL, NULL, &it));
    CODE(PSHARED_EINVAL, pshared_segment_construct(in, NULL, "int", 4, 4, NULL, NULL, &it));
    CODE(PSHARED_EINVAL, pshared_segment_construct(in, "n", NULL, 4, 4, NULL, NULL, &it));
    CODE(PSHARED_EINVAL, pshared_segment_construct(in, "n", "int", 4, 4, NULL, NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_find(NULL, "n", "int", 4, 4, &it));
    CODE(PSHARED_EINVAL, pshared_segment_find(in, NULL, "int", 4, 4, &it));
    CODE(PSHARED_EINVAL, pshared_segment_find(in, "n", NULL, 4, 4, &it));
    CODE(PSHARED_EINVAL, pshared_segment_find(in, "n", "int", 4, 4, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_find_or_construct(NULL, "n", "int", 4, 4, NULL, NULL, &it));
    CODE(PSHARED_EINVAL, pshared_segment_find_or_construct(in, NULL, "int", 4, 4, NULL, NULL, &it));
    CODE(PSHARED_EINVAL, pshared_segment_find_or_construct(in, "n", NULL, 4, 4, NULL, NULL, &it));
    CODE(PSHARED_EINVAL, pshared_segment_find_or_construct(in, "n", "int", 4, 4, NULL, NULL, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_destroy(NULL, "n", "int", 4, 4));
    CODE(PSHARED_EINVAL, pshared_segment_destroy(in, NULL, "int", 4, 4));
    CODE(PSHARED_EINVAL, pshared_segment_destroy(in, "n", NULL, 4, 4));
    CODE(PSHARED_EINVAL, pshared_segment_allocate(NULL, 4, 4, &it));
    CODE(PSHARED_EINVAL, pshared_segment_allocate(in, 4, 4, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_deallocate(NULL, in));
    CODE(PSHARED_EINVAL, pshared_segment_deallocate(in, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_offset_of(NULL, in, &offset));
    CODE(PSHARED_EINVAL, pshared_segment_offset_of(in, NULL, &offset));
    CODE(PSHARED_EINVAL, pshared_segment_offset_of(in, in, NULL));
    CODE(PSHARED_EINVAL, pshared_segment_at(NULL, 0, 1, &it));
    CODE(PSHARED_EINVAL, pshared_segment_at(in, 0, 1, NULL));
    CHECK(it == NULL);
}
