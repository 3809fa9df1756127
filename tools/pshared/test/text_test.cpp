// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

namespace pshared {
namespace {

using namespace std::chrono_literals;

TEST(size_text, is_bytes_below_a_kibibyte) {
    EXPECT_EQ(size_text(0), "0 B");
    EXPECT_EQ(size_text(1023), "1023 B");
}

TEST(size_text, has_one_decimal_below_ten) {
    EXPECT_EQ(size_text(1024), "1.0 KiB");
    EXPECT_EQ(size_text(1536), "1.5 KiB");
    EXPECT_EQ(size_text(96 * 1024), "96 KiB");
}

TEST(size_text, moves_to_the_next_unit_rather_than_print_1024) {
    EXPECT_EQ(size_text(1024 * 1024 - 1), "1.0 MiB");
    EXPECT_EQ(size_text(std::uint64_t{3} << 40), "3.0 TiB");
    EXPECT_EQ(size_text(UINT64_MAX), "16 EiB");
}

TEST(duration_text, fits_the_unit_to_the_time) {
    EXPECT_EQ(duration_text(0ns), "0 ns");
    EXPECT_EQ(duration_text(999ns), "999 ns");
    EXPECT_EQ(duration_text(1200us), "1.2 ms");
    EXPECT_EQ(duration_text(212us), "212 us");
    EXPECT_EQ(duration_text(42s), "42 s");
    EXPECT_EQ(duration_text(185s), "3 min 5 s");
    EXPECT_EQ(duration_text(2h), "2 h");
    EXPECT_EQ(duration_text(52h + 40min), "2 d 4 h");
}

TEST(duration_text, moves_to_the_next_unit_rather_than_print_1000_or_60) {
    EXPECT_EQ(duration_text(999'999ns), "1.0 ms");
    EXPECT_EQ(duration_text(59'999ms), "1 min");
    EXPECT_EQ(duration_text(3'599'999ms), "1 h");
}

TEST(duration_text, takes_a_negative_duration_for_none) { EXPECT_EQ(duration_text(-5s), "0 ns"); }

TEST(printable, leaves_valid_text_alone) {
    EXPECT_EQ(printable(""), "");
    EXPECT_EQ(printable("tally 1"), "tally 1");
    EXPECT_EQ(printable("Z\u00e4hler \u65e5 \U0001f512"), "Z\u00e4hler \u65e5 \U0001f512");
}

TEST(printable, escapes_control_characters) {
    EXPECT_EQ(printable("a\x1b[31m\n\x7f"), "a\\x1b[31m\\x0a\\x7f");
    EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // CSI, as UTF-8
    EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(printable, escapes_what_is_not_utf8) {
    EXPECT_EQ(printable("\xff"), "\\xff");
    EXPECT_EQ(printable("a\xe2\x82"), "a\\xe2\\x82");                  // cut short
    EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
    EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond Unicode
}

TEST(table, aligns_columns_and_leaves_no_blanks_at_the_ends) {
    table rows({{"NAME"}, {"SIZE", table::side::right}, {"OBJECTS"}});
    rows.add({"tally", "4.0 KiB", "counter"});
    rows.add({"\u00fc", "96 KiB", ""});
    EXPECT_EQ(rows.text(),
              "NAME      SIZE  OBJECTS\n"
              "tally  4.0 KiB  counter\n"
              "\u00fc       96 KiB\n");
}

}  // namespace
}  // namespace pshared
