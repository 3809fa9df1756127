// SPDX-License-Identifier: MIT
// Two die, one after the other, each at any point of what it does; a third has to go on. After two deaths any step may
// need the backstop; nothing may need more.
#include "death/campaign.hpp"
#include "death/lock_scenario.hpp"
#include "support/scratch.hpp"

#include <process_shared/mutex.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>

namespace death {
namespace {

using namespace std::chrono_literals;
using process_shared::mutex;

/// The second one to die. It is stepped through all of its operation, as what it meets depends on the first's death.
class second_victim {
public:
    second_victim(board& shared, std::function<void()> warm_up, std::function<void()> operation) : shared_(shared) {
        process_.emplace([this, warm_up = std::move(warm_up), operation = std::move(operation)] {
            warm_up();
            tracee::offer();
            *task_ = gettid();
            death_mark_begin();
            operation();
            death_mark_end();
        });
        support::check(support::await([&] { return *task_ != 0; }), "the second victim did not come");
        traced_.emplace(process_->pid(), *task_);
    }

    /// Up to its first sleep; false if it got through without.
    bool run_to_sleep() {
        asleep_ = traced_->run_to_sleep() == halt::asleep;
        return asleep_;
    }

    /// After so many changes of shared memory and system calls, at its end, or where it sleeps again.
    void die_after(unsigned events, std::span<const std::byte> memory) {
        std::uint64_t seen = digest(memory);
        halt reason = asleep_ ? traced_->go_on(50ms) : halt::stepped;
        while (reason == halt::stepped && events > 0) {
            const bool call = is_system_call(traced_->at());
            reason = traced_->step();
            const std::uint64_t now = digest(memory);
            if (call || now != seen) --events;
            seen = now;
        }
        announce_death(shared_, process_->pid());
        traced_->kill();
        process_->kill();
    }

private:
    board& shared_;
    support::scratch<std::atomic<pid_t>> task_;
    std::optional<support::child> process_;
    std::optional<tracee> traced_;
    bool asleep_ = false;
};

/// What both scenarios below share: `events` says where the second one dies.
class two_deaths : public lock_scenario<mutex> {
public:
    two_deaths(const conditions& under, unsigned events) : lock_scenario(under), events_(events) { ++dead_visitors_; }

    void judge_what_was_told(const board& shared) override {
        support::check(!abandoned_ || shared.told > 0, "nobody was told of the first");
        support::check(shared.repairs <= 2, std::to_string(shared.repairs) + " repairs");
    }

protected:
    void lock_change_and_unlock(board& shared) {
        account_->guard.lock([&] { account_->second = account_->first; });
        enter(shared);
        change(shared);
        leave(shared);
        account_->guard.unlock();
    }
    void start_second(stage& on) {
        const auto take_a_seat = [this] {
            account_->other.lock();
            account_->other.unlock();
        };
        second_.emplace(on.shared(), take_a_seat, [this, &on] { lock_change_and_unlock(on.shared()); });
    }
    void let_second_die() { second_->die_after(events_, shared_memory()); }

    const unsigned events_;
    std::optional<second_victim> second_;
};

/// The first dies in lock or unlock; the second comes then, takes over, and dies, with another behind it.
class one_after_the_other : public two_deaths {
public:
    using two_deaths::two_deaths;
    void operation(board& shared) override {
        account_->guard.lock();
        enter(shared);
        change(shared);
        leave(shared);
        account_->guard.unlock();
    }
    void last_moment(stage& on) override {
        start_visitor(on);
        on.await_rest();
    }
    void victim_is_dead(stage& on) override {
        start_second(on);
        let_second_die();
        start_visitor(on);
    }
    void judge_what_was_told(const board& shared) override {
        support::check(shared.repairs <= 2, std::to_string(shared.repairs) + " repairs");
    }
};

/// The first dies in unlock; the second sleeps behind it, then others: it is the one who is woken.
class woken_by_the_dead : public two_deaths {
public:
    using two_deaths::two_deaths;
    void warm_up(board& shared) override {
        two_deaths::warm_up(shared);
        account_->guard.lock();
    }
    void victim_is_ready(stage& on) override {
        start_second(on);
        support::check(second_->run_to_sleep(), "the second victim did not wait");
        start_sleeper(on);
        start_sleeper(on);
    }
    void operation(board&) override { account_->guard.unlock(); }
    void victim_is_dead(stage&) override { let_second_die(); }
    void judge_what_was_told(const board& shared) override {
        support::check(shared.repairs <= 2, std::to_string(shared.repairs) + " repairs");
    }
};

/// Every point of the first at which something changes, with every such point of the second.
template <class Scenario>
void try_all(const char* name, unsigned most_events) {
    const unsigned stride = long_run() ? 1 : 3;
    for (unsigned events = 0; events < most_events; events += stride) {
        const std::string after = ", " + std::to_string(events) + " events";
        campaign what{name + after, [=](const conditions& under) { return std::make_unique<Scenario>(under, events); }};
        what.how.every_up_to = long_run() ? what.how.every_up_to : 0;
        what.how.everything = false;
        what.how.sample = 5;
        what.any_may_need_backstop = true;
        expect_no_harm(carry_out(what));
    }
}

TEST(two_deaths, one_after_the_other) { try_all<one_after_the_other>("two deaths, one after the other", 30); }
TEST(two_deaths, woken_by_the_dead) { try_all<woken_by_the_dead>("two deaths, woken by the dead", 40); }

}  // namespace
}  // namespace death
