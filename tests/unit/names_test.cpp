// SPDX-License-Identifier: MIT
// Legal names of segments and objects.
#include "segment/names.hpp"

#include <process_shared/error.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <system_error>

namespace {

using namespace process_shared::segments;
using process_shared::errc;
using namespace std::string_view_literals;

std::error_code of_object(std::string_view name) {
    try {
        check_object_name(name);
        return {};
    } catch (const std::system_error& failure) {
        return failure.code();
    }
}

std::error_code of_segment(std::string_view name) {
    try {
        (void)checked_segment_name(name);
        return {};
    } catch (const std::system_error& failure) {
        return failure.code();
    }
}

TEST(names, ordinary_ones_are_legal) {
    for (const auto name :
         {"a"sv, "tally"sv, "with space"sv, "..."sv, "..a"sv, "a.b-c_d"sv, "zähler"sv, "\xff\xfe"sv}) {
        EXPECT_FALSE(of_object(name)) << name;
        EXPECT_FALSE(of_segment(name)) << name;
    }
}

TEST(names, empty_ones_are_refused) {
    EXPECT_TRUE(of_object("") == errc::bad_name);
    EXPECT_TRUE(of_segment("") == errc::bad_name);
    EXPECT_TRUE(of_segment("/") == errc::bad_name);
}

TEST(names, slashes_inside_are_refused) {
    for (const auto name : {"a/b"sv, "a/"sv, "//a"sv, "../a"sv}) {
        EXPECT_TRUE(of_object(name) == errc::bad_name) << name;
        EXPECT_TRUE(of_segment(name) == errc::bad_name) << name;
    }
    EXPECT_TRUE(of_object("/a") == errc::bad_name);
}

TEST(names, one_leading_slash_of_a_segment_is_posix_spelling) {
    EXPECT_EQ(checked_segment_name("/tally"), "tally");
    EXPECT_EQ(checked_segment_name("tally"), "tally");
}

TEST(names, nul_is_refused) {
    for (const auto name : {"\0"sv, "a\0"sv, "\0b"sv, "a\0b"sv}) {
        EXPECT_TRUE(of_object(name) == errc::bad_name);
        EXPECT_TRUE(of_segment(name) == errc::bad_name);
    }
}

TEST(names, dot_and_dot_dot_are_refused) {
    for (const auto name : {"."sv, ".."sv}) {
        EXPECT_TRUE(of_object(name) == errc::bad_name);
        EXPECT_TRUE(of_segment(name) == errc::bad_name);
    }
}

TEST(names, longest_legal_name_is_legal_and_one_more_is_not) {
    EXPECT_FALSE(of_object(std::string(longest_object_name, 'x')));
    EXPECT_TRUE(of_object(std::string(longest_object_name + 1, 'x')) == errc::name_too_long);
    EXPECT_FALSE(of_segment(std::string(longest_segment_name, 'x')));
    EXPECT_TRUE(of_segment(std::string(longest_segment_name + 1, 'x')) == errc::name_too_long);
}

TEST(names, longest_file_name_fits_a_file_system) {
    EXPECT_LE(file_of(std::string(longest_segment_name, 'x')).size(), 255u);
}

TEST(names, different_names_are_different_files) {
    EXPECT_NE(file_of("a"), file_of("b"));
    EXPECT_NE(file_of("a").find("a"), std::string::npos);
}

TEST(names, error_shows_the_name_without_what_a_terminal_obeys) {
    try {
        check_object_name("evil\x1b[2J/");
        FAIL();
    } catch (const std::system_error& failure) {
        const std::string text = failure.what();
        EXPECT_NE(text.find("evil"), std::string::npos) << text;
        EXPECT_EQ(text.find('\x1b'), std::string::npos);
    }
}

}  // namespace
