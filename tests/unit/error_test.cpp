// SPDX-License-Identifier: MIT
// Errors: the list is whole, its numbers are kept, and each code equals the std::errc it promises.
#include <process_shared/error.hpp>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using process_shared::errc;

struct listed {
    errc value;
    std::string_view name;
    std::errc equals;
    std::string_view text;
};

const std::vector<listed>& all() {
    static const std::vector<listed> list = {
#define PROCESS_SHARED_ERROR(name, number, equals, text) {errc::name, #name, std::errc::equals, text},
#include <process_shared/errors.def>
#undef PROCESS_SHARED_ERROR
    };
    return list;
}

// Bindings and other builds know the numbers: this list only ever grows at its end.
constexpr std::string_view kept[] = {
    "owner_died",     "not_owner",     "outside_segment",    "would_deadlock",
    "too_many_holds", "seats_full",    "unsupported_thread", "bad_name",
    "name_too_long",  "name_taken",    "no_such_name",       "wrong_type",
    "bad_size",       "segment_full",  "directory_full",     "not_a_segment",
    "other_layout",   "damaged",       "not_yours",          "too_small",
    "other_boot",     "out_of_bounds", "object_too_large",   "nothing_stored",
    "busy",           "bad_alignment", "cannot_decode",      "recursion_too_deep",
    "no_segment",     "no_space",
};

TEST(error, numbers_are_those_that_were_published) {
    ASSERT_GE(all().size(), std::size(kept));
    for (std::size_t i = 0; i < std::size(kept); ++i) {
        EXPECT_EQ(all()[i].name, kept[i]);
        EXPECT_EQ(static_cast<std::size_t>(all()[i].value), i + 1) << kept[i];
    }
}

TEST(error, numbers_are_used_once_and_zero_is_success) {
    std::set<int> seen;
    for (const auto& error : all()) {
        EXPECT_NE(static_cast<int>(error.value), 0);
        EXPECT_TRUE(seen.insert(static_cast<int>(error.value)).second) << error.name;
    }
}

TEST(error, every_code_has_the_text_of_the_list) {
    for (const auto& error : all()) {
        EXPECT_FALSE(error.text.empty()) << error.name;
        EXPECT_EQ(make_error_code(error.value).message(), error.text);
    }
}

TEST(error, texts_differ) {
    std::set<std::string_view> seen;
    for (const auto& error : all()) EXPECT_TRUE(seen.insert(error.text).second) << error.name;
}

TEST(error, every_code_equals_its_std_errc_and_no_other) {
    for (const auto& error : all()) {
        const std::error_code code = error.value;
        EXPECT_TRUE(code == error.equals) << error.name;
        EXPECT_FALSE(code == std::errc::address_in_use) << error.name;
    }
}

TEST(error, every_code_differs_from_the_others) {
    for (const auto& one : all())
        for (const auto& other : all())
            EXPECT_EQ(make_error_code(one.value) == make_error_code(other.value), one.name == other.name);
}

TEST(error, category_has_the_name_of_the_library) {
    EXPECT_STREQ(process_shared::error_category().name(), "process_shared");
    EXPECT_EQ(&make_error_code(errc::busy).category(), &process_shared::error_category());
}

TEST(error, unknown_numbers_have_a_text_too) {
    EXPECT_FALSE(process_shared::error_category().message(0).empty());
    EXPECT_FALSE(process_shared::error_category().message(-1).empty());
    EXPECT_FALSE(process_shared::error_category().message(100'000).empty());
}

process_shared::participant_name writer() {
    process_shared::participant_name who;
    who.seat = 3;
    who.generation = 99;
    who.process = 4321;
    who.thread = 4322;
    who.thread_name = "writer";
    return who;
}

TEST(owner_died, carries_who) {
    const process_shared::owner_died error(writer());
    EXPECT_EQ(error.who().seat, 3u);
    EXPECT_EQ(error.who().generation, 99u);
    EXPECT_EQ(error.who().process, 4321u);
    EXPECT_EQ(error.who().thread, 4322u);
    EXPECT_EQ(error.who().thread_name, "writer");
}

TEST(owner_died, is_a_system_error_of_its_code) {
    try {
        throw process_shared::owner_died(writer());
    } catch (const std::system_error& error) {
        EXPECT_TRUE(error.code() == errc::owner_died);
        EXPECT_TRUE(error.code() == std::errc::owner_dead);
    }
}

TEST(owner_died, text_names_process_and_thread) {
    const process_shared::owner_died error(writer());
    const std::string text = error.what();
    EXPECT_NE(text.find("4321"), std::string::npos) << text;
    EXPECT_NE(text.find("writer"), std::string::npos) << text;
}

TEST(owner_died, text_stands_without_knowing_who) {
    const process_shared::owner_died error(process_shared::participant_name{});
    EXPECT_NE(std::string(error.what()).find("owner died"), std::string::npos) << error.what();
}

TEST(owner_died, copies_keep_who) {
    const process_shared::owner_died first(writer());
    const process_shared::owner_died second = first;  // NOLINT: the copy is the point
    EXPECT_EQ(second.who().process, 4321u);
    EXPECT_STREQ(second.what(), first.what());
}

}  // namespace
