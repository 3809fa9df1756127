// SPDX-License-Identifier: MIT
#include "child.hpp"
#include "support.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <atomic>
#include <mutex>

namespace pshared::test {
namespace {

using nlohmann::json;
using process_shared::segment;

struct accounts {
    process_shared::mutex from;
    process_shared::mutex to;
    std::atomic<int> holding{0};
};

class deadlocks : public command_test {
protected:
    segment memory = segment::create("bank", 4096, where);
    accounts& shared = memory.construct<accounts>("accounts");
    segment other_memory = segment::create("exchange", 4096, where);
    accounts& other = other_memory.construct<accounts>("accounts");

    /// A process that holds one, waits until both do, and wants the other; for ever.
    child who(const char* name, process_shared::mutex& first, process_shared::mutex& second) {
        return child([this, name, &first, &second] {
            pthread_setname_np(pthread_self(), name);
            const std::lock_guard holds(first);
            ++shared.holding;
            await([&] { return shared.holding == 2; });
            const std::lock_guard wants(second);
        });
    }
};

TEST_F(deadlocks, none_are_found_where_there_are_none) {
    const std::lock_guard hold(shared.from);
    const outcome all = pshared({"deadlocks"});
    EXPECT_EQ(all.status, 0) << all.err;
    EXPECT_EQ(all.out, "no deadlocks\n");
    EXPECT_EQ(json_of({"deadlocks", "--json", "bank"}), json({{"deadlocks", json::array()}}));
}

TEST_F(deadlocks, names_processes_threads_and_objects_of_a_circle) {
    child first = who("teller", shared.from, shared.to);
    child second = who("clerk", shared.to, shared.from);
    outcome seen;
    await([&] {
        seen = pshared({"deadlocks", "bank"});
        return seen.status != 0;
    });
    EXPECT_EQ(seen.status, 3) << seen.err;
    EXPECT_TRUE(shows(seen.out, "deadlock of 2"));
    for (const child* each : {&first, &second})
        EXPECT_TRUE(
            shows(seen.out, "process " + std::to_string(each->id()) + ", thread [0-9]+ \"(teller|clerk)\" has waited"));
    EXPECT_TRUE(shows(seen.out, "for accounts \\(mutex\\) of bank, held by process"));
    EXPECT_TRUE(shows(seen.out, "for accounts\\+8 \\(mutex\\) of bank, held by process"));
    EXPECT_TRUE(pshared({"deadlocks", "exchange"}).out == "no deadlocks\n");
    first.kill();
    second.kill();
}

TEST_F(deadlocks, circle_through_two_segments_is_found) {
    child first = who("teller", shared.from, other.to);
    child second = who("clerk", other.to, shared.from);
    json seen;
    await([&] {
        seen = json::parse(pshared({"deadlocks", "--json"}).out);
        return !seen["deadlocks"].empty();
    });
    ASSERT_EQ(seen["deadlocks"].size(), 1u);
    const json& members = seen["deadlocks"][0];
    ASSERT_EQ(members.size(), 2u);
    EXPECT_NE(members[0]["segment"], members[1]["segment"]);
    EXPECT_NE(members[0]["process"], members[1]["process"]);
    EXPECT_TRUE(pshared({"deadlocks", "bank"}).out == "no deadlocks\n") << "half a circle is none";
    first.kill();
    second.kill();
}

TEST_F(deadlocks, of_a_segment_that_is_not_there_is_an_error) {
    const outcome seen = pshared({"deadlocks", "nowhere"});
    EXPECT_EQ(seen.status, 1);
    EXPECT_TRUE(shows(seen.err, "nowhere"));
}

}  // namespace
}  // namespace pshared::test
