// SPDX-License-Identifier: MIT
// What all scenarios around one lock have in common: an account of two halves behind it, survivors who visit it, and
// what must hold in the end.
#pragma once

#include "death/scenario.hpp"
#include "seats/attachments.hpp"
#include "seats/owner_word.hpp"
#include "support/asleep.hpp"
#include "support/await.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace death {

/// Small, so that it is quick to make and to compare.
inline process_shared::segment_options small_segment(const conditions& under, std::uint32_t seats = 16) {
    process_shared::segment_options how;
    how.seats = seats;
    how.names = 8;
    how.backstop = under.backstop;
    return how;
}

/// The whole mapping that an object lies in, registry and directory included.
inline std::span<const std::byte> mapping_of(const void* object) {
    const auto mapped = process_shared::seats::view_of(object);
    return {mapped.base, mapped.size};
}

template <class Mutex>
struct account {
    Mutex guard;
    std::uint64_t first = 0;  // under guard, as second; equal when nobody holds it
    std::uint64_t second = 0;
    Mutex other;  // for warming up
};

template <class Mutex>
class lock_scenario : public scenario {
public:
    explicit lock_scenario(const conditions& under, std::uint32_t seats = 16)
        : memory_(process_shared::segment::anonymous(8192, small_segment(under, seats))) {}

    void prepare(stage&) override { account_ = &memory_.construct<account<Mutex>>("account"); }
    std::span<const std::byte> shared_memory() const override { return mapping_of(account_); }

    void warm_up(board& shared) override {
        account_->other.lock();
        shared.victim_id = process_shared::seats::owner_of(word_of(account_->other));
        account_->other.unlock();
    }

    void victim_is_about_to_die(stage& on) final {
        abandoned_ = is_inside(on.shared().victim_id) || process_shared::seats::is_abandoned(owner_word());
        last_moment(on);
    }
    /// Whether the one with that id would leave it abandoned.
    [[nodiscard]] virtual bool is_inside(std::uint64_t id) const {
        return process_shared::seats::held_by(owner_word(), id);
    }
    /// Director: the victim stands for the last time.
    virtual void last_moment(stage&) {}

    void victim_is_dead(stage&) override {}
    void survivors_are_through(stage& on) override { start_visitor(on); }

    void judge(stage& on) override {
        const board& shared = on.shared();
        support::check(owner_word() == 0, "the lock is not free in the end");
        support::check(account_->first == account_->second, "the halves differ in the end");
        const auto visits = static_cast<std::uint64_t>(shared.visits);
        support::check(account_->first >= visits && account_->first <= visits + dead_visitors_,
                       std::to_string(visits) + " visits, but the account says " + std::to_string(account_->first));
        judge_what_was_told(shared);
    }
    /// Somebody was told, and one repaired, if the victim died inside; else nobody.
    virtual void judge_what_was_told(const board& shared) {
        support::check((shared.told > 0) == abandoned_,
                       abandoned_ ? "the owner died inside, and nobody was told" : "told of a death outside");
        support::check(shared.repairs == (abandoned_ ? 1 : 0), std::to_string(shared.repairs) + " repairs");
    }

protected:
    [[nodiscard]] static std::uint64_t word_of(const Mutex& lock) {
        return reinterpret_cast<const std::atomic<std::uint64_t>*>(&lock)->load();
    }
    [[nodiscard]] std::uint64_t owner_word() const { return word_of(account_->guard); }

    void change(board& shared) {
        if (account_->first != account_->second) ++shared.torn;
        // Through volatile: one store each, one after the other.
        volatile std::uint64_t& first = account_->first;
        volatile std::uint64_t& second = account_->second;
        first = first + 1;
        second = second + 1;
    }

    /// Locks whatever happened before, and is inside then.
    void lock_and_enter(board& shared) {
        bool inside = false;
        try {
            account_->guard.lock();
        } catch (const process_shared::owner_died& death) {
            ++shared.told;
            support::check(is_dying(shared, static_cast<pid_t>(death.who().process)),
                           "told of the death of " + std::to_string(death.who().process) + ", who lives");
            account_->guard.lock([&] {
                enter(shared);
                inside = true;
                ++shared.repairs;
                account_->second = account_->first;
            });
        }
        if (!inside) enter(shared);
    }
    void leave_and_unlock(board& shared) {
        leave(shared);
        account_->guard.unlock();
    }

    /// What a survivor does.
    void visit(board& shared) {
        lock_and_enter(shared);
        change(shared);
        ++shared.visits;
        leave_and_unlock(shared);
    }
    survivor& start_visitor(stage& on) {
        return on.start([this, &on] { visit(on.shared()); });
    }
    /// One that sleeps when this returns.
    survivor& start_sleeper(stage& on) {
        survivor& sleeper = start_visitor(on);
        const auto settled = [&] { return sleeper.sleeps() || sleeper.done() || sleeper.failed(); };
        support::check(support::await(settled) && !sleeper.done() && !sleeper.failed(),
                       "a visitor did not wait; " + sleeper.complaint());
        return sleeper;
    }
    /// One that holds the lock when this returns, until `let_go`; it lives on after that.
    void start_holder(stage& on) {
        on.start_extra([this, &on] {
            lock_and_enter(on.shared());
            on.shared().stands = 1;
            support::check(support::await([&] { return on.shared().go != 0; }), "nobody let the holder go");
            leave_and_unlock(on.shared());
            on.shared().stands = 2;
            for (;;) pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the holder did not come");
    }
    static void let_go(stage& on) { on.shared().go = 1; }
    /// To be done before survivors are judged: until then they may well sleep.
    static void await_unlock(stage& on) {
        support::check(support::await([&] { return on.shared().stands == 2; }), "the holder did not let go");
    }
    /// Somebody who dies inside, before the victim begins.
    void let_somebody_die_inside(stage& on) {
        support::child somebody([this, &on] {
            account_->guard.lock();
            enter(on.shared());
            account_->first = account_->first + 1;
            on.shared().stands = 1;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the predecessor did not come");
        announce_death(on.shared(), somebody.pid());
        somebody.kill();
        ++dead_visitors_;
    }

    process_shared::segment memory_;
    account<Mutex>* account_ = nullptr;
    bool abandoned_ = false;           // when the victim died
    std::uint64_t dead_visitors_ = 1;  // who may have changed the first half at least
};

}  // namespace death
