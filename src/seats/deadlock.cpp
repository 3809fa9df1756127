// SPDX-License-Identifier: MIT
// Finding cycles: at first all who wait are taken for stuck; whoever can be let go on by one that is not is struck from
// the list, until nothing changes. Who is left waits for others who are left, and following them leads into a cycle.
#include "seats/deadlock.hpp"

#include "seats/owner_word.hpp"
#include "seats/permits.hpp"
#include "seats/registry.hpp"

#include <algorithm>

namespace process_shared::seats {
namespace {

class finder {
public:
    explicit finder(std::span<const graph_node> nodes) : nodes_(nodes), stuck_(nodes.size()), seen_(nodes.size()) {
        for (std::size_t i = 0; i < nodes.size(); ++i) stuck_[i] = nodes[i].rule != wait_rule::nobody;
        for (bool changed = true; changed;) {
            changed = false;
            for (std::size_t i = 0; i < nodes.size(); ++i) {
                if (!stuck_[i] || is_stuck(i)) continue;
                stuck_[i] = false;
                changed = true;
            }
        }
    }

    std::vector<std::vector<std::size_t>> cycles() {
        std::vector<std::vector<std::size_t>> found;
        for (std::size_t i = 0; i < nodes_.size(); ++i)
            if (stuck_[i] && !seen_[i]) follow(i, found);
        return found;
    }

private:
    [[nodiscard]] bool is_waited_for(std::size_t waiting, std::size_t holding) const {
        const graph_node& by = nodes_[waiting];
        if (by.rule != wait_rule::any_leaves && waiting == holding) return false;
        return std::any_of(nodes_[holding].holds.begin(), nodes_[holding].holds.end(), [&](const graph_hold& hold) {
            if (hold.object != by.waits_for) return false;
            return by.rule == wait_rule::any_leaves || hold.shared == (by.rule == wait_rule::readers_leave);
        });
    }

    [[nodiscard]] bool is_stuck(std::size_t node) const {
        bool any = false;
        bool all = true;
        for (std::size_t other = 0; other < nodes_.size(); ++other) {
            if (!is_waited_for(node, other)) continue;
            any = any || stuck_[other];
            all = all && stuck_[other];
        }
        return nodes_[node].rule == wait_rule::any_leaves ? any && all : any;
    }

    void follow(std::size_t from, std::vector<std::vector<std::size_t>>& found) {
        std::vector<std::size_t> path;
        std::size_t at = from;
        while (!seen_[at]) {
            seen_[at] = true;
            path.push_back(at);
            std::size_t next = 0;
            // One that is on the path already, if there is one: that closes it.
            std::size_t any = nodes_.size();
            for (; next < nodes_.size(); ++next) {
                if (next == at || !stuck_[next] || !is_waited_for(at, next)) continue;
                any = next;
                if (std::find(path.begin(), path.end(), next) != path.end()) break;
            }
            if (any == nodes_.size()) break;  // it holds all permits that it waits for: a circle of one
            at = next < nodes_.size() ? next : any;
        }
        const auto start = std::find(path.begin(), path.end(), at);
        if (start != path.end()) found.emplace_back(start, path.end());
    }

    std::span<const graph_node> nodes_;
    std::vector<bool> stuck_;
    std::vector<bool> seen_;
};

graph_node node_of(const view& in, const seat& there, participant_id who, held_entry waits_for) {
    graph_node node;
    bool holds_it_alone = false;
    for (const auto& slot : there.held) {
        const held_entry entry = slot.load(std::memory_order_relaxed);  // relaxed, here and below: a snapshot
        if (entry == 0) continue;
        const bool shared = kind_of(entry) == lock_kind::shared_reader;
        const auto* word = word_at(in, entry);
        const bool held = shared || (word != nullptr && held_by(word->load(std::memory_order_relaxed), who)) ||
                          (word == nullptr && count_permits(in, entry, who) != 0);
        if (!held) continue;
        node.holds.push_back({offset_of(entry), shared});
        holds_it_alone = holds_it_alone || (!shared && offset_of(entry) == offset_of(waits_for));
    }
    node.waits_for = offset_of(waits_for);
    node.rule = rule_of(kind_of(waits_for), holds_it_alone);
    return node;
}

}  // namespace

wait_rule rule_of(lock_kind waited_for, bool holds_it_alone) noexcept {
    switch (waited_for) {
        case lock_kind::mutex:
        case lock_kind::recursive_mutex:
        case lock_kind::checked_mutex:
        case lock_kind::once_flag:
        case lock_kind::barrier:
        case lock_kind::shared_waiter:
            return wait_rule::owner_leaves;
        case lock_kind::shared_mutex:
            return holds_it_alone ? wait_rule::readers_leave : wait_rule::owner_leaves;
        case lock_kind::owned_semaphore:
        case lock_kind::owned_semaphores:
            return wait_rule::any_leaves;
        default:
            return wait_rule::nobody;
    }
}

std::vector<std::vector<std::size_t>> find_cycles(std::span<const graph_node> nodes) { return finder(nodes).cycles(); }

bool closes_a_cycle(const view& in, participant_id me, held_entry entry) {
    std::vector<graph_node> nodes;
    std::size_t mine = 0;
    const std::uint32_t used = std::min(in.header().high_water.load(std::memory_order_relaxed), in.seats);
    for (std::uint32_t index = 0; index < used; ++index) {
        const seat& there = in.seat_at(index);
        const std::uint64_t state = there.state.load(std::memory_order_acquire);  // pairs with C4
        if (state_of(state) != seat_state::taken) continue;
        const participant_id who = make_id(index, state_generation(state));
        if (who == me) mine = nodes.size();
        nodes.push_back(node_of(in, there, who, who == me ? entry : there.waits_for.load(std::memory_order_relaxed)));
    }
    const auto cycles = find_cycles(nodes);
    return std::any_of(cycles.begin(), cycles.end(), [&](const std::vector<std::size_t>& cycle) {
        return std::find(cycle.begin(), cycle.end(), mine) != cycle.end();
    });
}

}  // namespace process_shared::seats
