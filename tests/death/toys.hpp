// SPDX-License-Identifier: MIT
// What scenarios around semaphores, events, conditions and barriers have in common: one of each, in one segment.
#pragma once

#include "death/lock_scenario.hpp"
#include "death/scenario.hpp"

#include <process_shared/barrier.hpp>
#include <process_shared/condition_variable.hpp>
#include <process_shared/event.hpp>
#include <process_shared/latch.hpp>
#include <process_shared/monitor.hpp>
#include <process_shared/once.hpp>
#include <process_shared/semaphore.hpp>

#include <mutex>
#include <string>

namespace death {

struct toys {
    process_shared::counting_semaphore<> permits{0};
    process_shared::counting_semaphore<> other{1};  // for warming up
    process_shared::event happened{};
    process_shared::event turn{process_shared::event_reset::automatic};
    process_shared::latch last{1};
    process_shared::once_flag once;
    process_shared::mutex guard;
    process_shared::condition_variable changed;
    process_shared::monitor watched;
    process_shared::barrier<4> step{3};
    int items = 0;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
};

class toy_scenario : public scenario {
public:
    explicit toy_scenario(const conditions& under)
        : memory_(process_shared::segment::anonymous(8192, small_segment(under))) {}

    void prepare(stage&) override { toys_ = &memory_.construct<toys>("toys"); }
    std::span<const std::byte> shared_memory() const override { return mapping_of(toys_); }
    void warm_up(board&) override {
        toys_->other.acquire();
        toys_->other.release();
        toys_->guard.lock();
        toys_->guard.unlock();
    }
    void victim_is_dead(stage&) override {}

protected:
    /// `part`, and then a visit is counted.
    survivor& start_visitor(stage& on, std::function<void()> part) {
        return on.start([&on, part = std::move(part)] {
            part();
            ++on.shared().visits;
        });
    }
    /// One that sleeps when this returns.
    survivor& start_sleeper(stage& on, std::function<void()> part) {
        survivor& sleeper = start_visitor(on, std::move(part));
        const auto settled = [&] { return sleeper.sleeps() || sleeper.done() || sleeper.failed(); };
        support::check(support::await(settled) && !sleeper.done() && !sleeper.failed(),
                       "a visitor did not wait; " + sleeper.complaint());
        return sleeper;
    }
    /// As survivors do: whatever happened before.
    static void lock_anyhow(process_shared::mutex& guard) {
        guard.lock([] {});
    }

    process_shared::segment memory_;
    toys* toys_ = nullptr;
};

/// The victim gives what two sleepers wait for; if it died before it gave, the director does.
class giver : public toy_scenario {
public:
    using toy_scenario::toy_scenario;
    void victim_is_ready(stage& on) override {
        for (int i = 0; i < sleepers; ++i) start_sleeper(on, [this] { take(); });
    }
    void operation(board&) override { give(); }
    void victim_is_about_to_die(stage& on) override {
        on.await_rest();
        given_ = has_given(on.shared().visits);
    }
    void victim_is_dead(stage&) override {
        if (!given_) give();
    }
    void judge(stage& on) override {
        support::check(on.shared().visits == sleepers, "not all got what they waited for");
    }

protected:
    static constexpr int sleepers = 2;

    virtual void give() = 0;
    virtual void take() = 0;
    /// The victim stands still; so many have taken, and the others sleep.
    [[nodiscard]] virtual bool has_given(int taken) = 0;

private:
    bool given_ = false;
};

class release_permits : public giver {
public:
    using giver::giver;
    void judge(stage& on) override {
        giver::judge(on);
        support::check(toys_->permits.value() == 0, std::to_string(toys_->permits.value()) + " permits are left");
    }

protected:
    void give() override { toys_->permits.release(sleepers); }
    void take() override { toys_->permits.acquire(); }
    bool has_given(int taken) override { return toys_->permits.value() + taken == sleepers; }
};

class set_event : public giver {
public:
    using giver::giver;

protected:
    void give() override { toys_->happened.set(); }
    void take() override { toys_->happened.wait(); }
    bool has_given(int) override { return toys_->happened.is_set(); }
};

class count_down_latch : public giver {
public:
    using giver::giver;

protected:
    void give() override { toys_->last.count_down(); }
    void take() override { toys_->last.wait(); }
    bool has_given(int) override { return toys_->last.try_wait(); }
};

/// What is waited for is there; the victim only tells.
template <bool everyone>
class notify : public giver {
public:
    using giver::giver;
    void victim_is_ready(stage& on) override {
        giver::victim_is_ready(on);
        // The sleepers look at it only when they are notified, or at the backstop.
        const std::lock_guard hold(toys_->guard);
        toys_->items = sleepers;
        before_ = word();
    }

protected:
    void give() override {
        if (everyone) return toys_->changed.notify_all();
        for (int i = 0; i < sleepers; ++i) toys_->changed.notify_one();
    }
    void take() override {
        lock_anyhow(toys_->guard);
        std::unique_lock hold(toys_->guard, std::adopt_lock);
        toys_->changed.wait(hold, [&] { return toys_->items > 0; });
        --toys_->items;
    }
    bool has_given(int) override {
        constexpr std::uint32_t one = 2;  // the lowest bit is no count
        return word() - before_ >= (everyone ? one : sleepers * one);
    }

private:
    [[nodiscard]] std::uint32_t word() const {
        return reinterpret_cast<const std::atomic<std::uint32_t>*>(&toys_->changed)->load() & ~1u;
    }
    std::uint32_t before_ = 0;
};

/// The victim changes what two wait for, and tells them. It may die with the lock held, or before it tells.
template <class Room>
class change_and_tell : public toy_scenario {
public:
    using toy_scenario::toy_scenario;
    void victim_is_ready(stage& on) override {
        for (int i = 0; i < 2; ++i) start_sleeper(on, [this] { Room::take(*toys_); });
    }
    void operation(board&) override { Room::put(*toys_, 2); }
    void victim_is_dead(stage& on) override {
        // What the victim did not put.
        on.start([this, &on] {
            Room::lock(*toys_);
            const int missing = toys_->items + on.shared().visits == 0 ? 2 : 0;
            Room::unlock(*toys_);
            if (missing != 0) Room::put(*toys_, missing);
        });
    }
    void judge(stage& on) override {
        support::check(on.shared().visits == 2, "not both got what they waited for");
        support::check(toys_->items == 0, std::to_string(toys_->items) + " are left");
    }
};

struct room_with_a_condition {
    static void lock(toys& in) {
        in.guard.lock([] {});
    }
    static void unlock(toys& in) { in.guard.unlock(); }
    static void put(toys& in, int count) {
        lock(in);
        in.items += count;
        in.guard.unlock();
        in.changed.notify_all();
    }
    static void take(toys& in) {
        for (;;) {
            lock(in);
            std::unique_lock hold(in.guard, std::adopt_lock);
            try {
                in.changed.wait(hold, [&] { return in.items > 0; });
            } catch (const process_shared::owner_died&) {
                continue;
            }
            --in.items;
            return;
        }
    }
};

struct room_with_a_monitor {
    static void lock(toys& in) {
        in.watched.lock([] {});
    }
    static void unlock(toys& in) { in.watched.unlock(); }
    static void put(toys& in, int count) {
        lock(in);
        in.items += count;
        in.watched.unlock();
    }
    static void take(toys& in) {
        for (;;) {
            lock(in);
            try {
                in.watched.when([&] { return in.items > 0; });
            } catch (const process_shared::owner_died&) {
                continue;
            }
            --in.items;
            in.watched.unlock();
            return;
        }
    }
};

/// One thing, which goes round: the victim waits for it, another behind; it is given when both sleep, or when the victim
/// stands for the last time. What the victim took is gone with it: the director gives another then.
class taker : public toy_scenario {
public:
    using toy_scenario::toy_scenario;
    void operation(board&) override {
        take();
        give();
    }
    void victim_sleeps(stage& on) override { give_with_another_behind(on); }
    void victim_is_about_to_die(stage& on) override {
        if (given_ == 0) give_with_another_behind(on);
        on.await_rest();
        taken_by_victim_ = !is_there();
    }
    void victim_is_dead(stage&) override {
        if (taken_by_victim_) give();
    }
    void judge(stage& on) override {
        support::check(on.shared().visits == 1, "the other one got nothing");
        support::check(is_there(), "it is gone in the end");
    }

protected:
    virtual void give() = 0;
    virtual void take() = 0;
    [[nodiscard]] virtual bool is_there() = 0;

private:
    void give_with_another_behind(stage& on) {
        start_sleeper(on, [this] {
            take();
            give();
        });
        give();
        ++given_;
    }
    int given_ = 0;
    bool taken_by_victim_ = false;
};

class acquire_permit : public taker {
public:
    using taker::taker;

protected:
    void give() override { toys_->permits.release(); }
    void take() override { toys_->permits.acquire(); }
    bool is_there() override { return toys_->permits.value() != 0; }
};

class wait_for_turn : public taker {
public:
    using taker::taker;

protected:
    void give() override { toys_->turn.set(); }
    void take() override { toys_->turn.wait(); }
    bool is_there() override { return toys_->turn.is_set(); }
};

/// The victim gives up; whatever it may have swallowed, the other gets what is given meanwhile.
class acquire_permit_in_time : public acquire_permit {
public:
    using acquire_permit::acquire_permit;
    void prepare(stage& on) override {
        acquire_permit::prepare(on);
        on.shared().patience = patience_that_sleeps;
    }
    void victim_sleeps(stage&) override {}
    void operation(board& shared) override {
        if (toys_->permits.try_acquire_by(process_shared::deadline::after(std::chrono::nanoseconds(shared.patience))))
            toys_->permits.release();
    }
};

/// The victim does it, or dies in it, with two behind.
class do_once : public toy_scenario {
public:
    using toy_scenario::toy_scenario;
    void operation(board& shared) override { call(shared); }
    void victim_is_about_to_die(stage& on) override {
        for (int i = 0; i < 2; ++i) start_visitor(on, [this, &on] { call(on.shared()); });
        on.await_rest();
    }
    void judge(stage&) override {
        support::check(toys_->once.is_done(), "it was not done in the end");
        support::check(toys_->first == toys_->second && toys_->first != 0, "it was done by half");
    }

private:
    void call(board& shared) {
        process_shared::call_once(toys_->once, [&] {
            if (toys_->once.is_done()) ++shared.torn;
            volatile std::uint64_t& first = toys_->first;
            volatile std::uint64_t& second = toys_->second;
            first = 7;
            second = 7;
        });
        if (toys_->first != 7 || toys_->second != 7) ++shared.torn;
    }
};

/// Three members; two wait, the victim arrives, waits, and dies. The two pass, or are told.
class arrive_at_barrier : public toy_scenario {
public:
    using toy_scenario::toy_scenario;
    void warm_up(board& shared) override {
        toy_scenario::warm_up(shared);
        toys_->step.join();
    }
    void victim_is_ready(stage& on) override {
        for (int i = 0; i < 2; ++i) start_sleeper(on, [this, &on] { arrive(on.shared()); });
    }
    void operation(board&) override { toys_->step.arrive_and_wait(); }
    void survivors_are_through(stage& on) override {
        // With the dead out, others may go on.
        start_visitor(on, [this] {
            if (!toys_->step.is_broken()) return;
            toys_->step.reset();
            toys_->step.join();
        });
    }
    void judge(stage& on) override {
        support::check(on.shared().stands + on.shared().told == 2, "not both came through");
        support::check(on.shared().stands == 0 || on.shared().told == 0, "one passed, and one was told");
        support::check(!toys_->step.is_broken(), "it is broken in the end");
    }

protected:
    /// What the other two do.
    void arrive(board& shared) {
        try {
            toys_->step.join();
            toys_->step.arrive_and_wait();
            ++shared.stands;
        } catch (const process_shared::participant_died& death) {
            support::check(is_dying(shared, static_cast<pid_t>(death.who().process)), "told of a living one");
            ++shared.told;
        }
    }
};

/// The victim arrives first and sleeps; the others come then, or when it stands for the last time. So nobody but the
/// last to arrive can wake the second.
class arrive_first_at_barrier : public arrive_at_barrier {
public:
    using arrive_at_barrier::arrive_at_barrier;
    void victim_is_ready(stage&) override {}
    void victim_sleeps(stage& on) override { let_the_others_come(on); }
    void victim_is_about_to_die(stage& on) override { let_the_others_come(on); }

private:
    void let_the_others_come(stage& on) {
        if (have_come_) return;
        have_come_ = true;
        start_sleeper(on, [this, &on] { arrive(on.shared()); });
        start_visitor(on, [this, &on] { arrive(on.shared()); });
    }
    bool have_come_ = false;
};

/// The victim has nothing to do with it; all others arrive before it dies.
class march_beside : public arrive_at_barrier {
public:
    using arrive_at_barrier::arrive_at_barrier;
    void warm_up(board& shared) override { toy_scenario::warm_up(shared); }
    void victim_is_ready(stage& on) override {
        arrive_at_barrier::victim_is_ready(on);
        start_visitor(on, [this, &on] { arrive(on.shared()); });
    }
    void operation(board&) override {
        toys_->other.acquire();
        toys_->other.release();
    }
    void judge(stage& on) override {
        support::check(on.shared().stands == 3 && on.shared().told == 0, "not all came through");
    }
};

/// The same, but the victim leaves instead of waiting.
class drop_from_barrier : public arrive_at_barrier {
public:
    using arrive_at_barrier::arrive_at_barrier;
    void operation(board&) override { toys_->step.arrive_and_drop(); }
};

/// A member has died, and all were told. The victim, who is one, resets, and dies; another does it again.
class reset_barrier : public toy_scenario {
public:
    using toy_scenario::toy_scenario;
    void prepare(stage& on) override {
        toy_scenario::prepare(on);
        support::child member([this, &on] {
            toys_->step.join();
            on.shared().stands = 1;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "no member came");
        announce_death(on.shared(), member.pid());
        member.kill();
    }
    void warm_up(board& shared) override {
        toy_scenario::warm_up(shared);
        toys_->step.join();
        try {
            toys_->step.arrive_and_wait();
        } catch (const process_shared::participant_died&) {
            ++shared.told;
        }
    }
    void operation(board&) override { toys_->step.reset(); }
    void victim_is_dead(stage& on) override {
        start_visitor(on, [this] {
            toys_->step.reset();
            toys_->step.join();
            const auto token = toys_->step.arrive();
            try {
                (void)toys_->step.wait_by(token, process_shared::deadline::passed());
            } catch (const process_shared::participant_died&) {
                toys_->step.reset();
            }
        });
    }
    void judge(stage& on) override {
        support::check(on.shared().told == 1, "nobody was told of the member's death");
        support::check(!toys_->step.is_broken(), "it is broken in the end");
    }
};

}  // namespace death
