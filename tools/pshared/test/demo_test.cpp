// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

namespace pshared::test {
namespace {

bool has_line(const std::string& text, const std::string& line) {
    std::istringstream lines(text);
    for (std::string each; std::getline(lines, each);)
        if (each == line) return true;
    return false;
}

/// The numbers of the line that begins with a blank: what the two processes wrote, in order.
std::vector<int> written_values(const std::string& text) {
    std::vector<int> values;
    std::istringstream lines(text);
    for (std::string each; std::getline(lines, each);) {
        std::istringstream numbers(each);
        if (each.starts_with(' '))
            for (int value; numbers >> value;) values.push_back(value);
    }
    return values;
}

TEST(demo, counter_ends_at_zero) {
    const auto result = run({"demo", "counter"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(has_line(result.out, "value should be zero: 0")) << result.out;
}

TEST(demo, counter_loses_no_step) {
    const auto values = written_values(run({"demo", "counter"}).out);
    ASSERT_EQ(values.size(), 20u);
    int before = 0;
    for (const int value : values) {
        EXPECT_EQ(std::abs(value - before), 1);
        before = value;
    }
}

TEST(demo, objects_prints_the_list_that_the_child_stored) {
    const auto result = run({"demo", "objects"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(has_line(result.out, R"(["a", "b"])")) << result.out;
}

TEST(demo, crash_tells_who_died_and_goes_on) {
    const auto result = run({"demo", "crash"});
    EXPECT_EQ(result.status, 0) << result.err;
    const auto started = found(result.out, "^process ([0-9]+) locks and takes 30");
    const auto died = found(result.out,
                            "owner_died: process ([0-9]+), thread \"teller\", [0-9]+ us after the kill; "
                            "left behind: 70 \\+ 100");
    ASSERT_EQ(started.size(), 2u) << result.out;
    ASSERT_EQ(died.size(), 2u) << result.out;
    EXPECT_EQ(started[1], died[1]);
    EXPECT_NE(result.out.find("70 + 130 = 200"), std::string::npos) << result.out;
    EXPECT_NE(result.out.find("75 + 125 = 200"), std::string::npos) << result.out;
}

TEST(demo, runs_all_three_in_order) {
    const auto result = run({"demo"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    const auto counter = result.out.find("counter: "), objects = result.out.find("objects: "),
               crash = result.out.find("crash: ");
    ASSERT_NE(crash, std::string::npos);
    EXPECT_LT(counter, objects);
    EXPECT_LT(objects, crash);
}

TEST(demo, has_colours_on_a_terminal_only) {
    if (!has_terminals()) GTEST_SKIP() << "no pseudo-terminals here (/dev/pts is not mounted)";
    const words colourful = {"TERM=xterm", "NO_COLOR="};
    EXPECT_NE(run_on_terminal({"demo", "objects"}, colourful).out.find('\x1b'), std::string::npos);
    EXPECT_EQ(run({"demo", "objects"}, colourful).out.find('\x1b'), std::string::npos);
}

TEST(demo, respects_no_color_and_dumb_terminals) {
    if (!has_terminals()) GTEST_SKIP() << "no pseudo-terminals here (/dev/pts is not mounted)";
    EXPECT_EQ(run_on_terminal({"demo", "objects"}, {"TERM=xterm", "NO_COLOR=1"}).out.find('\x1b'), std::string::npos);
    EXPECT_EQ(run_on_terminal({"demo", "objects"}, {"TERM=dumb", "NO_COLOR="}).out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace pshared::test
