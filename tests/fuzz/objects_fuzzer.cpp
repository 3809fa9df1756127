// SPDX-License-Identifier: MIT
// Channels, buffers, locks and all other objects of a segment, as a stranger may have written them, used through the C
// interface without waiting: never a crash, never a hang.
//
// The input is a list of changes to a sound segment:
//
//   byte 0: bit 0: the segment's own guard was abandoned
//   then, again and again: which object (1 byte; beyond the last one: the whole segment), offset in it (2 bytes), width
//   (1 byte: 1, 2, 4, 8 bytes; from 128 on: as the length of a run of one value), value (8 bytes at most)
#include "fuzz/fuzzed_segment.hpp"
#include "fuzz/input.hpp"
#include "seats/layout.hpp"

#include <process_shared/process_shared.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace seats = process_shared::seats;

constexpr std::size_t channel_bytes = 64, buffer_bytes = 48, plain_bytes = 40;
constexpr std::uint32_t permits = 8, members = 4;
const std::string permits_type = "process_shared::owned_semaphore<8>";
const std::string members_type = "process_shared::barrier<4>";

/// Those that are found as they lie there.
struct object {
    const char* name;
    const char* type;
    std::size_t size;
    std::size_t alignment;
};
const std::array objects{
    object{"mutex", PSHARED_TYPE_MUTEX, PSHARED_MUTEX_SIZE, 8},
    object{"recursive", PSHARED_TYPE_RECURSIVE_MUTEX, PSHARED_RECURSIVE_MUTEX_SIZE, 8},
    object{"checked", PSHARED_TYPE_CHECKED_MUTEX, PSHARED_CHECKED_MUTEX_SIZE, 8},
    object{"shared", PSHARED_TYPE_SHARED_MUTEX, PSHARED_SHARED_MUTEX_SIZE, 8},
    object{"monitor", PSHARED_TYPE_MONITOR, PSHARED_MONITOR_SIZE, 8},
    object{"condition", PSHARED_TYPE_CONDITION_VARIABLE, PSHARED_CONDITION_VARIABLE_SIZE, 4},
    object{"semaphore", PSHARED_TYPE_SEMAPHORE, PSHARED_SEMAPHORE_SIZE, 4},
    object{"permits", permits_type.c_str(), PSHARED_OWNED_SEMAPHORE_SIZE(permits), PSHARED_OWNED_SEMAPHORE_ALIGNMENT},
    object{"barrier", members_type.c_str(), PSHARED_BARRIER_SIZE(members), 8},
    object{"latch", PSHARED_TYPE_LATCH, PSHARED_LATCH_SIZE, 4},
    object{"event", PSHARED_TYPE_EVENT, PSHARED_EVENT_SIZE, 4},
    object{"once", PSHARED_TYPE_ONCE, PSHARED_ONCE_SIZE, 8},
};

void must(int code) {
    if (code != 0) std::abort();
}

/// What `pshared_segment_find` gives; nullptr if it refuses.
template <class T>
T* find(pshared_segment_t* in, const object& what) {
    void* found = nullptr;
    if (pshared_segment_find(in, what.name, what.type, what.size, what.alignment, &found) != 0) return nullptr;
    return static_cast<T*>(found);
}
template <class T>
T* find(pshared_segment_t* in, const char* name) {
    const auto* what =
        std::find_if(objects.begin(), objects.end(), [&](const object& one) { return std::string(one.name) == name; });
    return find<T>(in, *what);
}

struct place {
    std::size_t offset;
    std::size_t size;
};
struct sound {
    std::vector<std::uint8_t> bytes;
    std::vector<place> places;  // of the objects
};

void fill(pshared_segment_t* in) {
    for (const object& one : objects) {
        void* made = nullptr;
        must(pshared_segment_construct(in, one.name, one.type, one.size, one.alignment, nullptr, nullptr, &made));
    }
    must(pshared_semaphore_init(find<pshared_semaphore_t>(in, "semaphore"), 2));
    must(pshared_owned_semaphore_init(find<pshared_owned_semaphore_t>(in, "permits"), 3, permits));
    must(pshared_barrier_init(find<pshared_barrier_t>(in, "barrier"), 2, members));
    must(pshared_latch_init(find<pshared_latch_t>(in, "latch"), 2));

    pshared_channel_t* jobs = nullptr;
    must(pshared_channel_create(in, "jobs", channel_bytes, 0, &jobs));
    // The second runs over the end.
    const char text[32] = "a message";
    must(pshared_channel_send(jobs, text, 30, PSHARED_NOW));
    must(pshared_channel_send(jobs, text, 0, PSHARED_NOW));
    pshared_bytes_t got{};
    must(pshared_channel_receive(jobs, &got, PSHARED_NOW));
    pshared_bytes_free(&got);
    must(pshared_channel_send(jobs, text, 20, PSHARED_NOW));
    pshared_channel_close_handle(jobs);

    pshared_object_buffer_t* box = nullptr;
    must(pshared_object_buffer_create(in, "box", buffer_bytes, &box));
    for (int i = 0; i < 3; ++i) must(pshared_object_buffer_store(box, PSHARED_CODEC_BYTES, text, 20));
    pshared_object_buffer_close(box);
    pshared_memory_t* plain = nullptr;
    must(pshared_memory_create(in, "bytes", plain_bytes, &plain));
    pshared_memory_close(plain);
    pshared_array_t* numbers = nullptr;
    must(pshared_array_create(in, "numbers", 10, "int", sizeof(int), alignof(int), &numbers));
    pshared_array_close(numbers);

    // And then it dies.
    must(pshared_mutex_lock(find<pshared_mutex_t>(in, "mutex"), PSHARED_NOW));
    must(pshared_shared_mutex_lock_shared(find<pshared_shared_mutex_t>(in, "shared"), PSHARED_NOW));
    must(pshared_owned_semaphore_acquire(find<pshared_owned_semaphore_t>(in, "permits"), permits, PSHARED_NOW));
    must(pshared_barrier_join(find<pshared_barrier_t>(in, "barrier"), members));
}

sound make_sound() {
    pshared_segment_options_t small = PSHARED_SEGMENT_OPTIONS_INIT;
    small.seats = 3;
    small.names = 20;
    pshared_segment_t* memory = nullptr;
    must(pshared_segment_anonymous(4096, &small, &memory));
    std::thread([&] { fill(memory); }).join();
    int descriptor = -1;
    must(pshared_segment_fd(memory, &descriptor));
    struct stat status{};
    sound made;
    if (fstat(descriptor, &status) != 0) std::abort();
    made.bytes.resize(static_cast<std::size_t>(status.st_size));
    if (pread(descriptor, made.bytes.data(), made.bytes.size(), 0) != status.st_size) std::abort();
    seats::header head;
    std::copy_n(made.bytes.data(), sizeof head, reinterpret_cast<std::uint8_t*>(&head));
    for (std::uint32_t i = 0; i < head.names; ++i) {
        std::uint64_t entry[3];
        std::copy_n(made.bytes.data() + head.directory + i * sizeof(seats::entry), sizeof entry,
                    reinterpret_cast<std::uint8_t*>(entry));
        if (entry[0] != 0) made.places.push_back({entry[1], entry[2]});
    }
    pshared_segment_close(memory);
    return made;
}

const sound& sound_objects() {
    static const sound made = make_sound();
    return made;
}

void change(std::vector<std::uint8_t>& bytes, fuzz::input& from) {
    const auto& places = sound_objects().places;
    while (!from.empty()) {
        const std::size_t which = from.take(1);
        const place where = which < places.size() ? places[which] : place{0, bytes.size()};
        const std::size_t offset = where.offset + from.take(2) % where.size;
        const auto width = static_cast<std::size_t>(from.take(1));
        if (width < 128) {
            const std::size_t count = std::size_t{1} << width % 4;
            fuzz::put(bytes, offset, from.take(count), count);
        } else {
            const std::uint64_t value = from.take(1);
            for (std::size_t i = 0; i < width - 127; ++i) fuzz::put(bytes, offset + i, value, 1);
        }
    }
}

/// What no run may change: the same segment each time, see fuzz::file; a guard that nobody alive seems to hold; and
/// nobody alive at all, as everything that takes a guard waits for the living.
void put_right(std::vector<std::uint8_t>& bytes, bool guard_abandoned) {
    const auto& before = sound_objects().bytes;
    constexpr std::size_t uuid = offsetof(seats::header, uuid), guard = offsetof(seats::header, guard);
    std::copy_n(before.data() + uuid, sizeof(seats::header::uuid), bytes.data() + uuid);
    fuzz::put(bytes, guard, guard_abandoned ? seats::make_id(0, 1) | seats::abandoned : 0);
    constexpr std::uint32_t owner_died = 0x4000'0000;  // as the kernel marks a token
    std::uint64_t registry = 0, directory = 0;
    std::copy_n(bytes.data() + offsetof(seats::header, registry), 8, reinterpret_cast<std::uint8_t*>(&registry));
    std::copy_n(bytes.data() + offsetof(seats::header, directory), 8, reinterpret_cast<std::uint8_t*>(&directory));
    for (std::uint64_t seat = registry; seat < std::min<std::uint64_t>(directory, bytes.size());
         seat += sizeof(seats::seat))
        for (std::size_t i = 0; i < sizeof(seats::seat::token); i += sizeof owner_died)
            fuzz::put(bytes, seat + offsetof(seats::seat, token) + i, owner_died, sizeof owner_died);
}

void use_channel(pshared_segment_t* in) {
    pshared_channel_t* jobs = nullptr;
    if (pshared_channel_open(in, "jobs", &jobs) != 0) return;
    std::size_t size = 0, capacity = 0, most = 0, receivers = 0, senders = 0;
    int closed = 0;
    (void)pshared_channel_size(jobs, &size);
    must(pshared_channel_capacity(jobs, &capacity));
    (void)pshared_channel_max_messages(jobs, &most);
    (void)pshared_channel_is_closed(jobs, &closed);
    (void)pshared_channel_waiting(jobs, &receivers, &senders);
    (void)pshared_channel_is_busy(jobs);
    const std::vector<char> text(std::min<std::size_t>(capacity, 1 << 16), 'x');
    for (int round = 0; round < 2; ++round) {
        (void)pshared_channel_send(jobs, text.data(), 11, PSHARED_NOW);
        for (int i = 0; i < 4; ++i) {
            pshared_bytes_t got{};
            if (pshared_channel_receive(jobs, &got, PSHARED_NOW) != 0) continue;
            if (got.size > capacity - 8) std::abort();
            volatile char sum = 0;
            for (std::size_t k = 0; k < got.size; ++k)
                sum = static_cast<char>(sum + static_cast<const char*>(got.data)[k]);
            pshared_bytes_free(&got);
        }
        (void)pshared_channel_send(jobs, text.data(), text.size() - 8, PSHARED_NOW);
        (void)pshared_channel_set_max_messages(jobs, 1);
        if (round == 0) (void)pshared_channel_clear(jobs);
        (void)pshared_channel_close(jobs);
    }
    pshared_channel_close_handle(jobs);
}

void use_buffer(pshared_segment_t* in) {
    pshared_object_buffer_t* box = nullptr;
    if (pshared_object_buffer_open(in, "box", &box) != 0) return;
    const std::size_t capacity = pshared_object_buffer_capacity(box);
    const std::vector<char> text(std::min<std::size_t>(capacity, 1 << 16), 'y');
    for (const int codec : {PSHARED_CODEC_BYTES, PSHARED_CODEC_MSGPACK, PSHARED_CODEC_MARSHAL, PSHARED_CODEC_BYTES}) {
        pshared_bytes_t got{};
        if (pshared_object_buffer_load(box, codec, &got) == 0) {
            if (got.size > capacity) std::abort();
            pshared_bytes_free(&got);
        }
        (void)pshared_object_buffer_store(box, codec, text.data(), text.size());
    }
    (void)pshared_object_buffer_is_busy(box);
    pshared_object_buffer_close(box);
}

void use_memory(pshared_segment_t* in) {
    pshared_memory_t* plain = nullptr;
    if (pshared_memory_open(in, "bytes", &plain) == 0) {
        const std::size_t size = pshared_memory_size(plain);
        std::vector<char> copy(std::min<std::size_t>(size, 1 << 16));
        must(pshared_memory_read(plain, size - copy.size(), copy.data(), copy.size()));
        must(pshared_memory_write(plain, 0, copy.data(), copy.size()));
        if (pshared_memory_fill(plain, size, 1, 0) == 0) std::abort();
        pshared_memory_close(plain);
    }
    pshared_array_t* numbers = nullptr;
    if (pshared_array_open(in, "numbers", "int", sizeof(int), alignof(int), &numbers) == 0) {
        const std::size_t count = pshared_array_count(numbers);
        if (pshared_array_at(numbers, count) != nullptr) std::abort();
        if (count != 0) *static_cast<int*>(pshared_array_at(numbers, count - 1)) = 1;
        pshared_array_close(numbers);
    }
}

/// Takes it, if that can be had at once, repairs it, gives it back; and takes it again, to be given up.
template <class Lock>
void use_lock(Lock* lock, int (*take)(Lock*, pshared_deadline_t), int (*repair)(Lock*), int (*give)(Lock*)) {
    if (lock == nullptr) return;
    (void)give(lock);
    for (int i = 0; i < 2; ++i) {
        const int code = take(lock, PSHARED_NOW);
        if (code == PSHARED_EOWNERDEAD) {
            pshared_death_t who;
            pshared_last_death(&who);
            (void)repair(lock);
        }
        if (i == 0) (void)give(lock);
    }
}

void use_locks(pshared_segment_t* in) {
    use_lock(find<pshared_mutex_t>(in, "mutex"), pshared_mutex_lock, pshared_mutex_consistent, pshared_mutex_unlock);
    use_lock(find<pshared_recursive_mutex_t>(in, "recursive"), pshared_recursive_mutex_lock,
             pshared_recursive_mutex_consistent, pshared_recursive_mutex_unlock);
    use_lock(find<pshared_checked_mutex_t>(in, "checked"), pshared_checked_mutex_lock, pshared_checked_mutex_consistent,
             pshared_checked_mutex_unlock);
    use_lock(find<pshared_monitor_t>(in, "monitor"), pshared_monitor_lock, pshared_monitor_consistent,
             pshared_monitor_unlock);
    if (auto* shared = find<pshared_shared_mutex_t>(in, "shared")) {
        (void)pshared_shared_mutex_unlock_shared(shared);
        if (pshared_shared_mutex_lock_shared(shared, PSHARED_NOW) == 0) {
            (void)pshared_shared_mutex_lock_shared(shared, PSHARED_NOW);
            (void)pshared_shared_mutex_lock(shared, PSHARED_NOW);
            (void)pshared_shared_mutex_unlock_shared(shared);
            (void)pshared_shared_mutex_unlock_shared(shared);
        }
        use_lock(shared, pshared_shared_mutex_lock, pshared_shared_mutex_consistent, pshared_shared_mutex_unlock);
    }
    auto* guard = find<pshared_mutex_t>(in, "mutex");
    auto* condition = find<pshared_condition_variable_t>(in, "condition");
    if (guard != nullptr && condition != nullptr) {
        (void)pshared_condition_variable_wait(condition, guard, PSHARED_NOW);
        (void)pshared_condition_variable_notify_one(condition);
        (void)pshared_condition_variable_notify_all(condition);
    }
    if (auto* monitor = find<pshared_monitor_t>(in, "monitor"))
        (void)pshared_monitor_when(monitor, [](void*) { return 0; }, nullptr, PSHARED_NOW);
}

void use_counts(pshared_segment_t* in) {
    std::int64_t number = 0;
    if (auto* semaphore = find<pshared_semaphore_t>(in, "semaphore")) {
        (void)pshared_semaphore_value(semaphore, &number);
        (void)pshared_semaphore_acquire(semaphore, PSHARED_NOW);
        (void)pshared_semaphore_release(semaphore, 3, PSHARED_SEMAPHORE_MAX);
    }
    if (auto* licences = find<pshared_owned_semaphore_t>(in, "permits")) {
        for (int i = 0; i < 4; ++i) (void)pshared_owned_semaphore_acquire(licences, permits, PSHARED_NOW);
        (void)pshared_owned_semaphore_value(licences, permits, &number);
        (void)pshared_owned_semaphore_held(licences, permits, &number);
        if (number < 0 || number > permits) std::abort();
        (void)pshared_owned_semaphore_release(licences, permits, 2);
        (void)pshared_owned_semaphore_release(licences, permits, 100);
    }
    if (auto* barrier = find<pshared_barrier_t>(in, "barrier")) {
        std::uint32_t turn = 0;
        int broken = 0;
        for (int i = 0; i < 2; ++i) {
            (void)pshared_barrier_join(barrier, members);
            (void)pshared_barrier_arrive(barrier, members, &turn);
            (void)pshared_barrier_wait(barrier, members, turn, PSHARED_NOW);
            (void)pshared_barrier_is_broken(barrier, &broken);
            (void)pshared_barrier_expected(barrier, &number);
            (void)pshared_barrier_reset(barrier, members, i);
        }
        (void)pshared_barrier_arrive_and_drop(barrier, members);
    }
    if (auto* latch = find<pshared_latch_t>(in, "latch")) {
        (void)pshared_latch_wait(latch, PSHARED_NOW);
        (void)pshared_latch_count_down(latch, 1);
    }
    if (auto* event = find<pshared_event_t>(in, "event")) {
        int is_set = 0;
        (void)pshared_event_wait(event, PSHARED_NOW);
        (void)pshared_event_set(event);
        (void)pshared_event_is_set(event, &is_set);
        (void)pshared_event_wait(event, PSHARED_NOW);
        (void)pshared_event_reset(event);
    }
    if (auto* once = find<pshared_once_t>(in, "once")) {
        int mine = 0, done = 0;
        if (pshared_once_begin(once, &mine) == 0 && mine != 0) (void)pshared_once_give_up(once);
        if (pshared_once_begin(once, &mine) == 0 && mine != 0) (void)pshared_once_finish(once);
        (void)pshared_once_is_done(once, &done);
    }
}

void take_apart(pshared_segment_t* in) {
    (void)pshared_channel_remove(in, "jobs");
    (void)pshared_object_buffer_remove(in, "box");
    (void)pshared_memory_remove(in, "bytes");
    (void)pshared_array_remove(in, "numbers", "int", sizeof(int), alignof(int));
    for (const object& one : objects) (void)pshared_segment_destroy(in, one.name, one.type, one.size, one.alignment);
    pshared_channel_t* jobs = nullptr;
    if (pshared_channel_open_or_create(in, "jobs", channel_bytes, 2, &jobs) == 0) pshared_channel_close_handle(jobs);
}

void use_all(int descriptor) {
    pshared_segment_t* memory = nullptr;
    if (pshared_segment_from_fd(descriptor, &memory) != 0) return;
    use_channel(memory);
    use_buffer(memory);
    use_memory(memory);
    use_locks(memory);
    use_counts(memory);
    pshared_abandon_held();
    take_apart(memory);
    pshared_segment_close(memory);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::file file;
    fuzz::input from({data, size});
    std::vector<std::uint8_t> bytes = sound_objects().bytes;
    const bool guard_abandoned = (from.take(1) & 1) != 0;
    change(bytes, from);
    put_right(bytes, guard_abandoned);
    file.write(bytes);
    // In a thread of its own, whose seat ends with it.
    std::thread([&] { use_all(file.descriptor()); }).join();
    return 0;
}
