// SPDX-License-Identifier: MIT
// Explicit participants: a thread that does nothing but sit, and lends its seats to whoever acts as it.
#include <process_shared/participant.hpp>

#include "seats/attachments.hpp"
#include "segment/segment_state.hpp"

#include <process_shared/error.hpp>

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace process_shared {

struct participant::keeper final : seats::deputy {
    keeper() {
        thread = new std::thread([this] { keep(); });
    }

    /// In one segment only.
    explicit keeper(const segment& in) : keeper() {
        memory = segment_access::keep_alive(in);
        try {
            seated = claim(segment_access::state_of(in).mapped.base);
        } catch (...) {
            end();
            throw;
        }
    }

    ~keeper() override { end(); }

    void end() {
        if (thread == nullptr) return;
        {
            const std::lock_guard hold(guard);
            done = true;
        }
        changed.notify_all();
        thread->join();
        delete thread;
        thread = nullptr;
    }

    seats::acting claim(const void* address) override {
        std::unique_lock hold(guard);
        wanted = address;
        changed.notify_all();
        changed.wait(hold, [&] { return wanted == nullptr; });
        if (refused) std::rethrow_exception(std::exchange(refused, nullptr));
        return got;
    }

    /// The thread's: sits where it is asked to, until it is told to go.
    void keep() {
        std::unique_lock hold(guard);
        for (;;) {
            changed.wait(hold, [&] { return done || wanted != nullptr; });
            if (done) return;
            try {
                got = seats::sit_as_self(wanted);
            } catch (...) {
                refused = std::current_exception();
            }
            wanted = nullptr;
            changed.notify_all();
        }
    }

    [[nodiscard]] seats::acting role() { return seated.me != 0 ? seated : seats::acting{nullptr, 0, this}; }

    std::shared_ptr<void> memory;
    std::uint64_t epoch = seats::fork_epoch();
    std::thread* thread = nullptr;
    std::mutex guard;
    std::condition_variable changed;
    const void* wanted = nullptr;
    seats::acting got;
    std::exception_ptr refused;
    bool done = false;
    seats::acting seated;  // if it is for one segment only
};

void participant::ender::operator()(keeper* ended) const noexcept {
    // In a forked child the thread does not exist; the lock may be held by one that does not exist either, and the
    // condition waits for such a one before it can be destroyed. So it stays as it is.
    if (seats::fork_epoch() == ended->epoch) delete ended;
}

participant::participant() : keeper_(new keeper) {}
participant::participant(const segment& in) : keeper_(new keeper(in)) {}
participant::participant(participant&&) noexcept = default;
participant& participant::operator=(participant&&) noexcept = default;
participant::~participant() = default;

struct participant::scope::previous {
    seats::acting before;
    std::uint64_t epoch;
};

participant::scope::scope(const participant& who) {
    previous_ = std::make_unique<previous>();
    previous_->epoch = seats::fork_epoch();
    previous_->before = seats::act_as({});
    try {
        who.act();
    } catch (...) {
        seats::act_as(previous_->before);
        throw;
    }
}

participant::scope::~scope() {
    // In a forked child the thread acts as itself already.
    if (seats::fork_epoch() == previous_->epoch) seats::act_as(previous_->before);
}

void participant::act() const {
    if (!keeper_ || seats::fork_epoch() != keeper_->epoch)
        throw std::system_error(make_error_code(errc::not_owner), "the participant belongs to the parent process");
    seats::act_as(keeper_->role());
}

void participant::act_as_self() { seats::act_as({}); }

void thread_renamed() noexcept { seats::rename_everywhere(); }

void abandon_held() noexcept { seats::abandon_everything(); }

}  // namespace process_shared
