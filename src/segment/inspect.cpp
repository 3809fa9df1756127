// SPDX-License-Identifier: MIT
// The read-only look. Takes no lock and no seat; everything read may change while it is read, or make no sense.
#include <process_shared/inspect.hpp>

#include "platform/clock.hpp"
#include "platform/memory.hpp"
#include "seats/obituary.hpp"
#include "seats/owner_word.hpp"
#include "seats/permits.hpp"
#include "seats/registry.hpp"
#include "segment/format.hpp"
#include "segment/names.hpp"
#include "segment/segment_state.hpp"

#include <algorithm>
#include <cstring>

namespace process_shared::inspect {
namespace {

using std::chrono::nanoseconds;

/// Nothing for times that cannot be: a stranger may have written them.
nanoseconds time_since(std::int64_t then, std::int64_t now) noexcept {
    return nanoseconds(then < 0 || then > now ? 0 : now - then);
}

std::string kind_name(seats::lock_kind kind) {
    switch (kind) {
        case seats::lock_kind::mutex:
            return "mutex";
        case seats::lock_kind::recursive_mutex:
            return "recursive_mutex";
        case seats::lock_kind::checked_mutex:
            return "checked_mutex";
        case seats::lock_kind::shared_mutex:
        case seats::lock_kind::shared_reader:
        case seats::lock_kind::shared_waiter:
            return "shared_mutex";
        case seats::lock_kind::owned_semaphore:
        case seats::lock_kind::owned_semaphores:
            return "owned_semaphore";
        case seats::lock_kind::once_flag:
            return "once_flag";
        case seats::lock_kind::barrier:
        case seats::lock_kind::barrier_turn:
            return "barrier";
        case seats::lock_kind::counting_semaphore:
            return "counting_semaphore";
        case seats::lock_kind::condition_variable:
            return "condition_variable";
        case seats::lock_kind::event:
            return "event";
        case seats::lock_kind::latch:
            return "latch";
        case seats::lock_kind::none:
            break;
    }
    return "unknown";
}

std::string object_at(const std::vector<object_view>& objects, std::uint64_t offset, const seats::view& in) {
    for (const object_view& object : objects)
        if (offset >= object.offset && offset - object.offset < object.size)
            return offset == object.offset ? object.name : object.name + '+' + std::to_string(offset - object.offset);
    return offset < in.heap ? "(directory)" : "";
}

lock_view lock_of(const seats::view& in, const std::vector<object_view>& objects, seats::held_entry entry,
                  seats::participant_id who) {
    lock_view lock;
    lock.offset = seats::offset_of(entry);
    lock.kind = kind_name(seats::kind_of(entry));
    lock.kind_number = static_cast<std::uint8_t>(seats::kind_of(entry));
    lock.object = object_at(objects, lock.offset, in);
    if (lock.kind == "owned_semaphore") {
        lock.permits = seats::count_permits(in, entry, who);
        lock.held = lock.permits != 0;
        return lock;
    }
    const auto* word = seats::word_at(in, entry);
    // relaxed, here and below: a snapshot for people.
    lock.shared = seats::kind_of(entry) == seats::lock_kind::shared_reader;
    lock.held = lock.shared || (word != nullptr && seats::held_by(word->load(std::memory_order_relaxed), who));
    return lock;
}

seat_view::condition condition_of(const seats::view& in, seats::seat_state state, seats::participant_id who) {
    switch (state) {
        case seats::seat_state::claiming:
            return seat_view::condition::claiming;
        case seats::seat_state::unguarded:
            return seat_view::condition::quarantined;
        default:
            break;
    }
    if (seats::is_dead(in, who)) return seat_view::condition::dead;
    return state == seats::seat_state::leaving ? seat_view::condition::leaving : seat_view::condition::alive;
}

std::optional<seat_view> seat_at(const seats::view& in, std::uint32_t index, const std::vector<object_view>& objects,
                                 std::int64_t now) {
    const seats::seat& here = in.seat_at(index);
    const std::uint64_t state = here.state.load(std::memory_order_acquire);  // pairs with C4
    const auto kind = seats::state_of(state);
    if (kind == seats::seat_state::free || static_cast<unsigned>(kind) > 4) return std::nullopt;
    const seats::participant_id who = seats::make_id(index, seats::state_generation(state));
    seat_view seen;
    seen.seat = index;
    seen.who = seats::describe(in, who);
    seen.state = condition_of(in, kind, who);
    seen.age = time_since(static_cast<std::int64_t>(here.since.load(std::memory_order_relaxed)), now);
    for (const auto& slot : here.held)
        if (const seats::held_entry entry = slot.load(std::memory_order_relaxed))
            seen.holds.push_back(lock_of(in, objects, entry, who));
    if (const seats::held_entry entry = here.waits_for.load(std::memory_order_relaxed);
        entry != 0 && seen.state == seat_view::condition::alive) {
        seen.waits_for = lock_of(in, objects, entry, who);
        const auto since = static_cast<std::int64_t>(here.waits_since.load(std::memory_order_relaxed));
        seen.waiting = time_since(since, now);
    }
    return seen;
}

std::string hex(const std::array<std::uint8_t, 16>& bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        text += digits[bytes[i] >> 4];
        text += digits[bytes[i] & 15];
    }
    return text;
}

std::uint64_t free_bytes(const seats::view& in) {
    try {
        return segments::allocator(in).free_bytes();
    } catch (const std::system_error&) {
        return 0;  // somebody splits a block right now, or it is damaged
    }
}

}  // namespace

std::size_t segment_view::alive() const {
    return static_cast<std::size_t>(std::count_if(participants.begin(), participants.end(), [](const seat_view& seat) {
        return seat.state == seat_view::condition::alive || seat.state == seat_view::condition::leaving;
    }));
}

std::size_t segment_view::dead() const {
    return static_cast<std::size_t>(std::count_if(participants.begin(), participants.end(), [](const seat_view& seat) {
        return seat.state == seat_view::condition::dead;
    }));
}

std::vector<std::string> names(const segment_options& how) {
    const std::string directory = how.directory.empty() ? platform::default_directory() : how.directory;
    std::vector<std::string> files;
    if (const auto error = platform::list(directory, files)) throw std::system_error(error, directory);
    std::vector<std::string> found;
    for (const std::string& file : files) {
        if (!file.starts_with(segments::file_prefix)) continue;
        std::string name = file.substr(segments::file_prefix.size());
        std::error_code error;
        if (segment::open(name, how, error); !error) found.push_back(std::move(name));
    }
    std::sort(found.begin(), found.end());
    return found;
}

segment_view look(const segment& at) {
    const segment_access::state& state = segment_access::state_of(at);
    const seats::view& in = state.mapped;
    const seats::header& head = in.header();
    const std::int64_t now = platform::now();
    segment_view seen;
    seen.name = state.name;
    seen.uuid = hex(head.uuid);
    seen.layout = head.layout;
    seen.file_size = head.file_size;
    seen.size = at.size();
    seen.free_bytes = free_bytes(in);
    seen.seats = in.seats;
    seen.names = in.names;
    seen.age = time_since(head.created, now);
    seen.creator = head.creator;
    seen.backstop = nanoseconds(head.backstop);
    const segments::directory directory(in);
    for (std::uint32_t index = 0; index < in.names; ++index)
        if (const auto object = directory.peek(index))
            seen.objects.push_back({object->name, object->type_name, object->offset, object->size, object->alignment});
    for (std::uint32_t index = 0; index < in.seats; ++index)
        if (auto seat = seat_at(in, index, seen.objects, now)) seen.participants.push_back(std::move(*seat));
    for (const seats::obituary& notice : head.obituaries)
        if (auto record = seats::read_obituary(notice))
            seen.obituaries.push_back({std::move(record->who), time_since(record->when, now), record->locks});
    std::sort(seen.obituaries.begin(), seen.obituaries.end(),
              [](const auto& a, const auto& b) { return a.ago < b.ago; });
    return seen;
}

std::string_view to_string(seat_view::condition state) {
    switch (state) {
        case seat_view::condition::alive:
            return "alive";
        case seat_view::condition::dead:
            return "dead";
        case seat_view::condition::leaving:
            return "leaving";
        case seat_view::condition::claiming:
            return "claiming";
        case seat_view::condition::quarantined:
            return "quarantined";
    }
    return "unknown";
}

}  // namespace process_shared::inspect
