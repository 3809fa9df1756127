// SPDX-License-Identifier: MIT
#include "support.hpp"

#include <gtest/gtest.h>

namespace pshared::test {
namespace {

TEST(usage, help_goes_to_standard_output) {
    const auto result = run({"--help"});
    EXPECT_EQ(result.status, 0);
    for (const char* command : {"demo", "list", "show", "remove"})
        EXPECT_NE(result.out.find(command), std::string::npos) << command;
}

TEST(usage, version_is_the_project_s) {
    const auto result = run({"--version"});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out, "pshared " PSHARED_VERSION "\n");
}

TEST(usage, a_senseless_command_line_is_status_two_and_says_what_to_do) {
    const std::vector<words> senseless = {{},
                                          {"dance"},
                                          {"demo", "dance"},
                                          {"show"},
                                          {"show", "a", "b"},
                                          {"remove"},
                                          {"list", "--dance"},
                                          {"list", "--directory", "/nowhere/at/all"}};
    for (const auto& each : senseless) {
        const auto result = run(each);
        EXPECT_EQ(result.status, 2) << testing::PrintToString(each);
        EXPECT_EQ(result.out, "") << testing::PrintToString(each);
        EXPECT_TRUE(result.err.starts_with("pshared: ")) << result.err;
        EXPECT_NE(result.err.find(" --help'"), std::string::npos) << result.err;
    }
}

TEST(usage, output_that_cannot_be_written_is_a_failure) {
    const auto result = run_into("/dev/full", {"list"});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("cannot write"), std::string::npos) << result.err;
}

TEST(usage, a_misspelt_command_is_named) { EXPECT_NE(run({"lst"}).err.find("lst"), std::string::npos); }

}  // namespace
}  // namespace pshared::test
