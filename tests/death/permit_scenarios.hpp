// SPDX-License-Identifier: MIT
// The scenarios around owned_semaphores.
#pragma once

#include "death/lock_scenario.hpp"
#include "seats/registry.hpp"
#include "support/child.hpp"

#include <process_shared/owned_semaphore.hpp>

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace death {

using process_shared::owned_semaphore;
using process_shared::permit;

struct permits_on_show {
    owned_semaphore<1> one{1};
    owned_semaphore<3> three{3};
    owned_semaphore<130> many{};
    owned_semaphore<1> other{1};  // for warming up
    process_shared::mutex guard;  // to learn ids by
};

class permit_scenario : public scenario {
public:
    explicit permit_scenario(const conditions& under)
        : memory_(process_shared::segment::anonymous(8192, small_segment(under))) {}

    void prepare(stage&) override { show_ = &memory_.construct<permits_on_show>("permits"); }
    std::span<const std::byte> shared_memory() const override { return mapping_of(show_); }
    void warm_up(board&) override {
        show_->other.acquire();
        show_->other.release();
    }
    void victim_is_dead(stage&) override {}
    /// In the end one alone can have them all: none is lost, and none is there twice.
    void survivors_are_through(stage& on) override {
        on.start([this] {
            expect_all(show_->one);
            expect_all(show_->three);
            expect_all(show_->many);
        });
    }
    void judge(stage&) override {
        support::check(show_->one.value() == 1 && show_->three.value() == 3 && show_->many.value() == 130,
                       "permits are missing in the end");
    }

protected:
    template <std::ptrdiff_t Max>
    static void expect_all(owned_semaphore<Max>& of) {
        std::vector<permit> all;
        for (std::ptrdiff_t i = 0; i < Max; ++i) all.push_back(of.acquire_permit());
        support::check(!of.try_acquire_permit(), "there are too many permits");
    }
    static void take_and_give(owned_semaphore<1>& of) {
        of.acquire();
        of.release();
    }

    survivor& start_taker(stage& on) {
        return on.start([this] { take_and_give(show_->one); });
    }
    survivor& start_sleeper(stage& on) {
        survivor& sleeper = start_taker(on);
        const auto settled = [&] { return sleeper.sleeps() || sleeper.done() || sleeper.failed(); };
        support::check(support::await(settled) && !sleeper.done() && !sleeper.failed(),
                       "one did not wait; " + sleeper.complaint());
        return sleeper;
    }
    /// One that holds what `take` takes when this returns, until `let_go`; it lives on after that.
    void start_holder(stage& on, std::function<std::vector<permit>()> take, std::size_t give = 1) {
        on.start_extra([&on, give, take = std::move(take)] {
            std::vector<permit> mine = take();
            on.shared().stands = 1;
            support::check(support::await([&] { return on.shared().go != 0; }), "nobody let the holder go");
            for (std::size_t i = 0; i < give; ++i) mine.at(mine.size() / 2 + i).release();
            on.shared().stands = 2;
            support::check(support::await([&] { return on.shared().go == 2; }), "nobody let the holder go for good");
            mine.clear();
            on.shared().stands = 3;
            for (;;) pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the holder did not come");
    }
    void start_holder_of_one(stage& on) {
        start_holder(on, [this] {
            std::vector<permit> mine;
            mine.push_back(show_->one.acquire_permit());
            return mine;
        });
    }
    static void let_go(stage& on) { on.shared().go = 1; }
    static void await_release(stage& on) {
        support::check(support::await([&] { return on.shared().stands == 2; }), "the holder did not let go");
    }
    static void let_go_for_good(stage& on) {
        on.shared().go = 2;
        support::check(support::await([&] { return on.shared().stands == 3; }), "the holder did not let go for good");
    }

    process_shared::segment memory_;
    permits_on_show* show_ = nullptr;
};

class acquire_and_release : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void operation(board&) override { take_and_give(show_->one); }
    void victim_is_dead(stage& on) override {
        start_taker(on);
        start_taker(on);
    }
};

class acquire_and_release_with_sleepers_behind : public acquire_and_release {
public:
    using acquire_and_release::acquire_and_release;
    void victim_is_about_to_die(stage& on) override {
        start_taker(on);
        start_taker(on);
        on.await_rest();
    }
    void victim_is_dead(stage&) override {}
};

class several_permits : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void operation(board&) override {
        permit first = show_->three.acquire_permit();
        permit second = show_->three.acquire_permit();
        const permit third = show_->three.acquire_permit();
        second.release();
        first.release();
    }
};

class release_with_sleepers : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void warm_up(board& shared) override {
        permit_scenario::warm_up(shared);
        show_->one.acquire();
    }
    void victim_is_ready(stage& on) override {
        start_sleeper(on);
        start_sleeper(on);
    }
    void operation(board&) override { show_->one.release(); }
};

/// Somebody has waited and given up, so there is a mark, and nobody to wake.
class release_with_a_stale_mark : public release_with_sleepers {
public:
    using release_with_sleepers::release_with_sleepers;
    void victim_is_ready(stage& on) override {
        const survivor& given_up = on.start([this] { (void)show_->one.try_acquire_for(std::chrono::milliseconds(1)); });
        support::check(support::await([&] { return given_up.done(); }), "it did not give up");
    }
    void victim_is_dead(stage& on) override {
        start_taker(on);
        start_taker(on);
    }
};

/// Another holds the only one; the victim sleeps, and others behind it; then it is given back.
class woken_for_a_permit : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void prepare(stage& on) override {
        permit_scenario::prepare(on);
        start_holder_of_one(on);
    }
    void operation(board&) override { take_and_give(show_->one); }
    void victim_sleeps(stage& on) override { let_go_with_others_behind(on); }
    void victim_is_about_to_die(stage& on) override {
        if (on.shared().go == 0) let_go_with_others_behind(on);
    }
    void victim_is_dead(stage& on) override { await_release(on); }

private:
    void let_go_with_others_behind(stage& on) {
        start_sleeper(on);
        start_sleeper(on);
        let_go(on);
    }
};

class gives_up_waiting : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void prepare(stage& on) override {
        permit_scenario::prepare(on);
        on.shared().patience = patience_that_sleeps;
        start_holder_of_one(on);
    }
    void operation(board& shared) override {
        if (show_->one.try_acquire_for(std::chrono::nanoseconds(shared.patience))) show_->one.release();
    }
    void victim_sleeps(stage& on) override { start_sleeper(on); }
    void victim_is_about_to_die(stage& on) override { let_go(on); }
    void victim_is_dead(stage& on) override {
        await_release(on);
        start_taker(on);
    }
};

/// The holder dies while the victim and others sleep.
class told_of_a_holders_death : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void prepare(stage& on) override {
        permit_scenario::prepare(on);
        mortal_.emplace([this, &on] {
            show_->one.acquire();
            on.shared().stands = 1;
            pause();
        });
        announce_death(on.shared(), mortal_->pid());
        support::check(support::await([&] { return on.shared().stands == 1; }), "the mortal did not come");
    }
    void operation(board&) override { take_and_give(show_->one); }
    void victim_sleeps(stage& on) override {
        start_sleeper(on);
        start_sleeper(on);
        mortal_->kill();
    }
    void victim_is_about_to_die(stage& on) override {
        if (!mortal_->running()) return;
        start_taker(on);
        mortal_->kill();
    }

private:
    std::optional<support::child> mortal_;
};

/// All but one of many are held, and nobody knows where the free one is.
class search_for_the_last : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void prepare(stage& on) override {
        permit_scenario::prepare(on);
        start_holder(on, [this] {
            std::vector<permit> mine;
            for (int i = 0; i < 130; ++i) mine.push_back(show_->many.acquire_permit());
            show_->many.try_acquire_permit().reset();  // so that every group is known to be full
            return mine;
        });
        before_the_search(on);
    }
    void operation(board&) override {
        if (show_->many.try_acquire()) show_->many.release();
    }
    void victim_is_dead(stage& on) override {
        let_go(on);
        await_release(on);
        on.start([this] {
            show_->many.acquire();
            show_->many.release();
        });
    }
    void survivors_are_through(stage& on) override {
        let_go_for_good(on);
        permit_scenario::survivors_are_through(on);
    }

protected:
    virtual void before_the_search(stage& on) {
        let_go(on);
        await_release(on);
    }
};

/// None is free when the victim begins; one is when it stands for the last time.
class search_in_vain : public search_for_the_last {
public:
    using search_for_the_last::search_for_the_last;
    void victim_is_about_to_die(stage& on) override {
        let_go(on);
        await_release(on);
    }

protected:
    void before_the_search(stage&) override {}
};

/// Somebody died with two permits of three; the victim sweeps that seat, others wait for all three.
class sweep_a_holder : public permit_scenario {
public:
    using permit_scenario::permit_scenario;
    void prepare(stage& on) override {
        permit_scenario::prepare(on);
        support::child dead([this, &on] {
            show_->guard.lock();
            on.shared().victim_id =
                process_shared::seats::owner_of(reinterpret_cast<std::atomic<std::uint64_t>*>(&show_->guard)->load());
            show_->guard.unlock();
            show_->three.acquire();
            show_->three.acquire();
            show_->one.acquire();
            on.shared().stands = 1;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the holder did not come");
        dead_id_ = on.shared().victim_id;
        announce_death(on.shared(), dead.pid());
        dead.kill();
    }
    void warm_up(board&) override { in_ = process_shared::seats::view_of(show_); }
    void operation(board&) override { process_shared::seats::sweep(in_, dead_id_); }
    void victim_is_about_to_die(stage& on) override {
        start_taker(on);
        on.start([this] { expect_all(show_->three); });
        on.await_rest();
    }

private:
    process_shared::seats::view in_;
    process_shared::seats::participant_id dead_id_ = 0;
};

}  // namespace death
