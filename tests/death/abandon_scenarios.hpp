// SPDX-License-Identifier: MIT
// The scenario around abandon_held().
#pragma once

#include "death/lock_scenario.hpp"
#include "seats/registry.hpp"

#include <process_shared/owned_semaphore.hpp>
#include <process_shared/participant.hpp>
#include <process_shared/shared_mutex.hpp>

#include <algorithm>

namespace death {

/// The victim holds one of everything, others sleep for it, and it gives all up. It may die at that; if it comes to the
/// end, nobody's death wakes the others.
template <int reads_before>
class gives_all_up : public lock_scenario<process_shared::mutex> {
public:
    using lock_scenario::lock_scenario;
    void prepare(stage& on) override {
        lock_scenario::prepare(on);
        held_ = &memory_.construct<everything>("everything");
    }
    void warm_up(board& shared) override {
        lock_scenario::warm_up(shared);
        announce_death(shared, getpid());  // it is named as if it had died, dead or not
        for (int i = 0; i < reads_before; ++i) {
            held_->read.lock_shared();
            held_->read.unlock_shared();
        }
        account_->guard.lock();
        account_->first = account_->first + 1;
        account_->other.lock();
        held_->written.lock();
        held_->permits.acquire();
        held_->read.lock_shared();
    }
    void victim_is_ready(stage& on) override {
        start_sleeper(on);
        start_sleeper(on);
        await_asleep(on.start([this] { write(held_->read); }));
        await_asleep(on.start([this] { read_what_was_written(); }));
        await_asleep(on.start([this] { write(held_->written); }));
        await_asleep(on.start([this] {
            held_->permits.acquire();
            held_->permits.release();
        }));
    }
    void operation(board&) override { process_shared::abandon_held(); }
    void last_moment(stage& on) override {
        abandoned_ = true;  // even if it was noticed and repaired before
        const auto mapped = process_shared::seats::view_of(account_);
        const auto& held = mapped.seat_at(process_shared::seats::seat_of(on.shared().victim_id)).held;
        if (std::any_of(std::begin(held), std::end(held), [](const auto& entry) { return entry != 0; })) return;
        support::check(on.await_progress() == progress::done, "it gave all up, and others still sleep");
    }
    void victim_is_dead(stage& on) override {
        on.start([this] {
            bool told = false;
            try {
                account_->other.lock();
            } catch (const process_shared::owner_died&) {
                told = true;
            }
            support::check(told, "nobody was told of the one for which nobody waited");
            account_->other.lock([] {});
            account_->other.unlock();
        });
    }
    void judge(stage& on) override {
        lock_scenario::judge(on);
        support::check(held_->read.try_lock() && held_->written.try_lock(), "a shared_mutex is not free in the end");
        support::check(held_->repairs == 1, std::to_string(held_->repairs) + " repairs of what was written");
        support::check(held_->permits.value() == 1, "the permit is gone in the end");
    }

private:
    struct everything {
        process_shared::shared_mutex read;
        process_shared::shared_mutex written;
        process_shared::owned_semaphore<1> permits{1};
        std::atomic<int> repairs{0};
    };
    void write(process_shared::shared_mutex& lock) {
        lock.lock([this] { ++held_->repairs; });
        lock.unlock();
    }
    void read_what_was_written() {
        try {
            held_->written.lock_shared();
        } catch (const process_shared::owner_died&) {
            write(held_->written);
            held_->written.lock_shared();
        }
        held_->written.unlock_shared();
    }
    static void await_asleep(survivor& sleeper) {
        const auto settled = [&] { return sleeper.sleeps() || sleeper.done() || sleeper.failed(); };
        support::check(support::await(settled) && !sleeper.done() && !sleeper.failed(),
                       "one did not wait; " + sleeper.complaint());
    }

    everything* held_ = nullptr;
};

}  // namespace death
