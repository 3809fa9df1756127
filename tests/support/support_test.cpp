// SPDX-License-Identifier: MIT
// The helpers keep their own promises: a check that fails in a child is seen, and nothing is left behind.
#include "support/asleep.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/names.hpp"
#include "support/role.hpp"
#include "support/scratch.hpp"

#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <linux/futex.h>
#include <sys/syscall.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct flags {
    std::atomic<std::uint32_t> word;
    std::atomic<pid_t> grandchild;
};

void sleep_on(std::atomic<std::uint32_t>& word) { syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr, nullptr, 0); }

const support::role expects_two_words("expects_two_words", [](const support::role::words& words) {
    support::check(words == support::role::words{"one", ""}, "other words than expected");
});

TEST(child, that_returns_has_succeeded) {
    EXPECT_TRUE(support::child([] {}).wait_success());
}

TEST(child, that_throws_says_what) {
    support::child thrower([] { throw std::runtime_error("no paper"); });
    EXPECT_FALSE(thrower.wait_success());
    EXPECT_NE(thrower.message().find("no paper"), std::string::npos);
}

TEST(child, with_a_failed_expectation_says_which) {
    support::child doubter([] { EXPECT_EQ(2 + 2, 5) << "arithmetic"; });
    const auto result = doubter.wait_success();
    EXPECT_FALSE(result);
    EXPECT_NE(std::string(result.message()).find("arithmetic"), std::string::npos);
}

TEST(child, that_is_killed_has_not_succeeded) {
    support::child victim([] { pause(); });
    victim.signal(SIGKILL);
    EXPECT_FALSE(victim.wait_success());
}

TEST(child, that_hangs_is_ended_by_the_limit) {
    support::child sleeper([] { pause(); });
    EXPECT_FALSE(sleeper.wait(1ms).has_value());
    EXPECT_TRUE(sleeper.running());
    EXPECT_FALSE(sleeper.wait_success(1ms));
    EXPECT_FALSE(sleeper.running());
}

TEST(child, does_not_outlive_its_parent) {
    support::scratch<flags> seen;
    support::child parent([&] {
        support::child grandchild([] { pause(); });
        seen->grandchild = grandchild.pid();
        pause();
    });
    ASSERT_TRUE(support::await([&] { return seen->grandchild.load() != 0; }));
    parent.kill();
    EXPECT_TRUE(support::await([&] {
        const char state = support::task_state(seen->grandchild);
        return state == '\0' || state == 'Z';  // nobody may be there to reap an orphan
    }));
}

TEST(is_asleep, is_true_only_in_a_futex) {
    support::scratch<flags> seen;
    support::child sleeper([&] {
        while (seen->word == 0) sleep_on(seen->word);
    });
    support::child pauser([] { pause(); });
    EXPECT_TRUE(support::await([&] { return support::is_asleep(sleeper.pid()); }));
    EXPECT_TRUE(support::await([&] { return support::task_state(pauser.pid()) == 'S'; }));
    EXPECT_FALSE(support::is_asleep(pauser.pid()));
    seen->word = 1;
    syscall(SYS_futex, &seen->word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    EXPECT_TRUE(sleeper.wait_success());
    EXPECT_FALSE(support::is_asleep(sleeper.pid()));
}

TEST(is_asleep, knows_a_thread_by_its_id) {
    support::scratch<flags> seen;
    std::atomic<pid_t> task{0};
    std::thread sleeper([&] {
        task = gettid();
        while (seen->word == 0) sleep_on(seen->word);
    });
    EXPECT_TRUE(support::await([&] { return task != 0 && support::is_asleep(task); }));
    seen->word = 1;
    syscall(SYS_futex, &seen->word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    sleeper.join();
}

TEST(await, gives_up_at_its_limit) {
    EXPECT_FALSE(support::await([] { return false; }, 1ms));
}

TEST(role, gets_its_words) { EXPECT_TRUE(expects_two_words.start({"one", ""}).wait_success()); }

TEST(role, that_fails_is_noticed) { EXPECT_FALSE(expects_two_words.start({"three"}).wait_success()); }

TEST(segment_name, leaves_nothing_behind) {
    {
        const support::segment_name name;
        auto memory = process_shared::segment::create(name, 4096);
        const auto there = support::segments_left();
        ASSERT_EQ(there.size(), 1u);
        EXPECT_NE(there[0].find(name.str()), std::string::npos);  // the file may have a prefix
        EXPECT_TRUE(support::child([&] { support::segment_name other; }).wait_success());
    }
    EXPECT_TRUE(support::segments_left().empty());
}

}  // namespace
