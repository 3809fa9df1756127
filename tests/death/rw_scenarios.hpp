// SPDX-License-Identifier: MIT
// The scenarios around one shared_mutex.
#pragma once

#include "death/lock_scenario.hpp"
#include "seats/registry.hpp"
#include "support/child.hpp"

#include <process_shared/shared_mutex.hpp>

#include <chrono>
#include <optional>

namespace death {

using process_shared::shared_mutex;

/// How often somebody has read before: the gate is closed, open, or readers need no fence any more.
inline constexpr int never = 0;
inline constexpr int once = 1;
inline constexpr int unfenced = 100'002;

class rw_scenario : public lock_scenario<shared_mutex> {
public:
    using lock_scenario::lock_scenario;
    /// An owner of the word may still wait for readers, or open the gate for them.
    [[nodiscard]] bool is_inside(std::uint64_t id) const override {
        namespace seats = process_shared::seats;
        auto& word = *reinterpret_cast<std::atomic<std::uint64_t>*>(&account_->guard);
        return seats::held_by(word, id) &&
               !seats::owner_is_not_inside(word, word.load(), seats::lock_kind::shared_mutex);
    }

protected:
    void look(board& shared) const {
        const volatile std::uint64_t& first = account_->first;
        const volatile std::uint64_t& second = account_->second;
        if (first != second) ++shared.torn;
    }
    void read(board& shared, int times = once) {
        for (int i = 0; i < times; ++i) {
            account_->guard.lock_shared();
            look(shared);
            account_->guard.unlock_shared();
        }
    }
    void write(board& shared) {
        account_->guard.lock();
        enter(shared);
        change(shared);
        leave(shared);
        account_->guard.unlock();
    }
    /// What a surviving reader does; it repairs what it is told of.
    void visit_reading(board& shared) {
        try {
            read(shared);
        } catch (const process_shared::owner_died&) {
            lock_and_enter(shared);
            leave_and_unlock(shared);
            read(shared);
        }
    }
    survivor& start_reader(stage& on) {
        return on.start([this, &on] { visit_reading(on.shared()); });
    }
    survivor& start_sleeping_reader(stage& on) {
        survivor& reader = start_reader(on);
        const auto settled = [&] { return reader.sleeps() || reader.done() || reader.failed(); };
        support::check(support::await(settled) && !reader.done() && !reader.failed(),
                       "a reader did not wait; " + reader.complaint());
        return reader;
    }
    /// A writer and a reader; both sleep, or are through, when this returns.
    void start_both(stage& on) {
        start_visitor(on);
        start_reader(on);
        on.await_rest();
    }
    /// One that reads when this returns, until `let_go`; it lives on after that.
    void start_reading_holder(stage& on, int reads_before) {
        on.start_extra([this, &on, reads_before] {
            read(on.shared(), reads_before);
            account_->guard.lock_shared();
            on.shared().stands = 1;
            support::check(support::await([&] { return on.shared().go != 0; }), "nobody let the reader go");
            account_->guard.unlock_shared();
            on.shared().stands = 2;
            for (;;) pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the reader did not come");
    }
};

/// A read. Before, the victim has read so often that the gate is open, or that it needs no fence, or not at all.
template <int reads_before>
class read_alone : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void warm_up(board& shared) override {
        rw_scenario::warm_up(shared);
        read(shared, reads_before);
    }
    void operation(board& shared) override { read(shared); }
    void victim_is_dead(stage& on) override { start_both(on); }
};

/// Wherever it stands, a writer and a reader come before it dies.
template <int reads_before>
class read_with_others_behind : public read_alone<reads_before> {
public:
    using read_alone<reads_before>::read_alone;
    void last_moment(stage& on) override { this->start_both(on); }
    void victim_is_dead(stage&) override {}
};

/// The victim's slot of choice is taken by another lock, and it reads twice.
class read_in_another_slot : public read_with_others_behind<0> {
public:
    using read_with_others_behind::read_with_others_behind;
    void prepare(stage& on) override {
        read_with_others_behind::prepare(on);
        neighbours_ = &memory_.construct<std::array<process_shared::mutex, 48>>("neighbours");
    }
    void warm_up(board& shared) override {
        read_with_others_behind::warm_up(shared);
        for (auto& one : *neighbours_) one.lock();
    }
    void operation(board& shared) override {
        account_->guard.lock_shared();
        read(shared);
        account_->guard.unlock_shared();
    }

private:
    std::array<process_shared::mutex, 48>* neighbours_ = nullptr;
};

/// A writer waits for the victim to end its reading, a reader for that writer.
template <int reads_before>
class stop_reading : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void warm_up(board& shared) override {
        rw_scenario::warm_up(shared);
        read(shared, reads_before);
        account_->guard.lock_shared();
    }
    void victim_is_ready(stage& on) override {
        start_sleeper(on);
        start_sleeping_reader(on);
    }
    void operation(board&) override { account_->guard.unlock_shared(); }
};

/// A write, alone; before, others have read.
template <int reads_before>
class write_after_reads : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void warm_up(board& shared) override {
        rw_scenario::warm_up(shared);
        read(shared, reads_before);
    }
    void operation(board& shared) override { write(shared); }
    void last_moment(stage& on) override { start_both(on); }
};

/// The end of a write. A reader and a writer wait for it.
template <int reads_before>
class stop_writing : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void warm_up(board& shared) override {
        rw_scenario::warm_up(shared);
        read(shared, reads_before);  // so that readers are let in at the end
        account_->guard.lock();
    }
    void victim_is_ready(stage& on) override {
        start_sleeping_reader(on);
        start_sleeper(on);
        start_sleeping_reader(on);
    }
    void operation(board&) override { account_->guard.unlock(); }
};

/// Somebody reads; the victim comes to write and waits, a reader and a writer behind it; the reader goes when all sleep,
/// or when the victim stands for the last time.
template <int reads_before>
class writer_behind_a_reader : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        start_reading_holder(on, reads_before);
    }
    void operation(board& shared) override { write(shared); }
    void victim_sleeps(stage& on) override { let_go_with_others_behind(on); }
    void last_moment(stage& on) override {
        if (on.shared().go == 0) let_go_with_others_behind(on);
    }
    void victim_is_dead(stage& on) override { await_unlock(on); }

protected:
    void let_go_with_others_behind(stage& on) {
        start_both(on);
        let_go(on);
    }
};

/// A reader has waited long and died: it is still its turn. The victim, a writer, gives way to it.
class write_in_the_turn_of_a_dead_reader : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        start_holder(on);
        support::child reader([this, &on] { read(on.shared()); });
        const auto& turn = reinterpret_cast<const std::atomic<std::uint32_t>*>(&account_->guard)[3];
        support::check(support::await([&] { return turn == 1; }), "the reader did not ask for its turn");
        announce_death(on.shared(), reader.pid());
        reader.kill();
        let_go(on);
        await_unlock(on);
        support::check(turn == 1, "it is nobody's turn");
    }
    void operation(board& shared) override { write(shared); }
    void last_moment(stage& on) override { start_both(on); }
};

/// The same, but the victim gives up, and the reader stays until others have come in.
class writer_gives_up : public writer_behind_a_reader<once> {
public:
    using writer_behind_a_reader::writer_behind_a_reader;
    void prepare(stage& on) override {
        writer_behind_a_reader::prepare(on);
        on.shared().patience = patience_that_sleeps;
    }
    void operation(board& shared) override {
        if (account_->guard.try_lock_for(std::chrono::nanoseconds(shared.patience))) account_->guard.unlock();
    }
    void victim_sleeps(stage& on) override { start_sleeping_reader(on); }
    void last_moment(stage& on) override { start_reader(on); }
    void victim_is_dead(stage&) override {}
    void survivors_are_through(stage& on) override {
        let_go(on);
        await_unlock(on);
        start_visitor(on);
    }
};

/// Somebody writes; the victim comes to read and waits, others behind it.
class reader_behind_a_writer : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        start_holder(on);
    }
    void operation(board& shared) override { read(shared); }
    void victim_sleeps(stage& on) override { let_go_with_others_behind(on); }
    void last_moment(stage& on) override {
        if (on.shared().go == 0) let_go_with_others_behind(on);
    }
    void victim_is_dead(stage& on) override { await_unlock(on); }

private:
    void let_go_with_others_behind(stage& on) {
        start_sleeping_reader(on);
        start_sleeper(on);
        start_sleeping_reader(on);
        let_go(on);
    }
};

/// As above, but the victim gives up while another sleeps beside it.
class reader_gives_up : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        on.shared().patience = patience_that_sleeps;
        start_holder(on);
    }
    void operation(board& shared) override {
        if (account_->guard.try_lock_shared_for(std::chrono::nanoseconds(shared.patience)))
            account_->guard.unlock_shared();
    }
    void victim_sleeps(stage& on) override {
        start_sleeping_reader(on);
        start_sleeper(on);
    }
    void last_moment(stage& on) override { let_go(on); }
    void victim_is_dead(stage& on) override {
        await_unlock(on);
        start_reader(on);
    }
};

/// Somebody dies while the victim sleeps behind it: one who reads.
template <int reads_before>
class writer_told_of_a_death : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        mortal_.emplace([this, &on] {
            read(on.shared(), reads_before);
            account_->guard.lock_shared();
            on.shared().stands = 1;
            pause();
        });
        announce_death(on.shared(), mortal_->pid());
        support::check(support::await([&] { return on.shared().stands == 1; }), "the mortal did not come");
    }
    void operation(board& shared) override { write(shared); }
    void victim_sleeps(stage& on) override {
        start_both(on);
        mortal_->kill();
    }
    void last_moment(stage& on) override {
        if (!mortal_->running()) return;
        start_both(on);
        mortal_->kill();
    }

private:
    std::optional<support::child> mortal_;
};

/// One who writes; the victim waits to read, is told, and repairs.
class reader_told_of_a_death : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        mortal_.emplace([this, &on] {
            account_->guard.lock();
            on.shared().stands = 1;
            pause();
        });
        announce_death(on.shared(), mortal_->pid());
        support::check(support::await([&] { return on.shared().stands == 1; }), "the mortal did not come");
    }
    void operation(board&) override {
        try {
            account_->guard.lock_shared();
            account_->guard.unlock_shared();
        } catch (const process_shared::owner_died&) {}
    }
    void victim_sleeps(stage& on) override {
        start_sleeping_reader(on);
        start_sleeper(on);
        mortal_->kill();
    }
    void last_moment(stage& on) override {
        if (!mortal_->running()) return;
        start_reader(on);
        mortal_->kill();
    }
    void judge_what_was_told(const board& shared) override {
        support::check(shared.repairs <= 1, std::to_string(shared.repairs) + " repairs");
        support::check(!abandoned_ || (shared.told > 0 && shared.repairs > 0), "nobody was told");
    }

private:
    std::optional<support::child> mortal_;
};

/// A reader died, a writer sleeps on its slot and has not been told, as it were. The victim sweeps that seat.
class sweep_a_reader : public rw_scenario {
public:
    using rw_scenario::rw_scenario;
    void prepare(stage& on) override {
        rw_scenario::prepare(on);
        support::child dead([this, &on] {
            account_->guard.lock_shared();
            account_->other.lock();
            on.shared().stands = 1;
            pause();
        });
        support::check(support::await([&] { return on.shared().stands == 1; }), "the reader did not come");
        dead_id_ = process_shared::seats::owner_of(word_of(account_->other));
        announce_death(on.shared(), dead.pid());
        dead.kill();
    }
    void warm_up(board&) override { in_ = process_shared::seats::view_of(account_); }
    void operation(board&) override { process_shared::seats::sweep(in_, dead_id_); }
    void last_moment(stage& on) override { start_both(on); }
    void judge_what_was_told(const board& shared) override {
        support::check(shared.told == 0, "told of a reader's death");
    }

private:
    process_shared::seats::view in_;
    process_shared::seats::participant_id dead_id_ = 0;
};

}  // namespace death
