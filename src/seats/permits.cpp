// SPDX-License-Identifier: MIT
// The steps J2 to J5 of sync/owned_semaphore.cpp, which a sweep does for the dead.
#include "seats/permits.hpp"

#include "base/step.hpp"

namespace process_shared::seats {

void announce_free_permits(permit_header& head, std::uint64_t groups, std::uint32_t count) noexcept {
    // seq_cst, both: after the slot was freed; pairs with the look at the slots after H2 and H4.
    if ((head.groups.load(std::memory_order_seq_cst) & groups) != groups) {
        head.groups.fetch_or(groups, std::memory_order_relaxed);  // relaxed: only a hint where to look
        detail::step("J2");
    }
    std::uint32_t sequence = head.sequence.load(std::memory_order_seq_cst);
    if ((sequence & permit_sleepers) == 0) return;
    sequence = head.sequence.fetch_add(one_release, std::memory_order_seq_cst) + one_release;
    detail::step("J3");
    // One more than there are permits: one may die between waking and taking.
    const unsigned woken = detail::broken("permit_wakes_nobody") ? 1 : platform::wake(head.sequence, count + 1);
    detail::step("J4");
    if (woken != 0) return;
    // relaxed: whoever has come since has counted (H4), and this fails.
    head.sequence.compare_exchange_strong(sequence, sequence & ~permit_sleepers, std::memory_order_relaxed);
    detail::step("J5");
}

std::uint32_t free_permits(const view& in, held_entry entry, participant_id who) noexcept {
    const auto slots = permit_slots(in, entry);
    if (slots.empty()) return 0;
    std::uint64_t groups = 0;
    std::uint32_t freed = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
        std::uint64_t value = slots[i].load(std::memory_order_relaxed);  // relaxed: the exchange decides
        // A slot that the dead one had just let go may not be announced yet.
        if (value == 0) groups |= std::uint64_t{1} << (i / permits_per_group);
        if (value != who) continue;
        // acq_rel: what the dead one did with its permit comes before the next one's; seq_cst as J1.
        if (!slots[i].compare_exchange_strong(value, 0, std::memory_order_seq_cst, std::memory_order_relaxed)) continue;
        groups |= std::uint64_t{1} << (i / permits_per_group);
        ++freed;
        detail::step("S2");
    }
    announce_free_permits(*reinterpret_cast<permit_header*>(in.base + offset_of(entry)), groups, freed + 1);
    return freed;
}

}  // namespace process_shared::seats
