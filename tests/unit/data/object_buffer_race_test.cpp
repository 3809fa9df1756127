// SPDX-License-Identifier: MIT
// object_buffer: readers and writers at the same time, and writers that are killed. A reader never sees a mix.
#include <process_shared/object_buffer.hpp>

#include "support/child.hpp"
#include "support/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using process_shared::object_buffer;
using process_shared::segment;

namespace {

/// An object whose words are all equal, unless it is a mix.
template <std::size_t Words>
struct uniform {
    std::array<std::uint64_t, Words> words;

    [[nodiscard]] bool whole() const {
        return std::all_of(words.begin(), words.end(), [&](std::uint64_t each) { return each == words[0]; });
    }
};
using small_object = uniform<4>;     // by words
using medium_object = uniform<400>;  // by memcpy
using large_object = uniform<32 * 1024>;

struct flags {
    std::atomic<bool> stop;
    std::atomic<std::uint64_t> stores, loads, changes;
};

template <class Object>
void store_until_stopped(const object_buffer& box, flags& shared, std::uint64_t first) {
    const auto object = std::make_unique<Object>();
    for (std::uint64_t value = first; !shared.stop.load(); value += 16) {
        object->words.fill(value);
        box.store(*object);
        shared.stores.fetch_add(1);
    }
}

/// Loads until `enough` different objects were seen; each must be whole, and of one writer never an older one after a
/// newer.
template <class Object>
void load_until_enough(const object_buffer& box, flags& shared, std::uint64_t enough) {
    const auto object = std::make_unique<Object>();
    std::array<std::uint64_t, 16> newest{};
    std::uint64_t last = 0;
    const auto seen_enough = [&] {
        if (!box.load_into(*object)) return false;
        shared.loads.fetch_add(1);
        support::check(object->whole(), "a mix");
        const std::uint64_t value = object->words[0];
        support::check(value >= newest[value % 16], "an older object after a newer one");
        newest[value % 16] = value;
        if (value != last) shared.changes.fetch_add(1);
        last = value;
        return shared.changes.load() >= enough;
    };
    const auto end = std::chrono::steady_clock::now() + support::watchdog;
    while (!seen_enough()) support::check(std::chrono::steady_clock::now() < end, "too few objects came by");
}

template <class Object>
class object_buffer_race : public testing::Test {
protected:
    static constexpr std::uint64_t enough = sizeof(Object) > 100'000 ? 300 : 5000;
};
using objects = testing::Types<small_object, medium_object, large_object>;
class object_names {
public:
    template <class Object>
    static std::string GetName(int) {
        return std::to_string(sizeof(Object)) + "_bytes";
    }
};
TYPED_TEST_SUITE(object_buffer_race, objects, object_names);

}  // namespace

TYPED_TEST(object_buffer_race, threads_never_see_a_mix) {
    const object_buffer box(sizeof(TypeParam));
    flags shared{};
    std::vector<std::thread> writers;
    for (std::uint64_t i = 1; i <= 2; ++i)
        writers.emplace_back([&, i] { store_until_stopped<TypeParam>(box, shared, i); });
    EXPECT_NO_THROW(load_until_enough<TypeParam>(box, shared, this->enough));
    shared.stop = true;
    for (auto& writer : writers) writer.join();
}

TYPED_TEST(object_buffer_race, processes_never_see_a_mix) {
    const support::segment_name name;
    segment memory = segment::create(name, 4 * sizeof(TypeParam) + 4096);
    const auto box = object_buffer::create(memory, "box", sizeof(TypeParam));
    const support::scratch<flags> shared;
    std::vector<support::child> writers;
    for (std::uint64_t i = 1; i <= 2; ++i)
        writers.emplace_back([&, i] {
            segment mine = segment::open(name);  // at another address
            store_until_stopped<TypeParam>(object_buffer::open(mine, "box"), *shared, i);
        });
    support::child reader([&] {
        segment mine = segment::open(name);
        load_until_enough<TypeParam>(object_buffer::open(mine, "box"), *shared, this->enough);
    });
    EXPECT_TRUE(reader.wait_success());
    shared->stop = true;
    for (auto& writer : writers) EXPECT_TRUE(writer.wait_success());
}

TYPED_TEST(object_buffer_race, a_writer_killed_at_any_moment_leaves_a_whole_object_and_a_working_buffer) {
    const object_buffer box(sizeof(TypeParam));
    const auto object = std::make_unique<TypeParam>();
    std::uint64_t newest = 0;
    for (std::uint64_t round = 0; round < 60; ++round) {
        const support::scratch<flags> shared;
        support::child victim([&] { store_until_stopped<TypeParam>(box, *shared, newest + 16); });
        // Killed at a moment that differs from round to round.
        ASSERT_TRUE(support::await([&] { return shared->stores.load() > round % 7; }));
        for (std::uint64_t i = 0; i < round * 37 % 500; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
        victim.kill();
        ASSERT_TRUE(box.load_into(*object));
        ASSERT_TRUE(object->whole());
        // The last store that returned, or the one that it was killed in.
        const std::uint64_t first = newest + 16, value = object->words[0];
        const std::uint64_t returned = first + (shared->stores.load() - 1) * 16;
        ASSERT_GE(value, returned);
        ASSERT_LE(value, returned + 2 * 16);  // killed after the store, before it was counted
        newest = value + 16;
        object->words.fill(newest);
        box.store(*object);
        ASSERT_TRUE(box.load_into(*object));
        ASSERT_TRUE(object->whole());
        ASSERT_EQ(object->words[0], newest);
    }
}

TEST(object_buffer_stopped_writer, does_not_stop_readers) {
    const object_buffer box(sizeof(large_object));
    const support::scratch<flags> shared;
    support::child writer([&] { store_until_stopped<large_object>(box, *shared, 16); });
    const auto object = std::make_unique<large_object>();
    for (int round = 0; round < 20; ++round) {
        const std::uint64_t before = shared->stores.load();
        ASSERT_TRUE(support::await([&] { return shared->stores.load() > before; }));
        writer.signal(SIGSTOP);
        siginfo_t stopped;
        ASSERT_EQ(waitid(P_PID, static_cast<id_t>(writer.pid()), &stopped, WSTOPPED), 0);
        ASSERT_TRUE(box.load_into(*object));
        EXPECT_TRUE(object->whole());
        writer.signal(SIGCONT);
    }
    shared->stop = true;
    EXPECT_TRUE(writer.wait_success());
}
