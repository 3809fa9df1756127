// SPDX-License-Identifier: MIT
// Deadlocks among what `look` saw, also across segments: a thread is known by its numbers in every segment.
#include <process_shared/inspect.hpp>

#include "seats/deadlock.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace process_shared::inspect {
namespace {

/// One thread, wherever it sits.
struct person {
    std::vector<std::pair<const segment_view*, const seat_view*>> sits;
    const segment_view* waits_in = nullptr;
    const seat_view* waits_as = nullptr;
};

seats::lock_kind kind_of(const lock_view& lock) noexcept { return static_cast<seats::lock_kind>(lock.kind_number); }

std::vector<person> people_of(const std::vector<segment_view>& segments) {
    std::map<std::pair<std::uint32_t, std::uint64_t>, person> by_thread;
    for (const segment_view& segment : segments)
        for (const seat_view& seat : segment.participants) {
            if (seat.state != seat_view::condition::alive) continue;
            person& one = by_thread[{seat.who.process, seat.who.thread}];
            one.sits.emplace_back(&segment, &seat);
            if (!seat.waits_for) continue;
            one.waits_in = &segment;
            one.waits_as = &seat;
        }
    std::vector<person> people;
    for (auto& [key, one] : by_thread) people.push_back(std::move(one));
    return people;
}

class numbers {
public:
    explicit numbers(const std::vector<segment_view>& segments) : segments_(segments) {}
    std::uint64_t of(const segment_view* segment, const lock_view& lock) const {
        const auto index = static_cast<std::uint64_t>(segment - segments_.data());
        return index << seats::offset_bits | (lock.offset & seats::largest_offset);
    }

private:
    const std::vector<segment_view>& segments_;
};

seats::graph_node node_of(const person& one, const numbers& number) {
    seats::graph_node node;
    for (const auto& [segment, seat] : one.sits)
        for (const lock_view& lock : seat->holds)
            if (lock.held) node.holds.push_back({number.of(segment, lock), lock.shared});
    if (one.waits_as == nullptr) return node;
    const lock_view& waited_for = *one.waits_as->waits_for;
    node.waits_for = number.of(one.waits_in, waited_for);
    const bool alone = std::any_of(node.holds.begin(), node.holds.end(), [&](const seats::graph_hold& hold) {
        return hold.object == node.waits_for && !hold.shared;
    });
    node.rule = seats::rule_of(kind_of(waited_for), alone);
    return node;
}

}  // namespace

std::vector<deadlock_view> deadlocks(const std::vector<segment_view>& segments) {
    const std::vector<person> people = people_of(segments);
    const numbers number(segments);
    std::vector<seats::graph_node> nodes;
    for (const person& one : people) nodes.push_back(node_of(one, number));
    std::vector<deadlock_view> found;
    for (const auto& cycle : seats::find_cycles(nodes)) {
        deadlock_view seen;
        for (const std::size_t index : cycle) {
            const person& one = people[index];
            seen.members.push_back(
                {one.waits_in->name, one.waits_as->who, *one.waits_as->waits_for, one.waits_as->waiting});
        }
        // The same cycle always begins with the same member.
        const auto first = std::min_element(seen.members.begin(), seen.members.end(), [](const auto& a, const auto& b) {
            return std::pair(a.who.process, a.who.thread) < std::pair(b.who.process, b.who.thread);
        });
        std::rotate(seen.members.begin(), first, seen.members.end());
        found.push_back(std::move(seen));
    }
    return found;
}

}  // namespace process_shared::inspect
