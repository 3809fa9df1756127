// SPDX-License-Identifier: MIT
// The contract of a process that makes others, by whatever call: what is the parent's stays the parent's.
#include "contract/fork_fixture.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

extern char** environ;

namespace contract {
namespace {

/// fork() runs handlers, _Fork() does not: what the library knows of a fork must not depend on them.
class either_fork : public forking, public testing::WithParamInterface<pid_t (*)()> {
protected:
    /// Runs `body` in a process made by the call under test.
    template <class Body>
    void in_child(Body&& body) {
        support::scratch<std::atomic<bool>> done;
        std::fflush(nullptr);
        const pid_t pid = GetParam()();
        ASSERT_GE(pid, 0);
        if (pid == 0) {
            body();
            *done = true;
            std::fflush(nullptr);
            _exit(HasFailure() ? 1 : 0);
        }
        support::child child = support::child::adopt(pid);
        EXPECT_TRUE(child.wait_success());
        EXPECT_TRUE(done->load());
    }
};
INSTANTIATE_TEST_SUITE_P(by, either_fork, testing::Values(&fork, &_Fork),
                         [](const auto& which) { return which.index == 0 ? "fork" : "underscore_fork"; });

TEST_P(either_fork, child_is_a_participant_of_its_own) {
    shared.guard.lock();
    in_child([&] {
        EXPECT_EQ(try_once(shared.guard), not_locked) << "not would_deadlock: it is not the child's";
        EXPECT_EQ(try_once(shared.other), locked);
    });
    EXPECT_NO_THROW(shared.guard.unlock());
    in_child([&] {
        const std::lock_guard hold(shared.guard);
        ++shared.value;
    });
    EXPECT_EQ(shared.value, 1);
    EXPECT_EQ(try_once(shared.guard), locked);
}

TEST_P(either_fork, inherited_guards_unlock_nothing_in_the_child) {
    {
        const std::lock_guard hold(shared.guard);
        const std::lock_guard again(shared.recursive);
        in_child([&] {
            EXPECT_NO_THROW(shared.guard.unlock());
            EXPECT_NO_THROW(shared.recursive.unlock());
            EXPECT_EQ(try_once(shared.guard), not_locked) << "the parent's still";
            EXPECT_FALSE(shared.recursive.try_lock());
            EXPECT_NO_THROW(shared.guard.unlock()) << "also now that the child has a seat";
            EXPECT_EQ(try_once(shared.guard), not_locked);
        });
        std::thread([&] { EXPECT_EQ(try_once(shared.guard), not_locked); }).join();
    }
    EXPECT_EQ(try_once(shared.guard), locked);
    EXPECT_TRUE(shared.recursive.try_lock());
    shared.recursive.unlock();
}

TEST_P(either_fork, child_can_lock_what_its_inherited_guard_could_not_unlock) {
    std::unique_lock hold(shared.guard);
    in_child([&] {
        hold.unlock();
        const std::lock_guard own(shared.other);
        EXPECT_EQ(try_once(shared.guard), not_locked);
    });
    hold.unlock();
    in_child([&] { EXPECT_EQ(try_once(shared.guard), locked); });
}

TEST_P(either_fork, death_of_a_child_is_not_the_death_of_the_parent) {
    const std::lock_guard hold(shared.guard);
    in_child([&] { (void)try_once(shared.other); });
    in_child([&] { EXPECT_EQ(try_once(shared.guard), not_locked); });
    std::thread([&] { EXPECT_EQ(try_once(shared.guard), not_locked); }).join();
}

TEST_P(either_fork, child_that_ends_holding_has_died) {
    in_child([&] { shared.guard.lock(); });
    EXPECT_THROW(shared.guard.lock(), owner_died);
}

TEST_P(either_fork, grandchildren_inherit_no_more_than_children) {
    const std::lock_guard hold(shared.guard);
    in_child([&] {
        const std::lock_guard own(shared.other);
        in_child([&] {
            EXPECT_NO_THROW(shared.guard.unlock());
            EXPECT_NO_THROW(shared.other.unlock());
            EXPECT_EQ(try_once(shared.guard), not_locked);
            EXPECT_EQ(try_once(shared.other), not_locked);
        });
        EXPECT_EQ(try_once(shared.guard), not_locked);
    });
    EXPECT_EQ(try_once(shared.other), locked);
}

// The destructor of a guard must not throw, however late it runs in the child.
TEST_P(either_fork, inherited_guard_stays_quiet_when_the_lock_has_changed_hands) {
    std::unique_lock hold(shared.guard);
    support::scratch<std::atomic<bool>> changed_hands;
    const pid_t pid = GetParam()();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        const bool in_time = support::await([&] { return changed_hands->load(); });
        shared.outcome = in_time ? outcome_of([&] { shared.guard.unlock(); }) : not_yet;
        _exit(0);
    }
    support::child heir = support::child::adopt(pid);
    hold.unlock();
    support::child stranger = holder();
    ASSERT_TRUE(ready());
    *changed_hands = true;
    EXPECT_TRUE(heir.wait_success());
    EXPECT_EQ(shared.outcome, locked) << "no error";
    EXPECT_EQ(try_once(shared.guard), not_locked) << "and the stranger has it still";
    shared.release = true;
    EXPECT_TRUE(stranger.wait_success());
}

TEST_P(either_fork, segments_made_by_the_child_are_its_own) {
    (void)try_once(shared.guard);
    in_child([&] {
        segment own = segment::anonymous(4096);
        auto& lock = own.construct<mutex>("lock");
        lock.lock();
        lock.unlock();
        EXPECT_EQ(outcome_of([&] { lock.unlock(); }), static_cast<int>(errc::not_owner)) << "no guard of the parent's";
    });
}

TEST_P(either_fork, works_from_a_thread_that_is_not_the_first) {
    std::thread([&] {
        const std::lock_guard hold(shared.guard);
        in_child([&] {
            EXPECT_NO_THROW(shared.guard.unlock());
            EXPECT_EQ(try_once(shared.guard), not_locked);
            EXPECT_EQ(try_once(shared.other), locked);
        });
    }).join();
    EXPECT_EQ(try_once(shared.guard), locked);
}

TEST_F(forking, locks_of_the_parents_other_threads_stay_theirs) {
    std::atomic<bool> held{false}, release{false};
    std::thread other([&] {
        const std::lock_guard hold(shared.guard);
        held = true;
        EXPECT_TRUE(support::await([&] { return release.load(); }));
    });
    EXPECT_TRUE(support::await([&] { return held.load(); }));
    EXPECT_TRUE(support::child([&] {
                    EXPECT_EQ(try_once(shared.guard), not_locked);
                    EXPECT_EQ(try_once(shared.other), locked);
                }).wait_success());
    release = true;
    other.join();
    EXPECT_EQ(try_once(shared.guard), locked) << "no owner died";
}

TEST_F(forking, death_of_the_parent_is_noticed_though_its_child_lives_on) {
    support::scratch<std::atomic<pid_t>> orphan;
    support::child parent([&] {
        shared.guard.lock();
        const pid_t child = fork();
        if (child == 0) {
            pause();
            _exit(0);
        }
        *orphan = child;
        shared.ready = true;
        pause();
    });
    ASSERT_TRUE(ready());
    parent.kill();
    EXPECT_THROW(shared.guard.lock(), owner_died);
    EXPECT_EQ(::kill(*orphan, SIGKILL), 0) << "it was alive";
}

TEST_F(forking, child_goes_on_when_its_parent_is_gone) {
    support::scratch<std::atomic<int>> outcome;
    support::child parent([&] {
        (void)try_once(shared.guard);
        const pid_t me = getpid();
        if (fork() != 0) _exit(0);
        (void)support::await([&] { return getppid() != me; });
        *outcome = try_once(shared.guard) == locked ? 1 : 2;
        _exit(0);
    });
    EXPECT_TRUE(parent.wait_success());
    EXPECT_TRUE(support::await([&] { return outcome->load() != 0; }));
    EXPECT_EQ(*outcome, 1);
}

// exec

TEST_F(forking, owner_that_becomes_another_program_has_died) {
    support::child owner([&] {
        shared.guard.lock();
        shared.ready = true;
        execl("/bin/sleep", "sleep", "1000", nullptr);
    });
    ASSERT_TRUE(ready());
    try {
        shared.guard.lock();
        FAIL() << "the new program knows nothing of the lock";
    } catch (const owner_died& death) {
        EXPECT_EQ(death.who().process, static_cast<std::uint32_t>(owner.pid()));
    }
    EXPECT_TRUE(owner.running());
}

TEST_F(forking, vfork_and_exec_leave_the_parents_locks_alone) {
    const std::lock_guard hold(shared.guard);
    const pid_t pid = vfork();
    if (pid == 0) {
        execl("/bin/true", "true", nullptr);
        _exit(127);
    }
    ASSERT_GT(pid, 0);
    EXPECT_TRUE(support::child::adopt(pid).wait_success());
    EXPECT_EQ(outcome_of([&] { shared.guard.lock(); }), static_cast<int>(errc::would_deadlock))
        << "still this thread's";
    std::thread([&] { EXPECT_EQ(try_once(shared.guard), not_locked); }).join();
    EXPECT_EQ(try_once(shared.other), locked);
}

TEST_F(forking, posix_spawn_leaves_the_parents_locks_alone) {
    const std::lock_guard hold(shared.guard);
    char program[] = "true";
    char* arguments[] = {program, nullptr};
    pid_t pid = 0;
    ASSERT_EQ(posix_spawn(&pid, "/bin/true", nullptr, nullptr, arguments, environ), 0);
    EXPECT_TRUE(support::child::adopt(pid).wait_success());
    EXPECT_EQ(outcome_of([&] { shared.guard.lock(); }), static_cast<int>(errc::would_deadlock))
        << "still this thread's";
    std::thread([&] { EXPECT_EQ(try_once(shared.guard), not_locked); }).join();
}

// A process made past libc has no list by which the kernel would tell of its death.

TEST_F(forking, raw_clone_is_refused_and_harms_nobody) {
    shared.guard.lock();
    const long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    ASSERT_GE(pid, 0);
    if (pid == 0) {
        try {
            shared.other.lock();
            shared.outcome = locked;
        } catch (const std::system_error& failure) {
            const bool expected = failure.code() == std::errc::operation_not_supported;
            shared.outcome = expected ? number_of(failure.code()) : another_error;
        }
        _exit(0);
    }
    EXPECT_TRUE(support::child::adopt(static_cast<pid_t>(pid)).wait_success());
    EXPECT_EQ(shared.outcome, static_cast<int>(errc::unsupported_thread));
    EXPECT_EQ(try_once(shared.other), locked);
    EXPECT_NO_THROW(shared.guard.unlock());
    EXPECT_TRUE(process_shared::inspect::look(memory).obituaries.empty());
}

}  // namespace
}  // namespace contract
