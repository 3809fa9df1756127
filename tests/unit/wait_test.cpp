// SPDX-License-Identifier: MIT
// platform/wait.hpp keeps its promises. Run a second time with futex_waitv switched off.
#include "platform/wait.hpp"

#include "contract/seccomp.hpp"
#include "platform/memory.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"
#include "support/child.hpp"
#include "support/scratch.hpp"

#include <gtest/gtest.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

using namespace process_shared::platform;
using namespace std::chrono_literals;
using process_shared::deadline;

constexpr std::size_t most_words = 16;

struct words {
    std::array<std::atomic<std::uint32_t>, most_words> at;
    std::atomic<pid_t> sleeper;
};

class wait : public testing::Test {
protected:
    /// All words, each expected to be zero.
    std::vector<watched_word> watched(std::size_t count) const {
        std::vector<watched_word> list;
        for (std::size_t i = 0; i < count; ++i) list.push_back({&shared->at[i], 0});
        return list;
    }
    /// Sleeps as a user does: again and again until the word has changed.
    void sleep_until_changed(std::size_t count, std::size_t which) const {
        shared->sleeper = gettid();
        while (shared->at[which] == 0) process_shared::platform::wait(watched(count), deadline::never());
    }
    bool somebody_sleeps() const {
        return support::await([&] { return shared->sleeper != 0 && support::is_asleep(shared->sleeper); });
    }
    support::scratch<words> shared;
};

TEST_F(wait, does_not_sleep_if_a_word_has_changed) {
    shared->at[0] = 1;
    EXPECT_EQ(process_shared::platform::wait(watched(1), deadline::never()), wait_outcome::changed);
}

TEST_F(wait, does_not_sleep_if_a_later_word_has_changed) {
    shared->at[2] = 1;
    EXPECT_EQ(process_shared::platform::wait(watched(3), deadline::never()), wait_outcome::changed);
}

TEST_F(wait, ends_no_earlier_than_its_deadline) {
    const deadline until = deadline::after(20ms);
    wait_outcome outcome = wait_outcome::woken;
    while (outcome == wait_outcome::woken) outcome = process_shared::platform::wait(watched(1), until);
    EXPECT_EQ(outcome, wait_outcome::timed_out);
    EXPECT_TRUE(until.has_passed());
}

TEST_F(wait, on_several_words_ends_no_earlier_than_its_deadline) {
    const deadline until = deadline::after(20ms);
    wait_outcome outcome = wait_outcome::woken;
    while (outcome == wait_outcome::woken) outcome = process_shared::platform::wait(watched(3), until);
    EXPECT_EQ(outcome, wait_outcome::timed_out);
    EXPECT_TRUE(until.has_passed());
}

TEST_F(wait, with_a_deadline_in_the_past_times_out) {
    EXPECT_EQ(process_shared::platform::wait(watched(1), deadline::passed()), wait_outcome::timed_out);
    EXPECT_EQ(process_shared::platform::wait(watched(3), deadline::after(-1h)), wait_outcome::timed_out);
}

TEST_F(wait, is_ended_by_a_wake_from_another_thread) {
    std::thread sleeper([&] { sleep_until_changed(1, 0); });
    EXPECT_TRUE(somebody_sleeps());
    shared->at[0] = 1;
    wake(shared->at[0], 1);
    sleeper.join();
}

TEST_F(wait, is_ended_by_a_wake_from_another_process) {
    support::child sleeper([&] { sleep_until_changed(1, 0); });
    EXPECT_TRUE(somebody_sleeps());
    shared->at[0] = 1;
    wake(shared->at[0], 1);
    EXPECT_TRUE(sleeper.wait_success());
}

TEST_F(wait, on_several_words_is_ended_by_a_wake_of_any) {
    for (const std::size_t which : {std::size_t{0}, std::size_t{1}, most_words - 1}) {
        shared->sleeper = 0;
        support::child sleeper([&] { sleep_until_changed(most_words, which); });
        EXPECT_TRUE(somebody_sleeps());
        shared->at[which] = 1;
        wake(shared->at[which], 1);
        EXPECT_TRUE(sleeper.wait_success()) << which;
        shared->at[which] = 0;
    }
}

TEST_F(wait, is_ended_by_a_wake_through_another_mapping) {
    file made = no_file;
    ASSERT_FALSE(create_anonymous(made));
    ASSERT_FALSE(reserve(made, page_size()));
    mapping first, second;
    ASSERT_FALSE(map(made, page_size(), first));
    ASSERT_FALSE(map(made, page_size(), second));
    auto& here = *reinterpret_cast<std::atomic<std::uint32_t>*>(first.base + 64);
    auto& there = *reinterpret_cast<std::atomic<std::uint32_t>*>(second.base + 64);

    std::thread sleeper([&] {
        const watched_word word{&here, 0};
        shared->sleeper = gettid();
        while (here == 0) process_shared::platform::wait({&word, 1}, deadline::never());
    });
    EXPECT_TRUE(somebody_sleeps());
    there = 1;
    wake(there, 1);
    sleeper.join();

    unmap(first.base, first.size);
    unmap(second.base, second.size);
    process_shared::platform::close(made);
}

TEST_F(wait, of_everyone_is_ended_by_one_wake) {
    constexpr int count = 5;
    std::vector<support::child> sleepers;
    for (int i = 0; i < count; ++i) sleepers.emplace_back([&] { sleep_until_changed(2, 0); });
    for (auto& sleeper : sleepers) EXPECT_TRUE(support::await([&] { return support::is_asleep(sleeper.pid()); }));
    shared->at[0] = 1;
    wake(shared->at[0], everyone);
    for (auto& sleeper : sleepers) EXPECT_TRUE(sleeper.wait_success());
}

TEST_F(wait, is_ended_by_a_signal_handler) {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    struct sigaction before{};
    ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);

    std::atomic<bool> interrupted{false};
    std::thread sleeper([&] {
        shared->sleeper = gettid();
        wait_outcome outcome = wait_outcome::woken;
        while (outcome == wait_outcome::woken) outcome = process_shared::platform::wait(watched(2), deadline::never());
        EXPECT_EQ(outcome, wait_outcome::interrupted);
        interrupted = true;
    });
    EXPECT_TRUE(somebody_sleeps());
    EXPECT_TRUE(support::await([&] {
        pthread_kill(sleeper.native_handle(), SIGUSR1);  // again: the first may come between two sleeps
        return interrupted.load();
    }));
    sleeper.join();
    sigaction(SIGUSR1, &before, nullptr);
}

// A sandbox may close after the first wait: what was allowed then is not any more.
TEST_F(wait, sleeps_on_where_the_kernel_begins_to_refuse_to_watch_several_words) {
    for (const int refusal : {ENOSYS, EPERM})
        EXPECT_TRUE(support::child([&] {
                        (void)process_shared::platform::wait(watched(2), deadline::after(1ms));
                        support::check(contract::refuse_futex_waitv(refusal), "cannot install the filter");
                        const deadline until = deadline::after(20ms);
                        EXPECT_EQ(process_shared::platform::wait(watched(1), until), wait_outcome::timed_out);
                        EXPECT_TRUE(until.has_passed());
                    }).wait_success());
}

TEST_F(wait, waking_where_nobody_sleeps_does_nothing) {
    wake(shared->at[0], 1);
    wake(shared->at[0], everyone);
    EXPECT_EQ(shared->at[0], 0u);
}

}  // namespace
