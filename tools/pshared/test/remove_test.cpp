// SPDX-License-Identifier: MIT
#include "child.hpp"
#include "support.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <mutex>

namespace pshared::test {
namespace {

using process_shared::segment;

class remove : public command_test {};

TEST_F(remove, takes_the_name_away) {
    segment::create("tally", 4096, where);
    segment::create("other", 4096, where);
    const auto result = pshared({"remove", "tally"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "removed tally\n");
    EXPECT_FALSE(exists("tally"));
    EXPECT_TRUE(exists("other"));
}

TEST_F(remove, goes_on_after_a_failure_and_reports_it) {
    segment::create("first", 4096, where);
    segment::create("last", 4096, where);
    const auto result = pshared({"remove", "first", "absent", "last"});
    EXPECT_EQ(result.status, 1);
    EXPECT_EQ(result.out, "removed first\nremoved last\n");
    EXPECT_TRUE(result.err.starts_with("pshared: cannot remove 'absent' in ")) << result.err;
    EXPECT_FALSE(exists("first"));
    EXPECT_FALSE(exists("last"));
}

TEST_F(remove, says_how_many_keep_using_it) {
    auto memory = segment::create("tally", 4096, where);
    auto& guard = memory.construct<process_shared::mutex>("guard");
    std::lock_guard hold(guard);
    const auto result = pshared({"remove", "tally"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.out, "removed tally, still used by 1 living participant\n");
    EXPECT_EQ(memory.construct<int>("answer", 42), 42);
}

TEST_F(remove, refuses_names_with_a_slash) {
    segment::create("tally", 4096, where);
    const auto result = pshared({"remove", path_of("tally")});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("--directory"), std::string::npos) << result.err;
    EXPECT_TRUE(exists("tally"));
}

TEST_F(remove, leaves_the_files_of_others_alone) {
    const std::string notes = where.directory + "/notes";
    std::ofstream(notes) << "milk, eggs\n";
    const auto result = pshared({"remove", "notes"});
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.err.find("no object or segment of that name"), std::string::npos) << result.err;
    EXPECT_TRUE(std::filesystem::exists(notes));
}

TEST_F(remove, removes_a_damaged_segment) {
    segment::create("tally", 4096, where);
    std::filesystem::resize_file(path_of("tally"), 4096);
    EXPECT_EQ(pshared({"show", "tally"}).status, 1);
    const auto result = pshared({"remove", "tally"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_FALSE(exists("tally"));
}

}  // namespace
}  // namespace pshared::test
