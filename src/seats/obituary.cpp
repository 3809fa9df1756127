// SPDX-License-Identifier: MIT
// The obituary ring. Writers use no lock: two may write one place, or one may die half-way. The sum over all fields
// is right only when they belong together, and readers ignore the others.
#include "seats/obituary.hpp"

#include "platform/clock.hpp"

#include <array>
#include <cstring>

namespace process_shared::seats {
namespace {

using fields = std::array<std::uint64_t, 6>;

std::uint64_t sum_of(const fields& values) noexcept {
    std::uint64_t sum = 0x9e3779b97f4a7c15u;
    for (const std::uint64_t value : values) sum = (sum ^ value) * 0xff51afd7ed558ccdu + (sum >> 29);
    return sum;
}

fields load(const obituary& from) noexcept {
    // relaxed: the sum tells whether they belong together.
    return {from.who.load(std::memory_order_relaxed),     from.process_and_locks.load(std::memory_order_relaxed),
            from.thread.load(std::memory_order_relaxed),  from.when.load(std::memory_order_relaxed),
            from.name[0].load(std::memory_order_relaxed), from.name[1].load(std::memory_order_relaxed)};
}

}  // namespace

std::optional<obituary_record> read_obituary(const obituary& from) {
    const fields values = load(from);
    if (values[0] == 0 || from.sum.load(std::memory_order_relaxed) != sum_of(values)) return std::nullopt;
    obituary_record record;
    record.id = values[0];
    record.who.seat = seat_of(values[0]);
    record.who.generation = generation_of(values[0]);
    record.who.process = static_cast<std::uint32_t>(values[1]);
    record.locks = static_cast<std::uint32_t>(values[1] >> 32);
    record.who.thread = values[2];
    record.when = static_cast<std::int64_t>(values[3]);
    char name[17] = {};
    std::memcpy(name, &values[4], 16);
    record.who.thread_name = name;
    return record;
}

void write_obituary(const view& in, participant_id who, const seat& of, std::uint32_t locks) noexcept {
    header& head = in.header();
    // relaxed throughout: the sum ties the fields together, and nobody decides anything by an obituary.
    for (const obituary& other : head.obituaries)
        if (other.who.load(std::memory_order_relaxed) == who) return;
    const fields values = {who,
                           std::uint64_t{locks} << 32 | of.process.load(std::memory_order_relaxed),
                           of.thread.load(std::memory_order_relaxed),
                           static_cast<std::uint64_t>(platform::now()),
                           of.name[0].load(std::memory_order_relaxed),
                           of.name[1].load(std::memory_order_relaxed)};
    obituary& place = head.obituaries[head.next_obituary.fetch_add(1, std::memory_order_relaxed) % obituary_count];
    place.sum.store(0, std::memory_order_relaxed);
    place.who.store(values[0], std::memory_order_relaxed);
    place.process_and_locks.store(values[1], std::memory_order_relaxed);
    place.thread.store(values[2], std::memory_order_relaxed);
    place.when.store(values[3], std::memory_order_relaxed);
    place.name[0].store(values[4], std::memory_order_relaxed);
    place.name[1].store(values[5], std::memory_order_relaxed);
    place.sum.store(sum_of(values), std::memory_order_relaxed);
}

}  // namespace process_shared::seats
