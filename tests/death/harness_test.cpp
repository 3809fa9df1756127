// SPDX-License-Identifier: MIT
// The harness tried on mutexes whose fate is known: glibc's robust one survives, the plain one is caught.
#include "death/campaign.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>

#include <cerrno>
#include <new>

namespace death {
namespace {

using namespace std::chrono_literals;

struct account {
    pthread_mutex_t guard;
    int first;
    int second;
};

/// What the scenarios below do to a pthread mutex.
template <bool robust>
class pthread_scenario : public scenario {
public:
    explicit pthread_scenario(const conditions&) {}

    void prepare(stage&) override {
        pthread_mutexattr_t kind;
        pthread_mutexattr_init(&kind);
        pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
        if (robust) pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&shared_->guard, &kind);
    }
    std::span<const std::byte> shared_memory() const override {
        return {reinterpret_cast<const std::byte*>(shared_.get()), sizeof(account)};
    }

protected:
    void lock(board& shared) {
        if (pthread_mutex_lock(&shared_->guard) != EOWNERDEAD) return;
        ++shared.told;
        shared_->second = shared_->first;
        pthread_mutex_consistent(&shared_->guard);
    }
    void unlock() { pthread_mutex_unlock(&shared_->guard); }
    void change(board& shared) {
        enter(shared);
        if (shared_->first != shared_->second) ++shared.torn;
        ++shared_->first;
        ++shared_->second;
        leave(shared);
    }
    void visit(board& shared) {
        lock(shared);
        change(shared);
        unlock();
    }

    support::scratch<account> shared_;
};

template <bool robust>
class lock_and_unlock : public pthread_scenario<robust> {
public:
    using pthread_scenario<robust>::pthread_scenario;
    void warm_up(board& shared) override { this->visit(shared); }
    void operation(board& shared) override { this->visit(shared); }
    void victim_is_dead(stage& on) override {
        for (int i = 0; i < 2; ++i) on.start([this, &on] { this->visit(on.shared()); });
    }
};

template <bool robust>
class unlock_with_a_sleeper : public pthread_scenario<robust> {
public:
    using pthread_scenario<robust>::pthread_scenario;
    void warm_up(board& shared) override {
        this->visit(shared);
        this->lock(shared);
    }
    void victim_is_ready(stage& on) override {
        on.start([this, &on] { this->visit(on.shared()); });
        on.await_rest();
    }
    void operation(board&) override { this->unlock(); }
    void victim_is_dead(stage&) override {}
};

template <bool robust>
class woken_waiter : public pthread_scenario<robust> {
public:
    using pthread_scenario<robust>::pthread_scenario;
    void prepare(stage& on) override {
        pthread_scenario<robust>::prepare(on);
        on.start_extra([this, &on] {
            this->lock(on.shared());
            on.shared().stands = 1;
            support::check(support::await([&] { return on.shared().go == 1; }), "nobody let the holder go");
            this->unlock();
            on.shared().stands = 2;
            for (;;) pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the holder did not come");
    }
    void operation(board& shared) override { this->visit(shared); }
    void victim_sleeps(stage& on) override { let_go_with_another_behind(on); }
    void victim_is_about_to_die(stage& on) override {
        if (on.shared().go == 0) let_go_with_another_behind(on);
    }
    void victim_is_dead(stage& on) override {
        support::check(support::await([&] { return on.shared().stands == 2; }), "the holder did not let go");
    }

private:
    void let_go_with_another_behind(stage& on) {
        const survivor& behind = on.start([this, &on] { this->visit(on.shared()); });
        support::check(support::await([&] { return behind.sleeps(); }), "the other does not sleep");
        on.shared().go = 1;
    }
};

conditions without_backstop() {
    conditions under;
    under.backstop_is_out_of_reach = true;  // a pthread mutex has none
    return under;
}

template <class Scenario>
totals try_all(const char* name) {
    return carry_out({name, scenario_of<Scenario>(), without_backstop()});
}

TEST(harness, finds_nothing_wrong_with_a_robust_pthread_mutex) {
    expect_no_harm(try_all<lock_and_unlock<true>>("robust pthread mutex: lock and unlock"));
    expect_no_harm(try_all<unlock_with_a_sleeper<true>>("robust pthread mutex: unlock with a sleeper"));
    expect_no_harm(try_all<woken_waiter<true>>("robust pthread mutex: woken waiter, another behind"));
}

TEST(harness, catches_a_plain_pthread_mutex) {
    const totals alone = try_all<lock_and_unlock<false>>("plain pthread mutex: lock and unlock");
    EXPECT_GT(alone.unexpectedly_by_backstop, 10u);
    EXPECT_LT(alone.unexpectedly_by_backstop, alone.points);  // before the lock and after the unlock nothing is lost
    const totals behind = try_all<unlock_with_a_sleeper<false>>("plain pthread mutex: unlock with a sleeper");
    EXPECT_GT(behind.unexpectedly_by_backstop, 2u);
}

/// Locks nothing at all.
class unguarded : public pthread_scenario<true> {
public:
    using pthread_scenario<true>::pthread_scenario;
    void operation(board& shared) override { change(shared); }
    void victim_is_about_to_die(stage& on) override {
        on.start([this, &on] { change(on.shared()); });
        on.await_rest();
    }
    void victim_is_dead(stage&) override {}
};

TEST(harness, sees_two_inside_and_torn_data) {
    const totals result = try_all<unguarded>("no lock at all");
    EXPECT_GT(result.unrecovered, 2u);
}

}  // namespace
}  // namespace death
