// SPDX-License-Identifier: MIT
// The contract of objects and blocks in a segment: made whole, found by name and type, given back.
#include "contract/code_of.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/error.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace contract {
namespace {

using process_shared::errc;
using process_shared::segment;

struct counter {
    process_shared::mutex guard;
    int value = 0;
};

struct point {
    point(int first, int second) : x(first), y(second) {}
    int x, y;
};

class objects : public testing::Test {
protected:
    /// Whether everything that was taken has come back.
    bool all_is_free() {
        return !code_of([&] { memory.deallocate(memory.allocate(memory.size())); });
    }
    segment memory = segment::anonymous(64 * 1024);
};

TEST_F(objects, arguments_go_to_the_constructor) {
    auto& made = memory.construct<point>("p", 3, 4);
    EXPECT_EQ(made.x, 3);
    EXPECT_EQ(made.y, 4);
}

TEST_F(objects, without_arguments_are_zero) {
    {
        auto& dirt = memory.construct<std::array<int, 100>>("dirt");
        dirt.fill(-1);
        memory.destroy<std::array<int, 100>>("dirt");
    }
    EXPECT_EQ(memory.construct<int>("n"), 0);
    EXPECT_EQ((memory.construct<std::array<int, 50>>("a")), (std::array<int, 50>{}));
}

TEST_F(objects, are_found_where_they_were_made) {
    auto& made = memory.construct<point>("p", 3, 4);
    EXPECT_EQ(&memory.find<point>("p"), &made);
    EXPECT_EQ(&memory.find_or_construct<point>("p", 5, 6), &made);
    EXPECT_EQ(made.x, 3);
}

TEST_F(objects, are_aligned_as_their_type_asks) {
    struct alignas(64) line {
        char bytes[64];
    };
    struct alignas(4096) page {
        char bytes[4096];
    };
    memory.construct<char>("c");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&memory.construct<line>("line")) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&memory.construct<page>("page")) % 4096, 0u);
}

TEST_F(objects, stricter_aligned_than_a_page_are_refused) {
    struct alignas(8192) wide {
        char bytes[8192];
    };
    EXPECT_TRUE(code_of([&] { memory.construct<wide>("wide"); }) == errc::bad_alignment);
    EXPECT_TRUE(all_is_free());
}

TEST_F(objects, of_one_name_are_made_once_by_many_threads) {
    std::atomic<int> made{0};
    static thread_local std::atomic<int>* made_here = nullptr;
    struct noted {
        noted() { ++*made_here; }
        counter inside;
    };
    std::vector<std::thread> threads;
    std::array<noted*, 8> found{};
    for (std::size_t i = 0; i < found.size(); ++i)
        threads.emplace_back([&, i] {
            made_here = &made;
            found[i] = &memory.find_or_construct<noted>("one");
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(made, 1);
    for (const auto* one : found) EXPECT_EQ(one, found[0]);
}

TEST_F(objects, of_absent_names_are_not_found) {
    EXPECT_TRUE(code_of([&] { (void)memory.find<int>("none"); }) == errc::no_such_name);
    EXPECT_TRUE(code_of([&] { memory.destroy<int>("none"); }) == errc::no_such_name);
}

TEST_F(objects, of_another_type_are_not_found_and_stay_as_they_are) {
    memory.construct<int>("n", 7);
    const auto refused = [&](auto type) {
        using T = decltype(type);
        EXPECT_TRUE(code_of([&] { (void)memory.find<T>("n"); }) == errc::wrong_type);
        EXPECT_TRUE(code_of([&] { memory.find_or_construct<T>("n"); }) == errc::wrong_type);
        EXPECT_TRUE(code_of([&] { memory.destroy<T>("n"); }) == errc::wrong_type);
    };
    refused(0u);
    refused(0.0f);
    refused(std::array<int, 1>{});
    EXPECT_EQ(memory.find<int>("n"), 7);
}

TEST_F(objects, error_of_a_wrong_type_says_what_it_is) {
    memory.construct<point>("p", 1, 2);
    try {
        (void)memory.find<int>("p");
        FAIL();
    } catch (const std::system_error& failure) {
        EXPECT_NE(std::string(failure.what()).find("point"), std::string::npos) << failure.what();
        EXPECT_NE(std::string(failure.what()).find("p"), std::string::npos) << failure.what();
    }
}

TEST_F(objects, of_a_taken_name_are_not_made) {
    memory.construct<int>("n", 7);
    EXPECT_TRUE(code_of([&] { memory.construct<int>("n", 8); }) == errc::name_taken);
    EXPECT_EQ(memory.find<int>("n"), 7);
}

TEST_F(objects, names_are_checked) {
    const std::string with_nul("a\0b", 3);
    for (const std::string& bad : {std::string(), std::string("a/b"), with_nul, std::string("."), std::string("..")}) {
        EXPECT_TRUE(code_of([&] { memory.construct<int>(bad); }) == errc::bad_name) << bad;
        EXPECT_TRUE(code_of([&] { (void)memory.find<int>(bad); }) == errc::bad_name) << bad;
        EXPECT_TRUE(code_of([&] { memory.destroy<int>(bad); }) == errc::bad_name) << bad;
    }
    EXPECT_NO_THROW(memory.construct<int>(std::string(63, 'n')));
    EXPECT_TRUE(code_of([&] { memory.construct<int>(std::string(64, 'n')); }) == errc::name_too_long);
}

TEST_F(objects, constructor_that_throws_leaves_nothing) {
    struct thrower {
        thrower() { throw std::runtime_error("no"); }
    };
    EXPECT_THROW(memory.construct<thrower>("t"), std::runtime_error);
    EXPECT_TRUE(code_of([&] { (void)memory.find<thrower>("t"); }) == errc::no_such_name);
    EXPECT_TRUE(all_is_free());
}

TEST_F(objects, constructor_that_dies_leaves_nothing) {
    struct suicidal {
        suicidal() { raise(SIGKILL); }
    };
    support::child victim([&] { memory.construct<suicidal>("s"); });
    EXPECT_TRUE(victim.wait().has_value());
    EXPECT_TRUE(code_of([&] { (void)memory.find<suicidal>("s"); }) == errc::no_such_name);
    EXPECT_TRUE(all_is_free());
    EXPECT_NO_THROW(memory.construct<int>("s"));
}

TEST_F(objects, full_directory_is_an_error) {
    process_shared::segment_options few;
    few.names = 3;
    segment small = segment::anonymous(4096, few);
    for (int i = 0; i < 3; ++i) small.construct<int>("n" + std::to_string(i));
    EXPECT_TRUE(code_of([&] { small.construct<int>("one more"); }) == errc::directory_full);
    EXPECT_TRUE(code_of([&] { small.construct<int>("one more"); }) == std::errc::not_enough_memory);
    small.destroy<int>("n1");
    EXPECT_NO_THROW(small.construct<int>("one more"));
}

TEST_F(objects, full_memory_is_an_error_until_something_is_given_back) {
    std::vector<void*> blocks;
    std::error_code error;
    while (!error) error = code_of([&] { blocks.push_back(memory.allocate(1000)); });
    EXPECT_TRUE(error == errc::segment_full) << error.message();
    EXPECT_TRUE(error == std::errc::not_enough_memory);
    EXPECT_GE(blocks.size(), 60u);
    EXPECT_TRUE(code_of([&] { memory.construct<std::array<char, 2000>>("big"); }) == errc::segment_full);
    memory.deallocate(blocks.back());
    blocks.pop_back();
    EXPECT_NO_THROW((void)memory.allocate(1000));
}

TEST_F(objects, destroyed_ones_give_name_and_memory_back) {
    memory.construct<point>("p", 1, 2);
    EXPECT_FALSE(all_is_free());
    memory.destroy<point>("p");
    EXPECT_TRUE(all_is_free());
    EXPECT_NO_THROW(memory.construct<int>("p"));
}

TEST_F(objects, with_a_held_lock_are_not_destroyed) {
    auto& shared = memory.construct<counter>("counter");
    shared.guard.lock();
    EXPECT_TRUE(code_of([&] { memory.destroy<counter>("counter"); }) == errc::busy) << "by myself";
    shared.guard.unlock();

    std::atomic<bool> held{false}, release{false};
    std::thread holder([&] {
        const std::lock_guard hold(shared.guard);
        held = true;
        EXPECT_TRUE(support::await([&] { return release.load(); }));
    });
    EXPECT_TRUE(support::await([&] { return held.load(); }));
    EXPECT_TRUE(code_of([&] { memory.destroy<counter>("counter"); }) == errc::busy) << "by another thread";
    release = true;
    holder.join();
    EXPECT_NO_THROW(memory.destroy<counter>("counter"));
}

TEST_F(objects, with_a_lock_of_a_dead_owner_are_destroyed) {
    auto& shared = memory.construct<counter>("counter");
    support::scratch<std::atomic<bool>> held;
    support::child owner([&] {
        shared.guard.lock();
        *held = true;
        pause();
    });
    ASSERT_TRUE(support::await([&] { return held->load(); }));
    owner.kill();
    EXPECT_NO_THROW(memory.destroy<counter>("counter"));
    // A late sweep must not change what lies there now.
    auto& reused = memory.construct<std::array<std::uint64_t, 2>>("reused");
    reused.fill(~std::uint64_t{0});
    auto& fresh = memory.construct<counter>("fresh");
    std::thread([&] { const std::lock_guard hold(fresh.guard); }).join();
    EXPECT_EQ(reused, (std::array<std::uint64_t, 2>{~std::uint64_t{0}, ~std::uint64_t{0}}));
}

TEST_F(objects, error_codes_come_instead_of_exceptions_when_asked_for) {
    std::error_code error = make_error_code(errc::busy);
    EXPECT_NE(memory.construct<point>(error, "p", 1, 2), nullptr);
    EXPECT_FALSE(error) << "success clears it";
    EXPECT_EQ(memory.construct<point>(error, "p", 1, 2), nullptr);
    EXPECT_TRUE(error == errc::name_taken);
    EXPECT_NE(memory.find<point>("p", error), nullptr);
    EXPECT_FALSE(error);
    EXPECT_EQ(memory.find<int>("p", error), nullptr);
    EXPECT_TRUE(error == errc::wrong_type);
    EXPECT_NE(memory.find_or_construct<point>(error, "p", 5, 6), nullptr);
    EXPECT_FALSE(error);
    EXPECT_EQ(memory.find_or_construct<int>(error, "p"), nullptr);
    EXPECT_TRUE(error == errc::wrong_type);
    memory.destroy<int>("p", error);
    EXPECT_TRUE(error == errc::wrong_type);
    memory.destroy<point>("p", error);
    EXPECT_FALSE(error);
    memory.destroy<point>("p", error);
    EXPECT_TRUE(error == errc::no_such_name);
}

TEST_F(objects, constructor_that_throws_becomes_an_error_code_when_asked_for) {
    struct thrower {
        thrower() { throw std::runtime_error("no"); }
    };
    struct hungry {
        hungry() { throw std::bad_alloc(); }
    };
    std::error_code error;
    EXPECT_EQ(memory.construct<thrower>(error, "t"), nullptr);
    EXPECT_TRUE(error);
    EXPECT_EQ(memory.construct<hungry>(error, "h"), nullptr);
    EXPECT_TRUE(error == std::errc::not_enough_memory);
    EXPECT_TRUE(all_is_free());
}

// Memory without a name.

TEST_F(objects, allocated_memory_is_zeroed_aligned_and_apart) {
    std::vector<std::byte*> blocks;
    for (std::size_t alignment = 1; alignment <= 4096; alignment *= 2) {
        auto* block = static_cast<std::byte*>(memory.allocate(100, alignment));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignment, 0u);
        EXPECT_TRUE(std::all_of(block, block + 100, [](std::byte value) { return value == std::byte{0}; }));
        std::fill_n(block, 100, static_cast<std::byte>(blocks.size() + 1));
        blocks.push_back(block);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i)
        EXPECT_TRUE(std::all_of(blocks[i], blocks[i] + 100,
                                [&](std::byte value) { return value == static_cast<std::byte>(i + 1); }));
    for (auto* block : blocks) memory.deallocate(block);
    EXPECT_TRUE(all_is_free());
}

TEST_F(objects, sizes_and_alignments_that_make_no_sense_are_refused) {
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    EXPECT_TRUE(code_of([&] { (void)memory.allocate(0); }) == errc::bad_size);
    for (const std::size_t huge : {most, most - 15, most / 2, memory.size() + 1})
        EXPECT_TRUE(code_of([&] { (void)memory.allocate(huge); }) == std::errc::not_enough_memory) << huge;
    for (const std::size_t bad : {std::size_t{0}, std::size_t{3}, std::size_t{48}, std::size_t{8192}, most})
        EXPECT_TRUE(code_of([&] { (void)memory.allocate(16, bad); }) == errc::bad_alignment) << bad;
    EXPECT_TRUE(all_is_free());
}

TEST_F(objects, only_allocated_blocks_are_deallocated_and_only_once) {
    auto* block = static_cast<std::byte*>(memory.allocate(100));
    auto& named = memory.construct<point>("p", 1, 2);
    int outside = 0;
    EXPECT_TRUE(code_of([&] { memory.deallocate(block + 16); }) == errc::not_a_block);
    EXPECT_TRUE(code_of([&] { memory.deallocate(block + 1); }) == errc::not_a_block);
    EXPECT_TRUE(code_of([&] { memory.deallocate(&named); }) == errc::not_a_block) << "destroy<T> is for these";
    EXPECT_TRUE(code_of([&] { memory.deallocate(&outside); }) == errc::out_of_bounds);
    EXPECT_TRUE(code_of([&] { memory.deallocate(nullptr); }) == errc::out_of_bounds);
    EXPECT_NO_THROW(memory.deallocate(block));
    EXPECT_TRUE(code_of([&] { memory.deallocate(block); }) == errc::not_a_block);
    EXPECT_EQ(memory.find<point>("p").x, 1);
}

TEST_F(objects, block_with_a_held_lock_is_not_deallocated) {
    auto& lock = *static_cast<process_shared::mutex*>(memory.allocate(sizeof(process_shared::mutex)));
    lock.lock();
    EXPECT_TRUE(code_of([&] { memory.deallocate(&lock); }) == errc::busy);
    lock.unlock();
    EXPECT_NO_THROW(memory.deallocate(&lock));
}

TEST_F(objects, offsets_are_the_same_in_every_mapping_and_checked) {
    segment again = segment::from_fd(memory.fd());
    auto* block = static_cast<char*>(memory.allocate(100));
    const std::uint64_t offset = memory.offset_of(block);
    EXPECT_EQ(memory.at(offset), block);
    EXPECT_NE(again.at(offset, 100), block);
    EXPECT_EQ(again.offset_of(again.at(offset)), offset);
    EXPECT_EQ(memory.offset_of(block + 99), offset + 99);

    int outside = 0;
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    EXPECT_TRUE(code_of([&] { (void)memory.offset_of(&outside); }) == errc::out_of_bounds);
    EXPECT_TRUE(code_of([&] { (void)memory.offset_of(nullptr); }) == errc::out_of_bounds);
    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{64}, std::uint64_t{1} << 40, most})
        EXPECT_TRUE(code_of([&] { (void)memory.at(bad); }) == errc::out_of_bounds) << bad;
    for (const std::size_t bad : {std::size_t{1} << 20, std::numeric_limits<std::size_t>::max()})
        EXPECT_TRUE(code_of([&] { (void)memory.at(offset, bad); }) == errc::out_of_bounds) << bad;
}

TEST_F(objects, many_threads_take_and_give_back) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                auto* block = static_cast<std::byte*>(memory.allocate(static_cast<std::size_t>(16 + 50 * t)));
                *block = static_cast<std::byte>(t);
                const std::string name = "t" + std::to_string(t);
                memory.construct<int>(name, t);
                EXPECT_EQ(memory.find<int>(name), t);
                memory.destroy<int>(name);
                EXPECT_EQ(*block, static_cast<std::byte>(t));
                memory.deallocate(block);
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_TRUE(all_is_free());
}

}  // namespace
}  // namespace contract
