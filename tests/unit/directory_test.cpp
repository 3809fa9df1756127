// SPDX-License-Identifier: MIT
// The directory: objects appear whole or not at all, and entries that make no sense are errors and nothing worse.
#include "segment/directory.hpp"

#include "segment/segment_state.hpp"
#include "support/child.hpp"

#include <process_shared/error.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>

namespace {

using namespace process_shared::segments;
namespace seats = process_shared::seats;
using process_shared::errc;
using process_shared::segment;
using process_shared::segment_access;
using process_shared::detail::type_record;

constexpr type_record number{1, 8, 8, "number"};
constexpr type_record page{2, 256, 64, "page"};

using body = std::function<void(void*)>;

class directory_test : public testing::Test {
protected:
    named_object make(
        std::string_view name, const type_record& type = number, body run = [](void*) {},
        directory::placement how = directory::placement::fresh) {
        return tested.make(name, type, how,
                           {[](void* context, void* where) { (*static_cast<body*>(context))(where); }, &run});
    }
    std::uint32_t entries() const {
        std::uint32_t count = 0;
        for (std::uint32_t i = 0; i < in.names; ++i) count += tested.peek(i).has_value();
        return count;
    }
    seats::entry& entry_of(std::string_view name) const {
        auto* all = reinterpret_cast<seats::entry*>(in.base + in.directory);
        for (std::uint32_t i = 0; i < in.names; ++i)
            if (all[i].state == 1 && name == all[i].name) return all[i];
        throw std::out_of_range(std::string(name));
    }

    /// Whether nothing but free blocks is left (how many there are says little: neighbours merge when looked for).
    bool all_is_free() const {
        try {
            tested.deallocate(tested.allocate(memory.size(), 16));
            return true;
        } catch (const std::system_error&) {
            return false;
        }
    }

    template <class Operation>
    static std::error_code code_of(Operation&& operation) {
        try {
            operation();
            return {};
        } catch (const std::system_error& failure) {
            return failure.code();
        }
    }

    static process_shared::segment_options few_names() {
        process_shared::segment_options how;
        how.names = 16;
        return how;
    }

    segment memory = segment::anonymous(64 * 1024, few_names());
    const seats::view& in = segment_access::state_of(memory).mapped;
    mutable directory tested = segment_access::state_of(memory).directory();
};

TEST_F(directory_test, object_is_found_as_it_was_made) {
    const named_object made = make("a", page);
    const named_object found = tested.find("a", page.id, page.size);
    EXPECT_EQ(found.offset, made.offset);
    EXPECT_EQ(found.size, page.size);
    EXPECT_EQ(found.type, page.id);
    EXPECT_EQ(found.alignment, page.alignment);
    EXPECT_EQ(found.offset % page.alignment, 0u);
    EXPECT_STREQ(found.name, "a");
    EXPECT_STREQ(found.type_name, "page");
}

TEST_F(directory_test, constructor_gets_zeroed_memory) {
    make("a", page, [](void* where) { std::fill_n(static_cast<char*>(where), page.size, 'x'); });
    tested.destroy("a", page.id, page.size);
    make("b", page, [](void* where) {
        const auto* bytes = static_cast<const char*>(where);
        EXPECT_TRUE(std::all_of(bytes, bytes + page.size, [](char c) { return c == 0; }));
    });
}

TEST_F(directory_test, constructor_that_throws_leaves_nothing) {
    EXPECT_THROW(make("a", page, [](void*) { throw std::runtime_error("no"); }), std::runtime_error);
    EXPECT_EQ(entries(), 0u);
    EXPECT_TRUE(all_is_free());
    EXPECT_NO_THROW(make("a", page));
}

TEST_F(directory_test, constructor_that_is_killed_leaves_nothing) {
    support::child victim([&] { make("a", page, [](void*) { raise(SIGKILL); }); });
    EXPECT_TRUE(victim.wait().has_value());
    EXPECT_TRUE(code_of([&] { (void)tested.find("a", page.id, page.size); }) == errc::no_such_name);
    EXPECT_EQ(entries(), 0u);
    EXPECT_TRUE(all_is_free());
}

TEST_F(directory_test, constructor_may_make_other_objects) {
    make("outer", page, [&](void*) { make("inner", number); });
    EXPECT_EQ(entries(), 2u);
    EXPECT_EQ(tested.find("inner", number.id, 0).size, number.size);
    EXPECT_EQ(tested.find("outer", page.id, 0).size, page.size);
}

TEST_F(directory_test, constructor_that_takes_its_own_name_loses_it) {
    const auto code = code_of([&] { make("a", page, [&](void*) { make("a", number); }); });
    EXPECT_TRUE(code == errc::name_taken);
    EXPECT_EQ(entries(), 1u);
    EXPECT_EQ(tested.find("a", number.id, 0).size, number.size);
}

TEST_F(directory_test, taken_name_is_refused_and_the_object_stays) {
    const named_object first = make("a");
    EXPECT_TRUE(code_of([&] { make("a"); }) == errc::name_taken);
    EXPECT_TRUE(code_of([&] { make("a", page); }) == errc::name_taken);
    EXPECT_EQ(tested.find("a", number.id, number.size).offset, first.offset);
}

TEST_F(directory_test, existing_object_is_given_instead_of_a_new_one) {
    const auto either = directory::placement::existing_or_fresh;
    const named_object first = make("a", number, [](void*) {}, either);
    const named_object second = make("a", number, [](void*) { ADD_FAILURE() << "it exists"; }, either);
    EXPECT_EQ(first.offset, second.offset);
    EXPECT_TRUE(code_of([&] { make("a", page, [](void*) {}, either); }) == errc::wrong_type);
}

TEST_F(directory_test, type_and_size_must_be_those_it_was_made_with) {
    make("a", number);
    EXPECT_TRUE(code_of([&] { (void)tested.find("a", number.id + 1, number.size); }) == errc::wrong_type);
    EXPECT_TRUE(code_of([&] { (void)tested.find("a", number.id, number.size + 1); }) == errc::wrong_type);
    EXPECT_TRUE(code_of([&] { tested.destroy("a", number.id + 1, 0); }) == errc::wrong_type);
    EXPECT_NO_THROW((void)tested.find("a", number.id, 0));
}

TEST_F(directory_test, full_directory_is_an_error_before_anything_is_made) {
    for (std::uint32_t i = 0; i < in.names; ++i) make("object " + std::to_string(i));
    const std::uint64_t before = tested.free_bytes();
    EXPECT_TRUE(code_of([&] { make("one more", number, [](void*) { ADD_FAILURE() << "not even begun"; }); }) ==
                errc::directory_full);
    EXPECT_EQ(tested.free_bytes(), before);
    tested.destroy("object 3", number.id, 0);
    EXPECT_NO_THROW(make("one more"));
}

TEST_F(directory_test, full_heap_is_an_error_and_changes_nothing) {
    const type_record huge{3, 1024 * 1024, 8, "huge"};
    const std::uint64_t before = tested.free_bytes();
    EXPECT_TRUE(code_of([&] { make("a", huge); }) == errc::segment_full);
    EXPECT_EQ(entries(), 0u);
    EXPECT_EQ(tested.free_bytes(), before);
}

TEST_F(directory_test, alignment_that_a_mapping_cannot_keep_is_refused) {
    const type_record wide{4, 8192, 8192, "wide"};
    EXPECT_TRUE(code_of([&] { make("a", wide); }) == errc::bad_alignment);
    EXPECT_EQ(entries(), 0u);
    EXPECT_TRUE(all_is_free());
}

TEST_F(directory_test, destroyed_name_is_free_and_so_is_its_memory) {
    make("a", page);
    EXPECT_FALSE(all_is_free());
    tested.destroy("a", page.id, page.size);
    EXPECT_TRUE(all_is_free());
    EXPECT_TRUE(code_of([&] { tested.destroy("a", page.id, page.size); }) == errc::no_such_name);
}

TEST_F(directory_test, names_that_begin_alike_are_different) {
    make("a", number);
    make("ab", page);
    EXPECT_EQ(tested.find("a", number.id, 0).type, number.id);
    EXPECT_EQ(tested.find("ab", page.id, 0).type, page.id);
    EXPECT_TRUE(code_of([&] { (void)tested.find("abc", page.id, 0); }) == errc::no_such_name);
}

TEST_F(directory_test, longest_name_is_kept_whole) {
    const std::string name(longest_object_name, 'n');
    make(name);
    EXPECT_EQ(std::string(tested.find(name, number.id, 0).name), name);
    EXPECT_TRUE(code_of([&] { (void)tested.find(std::string(longest_object_name - 1, 'n'), number.id, 0); }) ==
                errc::no_such_name);
}

TEST_F(directory_test, long_type_names_are_cut) {
    const std::string long_name(500, 't');
    make("a", {5, 8, 8, long_name});
    EXPECT_EQ(std::string(tested.find("a", 5, 0).type_name), long_name.substr(0, 79));
}

TEST_F(directory_test, memory_without_a_name_comes_and_goes) {
    const std::uint64_t block = tested.allocate(1000, 64);
    EXPECT_EQ(block % 64, 0u);
    EXPECT_EQ(entries(), 0u);
    EXPECT_FALSE(all_is_free());
    tested.deallocate(block);
    EXPECT_TRUE(all_is_free());
}

TEST_F(directory_test, named_objects_are_not_deallocated) {
    const named_object made = make("a");
    EXPECT_TRUE(code_of([&] { tested.deallocate(made.offset); }) == errc::not_a_block);
    EXPECT_NO_THROW((void)tested.find("a", number.id, 0));
}

TEST_F(directory_test, damaged_entries_are_noticed) {
    make("a", page);
    seats::entry& entry = entry_of("a");
    const auto expect_damaged = [&](const char* what) {
        EXPECT_TRUE(code_of([&] { (void)tested.find("a", page.id, 0); }) == errc::damaged) << what;
        EXPECT_TRUE(code_of([&] { tested.destroy("a", page.id, 0); }) == errc::damaged) << what;
        EXPECT_EQ(entries(), 0u) << what;
    };
    const std::uint64_t offset = entry.offset, size = entry.size;
    const std::uint32_t alignment = entry.alignment;
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    for (const std::uint64_t bad :
         {std::uint64_t{0}, in.heap - 64, std::uint64_t{in.size}, most, most - 63, offset + 8}) {
        entry.offset = bad;
        expect_damaged("offset");
    }
    entry.offset = offset;
    for (const std::uint64_t bad : {std::uint64_t{0}, std::uint64_t{in.size}, most, most - offset}) {
        entry.size = bad;
        expect_damaged("size");
    }
    entry.size = size;
    for (const std::uint32_t bad : {0u, 3u, 8192u, 0x80000000u}) {
        entry.alignment = bad;
        expect_damaged("alignment");
    }
    entry.alignment = alignment;
    EXPECT_NO_THROW((void)tested.find("a", page.id, page.size));
}

// The address space of a growing segment is larger than its memory: touching the rest would be a SIGBUS.
TEST(growing_directory, entry_beyond_the_memory_is_noticed) {
    segment& memory = segment::process_default();
    const seats::view& mapped = segment_access::state_of(memory).mapped;
    auto& object = memory.construct<std::uint64_t>("growing_directory");
    auto* all = reinterpret_cast<seats::entry*>(mapped.base + mapped.directory);
    auto* entry = std::find_if(all, all + mapped.names, [](const seats::entry& one) {
        return one.state == 1 && std::string_view(one.name) == "growing_directory";
    });
    ASSERT_NE(entry, all + mapped.names);
    const std::uint64_t good = entry->offset;
    EXPECT_EQ(good, memory.offset_of(&object));
    for (const std::uint64_t bad :
         {mapped.heap + mapped.header().heap_size, std::uint64_t{mapped.size} / 2, mapped.size - 8}) {
        entry->offset = bad / 8 * 8;
        std::error_code error;
        EXPECT_EQ(memory.find<std::uint64_t>("growing_directory", error), nullptr);
        EXPECT_TRUE(error == errc::damaged) << error.message();
    }
    entry->offset = good;
    memory.destroy<std::uint64_t>("growing_directory");
}

TEST_F(directory_test, entry_that_names_no_block_is_not_destroyed) {
    make("a", number);
    make("b", page);
    entry_of("a").offset = entry_of("b").offset + 64;
    EXPECT_TRUE(code_of([&] { tested.destroy("a", number.id, 0); }) == errc::damaged);
    EXPECT_NO_THROW((void)tested.find("b", page.id, 0));
}

TEST_F(directory_test, name_without_an_end_is_not_read_beyond_its_field) {
    make("a", number);
    std::fill_n(entry_of("a").name, sizeof(seats::entry::name), 'x');
    EXPECT_TRUE(code_of([&] { (void)tested.find(std::string(longest_object_name, 'x'), number.id, 0); }) ==
                errc::no_such_name);
    for (std::uint32_t i = 0; i < in.names; ++i)
        EXPECT_LE(std::string(tested.peek(i).value_or(named_object{}).name).size(), longest_object_name);
}

TEST_F(directory_test, equals_a_map_under_random_use) {
    std::mt19937 random(5);
    std::map<std::string, type_record> mine;
    for (int round = 0; round < 5'000; ++round) {
        const std::string name = "object " + std::to_string(random() % 24);
        const type_record& type = random() % 2 ? number : page;
        const auto known = mine.find(name);
        if (random() % 2) {
            const auto code = code_of([&] { make(name, type); });
            const auto expected = known != mine.end()       ? make_error_code(errc::name_taken)
                                  : mine.size() == in.names ? make_error_code(errc::directory_full)
                                                            : std::error_code();
            ASSERT_EQ(code, expected);
            if (!code) mine.emplace(name, type);
        } else {
            const auto code = code_of([&] { tested.destroy(name, type.id, type.size); });
            const auto expected = known == mine.end()           ? make_error_code(errc::no_such_name)
                                  : known->second.id != type.id ? make_error_code(errc::wrong_type)
                                                                : std::error_code();
            ASSERT_EQ(code, expected);
            if (!code) mine.erase(known);
        }
        ASSERT_EQ(entries(), mine.size());
    }
}

}  // namespace
