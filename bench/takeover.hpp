// SPDX-License-Identifier: MIT
// An owner is killed inside the lock: how long until those who sleep in lock() know.
#pragma once

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "timing.hpp"

#include <sched.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <process_shared/error.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// What a sleeper's lock() told it.
enum class news { none, owner_died };

/// Ours: lock() throws without holding, to every sleeper, until somebody repairs.
class our_heir {
public:
    static constexpr bool tells_everyone = true;

    explicit our_heir(cell<process_shared::mutex>& at) : guard_(at.guard) {}

    void hold() { guard_.lock(); }
    [[nodiscard]] news learn() {
        try {
            guard_.lock();
        } catch (const process_shared::owner_died&) {
            return news::owner_died;
        }
        return news::none;
    }
    void repair() {
        guard_.lock([] {});
        guard_.unlock();
    }

private:
    process_shared::mutex& guard_;
};

/// Ours by lock(repair), which tells only who repairs, and by a call instead of an exception.
class our_repairing_heir {
public:
    static constexpr bool tells_everyone = false;

    explicit our_repairing_heir(cell<process_shared::mutex>& at) : guard_(at.guard) {}

    void hold() { guard_.lock(); }
    [[nodiscard]] news learn() {
        news told = news::none;
        guard_.lock([&] { told = news::owner_died; });
        return told;
    }
    void repair() { guard_.unlock(); }

private:
    process_shared::mutex& guard_;
};

/// glibc's robust mutex: lock() holds and says EOWNERDEAD, to one sleeper; once that one has repaired, the others get
/// a sound lock and never hear of it. (Were it unlocked unrepaired, it could never be locked again; glibc 2.36 then
/// wakes one more sleeper with ENOTRECOVERABLE and leaves the rest asleep.)
class pthread_heir {
public:
    static constexpr bool tells_everyone = false;

    explicit pthread_heir(cell<pthread_robust>& at) : guard_(at.guard) {}

    void hold() { guard_.lock(); }
    [[nodiscard]] news learn() {
        const int said = pthread_mutex_lock(&guard_.native());
        if (said != EOWNERDEAD) check(said, "pthread_mutex_lock");
        learned_ = said == EOWNERDEAD ? news::owner_died : news::none;
        return learned_;
    }
    void repair() {
        if (learned_ == news::owner_died) check(pthread_mutex_consistent(&guard_.native()), "pthread_mutex_consistent");
        guard_.unlock();
    }

private:
    pthread_robust& guard_;
    news learned_ = news::none;
};

inline constexpr std::size_t most_sleepers = 8;

/// What the sleepers, the owner and the one who kills it tell each other.
struct takeover_board {
    std::atomic<bool> inside{false};
    std::array<std::atomic<int>, most_sleepers> turns_begun{};
    std::array<std::atomic<std::int64_t>, most_sleepers> learned{};
    std::atomic<std::int64_t> repaired{0};
};

/// Microseconds from the SIGKILL until all sleepers knew (or, where only one is told, until all got the lock), and
/// until one of them had repaired.
struct takeover_result {
    double learned;
    double repaired;
};

/// Workers that live on while one owner after the other is killed, as in a pool: what the first exception of a process
/// costs is paid in the first turn.
template <class Heir>
class heirs {
public:
    heirs(Heir heir, std::size_t count) : heir_(heir), count_(count) {
        for (std::size_t i = 0; i < count; ++i) workers_.emplace_back([this, i] { work(i); });
    }

    takeover_result lose_an_owner() {
        ++turn_;
        board_->inside.store(false);
        child owner([&] {
            heir_.hold();
            board_->inside.store(true);
            for (;;) pause();
        });
        while (!board_->inside.load()) wait_until_asleep(owner.pid());
        for (std::size_t i = 0; i < count_; ++i) {
            begin_[i].ring();
            while (board_->turns_begun[i].load() != turn_) sched_yield();
            wait_until_asleep(workers_[i].pid());
        }
        wait_until_asleep(owner.pid());

        const std::int64_t killed = now();
        owner.kill();
        for (std::size_t i = 0; i < count_; ++i) ended_[i].wait();
        if (!repair_at_once()) heir_.repair();

        std::int64_t last = 0;
        for (const auto& one : board_->learned) last = std::max(last, one.load());
        return {static_cast<double>(last - killed) / 1e3, static_cast<double>(board_->repaired.load() - killed) / 1e3};
    }

private:
    /// Where everyone is told, that lasts until the repair: with several sleepers it has to wait for the last of them.
    [[nodiscard]] bool repair_at_once() const { return count_ == 1 || !Heir::tells_everyone; }

    [[noreturn]] void work(std::size_t i) {
        for (int turn = 1;; ++turn) {
            begin_[i].wait();
            board_->turns_begun[i].store(turn);
            const news told = heir_.learn();
            board_->learned[i].store(now());
            if (told != news::owner_died && (count_ == 1 || Heir::tells_everyone))
                throw std::runtime_error("a sleeper was not told that the owner died");
            if (repair_at_once()) {
                heir_.repair();
                board_->repaired.store(now());
            }
            ended_[i].ring();
        }
    }

    Heir heir_;
    std::size_t count_;
    int turn_ = 0;
    const shared_by_fork<takeover_board> board_;
    std::array<bell, most_sleepers> begin_, ended_;
    std::vector<child> workers_;  // last: they use the rest
};

/// Loses `times` owners; adds to `to[learned]` and, with one sleeper, to `to[repaired]`.
template <class Heir, class Cell>
void take_over_often(samples& to, const std::string& learned, const std::string& repaired, const std::string& series,
                     Cell& at, std::size_t sleepers, int times) {
    heirs<Heir> workers(Heir(at), sleepers);
    for (int i = 0; i < times; ++i) {
        const auto took = workers.lose_an_owner();
        to[learned][series].push_back(took.learned);
        if (sleepers == 1 && !repaired.empty()) to[repaired][series].push_back(took.repaired);
    }
}

}  // namespace bench
