// SPDX-License-Identifier: MIT
// Explicit participants: a thread that does nothing but sit, and lends its seat to whoever is in a scope.
#include <process_shared/participant.hpp>

#include "seats/attachments.hpp"
#include "segment/segment_state.hpp"

#include <process_shared/error.hpp>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace process_shared {

struct participant::keeper {
    explicit keeper(const segment& in) : memory(segment_access::keep_alive(in)) {
        const void* base = segment_access::state_of(in).mapped.base;
        thread = new std::thread([this, base] { sit(base); });
        std::unique_lock hold(guard);
        changed.wait(hold, [&] { return seated.me != 0 || refused; });
        if (!refused) return;
        hold.unlock();
        thread->join();
        delete thread;
        std::rethrow_exception(refused);
    }

    ~keeper() {
        // In a forked child the thread does not exist, and the lock may be held by one that does not exist either.
        if (seats::fork_epoch() != epoch) return;
        {
            const std::lock_guard hold(guard);
            done = true;
        }
        changed.notify_all();
        thread->join();
        delete thread;
    }

    keeper(const keeper&) = delete;
    keeper& operator=(const keeper&) = delete;

    void sit(const void* base) {
        std::unique_lock hold(guard);
        try {
            seated = seats::sit_as_self(base);
        } catch (...) {
            refused = std::current_exception();
        }
        changed.notify_all();
        changed.wait(hold, [&] { return done || refused; });
    }

    std::shared_ptr<void> memory;
    std::uint64_t epoch = seats::fork_epoch();
    std::thread* thread = nullptr;
    std::mutex guard;
    std::condition_variable changed;
    seats::acting seated;
    std::exception_ptr refused;
    bool done = false;
};

participant::participant(const segment& in) : keeper_(std::make_unique<keeper>(in)) {}
participant::participant(participant&&) noexcept = default;
participant& participant::operator=(participant&&) noexcept = default;
participant::~participant() = default;

struct participant::scope::previous {
    seats::acting before;
    std::uint64_t epoch;
};

participant::scope::scope(const participant& who) {
    if (!who.keeper_ || seats::fork_epoch() != who.keeper_->epoch)
        throw std::system_error(make_error_code(errc::not_owner), "the participant belongs to the parent process");
    previous_ = std::make_unique<previous>();
    previous_->epoch = who.keeper_->epoch;
    previous_->before = seats::act_as(who.keeper_->seated);
}

participant::scope::~scope() {
    // In a forked child the thread acts as itself already.
    if (seats::fork_epoch() == previous_->epoch) seats::act_as(previous_->before);
}

void abandon_held() noexcept { seats::abandon_everything(); }

}  // namespace process_shared
