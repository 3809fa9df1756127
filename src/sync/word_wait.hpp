// SPDX-License-Identifier: MIT
// Waiting for a word that nobody owns: semaphores, conditions, events, latches.
//
// Nobody's death changes such a word, so there is no token to watch. Whoever changes it and dies before waking the
// sleepers leaves them to the backstop; that one step is listed in each protocol block.
#pragma once

#include "platform/clock.hpp"
#include "platform/wait.hpp"
#include "seats/attachments.hpp"
#include "sync/park.hpp"

#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>

#include <atomic>
#include <cstdint>
#include <system_error>

namespace process_shared::sync {

[[noreturn]] inline void fail(errc what) { throw std::system_error(make_error_code(what)); }

/// Where the calling thread sits in the segment that `object` lies in. Throws outside_segment, seats_full,
/// unsupported_thread.
inline const seats::place& seat_near(const void* object) {
    std::uint64_t offset = 0;
    const seats::place* here = seats::find_place(object, offset);
    return here != nullptr ? *here : seats::sit(object);
}

/// For those who only change the word: a seat is not needed, but a segment is. Throws outside_segment.
void require_segment(const void* object);
inline void require_segment_quickly(const void* object) {
    std::uint64_t offset = 0;
    if (seats::find_place(object, offset) == nullptr) [[unlikely]]
        require_segment(object);
}

/// One wait of the calling thread.
class word_wait {
public:
    /// Throws as seat_near.
    word_wait(const void* object, seats::lock_kind kind, deadline until);
    ~word_wait();
    word_wait(const word_wait&) = delete;
    word_wait& operator=(const word_wait&) = delete;

    /// Only in a lively exchange: this thread's last wait was short, and ended just now. Otherwise the one to answer is
    /// asleep, perhaps on this processor, and has to be let run first.
    template <class Ready>
    bool spin(Ready&& ready) noexcept {
        return lively_ && sync::spin(me_, ready);
    }
    /// Until `word` no longer holds `expected`, the backstop, the deadline, or for no reason.
    void sleep(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
        slept_ = true;
        park(me_, word, expected, std::span<const seats::participant_id>{}, until_);
    }
    /// The same, ended by the death of any of `watched`, too.
    void sleep(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
               std::span<const seats::participant_id> watched) noexcept {
        slept_ = true;
        park(me_, word, expected, watched, until_);
    }
    [[nodiscard]] bool slept() const noexcept { return slept_; }
    [[nodiscard]] bool is_over() const noexcept { return until_.has_passed(); }
    [[nodiscard]] const seats::view& in() const noexcept { return in_; }
    [[nodiscard]] seats::participant_id me() const noexcept { return here_.me; }

private:
    const seats::place& here_;
    const seats::view in_;
    const deadline until_;
    const sleeper me_;
    const bool lively_;
    bool slept_ = false;
};

}  // namespace process_shared::sync
