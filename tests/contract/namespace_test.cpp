// SPDX-License-Identifier: MIT
// Two containers whose threads have equal ids share a lock: ownership must not be mistaken. Needs root.
#include "contract/stage.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>

namespace contract {
namespace {

using process_shared::mutex;
using process_shared::recursive_mutex;
using process_shared::segment;

struct shared_state {
    mutex guard;
    recursive_mutex recursive;
    std::atomic<bool> holding, release;
    std::atomic<int> outcome{not_yet};
    std::atomic<pid_t> own_id{0};
};

/// The first process of a new PID namespace, so its pid and tid are 1 there.
class contained {
public:
    template <class Body>
    explicit contained(Body&& body)
        : outer_([&] {
              support::check(unshare(CLONE_NEWPID) == 0, "cannot make a PID namespace");
              const pid_t inner = fork();
              if (inner == 0) {
                  prctl(PR_SET_PDEATHSIG, SIGKILL);
                  body();
                  _exit(testing::Test::HasFailure() ? 1 : 0);
              }
              *inner_ = inner;
              int status = 0;
              waitpid(inner, &status, 0);
              support::check(status == 0 || WIFSIGNALED(status), "something failed in the namespace");
          }) {}

    /// The pid of the first process, as seen from here.
    [[nodiscard]] pid_t pid() const {
        EXPECT_TRUE(support::await([&] { return inner_->load() != 0; }));
        return *inner_;
    }
    void kill() {
        ::kill(pid(), SIGKILL);
        EXPECT_TRUE(outer_.wait_success());
    }
    [[nodiscard]] testing::AssertionResult wait_success() { return outer_.wait_success(); }

private:
    support::scratch<std::atomic<pid_t>> inner_;
    support::child outer_;
};

class pid_namespaces : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "PID namespaces need root";
        if (!support::child([] { support::check(unshare(CLONE_NEWPID) == 0, "refused"); }).wait_success())
            GTEST_SKIP() << "this machine refuses PID namespaces";
    }
    template <class Lock>
    std::unique_ptr<contained> holder(Lock& lock) {
        auto made = std::make_unique<contained>([&] {
            lock.lock();
            shared.own_id = gettid();
            shared.holding = true;
            EXPECT_TRUE(support::await([&] { return shared.release.load(); }));
            lock.unlock();
        });
        EXPECT_TRUE(support::await([&] { return shared.holding.load(); }));
        EXPECT_EQ(shared.own_id, 1);
        return made;
    }
    template <class Lock>
    std::unique_ptr<contained> waiter(Lock& lock) {
        auto made = std::make_unique<contained>([&] {
            EXPECT_EQ(gettid(), 1);
            shared.outcome = outcome_of([&] { lock.lock(); });
        });
        EXPECT_TRUE(support::await([&] { return support::is_asleep(made->pid()); }));
        return made;
    }
    segment memory = segment::anonymous(4096);
    shared_state& shared = memory.construct<shared_state>("shared");
};

TEST_F(pid_namespaces, killed_waiter_with_the_owners_id_does_not_end_its_ownership) {
    const auto owner = holder(shared.guard);
    const auto twin = waiter(shared.guard);
    twin->kill();
    EXPECT_EQ(shared.outcome, not_yet) << "it must have waited to its end";
    EXPECT_FALSE(shared.guard.try_lock());
    EXPECT_FALSE(shared.guard.try_lock_for(250ms)) << "longer than the backstop";

    const auto third = waiter(shared.guard);
    owner->kill();
    EXPECT_TRUE(third->wait_success());
    EXPECT_EQ(shared.outcome, died);
    try {
        shared.guard.lock();
        FAIL() << "nobody told";
    } catch (const owner_died& death) {
        EXPECT_EQ(death.who().process, 1u) << "its pid where it lived";
    }
}

TEST_F(pid_namespaces, owner_with_a_dead_waiters_id_unlocks_as_ever) {
    const auto owner = holder(shared.guard);
    waiter(shared.guard)->kill();
    shared.release = true;
    EXPECT_TRUE(owner->wait_success());
    EXPECT_EQ(outcome_of([&] { return shared.guard.try_lock(); }), locked);
    shared.guard.unlock();
}

TEST_F(pid_namespaces, equal_ids_are_no_recursion) {
    const auto owner = holder(shared.recursive);
    const auto twin = waiter(shared.recursive);
    EXPECT_EQ(shared.outcome, not_yet);
    EXPECT_EQ(process_shared::inspect::look(memory).alive(), 3u) << "two twins and this thread, a seat each";
    twin->kill();
    shared.release = true;
    EXPECT_TRUE(owner->wait_success());
}

TEST_F(pid_namespaces, equal_ids_do_not_unlock_for_each_other) {
    const auto owner = holder(shared.guard);
    contained twin([&] {
        EXPECT_EQ(gettid(), 1);
        // As a forked child it may be refused without a word.
        (void)outcome_of([&] { shared.guard.unlock(); });
        EXPECT_FALSE(shared.guard.try_lock());
        (void)outcome_of([&] { shared.guard.unlock(); });
        EXPECT_FALSE(shared.guard.try_lock());
    });
    EXPECT_TRUE(twin.wait_success());
    EXPECT_FALSE(shared.guard.try_lock());
    shared.release = true;
    EXPECT_TRUE(owner->wait_success());
}

}  // namespace
}  // namespace contract
