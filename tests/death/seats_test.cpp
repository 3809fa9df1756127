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

/// Four seats: the director's, and one for each survivor, who stay. There are enough only if every dead one's can be
/// had again.
class scarce_seats : public lock_scenario<mutex> {
public:
    explicit scarce_seats(const conditions& under, std::uint32_t seats = 4) : lock_scenario(under, seats) {}

    void victim_is_dead(stage& on) override {
        start_visitor(on);
        start_visitor(on);
    }
    // and survivors_are_through starts a third
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

/// The same when the first seat to be had is a dead one's, who held a lock: it must be swept first.
class claim_of_a_dead_seat : public claim {
public:
    using claim::claim;
    void prepare(stage& on) override {
        claim::prepare(on);
        support::child dead([this, &on] {
            account_->other.lock();
            on.shared().stands = 1;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "nobody came");
        announce_death(on.shared(), dead.pid());
        dead.kill();
    }
    void judge(stage& on) override {
        claim::judge(on);
        support::check(process_shared::seats::is_abandoned(word_of(account_->other)),
                       "the dead one's lock was not swept");
    }
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
    explicit sweep(const conditions& under) : scarce_seats(under, 5) {}

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
        scarce_seats::victim_is_dead(on);
        start_visitor(on);
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
