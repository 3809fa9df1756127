// SPDX-License-Identifier: MIT
// Seats: whoever dies while claiming, leaving or sweeping one, it can be had again, and what was held in it is freed.
#include "death/campaign.hpp"
#include "death/lock_scenario.hpp"
#include "seats/attachments.hpp"
#include "seats/owner.hpp"
#include "seats/registry.hpp"

#include <process_shared/mutex.hpp>

#include <gtest/gtest.h>

namespace death {
namespace {

using process_shared::mutex;

/// Just so many seats that two survivors can only sit at the same time if every dead one's seat can be had.
class scarce_seats : public lock_scenario<mutex> {
public:
    explicit scarce_seats(const conditions& under, std::uint32_t seats = 3) : lock_scenario(under, seats) {}

    void victim_is_dead(stage& on) override {
        for (int i = 0; i < 2; ++i) on.start([this, &on] { sit_and_visit(on.shared()); });
    }

protected:
    /// Sits until both have sat.
    void sit_and_visit(board& shared) {
        visit(shared);
        support::check(support::await([&] { return shared.visits >= 2; }), "the other found no seat");
    }
};

/// The first lock of a process.
class claim : public scarce_seats {
public:
    using scarce_seats::scarce_seats;
    void warm_up(board&) override {}
    void operation(board& shared) override {
        account_->guard.lock();
        change(shared);
        account_->guard.unlock();
    }
    void last_moment(stage&) override {
        // Nobody but the victim can own it.
        abandoned_ = process_shared::seats::owner_of(owner_word()) != 0;
    }
};

/// The same in a registry whose last free seat is a dead one's, who held a lock: it must be swept first.
class claim_of_a_dead_seat : public claim {
public:
    using claim::claim;
    void prepare(stage& on) override {
        claim::prepare(on);
        // With the director's and this one's, and a third that lives as long as the victim, the registry is full.
        support::child dead([this, &on] {
            account_->other.lock();
            on.shared().stands = 1;
            pause();
        });
        neighbour_.emplace([this, &on] {
            support::check(support::await([&] { return on.shared().stands == 1; }), "nobody came");
            static_cast<void>(memory_.find<account<mutex>>("account"));
            on.shared().stands = 2;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 2; }), "the neighbour did not come");
        announce_death(on.shared(), dead.pid());
        dead.kill();
    }
    void victim_is_dead(stage& on) override {
        announce_death(on.shared(), neighbour_->pid());
        neighbour_->kill();
        claim::victim_is_dead(on);
    }
    void survivors_have_ended(stage& on) override {
        claim::survivors_have_ended(on);
        on.start([this] { check_other_is_abandoned(); });
    }

private:
    /// Swept or not, its owner's death is told.
    void check_other_is_abandoned() {
        try {
            account_->other.lock();
            support::check(false, "nobody told of the dead one's lock");
        } catch (const process_shared::owner_died&) {}
    }
    std::optional<support::child> neighbour_;
};

/// A thread ends that has used the segment and holds nothing.
class leave_seat : public scarce_seats {
public:
    using scarce_seats::scarce_seats;
    void operation(board&) override {}
    bool ends_its_thread() const override { return true; }
};

/// Somebody died with two locks held. The victim sweeps that seat; two others wait for one of the locks.
class sweep : public scarce_seats {
public:
    explicit sweep(const conditions& under) : scarce_seats(under, 4) {}

    void prepare(stage& on) override {
        scarce_seats::prepare(on);
        support::child dead([this, &on] {
            account_->other.lock();
            account_->guard.lock();
            account_->first = account_->first + 1;
            on.shared().stands = 1;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the predecessor did not come");
        dead_id_ = process_shared::seats::owner_of(owner_word());
        announce_death(on.shared(), dead.pid());
        ++dead_visitors_;
        dead.kill();
    }
    void warm_up(board&) override {
        // A seat of the victim's own would be one too many: sweeping needs none.
        in_ = process_shared::seats::view_of(account_);
    }
    void operation(board&) override { process_shared::seats::sweep(in_, dead_id_); }
    void last_moment(stage&) override { abandoned_ = true; }
    void victim_is_dead(stage& on) override {
        for (int i = 0; i < 3; ++i)
            on.start([this, &on] {
                visit(on.shared());
                support::check(support::await([&] { return on.shared().visits >= 3; }), "another found no seat");
            });
    }
    void judge(stage& on) override {
        scarce_seats::judge(on);
        const std::uint64_t other = word_of(account_->other);
        support::check(other == 0 || process_shared::seats::owner_of(other) == dead_id_,
                       "a stranger owns the other lock");
    }

private:
    process_shared::seats::view in_;
    process_shared::seats::participant_id dead_id_ = 0;
};

template <class Scenario>
void try_all(const char* name) {
    expect_no_harm(carry_out({name, scenario_of<Scenario>()}));
}

TEST(seats, dying_in_a_claim) { try_all<claim>("seat: claim, with the first lock"); }
TEST(seats, dying_in_a_claim_of_a_dead_seat) { try_all<claim_of_a_dead_seat>("seat: claim of a dead one's"); }
TEST(seats, dying_in_the_polite_end_of_a_thread) { try_all<leave_seat>("seat: thread that ends and holds nothing"); }
TEST(seats, dying_in_a_sweep) { try_all<sweep>("seat: sweep"); }

}  // namespace
}  // namespace death
