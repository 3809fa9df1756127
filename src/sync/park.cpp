// SPDX-License-Identifier: MIT
// Sleeping and spinning.
//
// A sleeper watches two words: the lock's, and the token of the owner it saw there. The OS looks at both after it has
// queued the sleeper, so a change before that ends the sleep at once.
//
// Step  From → To                           By       Order    If the doer dies right after
// P1    owner's token marked "has waiters"  sleeper  relaxed  one needless wake when the owner dies
// P2    waits_for := what                   sleeper  relaxed  for people only; cleared by the next claimer of the seat
// P3    asleep on {word, token}             sleeper  –        the kernel takes it out of both queues
// P4    awake; waits_for := none            sleeper  relaxed  a wake is swallowed: see U3 and S2 for who wakes again
// P6    token dead: all who watch it woken  sleeper  –        as T1
// K1    spinner slot := me                  spinner  relaxed  the next one finds the holder dead and takes the slot
// K2    spinner slot := nobody              spinner  relaxed  –
//
// P5  every sleep ends at the backstop at the latest. Nothing above is correct without it: two deaths can swallow both
//     wakes of an unlock, and the kernel wakes only one of those who watch a dead token.
#include "sync/park.hpp"

#include "base/step.hpp"
#include "platform/clock.hpp"
#include "platform/liveness.hpp"
#include "platform/wait.hpp"
#include "seats/owner_word.hpp"
#include "seats/registry.hpp"

#include <algorithm>
#include <array>

namespace process_shared::sync {
namespace {

// By time, not by rounds: a pause takes 4 to 50 ns. About what a wake-up of an idle processor costs at best.
constexpr std::int64_t spin_time = 3'000;
constexpr unsigned most_pauses = 16;

constexpr std::int64_t shortest_backstop = 1'000'000;
constexpr std::int64_t longest_backstop = 3'600'000'000'000;

std::int64_t backstop_of(const seats::view& in) noexcept {
    return std::clamp(in.header().backstop, shortest_backstop, longest_backstop);
}

/// Spinning on one processor keeps the owner from running. Not a static local: a fork beside its first use would leave
/// the child's initialization guard locked.
bool alone() noexcept {
    static constinit std::atomic<unsigned> known{0};
    unsigned count = known.load(std::memory_order_relaxed);  // relaxed: every thread may find out by itself
    if (count == 0) {
        count = platform::processors();
        known.store(count, std::memory_order_relaxed);
    }
    return count < 2;
}

}  // namespace

spinner::spinner(const sleeper& who) noexcept {
    if (alone()) return;
    auto& slot = who.in.header().spinners[(seats::offset_of(who.what) / 64) % seats::spinner_slots];
    // relaxed: who spins decides nothing but how much is spun (K1, K2).
    std::uint64_t holder = slot.load(std::memory_order_relaxed);
    if (holder != 0 && !seats::is_dead(who.in, holder)) return;
    if (!slot.compare_exchange_strong(holder, who.me, std::memory_order_relaxed)) return;
    detail::step("K1");
    slot_ = &slot;
    end_ = platform::now() + spin_time;
}

spinner::~spinner() {
    if (slot_ != nullptr) slot_->store(0, std::memory_order_relaxed);
}

bool spinner::pause() noexcept {
    if (slot_ == nullptr || (pauses_ != 0 && platform::now() >= end_)) return false;
    // Rarer looks leave the line with whoever works on it.
    pauses_ = pauses_ == 0 ? 1 : std::min(2 * pauses_, most_pauses);
    for (unsigned i = 0; i < pauses_; ++i) platform::relax();
    return true;
}

bool park(const sleeper& who, const std::atomic<std::uint32_t>& word, std::uint32_t expected,
          std::span<const seats::participant_id> watched, deadline until) noexcept {
    std::array<platform::watched_word, most_watched + 1> words{{{&word, expected}}};
    std::size_t count = 1;
    for (const seats::participant_id owner : watched.first(std::min(watched.size(), most_watched))) {
        std::atomic<std::uint32_t>* token = seats::token_word(who.in, owner);
        if (token == nullptr) return true;
        const std::optional<std::uint32_t> alive = platform::watch(*token);
        if (!alive) return true;
        words[count++] = {token, *alive};
    }
    detail::step("P1");

    // relaxed: for people (P2, P4).
    who.seat.waits_since.store(static_cast<std::uint64_t>(who.since), std::memory_order_relaxed);
    who.seat.waits_for.store(who.what, std::memory_order_relaxed);
    detail::step("P2");
    const deadline end =
        detail::broken("no_backstop") ? until : std::min(until, deadline::from_now(backstop_of(who.in)));
    const platform::wait_outcome outcome = platform::wait(std::span(words).first(count), end);
    detail::step("P4");
    who.seat.waits_for.store(0, std::memory_order_relaxed);
    // The kernel wakes one watcher of a dead token. If that was me, woken by something else as well, the next thing I
    // see may be another owner, and nobody else would ever hear of this death (P6). relaxed: a wake too many is
    // allowed.
    for (const platform::watched_word& token : std::span(words).subspan(1, count - 1))
        if (platform::says_dead(token.word->load(std::memory_order_relaxed)) && !detail::broken("takeover_keeps_quiet"))
            platform::wake(*token.word, platform::everyone);
    detail::step("P6");
    if (outcome != platform::wait_outcome::interrupted) return true;
    detail::was_interrupted = true;
    return false;
}

}  // namespace process_shared::sync
