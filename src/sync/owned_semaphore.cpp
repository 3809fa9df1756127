// SPDX-License-Identifier: MIT
// owned_semaphore: a slot for each permit, which holds the id of its owner. Nothing is counted.
//
// A seat tries a slot of its own first (home), then one that was free lately (hint), then the groups of 64 that may have
// a free one. What a thread holds is chained: the entry on its held list names the slot that it took last, each slot's
// link the one before. Entry and links are the owner's own; a sweep looks at all slots instead.
//
// Step  From → To                                By       Order    If the doer dies right after
// H0    entry on my held list                    acquire  plain    swept: nothing of its, two sleepers woken needlessly
// H1    slot: free → mine                        acquire  acquire  the sweep frees it; whoever sleeps is woken by my token
// H2    group: may have a free one → has none    acquire  seq_cst  a slot freed meanwhile: its releaser sets it (J2)
// H3    group's bit set again, on second thought acquire  relaxed  as H2; else sleepers look at every slot
// H4    sequence + 1, W                          acquire  seq_cst  one needless wake later
// H5    asleep on {sequence, up to 15 owners}    acquire  –        a wake is swallowed: J4 woke one more
// H6    gave up: one woken                       acquire  –        a wake is swallowed: J4 woke one more
// J1    slot: mine → free                        release  seq_cst  not announced: swept, see J2; sleepers watch my token
// J2    group: may have a free one               release  relaxed  as J1
// J3    sequence + 1, if W                       release  seq_cst  as J1
// J4    two woken                                release  –        nothing is left to do
// J5    W unset, when J4 woke nobody             release  relaxed  nothing is left to do
// J6    entry changed or withdrawn               release  plain    nothing is left to do
// S2…   slots of the dead → free, J2 to J5       sweep    seq_cst  the next sweeper does it again
//
// M1  No free slot is overlooked by a sleeper: it counts (H4), looks at every slot, and sleeps on that count; whoever
//     frees a slot afterwards sees W.
// M2  somebody sleeps ⇒ W, or it is about to be woken: J5 fails if somebody has counted since J3.
// M3  A group's bit is wrong only while a releaser stands between J1 and J2, or died there: those who do not find a slot
//     by the bits sweep the dead, and look at every slot before they sleep.
// M4  A slot names a participant whose held list names the semaphore (H0 before H1, J6 after J1): a sweep misses nothing.
//
// Steps that need the backstop after one death: none with up to 15 owners, whom every sleeper watches.
#include <process_shared/owned_semaphore.hpp>

#include "base/step.hpp"
#include "platform/clock.hpp"
#include "seats/held.hpp"
#include "seats/permits.hpp"
#include "seats/registry.hpp"
#include "sync/park.hpp"
#include "sync/word_wait.hpp"

#include <algorithm>
#include <bit>

namespace process_shared::detail {

using namespace seats;

static_assert(sizeof(owned_semaphore_core) == sizeof(permit_header) && most_permits == 4096);

struct owned_semaphore_access {
    /// The one is the other's bytes, for rooms below.
    static permit_header& header_of(owned_semaphore_core& of) noexcept { return reinterpret_cast<permit_header&>(of); }
};

namespace {

constexpr std::uint32_t no_link = 0xffff;

constexpr held_entry entry_of_one(std::uint64_t offset, std::uint32_t slot) noexcept {
    return make_entry(lock_kind::owned_semaphore, offset) | slot * once_more;
}
constexpr held_entry entry_of_several(std::uint64_t offset, std::uint32_t top) noexcept {
    return make_entry(lock_kind::owned_semaphores, offset) | top * once_more;
}
constexpr bool is_of_several(held_entry entry) noexcept { return kind_of(entry) == lock_kind::owned_semaphores; }
constexpr bool names(held_entry entry, std::uint64_t offset) noexcept {
    return (kind_of(entry) == lock_kind::owned_semaphore || is_of_several(entry)) && offset_of(entry) == offset;
}

struct table {
    table(owned_semaphore_core& of, std::uint32_t capacity) noexcept
        : head(owned_semaphore_access::header_of(of)),
          slots(reinterpret_cast<std::atomic<std::uint64_t>*>(&head + 1)),
          // A stranger who changed it since construction makes us see fewer, never more than there are.
          size(std::min(head.permits, capacity)),
          links(reinterpret_cast<std::atomic<std::uint16_t>*>(slots + capacity)) {}

    /// The first of a line that few others have.
    [[nodiscard]] std::uint32_t home_of(participant_id who) const noexcept {
        constexpr std::uint32_t a_line = 64 / sizeof(std::uint64_t);
        return static_cast<std::uint32_t>(who) * a_line & head.home_mask;
    }

    permit_header& head;
    std::atomic<std::uint64_t>* slots;
    std::uint32_t size;
    std::atomic<std::uint16_t>* links;
};

/// My entry for this semaphore; nullptr if there is none.
std::atomic<held_entry>* find_entry(seat& mine, std::uint64_t offset) noexcept {
    return find_slot(mine, offset, [&](held_entry entry) { return names(entry, offset); });
}

bool take(const table& in, std::uint32_t slot, participant_id me) noexcept {
    std::uint64_t free = 0;
    // relaxed: a glance. acquire: pairs with J1 (H1).
    if (in.slots[slot].load(std::memory_order_relaxed) != 0 ||
        !in.slots[slot].compare_exchange_strong(free, me, std::memory_order_acquire, std::memory_order_relaxed))
        return false;
    step("H1");
    return true;
}

/// One attempt of the calling thread, with its entry on the held list.
class search {
public:
    search(const table& in, const place& here, std::uint64_t offset) noexcept
        : in_(in), here_(here), offset_(offset), home_(in.home_of(here.me)) {}

    /// By the quick ways.
    std::optional<std::uint32_t> find() noexcept {
        if (home_ < in_.size && take(in_, home_, here_.me)) return home_;
        // relaxed: any value is legal.
        const std::uint32_t hint = in_.head.hint.load(std::memory_order_relaxed);
        if (hint < in_.size && take(in_, hint, here_.me)) return hint;
        const std::uint32_t groups = (in_.size + permits_per_group - 1) / permits_per_group;
        if (groups == 1) return look_through(0);
        std::uint64_t left = in_.head.groups.load(std::memory_order_relaxed);  // relaxed: M3
        left &= groups == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << groups) - 1;
        // Everybody begins elsewhere.
        const auto begin = static_cast<int>(home_ / permits_per_group);
        for (left = std::rotr(left, begin); left != 0; left &= left - 1) {
            const auto group = static_cast<std::uint32_t>(std::countr_zero(left) + begin) % 64;
            if (const auto found = look_through(group)) return found;
            if (const auto found = close(group)) return found;
        }
        return std::nullopt;
    }

    std::optional<std::uint32_t> wait(deadline until) {
        const view in = view_of(&in_.head);
        const sync::sleeper me{in, *here_.mine, here_.me, entry_of_one(offset_, 0), platform::now()};
        for (bool slept = false;;) {
            if (!sweep_the_dead(in)) {
                if (until.has_passed()) {
                    // Perhaps I was woken for a permit, and nobody else was (H6).
                    if (slept) platform::wake(in_.head.sequence, 1);
                    step("H6");
                    return std::nullopt;
                }
                if (!sync::spin(me, [&] { return looks_free(); })) slept = sleep(me, until) || slept;
            }
            if (const auto found = find()) return found;
        }
    }

private:
    std::optional<std::uint32_t> look_through(std::uint32_t group) noexcept {
        const std::uint32_t begin = group * permits_per_group;
        const std::uint32_t end = std::min(begin + permits_per_group, in_.size);
        for (std::uint32_t slot = begin; slot < end; ++slot)
            if (take(in_, slot, here_.me)) return slot;
        return std::nullopt;
    }

    /// Nothing was free there.
    std::optional<std::uint32_t> close(std::uint32_t group) noexcept {
        const std::uint64_t bit = std::uint64_t{1} << group;
        in_.head.groups.fetch_and(~bit, std::memory_order_seq_cst);
        std::atomic_thread_fence(std::memory_order_seq_cst);  // before the second look; pairs with J1 and J2
        step("H2");
        const auto found = look_through(group);
        if (!found) return found;
        in_.head.groups.fetch_or(bit, std::memory_order_relaxed);  // relaxed: there may be more
        step("H3");
        return found;
    }

    /// relaxed: a glance.
    [[nodiscard]] bool looks_free() const noexcept {
        const std::uint32_t hint = in_.head.hint.load(std::memory_order_relaxed);
        return (home_ < in_.size && in_.slots[home_].load(std::memory_order_relaxed) == 0) ||
               (hint < in_.size && in_.slots[hint].load(std::memory_order_relaxed) == 0) ||
               (in_.size > permits_per_group && in_.head.groups.load(std::memory_order_relaxed) != 0);
    }

    /// Whether there was one.
    static bool sweep_the_dead(const view& in) noexcept {
        bool found = false;
        const std::uint32_t used = std::min(in.header().high_water.load(std::memory_order_relaxed), in.seats);
        for (std::uint32_t index = 0; index < used; ++index) {
            const std::uint64_t state = in.seat_at(index).state.load(std::memory_order_acquire);  // pairs with C4
            if (state_of(state) != seat_state::taken && state_of(state) != seat_state::leaving) continue;
            const participant_id who = make_id(index, state_generation(state));
            // A generation that no id can have was written by a stranger, and cannot be swept: not again and again.
            if (generation_of(who) != state_generation(state) || !is_dead(in, who)) continue;
            sweep(in, who);
            found = true;
        }
        return found;
    }

    /// True if it slept. Throws would_deadlock.
    bool sleep(const sync::sleeper& me, deadline until) {
        std::uint32_t sequence = in_.head.sequence.load(std::memory_order_relaxed);  // relaxed: the exchange decides
        const std::uint32_t mine = (sequence + one_release) | permit_sleepers;
        // seq_cst: before the look at every slot; pairs with J1 and J3 (M1).
        if (!in_.head.sequence.compare_exchange_strong(sequence, mine, std::memory_order_seq_cst,
                                                       std::memory_order_relaxed))
            return false;
        step("H4");
        std::array<participant_id, sync::most_watched> owners{};
        std::size_t count = 0;
        bool all_mine = true;
        for (std::uint32_t k = 0; k < in_.size; ++k) {
            const std::uint32_t slot = home_ + k < in_.size ? home_ + k : home_ + k - in_.size;
            const std::uint64_t owner = in_.slots[slot].load(std::memory_order_seq_cst);
            if (owner == 0) {
                announce_hint(slot);
                return false;
            }
            if (owner == here_.me) continue;
            all_mine = false;
            if (count < owners.size() &&
                std::find(owners.begin(), owners.begin() + count, owner) == owners.begin() + count)
                owners[count++] = owner;
        }
        if (all_mine) sync::fail(errc::would_deadlock);
        sync::park(me, in_.head.sequence, mine, std::span(owners).first(count), until);
        step("H5");
        return true;
    }

    /// Its group's bit may be wrong (M3).
    void announce_hint(std::uint32_t slot) noexcept { in_.head.hint.store(slot, std::memory_order_relaxed); }

    const table& in_;
    const place& here_;
    const std::uint64_t offset_;
    const std::uint32_t home_;
};

bool is_mine(const table& in, std::uint32_t slot, participant_id me) noexcept {
    return slot < in.size && in.slots[slot].load(std::memory_order_relaxed) == me;  // relaxed: only I write my id
}

std::uint64_t group_bit(const table& in, std::uint32_t slot) noexcept {
    return in.size <= permits_per_group ? 0 : std::uint64_t{1} << (slot / permits_per_group);
}
/// Whether nobody needs to hear of a slot that was just freed. seq_cst: see announce_free_permits.
inline bool is_announced(const table& in, std::uint32_t capacity, std::uint32_t slot) noexcept {
    if ((in.head.sequence.load(std::memory_order_seq_cst) & permit_sleepers) != 0) return false;
    // With one group its bit stays set.
    return capacity <= permits_per_group ||
           (in.head.groups.load(std::memory_order_seq_cst) & std::uint64_t{1} << (slot / permits_per_group)) != 0;
}
void let_go(const table& in, const place& here, std::uint32_t slot) noexcept {
    // seq_cst: before the looks at groups and sequence (J1).
    in.slots[slot].exchange(0, std::memory_order_seq_cst);
    step("J1");
    // relaxed: only a hint.
    if (slot != in.home_of(here.me)) in.head.hint.store(slot, std::memory_order_relaxed);
    if (!is_announced(in, in.size, slot)) announce_free_permits(in.head, group_bit(in, slot), 1);
}

/// Where the calling thread sits, and what it holds of this semaphore.
struct holding {
    const place* here;
    std::uint64_t offset = 0;
    std::atomic<held_entry>* slot_of_entry = nullptr;

    explicit holding(const void* of) noexcept : here(find_seat(of)) {
        if (here == nullptr) return;
        here->locate(reinterpret_cast<std::uintptr_t>(of), offset);
        slot_of_entry = find_entry(*here->mine, offset);
    }
    [[nodiscard]] held_entry entry() const noexcept {
        return slot_of_entry == nullptr ? 0 : slot_of_entry->load(std::memory_order_relaxed);  // relaxed: my own
    }
    /// The slots that are mine, the last one first; no_link at the end, or where a stranger broke the chain.
    [[nodiscard]] std::uint32_t top(const table& in) const noexcept {
        const held_entry now = entry();
        return now != 0 && is_mine(in, times_more(now), here->me) ? times_more(now) : no_link;
    }
    [[nodiscard]] std::uint32_t before(const table& in, std::uint32_t slot) const noexcept {
        if (!is_of_several(entry())) return no_link;
        const std::uint32_t next = in.links[slot].load(std::memory_order_relaxed);
        return is_mine(in, next, here->me) ? next : no_link;
    }

    void let_go_of_top(const table& in) const noexcept {
        const std::uint32_t slot = top(in);
        const std::uint32_t next = before(in, slot);  // before another owner may write there
        let_go(in, *here, slot);
        // After J1: M4.
        if (next == no_link) {
            give_slot_back(*here->mine, *slot_of_entry, offset);
        } else {
            std::atomic_signal_fence(std::memory_order_seq_cst);
            slot_of_entry->store(entry_of_several(offset, next), std::memory_order_relaxed);
        }
        step("J6");
    }
};

[[noreturn]] void refuse_release(const void* of, const place* here) {
    sync::fail(here == nullptr && view_of(of).base == nullptr ? errc::outside_segment : errc::not_owner);
}

}  // namespace

owned_semaphore_core::owned_semaphore_core(std::ptrdiff_t permits, std::uint32_t capacity)
    : permits_(static_cast<std::uint32_t>(permits)),
      capacity_(capacity),
      home_mask_(permits < 1 ? 0 : std::bit_floor(permits_) - 1) {
    if (permits < 1 || permits > static_cast<std::ptrdiff_t>(capacity)) sync::fail(errc::bad_count);
}

// The quick ways keep everything in registers and leave by tail calls, as those of owner_lock.hpp.

std::uint32_t owned_semaphore_core::acquire(std::uint32_t capacity, deadline until) {
    std::uint64_t offset = 0;
    const place* here = find_place(this, offset);
    if (here == nullptr) [[unlikely]]
        return acquire_slowly(capacity, until);
    const table in(*this, capacity);
    const std::uint32_t home = in.home_of(here->me);
    // relaxed: my own. With one that is spilled, mine may be there already.
    if (home >= capacity || here->mine->spilled.load(std::memory_order_relaxed) != 0 ||
        !push_held(*here->mine, entry_of_one(offset, home))) [[unlikely]]
        return acquire_slowly(capacity, until);
    step("H0");
    std::uint64_t free = 0;
    // acquire: pairs with J1 (H1).
    if (!in.slots[home].compare_exchange_strong(free, here->me, std::memory_order_acquire, std::memory_order_relaxed))
        [[unlikely]]
        return acquire_slowly(capacity, until);
    step("H1");
    return home;
}

std::uint32_t owned_semaphore_core::acquire_slowly(std::uint32_t capacity, deadline until) {
    const place& here = sync::seat_near(this);
    const table in(*this, capacity);
    holding mine(this);
    const std::uint32_t previous = mine.top(in);
    if (mine.slot_of_entry == nullptr) mine.slot_of_entry = take_slot(*here.mine, entry_of_one(mine.offset, 0));
    if (mine.slot_of_entry == nullptr) sync::fail(errc::too_many_holds);
    step("H0");
    search attempt(in, here, mine.offset);
    std::optional<std::uint32_t> slot = attempt.find();
    try {
        if (!slot) slot = attempt.wait(until);
    } catch (...) {
        if (previous == no_link) give_slot_back(*here.mine, *mine.slot_of_entry, mine.offset);
        throw;
    }
    if (!slot) {
        if (previous == no_link) give_slot_back(*here.mine, *mine.slot_of_entry, mine.offset);
        return no_slot;
    }
    // relaxed, both: my own. What is at the end of a chain links to one that is not mine, or to itself.
    const bool several = previous != no_link;
    if (several && !is_of_several(mine.entry()))
        in.links[previous].store(static_cast<std::uint16_t>(no_link), std::memory_order_relaxed);
    in.links[*slot].store(static_cast<std::uint16_t>(previous), std::memory_order_relaxed);
    mine.slot_of_entry->store(several ? entry_of_several(mine.offset, *slot) : entry_of_one(mine.offset, *slot),
                              std::memory_order_relaxed);
    return *slot;
}

void owned_semaphore_core::release(std::uint32_t capacity, std::ptrdiff_t count) {
    std::uint64_t offset = 0;
    const place* here = find_place(this, offset);
    if (here == nullptr || count != 1) [[unlikely]]
        return release_slowly(capacity, count);
    const table in(*this, capacity);
    const std::uint32_t home = in.home_of(here->me);
    std::atomic<held_entry>& entry = favourite_slot(*here->mine, offset);
    // relaxed, both: my own, and only I write my id.
    if (entry.load(std::memory_order_relaxed) != entry_of_one(offset, home) || home >= capacity ||
        in.slots[home].load(std::memory_order_relaxed) != here->me) [[unlikely]]
        return release_slowly(capacity, count);
    // seq_cst: before the looks at groups and sequence (J1).
    in.slots[home].exchange(0, std::memory_order_seq_cst);
    step("J1");
    std::atomic_signal_fence(std::memory_order_seq_cst);  // M4
    if (!is_announced(in, capacity, home)) [[unlikely]]
        announce_free_permits(in.head, group_bit(in, home), 1);
    entry.store(0, std::memory_order_relaxed);
    step("J6");
}

void owned_semaphore_core::release_slowly(std::uint32_t capacity, std::ptrdiff_t count) {
    if (count < 0) sync::fail(errc::bad_count);
    const holding mine(this);
    const table in(*this, capacity);
    // First whether there are as many, so that nothing changes otherwise.
    std::uint32_t slot = mine.here == nullptr ? no_link : mine.top(in);
    for (std::ptrdiff_t i = 0; i < count; ++i) {
        if (slot == no_link) {
            if (inherited_by_fork(this)) return;  // what the parent's thread acquired
            refuse_release(this, mine.here);
        }
        slot = mine.before(in, slot);
    }
    for (; count > 0; --count) mine.let_go_of_top(in);
}

void owned_semaphore_core::release_slot(std::uint32_t capacity, std::uint32_t slot) {
    const holding mine(this);
    const table in(*this, capacity);
    if (mine.here == nullptr || mine.entry() == 0 || !is_mine(in, slot, mine.here->me)) {
        if (inherited_by_fork(this)) return;
        refuse_release(this, mine.here);
    }
    std::uint32_t behind = mine.top(in);
    if (behind == slot) return mine.let_go_of_top(in);
    // Out of the chain's middle; no more steps than it can have, should a stranger have made it a circle.
    const std::uint32_t next = mine.before(in, slot);
    for (std::uint32_t i = 0; i < in.size && behind != no_link && mine.before(in, behind) != slot; ++i)
        behind = mine.before(in, behind);
    if (behind == no_link || mine.before(in, behind) != slot) sync::fail(errc::damaged);
    in.links[behind].store(static_cast<std::uint16_t>(next), std::memory_order_relaxed);
    let_go(in, *mine.here, slot);
}

std::ptrdiff_t owned_semaphore_core::value(std::uint32_t capacity) const {
    sync::require_segment_quickly(this);
    const table in(const_cast<owned_semaphore_core&>(*this), capacity);
    // relaxed: a snapshot.
    return std::count_if(in.slots, in.slots + in.size,
                         [](const auto& slot) { return slot.load(std::memory_order_relaxed) == 0; });
}

std::ptrdiff_t owned_semaphore_core::held(std::uint32_t capacity) const {
    sync::require_segment_quickly(this);
    const holding mine(this);
    if (mine.here == nullptr) return 0;
    const table in(const_cast<owned_semaphore_core&>(*this), capacity);
    return std::count_if(in.slots, in.slots + in.size,
                         [&](const auto& slot) { return slot.load(std::memory_order_relaxed) == mine.here->me; });
}

}  // namespace process_shared::detail
