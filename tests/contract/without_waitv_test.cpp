// SPDX-License-Identifier: MIT
// Locks where futex_waitv is missing, forbidden, or switched off: slower to learn of a death, never wrong.
#include "contract/seccomp.hpp"
#include "contract/stage.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/names.hpp"
#include "support/role.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace contract {
namespace {

using process_shared::mutex;
using process_shared::segment;

struct shared_state {
    mutex guard;
    int value = 0;
    std::atomic<bool> ready, release;
    std::atomic<int> told{0};
};

constexpr int rounds = 500;

void count(shared_state& shared) {
    for (int i = 0; i < rounds; ++i) {
        const std::lock_guard hold(shared.guard);
        ++shared.value;
    }
}

void contend(shared_state& shared) {
    std::vector<support::child> children;
    for (int i = 0; i < 3; ++i) children.emplace_back([&] { count(shared); });
    count(shared);
    for (auto& child : children) EXPECT_TRUE(child.wait_success());
    EXPECT_EQ(shared.value, 4 * rounds);
}

/// Waiters of a killed owner are told, whatever they can sleep on.
void lose_an_owner(shared_state& shared) {
    support::child owner([&] {
        shared.guard.lock();
        shared.ready = true;
        pause();
    });
    support::check(support::await([&] { return shared.ready.load(); }), "the owner never held it");
    EXPECT_FALSE(shared.guard.try_lock_for(20ms));
    std::vector<support::child> waiters;
    for (int i = 0; i < 3; ++i)
        waiters.emplace_back([&] {
            if (outcome_of([&] { shared.guard.lock(); }) == died) ++shared.told;
        });
    for (auto& waiter : waiters)
        support::check(support::await([&] { return support::is_asleep(waiter.pid()); }), "a waiter did not sleep");
    owner.kill();
    for (auto& waiter : waiters) EXPECT_TRUE(waiter.wait_success());
    EXPECT_EQ(shared.told, 3);
    shared.guard.lock([] {});
    shared.guard.unlock();
}

void wait_once(shared_state& shared) {
    std::atomic<pid_t> waiter{0};
    shared.guard.lock();
    std::thread other([&] {
        waiter = gettid();
        const std::lock_guard hold(shared.guard);
    });
    EXPECT_TRUE(await_asleep(waiter));
    shared.guard.unlock();
    other.join();
}

int refusal_of(const std::string& word) { return word.find("ENOSYS") != std::string::npos ? ENOSYS : EPERM; }

// A process of its own, because the library finds out once what it may use.
const support::role lives_without_waitv("lives_without_waitv", [](const support::role::words& words) {
    segment memory = segment::open(words.at(0));
    auto& shared = memory.find<shared_state>("shared");
    const std::string& how = words.at(1);
    if (how.starts_with("late_")) wait_once(shared);
    if (how == "switch") {
        setenv("PROCESS_SHARED_NO_WAITV", "1", 1);
    } else {
        support::check(refuse_futex_waitv(refusal_of(how)), "cannot install the filter");
        support::check(syscall(futex_waitv_number, nullptr, 0u, 0u, nullptr, 0) == -1 && errno == refusal_of(how),
                       "the filter does not work");
    }
    contend(shared);
    lose_an_owner(shared);
});

class without_waitv : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(because_of, without_waitv,
                         testing::Values("ENOSYS", "EPERM", "switch", "late_ENOSYS", "late_EPERM"),
                         [](const auto& which) { return which.param; });

TEST_P(without_waitv, locks_exclude_and_deaths_are_told) {
    const support::segment_name name;
    segment memory = segment::create(name, 4096);
    memory.construct<shared_state>("shared");
    EXPECT_TRUE(lives_without_waitv.start({name, GetParam()}).wait_success());
}

// One that has it and one that has not, in one lock.
TEST(without_waitv_and_with_it, wait_for_each_other) {
    segment memory = segment::anonymous(4096);
    auto& shared = memory.construct<shared_state>("shared");
    support::child poor([&] {
        support::check(refuse_futex_waitv(ENOSYS), "cannot install the filter");
        count(shared);
    });
    support::child rich([&] { count(shared); });
    count(shared);
    EXPECT_TRUE(poor.wait_success());
    EXPECT_TRUE(rich.wait_success());
    EXPECT_EQ(shared.value, 3 * rounds);
}

}  // namespace
}  // namespace contract
