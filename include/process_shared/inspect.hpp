// SPDX-License-Identifier: MIT
// A read-only look at segments: what `pshared list` and `pshared show` print.
#pragma once

#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/segment.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace process_shared::inspect {

/// A lock as a seat names it.
struct lock_view {
    std::uint64_t offset = 0;
    std::string kind;              ///< "mutex", "shared_mutex", …
    std::string object;            ///< "counter" or "counter+16": the named object that it lies in; empty if none
    bool held = false;             ///< false: about to be taken, or just released
    bool shared = false;           ///< held for reading
    std::uint32_t permits = 0;     ///< of an owned_semaphore
    std::uint8_t kind_number = 0;  ///< as docs/format.md has it
};

struct seat_view {
    enum class condition { alive, dead, leaving, claiming, quarantined };
    std::uint32_t seat = 0;
    condition state = condition::alive;
    participant_name who;
    std::chrono::nanoseconds age{};  ///< since it was claimed
    std::vector<lock_view> holds;
    std::optional<lock_view> waits_for;
    std::chrono::nanoseconds waiting{};
};

struct object_view {
    std::string name;
    std::string type;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t alignment = 0;
};

/// Somebody who died holding, or about to take, a lock; or gave locks up by abandon_held().
struct obituary_view {
    participant_name who;
    std::chrono::nanoseconds ago{};  ///< since it was noticed
    std::uint32_t locks = 0;         ///< how many it left abandoned
};

struct segment_view {
    std::string name;
    std::string uuid;
    std::uint32_t layout = 0;
    std::uint64_t file_size = 0;
    std::uint64_t size = 0;  ///< bytes for objects
    std::uint64_t free_bytes = 0;
    std::uint32_t seats = 0;  ///< how many there are
    std::uint32_t names = 0;  ///< how many directory entries there are
    std::chrono::nanoseconds age{};
    std::uint32_t creator = 0;  ///< pid
    std::chrono::nanoseconds backstop{};
    std::vector<object_view> objects;
    std::vector<seat_view> participants;  ///< those seats that are not free
    std::vector<obituary_view> obituaries;

    [[nodiscard]] PROCESS_SHARED_API std::size_t alive() const;
    [[nodiscard]] PROCESS_SHARED_API std::size_t dead() const;
};

/// Names of the segments of this user in the directory (`how.directory`; empty: /dev/shm), sorted.
/// Files that are not ours, not readable or damaged are passed over.
PROCESS_SHARED_API std::vector<std::string> names(const segment_options& how = {});

/// A snapshot. Nothing is locked and no seat is taken, so it can be slightly out of date.
PROCESS_SHARED_API segment_view look(const segment& at);

/// Participants who wait for each other in a circle: each waits for what the next one holds, the last one for the first.
struct deadlock_view {
    struct member {
        std::string segment;
        participant_name who;
        lock_view waits_for;
        std::chrono::nanoseconds waiting{};
    };
    std::vector<member> members;
};

/// Those among what `look` saw. They need not lie in one segment. As a look is no more than a snapshot, a circle that is
/// there in two looks, with longer waits in the second, is certain.
PROCESS_SHARED_API std::vector<deadlock_view> deadlocks(const std::vector<segment_view>& segments);

PROCESS_SHARED_API std::string_view to_string(seat_view::condition state);

}  // namespace process_shared::inspect
