// SPDX-License-Identifier: MIT
// Which segments this process has mapped, where each of its threads sits, and what fork does to both.
#pragma once

#include "platform/memory.hpp"
#include "seats/layout.hpp"

#include <process_shared/last_read.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace process_shared::seats {

/// A segment as this process knows it: one for all its mappings, recognized by file and uuid.
struct attachment;

/// Where a thread sits: one for each segment that it has used.
struct sitting {
    const attachment* where;
    participant_id me;
};

/// Where a thread sits in one mapping of a segment: all that a lock needs.
struct place {
    // Atomic only because detach clears `size` in the caches of other threads. relaxed: a thread that goes on to use
    // the same addresses for another segment has synchronized with the detaching one in its own way.
    std::atomic<std::uintptr_t> base{0};
    std::atomic<std::size_t> size{0};  // 0: not valid
    participant_id me = 0;
    seat* mine = nullptr;

    /// True if the address lies here; `offset` is where then.
    bool locate(std::uintptr_t address, std::uint64_t& offset) const noexcept {
        offset = address - base.load(std::memory_order_relaxed);
        return offset < size.load(std::memory_order_relaxed);
    }
};

inline constexpr unsigned recent_places = 4;

/// The calling thread's last places. Lives in memory that a forked child finds zeroed, so a child knows no seat.
struct thread_cache {
    place recent[recent_places];
    detail::last_read read;
};

// Never null. Initial-exec: the default model costs a call (1.9 times the floor instead of 1.1).
extern thread_local constinit thread_cache* this_thread __attribute__((tls_model("initial-exec")));

/// The calling thread's place in the segment that `address` lies in, if it was used lately; else nullptr.
inline const place* find_place(const void* address, std::uint64_t& offset) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    const thread_cache* mine = this_thread;
    if (mine == nullptr) __builtin_unreachable();
    const place* recent = mine->recent;
    if (recent[0].locate(at, offset)) [[likely]]
        return &recent[0];
    for (unsigned i = 1; i < recent_places; ++i)
        if (recent[i].locate(at, offset)) return &recent[i];
    return nullptr;
}

/// The same, claiming a seat if need be. Throws outside_segment, unsupported_thread, seats_full.
const place& sit(const void* address);

/// The same for a thread that sits in the segment already; nullptr if it does not. Claims nothing.
const place* find_seat(const void* address);

/// The mapping that `address` lies in, whether or not this thread sits there; base is nullptr if there is none.
view view_of(const void* address) noexcept;

/// The file that an attachment keeps open for byte locks, and which file it should be.
struct lock_file {
    platform::file file = platform::no_file;
    platform::file_id id;
};

/// Makes a mapping known. The file stays open for as long as any mapping of the segment is attached; file and mapping
/// are owned from here on. Returns the handle to detach.
struct mapping_node;
mapping_node* attach(const view& mapped, platform::file file, const platform::file_id& id);
/// Where it is mapped: perhaps not where attach was told, see detach.
const view& view_of(const mapping_node* node) noexcept;
/// Forgets the mapping and unmaps it. If a thread of this process sat there through it, the registry stays, as do the
/// addresses of the rest: the next attach of this segment uses them again, so that opening and closing it for ever
/// takes no more than once.
void detach(mapping_node* node) noexcept;
platform::file file_of(const mapping_node* node) noexcept;
lock_file file_of_address(const void* address) noexcept;

/// True in a child forked by a thread that had sat somewhere, for mappings that existed then: its guards may
/// still unlock what belongs to the parent.
bool inherited_by_fork(const void* address) noexcept;

/// How often this process's line of ancestors has forked, as far as was noticed: tells a handle made by the parent.
std::uint64_t fork_epoch() noexcept;

/// The calling thread gives up all it holds, in every segment, as if it had died; and what the participant holds that it
/// acts as, if that one sits everywhere.
void abandon_everything() noexcept;

/// Writes the calling thread's name, which has changed, into its seats.
void rename_everywhere() noexcept;

/// Whoever sits for somebody else in every segment that this one comes to.
class deputy;

/// For explicit participants: the calling thread acts as `me` in every mapping of the segment `where`; or as that deputy,
/// wherever it is. Returns who it acted as before (nobody: as itself).
struct acting {
    const attachment* where = nullptr;
    participant_id me = 0;
    deputy* everywhere = nullptr;
};
acting act_as(acting who);
/// The calling thread's own seat in the segment of `address`, with that segment: what a keeper lends out.
acting sit_as_self(const void* address);

/// Used by one thread at a time: whoever acts as it.
class deputy {
public:
    deputy() = default;
    virtual ~deputy() = default;
    deputy(const deputy&) = delete;
    deputy& operator=(const deputy&) = delete;

    /// 0: it has no seat there yet.
    [[nodiscard]] participant_id seat_in(const attachment* where) const noexcept {
        for (const acting& one : seats_)
            if (one.where == where) return one.me;
        return 0;
    }
    template <class Visit>
    void for_each_seat(Visit&& visit) const {
        for (const acting& one : seats_) visit(sitting{one.where, one.me});
    }
    /// Claims one, by the thread that keeps it. Throws as sit.
    participant_id claim_near(const void* address) {
        seats_.push_back({});  // so that nothing can fail once it is claimed
        try {
            seats_.back() = claim(address);
        } catch (...) {
            seats_.pop_back();
            throw;
        }
        return seats_.back().me;
    }

private:
    virtual acting claim(const void* address) = 0;

    std::vector<acting> seats_;
};

}  // namespace process_shared::seats
