// SPDX-License-Identifier: MIT
// The scenarios around one lock.
#pragma once

#include "death/lock_scenario.hpp"
#include "support/child.hpp"

#include <process_shared/checked_mutex.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>

#include <chrono>
#include <optional>

namespace death {

using process_shared::checked_mutex;
using process_shared::mutex;
using process_shared::recursive_mutex;

/// The usual ends: nobody about but two who come later.
template <class Mutex>
class alone : public lock_scenario<Mutex> {
public:
    using lock_scenario<Mutex>::lock_scenario;
    void victim_is_dead(stage& on) override {
        this->start_visitor(on);
        this->start_visitor(on);
    }
};

template <class Mutex>
class lock_alone : public alone<Mutex> {
public:
    using alone<Mutex>::alone;
    void operation(board&) override { this->account_->guard.lock(); }
};

template <class Mutex>
class unlock_alone : public alone<Mutex> {
public:
    using alone<Mutex>::alone;
    void warm_up(board& shared) override {
        alone<Mutex>::warm_up(shared);
        this->account_->guard.lock();
    }
    void operation(board&) override { this->account_->guard.unlock(); }
};

template <class Mutex>
class lock_and_unlock_alone : public alone<Mutex> {
public:
    using alone<Mutex>::alone;
    void operation(board& shared) override {
        this->account_->guard.lock();
        enter(shared);
        this->change(shared);
        leave(shared);
        this->account_->guard.unlock();
    }
};

/// Wherever the victim stands, two others try to lock before it dies: they sleep behind it, or get the lock.
template <class Mutex>
class lock_and_unlock_with_sleepers_behind : public lock_and_unlock_alone<Mutex> {
public:
    using lock_and_unlock_alone<Mutex>::lock_and_unlock_alone;
    void last_moment(stage& on) override {
        this->start_visitor(on);
        this->start_visitor(on);
        on.await_rest();
    }
    void victim_is_dead(stage&) override {}
};

/// Three levels.
class recursive_lock_and_unlock : public lock_and_unlock_with_sleepers_behind<recursive_mutex> {
public:
    using lock_and_unlock_with_sleepers_behind::lock_and_unlock_with_sleepers_behind;
    void operation(board& shared) override {
        account_->guard.lock();
        enter(shared);
        account_->guard.lock();
        change(shared);
        account_->guard.unlock();
        leave(shared);
        account_->guard.unlock();
    }
};

template <class Mutex, int sleepers>
class unlock_with_sleepers : public lock_scenario<Mutex> {
public:
    using lock_scenario<Mutex>::lock_scenario;
    void warm_up(board& shared) override {
        lock_scenario<Mutex>::warm_up(shared);
        this->account_->guard.lock();
    }
    void victim_is_ready(stage& on) override {
        for (int i = 0; i < sleepers; ++i) this->start_sleeper(on);
    }
    void operation(board&) override { this->account_->guard.unlock(); }
};

/// Somebody holds; the victim comes to wait, others behind it; the holder lets go when all sleep, or when the victim
/// stands for the last time.
template <class Mutex, int others>
class woken_waiter : public lock_and_unlock_alone<Mutex> {
public:
    using lock_and_unlock_alone<Mutex>::lock_and_unlock_alone;
    void prepare(stage& on) override {
        lock_and_unlock_alone<Mutex>::prepare(on);
        this->start_holder(on);
    }
    void victim_sleeps(stage& on) override { let_go_with_others_behind(on); }
    void last_moment(stage& on) override {
        if (on.shared().go == 0) let_go_with_others_behind(on);
    }
    // Only now: a death beside the holder's unlock is what this is about.
    void victim_is_dead(stage& on) override { this->await_unlock(on); }

private:
    void let_go_with_others_behind(stage& on) {
        for (int i = 0; i < others; ++i) this->start_sleeper(on);
        this->let_go(on);
    }
};

/// Somebody holds; the victim waits and gives up, another sleeps beside it; the holder lets go before the victim dies.
template <class Mutex>
class timed_out_waiter : public lock_scenario<Mutex> {
public:
    using lock_scenario<Mutex>::lock_scenario;
    void prepare(stage& on) override {
        lock_scenario<Mutex>::prepare(on);
        on.shared().patience = patience_that_sleeps;
        this->start_holder(on);
    }
    void operation(board& shared) override {
        const auto patience = std::chrono::nanoseconds(shared.patience);
        if (this->account_->guard.try_lock_for(patience)) this->account_->guard.unlock();
    }
    void victim_sleeps(stage& on) override { come_behind(on); }
    void last_moment(stage& on) override {
        come_behind(on);
        this->let_go(on);
        this->await_unlock(on);
    }

private:
    void come_behind(stage& on) {
        if (came_) return;
        came_ = true;
        this->start_sleeper(on);
    }
    bool came_ = false;
};

/// The last owner died inside. The victim takes the lock, repairs, and unlocks; others behind it wherever it stands.
template <class Mutex, int sleepers>
class repair : public lock_scenario<Mutex> {
public:
    using lock_scenario<Mutex>::lock_scenario;
    void prepare(stage& on) override {
        lock_scenario<Mutex>::prepare(on);
        this->let_somebody_die_inside(on);
    }
    void operation(board& shared) override {
        this->account_->guard.lock([&] { this->account_->second = this->account_->first; });
        this->change(shared);
        this->account_->guard.unlock();
    }
    void last_moment(stage& on) override {
        // Whoever died first counts as the one who died inside until the victim has noticed.
        const std::uint64_t word = this->owner_word();
        this->abandoned_ =
            this->abandoned_ || (word != 0 && on.shared().victim_id != process_shared::seats::owner_of(word));
        for (int i = 0; i < sleepers; ++i) this->start_visitor(on);
        on.await_rest();
    }
};

/// As repair, but the victim only takes and unlocks: it stays abandoned.
template <class Mutex>
class leave_unrepaired : public repair<Mutex, 2> {
public:
    using repair<Mutex, 2>::repair;
    void warm_up(board& shared) override {
        repair<Mutex, 2>::warm_up(shared);
        // It is named as the one who left it so, dead or not.
        announce_death(shared, getpid());
    }
    void operation(board&) override {
        if (this->account_->guard.acquire(process_shared::deadline::never()) ==
            process_shared::detail::ownership::abandoned)
            this->account_->guard.unlock();
    }
};

/// Somebody dies inside while the victim and others sleep: the victim is the one whom the kernel wakes first.
template <class Mutex>
class told_of_a_death : public lock_scenario<Mutex> {
public:
    using lock_scenario<Mutex>::lock_scenario;
    void prepare(stage& on) override {
        lock_scenario<Mutex>::prepare(on);
        mortal_.emplace([this] {
            this->account_->guard.lock();
            pause();
        });
        announce_death(on.shared(), mortal_->pid());
        support::check(support::await([&] { return this->owner_word() != 0; }), "the mortal did not come");
    }
    void operation(board& shared) override {
        this->account_->guard.lock([&] { this->account_->second = this->account_->first; });
        this->change(shared);
        this->account_->guard.unlock();
    }
    void victim_sleeps(stage& on) override {
        this->start_sleeper(on);
        this->start_sleeper(on);
        mortal_->kill();
    }
    void last_moment(stage& on) override {
        if (!mortal_->running()) return;
        this->start_sleeper(on);
        mortal_->kill();
    }
    /// One or two died inside. The victim may have repaired after the first, and another may have after each.
    void judge_what_was_told(const board& shared) override {
        support::check(shared.repairs <= 2, std::to_string(shared.repairs) + " repairs");
        support::check(!this->abandoned_ || (shared.told > 0 && shared.repairs > 0), "nobody was told");
    }

private:
    std::optional<support::child> mortal_;
};

/// As told_of_a_death, but it does not repair: lock() throws, and the lock stays abandoned.
template <class Mutex>
class refused_after_a_death : public told_of_a_death<Mutex> {
public:
    using told_of_a_death<Mutex>::told_of_a_death;
    void operation(board&) override {
        try {
            this->account_->guard.lock();
            this->account_->guard.unlock();
        } catch (const process_shared::owner_died&) {}
    }
};

/// Two locks, unlocked in the order in which they were locked: the held list gets a hole. Others wait for each.
template <class Mutex>
class two_locks : public lock_scenario<Mutex> {
public:
    using lock_scenario<Mutex>::lock_scenario;
    void operation(board& shared) override {
        this->account_->guard.lock();
        enter(shared);
        this->account_->other.lock();
        this->change(shared);
        leave(shared);
        this->account_->guard.unlock();
        this->account_->other.unlock();
    }
    void last_moment(stage& on) override {
        this->start_visitor(on);
        on.start([this] { visit_other(); });
        on.start([this] { visit_other(); });
        on.await_rest();
    }
    void judge(stage& on) override {
        lock_scenario<Mutex>::judge(on);
        support::check(this->word_of(this->account_->other) == 0, "the other lock is not free in the end");
    }

private:
    void visit_other() {
        this->account_->other.lock([] {});
        this->account_->other.unlock();
    }
};

/// Another holds the guard and waits for what the victim holds, a plain mutex, so the victim is refused; others wait behind it.
class closes_a_circle : public lock_scenario<checked_mutex> {
public:
    using lock_scenario::lock_scenario;
    void prepare(stage& on) override {
        lock_scenario::prepare(on);
        wanted_ = &memory_.construct<mutex>("wanted");
        on.start([this, &on] {
            lock_and_enter(on.shared());
            on.shared().stands = 1;
            support::check(support::await([&] { return on.shared().go != 0; }), "nobody let the holder go");
            wanted_->lock([] {});
            wanted_->unlock();
            leave_and_unlock(on.shared());
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the holder did not come");
    }
    void warm_up(board& shared) override {
        lock_scenario::warm_up(shared);
        wanted_->lock();
    }
    void victim_is_ready(stage& on) override {
        let_go(on);
        on.await_rest();
    }
    void operation(board&) override {
        try {
            account_->guard.lock();
            account_->guard.unlock();
        } catch (const std::system_error& refusal) {
            support::check(refusal.code() == process_shared::errc::would_deadlock, refusal.what());
        }
        wanted_->unlock();
    }
    void victim_sleeps(stage& on) override { start_sleeper(on); }
    void last_moment(stage& on) override { start_visitor(on); }
    void judge(stage& on) override {
        lock_scenario::judge(on);
        support::check(reinterpret_cast<const std::atomic<std::uint64_t>*>(wanted_)->load() == 0,
                       "what the holder wanted is not free in the end");
    }

private:
    mutex* wanted_ = nullptr;
};

/// A thread ends while it holds; the process lives on.
template <class Mutex>
class thread_ends_holding : public alone<Mutex> {
public:
    using alone<Mutex>::alone;
    void warm_up(board& shared) override {
        alone<Mutex>::warm_up(shared);
        this->account_->guard.lock();
        announce_death(shared, getpid());  // its thread's, while the process lives on
    }
    void victim_is_ready(stage& on) override { this->start_sleeper(on); }
    void operation(board&) override {}
    bool ends_its_thread() const override { return true; }
    void last_moment(stage&) override { this->abandoned_ = true; }  // even if it was noticed before
};

}  // namespace death
