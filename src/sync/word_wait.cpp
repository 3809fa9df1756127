// SPDX-License-Identifier: MIT
// Waiting for a word that nobody owns. Its own steps are those of park.cpp, P1 to P6, without a token; what changes the
// word is in the file of each primitive.
//
// Step  From → To                      By       Order  If the doer dies right after
// P2    waits_for := what              sleeper  –      for people only; cleared by the next claimer of the seat
// P3    asleep on the word             sleeper  –      the kernel takes it out of the queue
// P4    awake; perhaps a wake is gone  sleeper  –      each wakes one more than it has to: see the file of the primitive
#include "sync/word_wait.hpp"

namespace process_shared::sync {
namespace {

seats::held_entry entry_of(const seats::view& in, const void* object, seats::lock_kind kind) noexcept {
    return seats::make_entry(kind, static_cast<std::uint64_t>(static_cast<const std::byte*>(object) - in.base));
}

constexpr std::int64_t short_time = 100'000;  // a few wake-ups

thread_local constinit std::int64_t last_began = 0;
thread_local constinit std::int64_t last_ended = 0;

}  // namespace

word_wait::word_wait(const void* object, seats::lock_kind kind, deadline until)
    : here_(seat_near(object)),
      in_(seats::view_of(object)),
      until_(until),
      me_{in_, *here_.mine, here_.me, entry_of(in_, object, kind), platform::now()},
      lively_(me_.since - last_ended < short_time && last_ended - last_began < short_time) {}

word_wait::~word_wait() {
    last_began = me_.since;
    last_ended = platform::now();
}

void require_segment(const void* object) {
    // A seat makes the next time quick; without one it works as well.
    try {
        seat_near(object);
    } catch (const std::system_error&) {
        if (seats::view_of(object).base == nullptr) throw;
    }
}

}  // namespace process_shared::sync
