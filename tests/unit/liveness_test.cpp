// SPDX-License-Identifier: MIT
// platform/liveness.hpp keeps its promises: tokens tell of every kind of end, and of nothing else.
#include "platform/liveness.hpp"

#include "platform/memory.hpp"
#include "platform/wait.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/error.hpp>

#include <gtest/gtest.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <thread>

namespace {

using namespace process_shared::platform;
using process_shared::deadline;

struct shared_token {
    token here;
    std::atomic<std::uint32_t> offset;
    std::atomic<bool> armed, end, refused;
};

class token_of_a_thread : public testing::Test {
protected:
    std::atomic<std::uint32_t>& word() const {
        return *reinterpret_cast<std::atomic<std::uint32_t>*>(shared->here.opaque + shared->offset);
    }
    /// To be called by whoever is to be watched.
    void arm_here() const {
        const arming result = arm(shared->here);
        EXPECT_FALSE(result.error) << result.error.message();
        shared->offset = result.word_offset;
        shared->armed = true;
    }
    void live() const {
        arm_here();
        EXPECT_TRUE(support::await([&] { return shared->end.load(); }));
    }
    bool armed() const {
        return support::await([&] { return shared->armed.load(); });
    }
    support::scratch<shared_token> shared;
};

TEST_F(token_of_a_thread, says_alive_until_the_thread_has_ended) {
    std::thread owner([&] { live(); });
    ASSERT_TRUE(armed());
    EXPECT_FALSE(says_dead(word()));
    shared->end = true;
    owner.join();
    EXPECT_TRUE(says_dead(word()));
}

TEST_F(token_of_a_thread, says_dead_after_pthread_exit) {
    std::thread owner([&] {
        arm_here();
        pthread_exit(nullptr);
    });
    owner.join();
    EXPECT_TRUE(says_dead(word()));
}

TEST_F(token_of_a_thread, says_dead_when_its_process_was_killed) {
    support::child owner([&] { live(); });
    ASSERT_TRUE(armed());
    EXPECT_FALSE(says_dead(word()));
    owner.kill();
    EXPECT_TRUE(says_dead(word()));
}

TEST_F(token_of_a_thread, says_dead_when_its_process_has_ended) {
    support::child owner([&] { arm_here(); });
    EXPECT_TRUE(owner.wait_success());
    EXPECT_TRUE(says_dead(word()));
}

TEST_F(token_of_a_thread, says_dead_after_exec) {
    support::child owner([&] {
        arm_here();
        execl("/bin/sleep", "sleep", "1000", nullptr);
    });
    ASSERT_TRUE(armed());
    EXPECT_TRUE(support::await([&] { return says_dead(word()); }));
    EXPECT_TRUE(owner.running());
}

TEST_F(token_of_a_thread, says_alive_while_stopped) {
    support::child owner([&] { live(); });
    ASSERT_TRUE(armed());
    owner.signal(SIGSTOP);
    ASSERT_TRUE(support::await([&] { return support::task_state(owner.pid()) == 'T'; }));
    EXPECT_FALSE(says_dead(word()));
}

TEST_F(token_of_a_thread, says_alive_when_another_thread_ends) {
    support::child owner([&] {
        std::thread other([] {});
        arm_here();
        other.join();
        EXPECT_FALSE(says_dead(word()));
    });
    EXPECT_TRUE(owner.wait_success());
}

TEST_F(token_of_a_thread, is_not_ended_by_the_death_of_a_forked_child) {
    support::child owner([&] {
        arm_here();
        EXPECT_TRUE(support::child([] {}).wait_success());
        EXPECT_FALSE(says_dead(word()));
    });
    EXPECT_TRUE(owner.wait_success());
}

TEST_F(token_of_a_thread, wakes_who_watches_it) {
    support::child owner([&] { live(); });
    ASSERT_TRUE(armed());
    support::child watcher([&] {
        while (const auto value = watch(word())) {
            const watched_word here{&word(), *value};
            wait({&here, 1}, deadline::never());
        }
        EXPECT_TRUE(says_dead(word()));
    });
    ASSERT_TRUE(support::await([&] { return support::is_asleep(watcher.pid()); }));
    owner.kill();
    EXPECT_TRUE(watcher.wait_success());
}

TEST_F(token_of_a_thread, cannot_be_watched_when_dead) {
    support::child owner([&] { arm_here(); });
    EXPECT_TRUE(owner.wait_success());
    EXPECT_FALSE(watch(word()).has_value());
}

TEST_F(token_of_a_thread, is_watched_with_the_value_that_the_word_then_has) {
    support::child owner([&] { live(); });
    ASSERT_TRUE(armed());
    const auto value = watch(word());
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(*value, word().load());
    EXPECT_EQ(watch(word()), value);
}

TEST_F(token_of_a_thread, is_refused_to_a_raw_clone) {
    const long raw = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    ASSERT_GE(raw, 0);
    if (raw == 0) {
        shared->refused = arm(shared->here).error == process_shared::errc::unsupported_thread;
        _exit(0);
    }
    support::child child = support::child::adopt(static_cast<pid_t>(raw));
    EXPECT_TRUE(child.wait_success());
    EXPECT_TRUE(shared->refused);
}

TEST(says_dead, is_certain_only_of_a_free_or_marked_word) {
    EXPECT_TRUE(says_dead(0));
    EXPECT_TRUE(says_dead(0x40000000u));
    EXPECT_TRUE(says_dead(0xc0000000u));
    EXPECT_FALSE(says_dead(1));
    EXPECT_FALSE(says_dead(0x80000001u));
    EXPECT_FALSE(says_dead(0x3fffffffu));
}

TEST(identity, names_process_thread_and_thread_name) {
    std::thread([] {
        pthread_setname_np(pthread_self(), "a_name_of_15_ch");
        const thread_identity me = who_am_i();
        EXPECT_EQ(me.process, static_cast<std::uint32_t>(getpid()));
        EXPECT_EQ(me.thread, static_cast<std::uint64_t>(gettid()));
        EXPECT_NE(me.thread, me.process);
        EXPECT_STREQ(me.name.data(), "a_name_of_15_ch");
    }).join();
}

TEST(at_thread_exit, runs_once_and_after_the_thread_locals_are_gone) {
    struct log {
        std::string text;
    };
    struct witness {
        log* to = nullptr;
        ~witness() {
            if (to) to->text += "local ";
        }
    };
    log seen;
    std::thread([&] {
        static thread_local witness local;
        EXPECT_TRUE(at_thread_exit([](void* to) { static_cast<log*>(to)->text += "action "; }, &seen));
        local.to = &seen;
    }).join();
    EXPECT_EQ(seen.text, "local action ");
}

TEST(at_thread_exit, keeps_the_last_registration_of_a_thread) {
    int first = 0, second = 0;
    const auto count = [](void* to) { ++*static_cast<int*>(to); };
    std::thread([&] {
        EXPECT_TRUE(at_thread_exit(count, &first));
        EXPECT_TRUE(at_thread_exit(count, &second));
    }).join();
    EXPECT_EQ(first, 0);
    EXPECT_EQ(second, 1);
}

TEST(at_thread_exit, is_of_the_calling_thread) {
    int mine = 0, yours = 0;
    const auto count = [](void* to) { ++*static_cast<int*>(to); };
    std::thread([&] {
        EXPECT_TRUE(at_thread_exit(count, &mine));
        std::thread([&] { EXPECT_TRUE(at_thread_exit(count, &yours)); }).join();
        EXPECT_EQ(mine, 0);
        EXPECT_EQ(yours, 1);
    }).join();
    EXPECT_EQ(mine, 1);
}

class wiped_memory : public testing::Test {
protected:
    void SetUp() override {
        memory = static_cast<unsigned char*>(wiped_on_fork(2 * page_size()));
        ASSERT_NE(memory, nullptr);
        std::memset(memory, 0xab, 2 * page_size());
    }
    void TearDown() override {
        if (memory) unmap(reinterpret_cast<std::byte*>(memory), 2 * page_size());
    }
    bool all(unsigned char value) const {
        return std::all_of(memory, memory + 2 * page_size(), [&](unsigned char byte) { return byte == value; });
    }
    /// In the child only system calls: _Fork and a raw clone leave libc's locks as they were.
    [[noreturn]] void report() const { _exit(all(0) ? 0 : 3); }
    void expect_wiped_in(pid_t pid) const {
        ASSERT_GE(pid, 0);
        int status = 0;
        ASSERT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT_EQ(status, 0);
        EXPECT_TRUE(all(0xab)) << "the parent's own must stay";
    }
    unsigned char* memory = nullptr;
};

TEST_F(wiped_memory, starts_zeroed_at_a_page) {
    auto* fresh = static_cast<unsigned char*>(wiped_on_fork(page_size()));
    ASSERT_NE(fresh, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(fresh) % page_size(), 0u);
    EXPECT_TRUE(std::all_of(fresh, fresh + page_size(), [](unsigned char byte) { return byte == 0; }));
    unmap(reinterpret_cast<std::byte*>(fresh), page_size());
}

TEST_F(wiped_memory, is_zero_after_fork) {
    const pid_t pid = fork();
    if (pid == 0) report();
    expect_wiped_in(pid);
}

TEST_F(wiped_memory, is_zero_after_a_fork_that_runs_no_handlers) {
    const pid_t pid = _Fork();
    if (pid == 0) report();
    expect_wiped_in(pid);
}

TEST_F(wiped_memory, is_zero_after_a_raw_clone) {
    const long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
    if (pid == 0) report();
    expect_wiped_in(static_cast<pid_t>(pid));
}

TEST(forks_made, counts_forks) {
    const std::uint64_t before = forks_made();
    EXPECT_TRUE(support::child([] {}).wait_success());
    EXPECT_EQ(forks_made(), before + 1);
}

}  // namespace
