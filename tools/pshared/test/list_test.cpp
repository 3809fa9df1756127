// SPDX-License-Identifier: MIT
#include "child.hpp"
#include "support.hpp"
#include "text.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>
#include <mutex>

namespace pshared::test {
namespace {

using process_shared::segment;

class list : public command_test {};

TEST_F(list, of_an_empty_directory_says_so) {
    const auto result = pshared({"list"});
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.out, "no segments of yours in " + where.directory + "\n");
}

TEST_F(list, prints_each_segment_with_its_objects) {
    auto tally = segment::create("tally", 4096, where);
    tally.construct<int>("answer");
    const auto empty = segment::create("empty", 96 * 1024, where);

    const auto result = pshared({"list"});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_TRUE(shows(result.out, "^empty +" + size_text(empty.size()) + " .* 0 +0 .* -$")) << result.out;
    EXPECT_TRUE(shows(result.out, "^tally +" + size_text(tally.size()) + " .* answer$")) << result.out;
    EXPECT_LT(result.out.find("empty"), result.out.find("tally"));
}

TEST_F(list, names_the_first_objects_and_counts_the_others) {
    auto many = segment::create("many", 4096, where);
    for (const char* name : {"a", "b", "c", "d", "e"}) many.construct<int>(name);
    EXPECT_NE(pshared({"list"}).out.find("+2 more"), std::string::npos);
}

TEST_F(list, counts_participants_alive_and_dead) {
    auto memory = segment::create("tally", 4096, where);
    auto& guard = memory.construct<process_shared::mutex>("guard");
    // Both sit down by locking. The first then ends without a word, and nobody has noticed yet.
    rendezvous first_sits, second_sits;
    child first([&] {
        guard.lock();
        guard.unlock();
        first_sits.ready_and_stay();
    });
    ASSERT_TRUE(first_sits.await_ready());
    child second([&] {
        guard.lock();
        guard.unlock();
        second_sits.ready_and_stay();
    });
    ASSERT_TRUE(second_sits.await_ready());
    first.kill();
    first.wait();

    const auto seen = json_of({"list", "--json"})["segments"].at(0);
    EXPECT_EQ(seen["dead"], 1);
    // This process sits, too, if constructing took a lock.
    int alive = 0;
    for (const auto& each : seen["participants"])
        if (each["state"] == "alive" && each["process"] != getpid()) ++alive;
    EXPECT_EQ(alive, 1);
}

TEST_F(list, passes_over_files_that_are_no_segments) {
    segment::create("tally", 4096, where);
    write_file("notes", "milk, eggs\n");
    write_file("empty", "");
    ASSERT_EQ(symlink("pshared.tally", path_of("link").c_str()), 0);
    ASSERT_EQ(mkdir(path_of("folder").c_str(), 0700), 0);

    const auto seen = json_of({"list", "--json"});
    ASSERT_EQ(seen["segments"].size(), 1u) << seen;
    EXPECT_EQ(seen["segments"][0]["name"], "tally");
    EXPECT_EQ(pshared({"list"}).err, "");
}

TEST_F(list, prints_json_of_an_empty_directory) {
    const auto seen = json_of({"list", "--json"});
    EXPECT_EQ(seen["directory"], where.directory);
    EXPECT_TRUE(seen["segments"].is_array());
    EXPECT_TRUE(seen["segments"].empty());
}

TEST(list_default, looks_into_the_default_directory) {
    const std::string name = "pshared-list-test-" + std::to_string(getpid());
    segment::create(name, 4096);
    const auto result = run({"list"});
    segment::remove(name);
    EXPECT_NE(result.out.find(name), std::string::npos) << result.out;
    EXPECT_EQ(run({"list"}).out.find(name), std::string::npos);
}

}  // namespace
}  // namespace pshared::test
