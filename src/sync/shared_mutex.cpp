// SPDX-License-Identifier: MIT
// shared_mutex: an owner word for writers, with the protocol of owner_lock.cpp; a gate for readers; and the readers
// themselves, each an entry in its own seat's held list (readers.hpp). Nobody counts readers.
//
// gate  [ … | WAITING | BIASED | DRAINING | OPEN ]
//   OPEN      a reader that has announced itself, and then reads OPEN, is inside
//   DRAINING  a writer has closed it, and waits for those who are inside
//   BIASED    (with OPEN) readers announce without a fence; (with DRAINING) some did: fence for them
//   WAITING   (with DRAINING) the writer sleeps, or is about to, until a reader's slot changes
// turn    1: readers have waited for a millisecond: the next to unlock opens for them, and writers wait as long
// eager   how many times still a writer's unlock opens the gate, because readers had to do it lately
//
// Who changes what: the gate and eager only the owner of the word, but a reader inside makes OPEN BIASED; turn anybody.
// An owner is inside, writing, if and only if neither OPEN nor DRAINING is set, and its word is not tentative (R alone).
//
// Step  From → To                         By      Order    If the doer dies right after
// G0    slot := waiter                    read    plain    swept: not owned, two sleepers woken needlessly
// G1    announced: slot := reader         read    seq_cst  the slot is a dead one's: nobody minds it. plain if BIASED
// G2    gate read: OPEN. Inside           read    seq_cst  as G1
// G3    gate read: closed; slot := waiter read    seq_cst  as G1: a writer that sleeps on it watches my token
// G4    word free → mine, tentative       read    acquire  free again, C kept: T2
// G5    gate: OPEN                        read    release  as G4; inside, as G1
// G6    word → free                       read    release  as U2: sleepers watch my token
// G7    all sleepers of the word woken    read    –        nothing is left to do
// G8    slot := 0                         unlock  release  as G1
// G9    writer woken, if WAITING          unlock  –        nothing is left to do
// L1    word → mine                       write   acquire  free if the gate is not 0, else abandoned
// X1    gate: OPEN → DRAINING             write   seq_cst  free, and the next one drains again, or opens: G5
// X2    membarrier, if BIASED             write   –        as X1
// X3    WAITING set, membarrier           write   seq_cst  as X1; readers wake nobody
// X4    asleep on {slot, reader's token}  write   –        as X1
// X5    all are out; gate: 0. Writing     write   relaxed  abandoned: T2
// X6    gave up: gate OPEN again          write   release  as X1
// X7    gate: 0 → OPEN, if eager or turn  unlock  release  free: T2; what it wrote is whole
// U1…   as owner_lock.cpp; after X7 all sleepers are woken
//
// M1  A reader inside keeps the gate from 0: the writer that closes it (X1) sees the slot, or the reader sees it closed
//     (G2). Fenced: both by seq_cst. BIASED: the reader's store is visible, or its load comes later, after X2.
// M2  The gate is open only if the last to own the word was not writing when it let go, so what readers see is sound.
// M3  A writer that sleeps on a slot (X4) has set WAITING and fenced for everybody before it looked again: who empties
//     the slot later sees WAITING. Where fences for others cannot be had, it naps for a millisecond at most.
// M4  Readers sleep on the word, as writers do, with an entry that no writer takes for a hold. Who gets in after having
//     slept wakes all: a reader does not take the word, so no unlock of its would wake those behind.
//
// Steps that need the backstop after one death: none. The turn of a dead reader costs the next writer one millisecond,
// or a look at every seat if it does not wait.
#include <process_shared/shared_mutex.hpp>

#include "platform/fence.hpp"
#include "sync/owner_lock.hpp"
#include "sync/owner_wait.hpp"
#include "sync/readers.hpp"
#include "sync/word_wait.hpp"

namespace process_shared {

using namespace seats;
using detail::ownership;

namespace {

constexpr std::uint32_t open = detail::gate_open;
constexpr std::uint32_t draining = detail::gate_draining;
constexpr std::uint32_t biased = detail::gate_biased;
constexpr std::uint32_t waiting_for_reader = detail::gate_waiting;
constexpr bool readers_may_be_inside(std::uint32_t gate) noexcept { return (gate & (open | draining)) != 0; }

/// For so many writes after a reader had to open the gate, writers do. Each costs them a look at every seat.
constexpr std::uint32_t openings = 16;
/// How long readers are kept out before writers give way, and how long these do so at most.
constexpr std::int64_t patience = 1'000'000;
/// Where nobody can fence for others, see M3.
constexpr std::int64_t nap = 1'000'000;

/// A shared_mutex, taken apart.
struct parts {
    std::atomic<std::uint64_t>& word;
    std::atomic<std::uint32_t>& gate;
    std::atomic<std::uint32_t>& turn;
    std::atomic<std::uint32_t>& eager;
};

}  // namespace

struct detail::shared_mutex_access {
    static parts parts_of(shared_mutex& of) noexcept { return {of.word_, of.gate_, of.turn_, of.eager_}; }
};

namespace {

parts parts_of(shared_mutex& of) noexcept { return detail::shared_mutex_access::parts_of(of); }

/// A reader that left its slot, or the announcement in it. The caller has fenced, or a writer did for it (M3).
void wake_the_writer(const std::atomic<std::uint32_t>& gate, std::atomic<held_entry>& slot) noexcept {
    // relaxed: M3.
    if ((gate.load(std::memory_order_relaxed) & waiting_for_reader) != 0 && !detail::broken("reader_wakes_nobody"))
        platform::wake(sync::upper_half(slot), platform::everyone);
    detail::step("G9");
}

/// One reader that could not go in at once.
class reading {
public:
    reading(const parts& of, std::atomic<held_entry>& slot, const sync::attempt& by, deadline until) noexcept
        : of_(of), slot_(slot), wait_(by, until), reader_(sync::reader_entry(offset_of(by.entry))) {}

    bool run() {
        for (;;) {
            // acquire: pairs with G5, X6, X7.
            if ((of_.gate.load(std::memory_order_acquire) & open) != 0 && go_in()) return true;
            stand_back();
            // acquire: as a lock; pairs with U1, R2, T2.
            const std::uint64_t value = of_.word.load(std::memory_order_acquire);
            if (is_free(value)) {
                // relaxed: only to spare an attempt.
                if ((of_.gate.load(std::memory_order_relaxed) & open) == 0 && open_gate(value)) return true;
            } else if (is_abandoned(value)) {
                wait_.wake_those_behind(value);
                give_up();
                throw owner_died(describe(wait_.in(), owner_of(value)));
            } else if (is_dead(wait_.in(), owner_of(value))) {
                wait_.notice_death(owner_of(value));
            } else if (wait_.until().has_passed()) {
                give_up();
                return false;
            } else {
                wait(value);
            }
        }
    }

private:
    [[nodiscard]] const sync::attempt& by() const noexcept { return wait_.by(); }

    void announce() noexcept {
        slot_.exchange(reader_, std::memory_order_seq_cst);  // M1
        detail::step("G1");
    }

    bool go_in() noexcept {
        announce();
        if ((of_.gate.load(std::memory_order_seq_cst) & open) == 0) return false;  // M1
        detail::step("G2");
        is_in();
        return true;
    }

    /// From an announcement to waiting.
    void stand_back() noexcept {
        if (slot_.load(std::memory_order_relaxed) != reader_) return;  // relaxed: my own
        slot_.exchange(by().entry, std::memory_order_seq_cst);         // M3
        detail::step("G3");
        wake_the_writer(of_.gate, slot_);
    }

    bool open_gate(std::uint64_t value) noexcept {
        announce();
        if (!wait_.take(value, by().me | repairing)) return false;
        detail::step("G4");
        of_.eager.store(openings, std::memory_order_relaxed);  // relaxed: as the owner
        const std::uint32_t left = of_.gate.load(std::memory_order_relaxed) & biased;
        // release: what the last writer wrote, which I have acquired, comes before; pairs with the readers' acquire.
        of_.gate.store(open | left, std::memory_order_release);
        detail::step("G5");
        // release: pairs with the acquire of the next lock.
        const std::uint64_t last = of_.word.exchange(0, std::memory_order_release);
        detail::step("G6");
        if ((last & contended) != 0 && !detail::broken("opener_wakes_nobody"))
            wake_sleepers(of_.word, platform::everyone);
        detail::step("G7");
        is_in();
        return true;
    }

    void is_in() noexcept {
        if (!wait_.slept()) return;
        if (!detail::broken("opener_wakes_nobody")) wake_sleepers(of_.word, platform::everyone);  // M4
        // relaxed: it carries no data.
        if (of_.turn.load(std::memory_order_relaxed) == 0 || !has_waited_long()) return;
        of_.turn.store(0, std::memory_order_relaxed);
        platform::wake(of_.turn, platform::everyone);
    }

    bool has_waited_long() noexcept { return platform::now() - wait_.started() >= patience; }

    void wait(std::uint64_t value) noexcept {
        const bool long_enough = has_waited_long();
        // relaxed: an owner that misses it sees it the next time.
        if (long_enough && of_.turn.load(std::memory_order_relaxed) == 0) of_.turn.store(1, std::memory_order_relaxed);
        const bool patient = detail::broken("readers_never_look_again") || detail::broken("opener_wakes_nobody");
        const deadline limit =
            long_enough || patient ? wait_.until() : std::min(wait_.until(), deadline::from_now(patience));
        wait_.wait(value, limit, [&] {
            // relaxed: a glance.
            const std::uint64_t now = of_.word.load(std::memory_order_relaxed);
            return (of_.gate.load(std::memory_order_relaxed) & open) != 0 || is_free(now) || is_abandoned(now);
        });
    }

    void give_up() noexcept {
        wait_.pass_wake_on();
        give_slot_back(by().mine, slot_, by().entry);
    }

    const parts of_;
    std::atomic<held_entry>& slot_;
    sync::owner_wait wait_;
    const held_entry reader_;
};

/// A writer that has the word, and found readers there.
class draining_writer {
public:
    draining_writer(const parts& of, const place& here, const view& in, deadline until) noexcept
        : of_(of), until_(until), in_(in), by_(sync::attempt_from(here, of.word, lock_kind::shared_mutex)) {}

    bool run() {
        if (!give_way() || (until_.has_passed() && readers_are_seen())) return leave_open();
        close();
        const bool all_out =
            sync::for_each_reader(in_, offset_of(by_.entry),
                                  [&](std::atomic<held_entry>& slot, std::uint32_t seat) { return out(slot, seat); });
        if (!all_out) {
            reopen();
            return leave_open();
        }
        // relaxed: readers come in only when the word, which I let go with release, has been taken again, or by X7.
        of_.gate.store(0, std::memory_order_relaxed);
        detail::step("X5");
        return true;
    }

    /// The gate is open, and I do not write. Readers sleep on the word as well: all are woken.
    bool leave_open() noexcept {
        of_.word.exchange(0, std::memory_order_release);  // pairs with the acquire of the next lock
        detail::step("U1");
        wake_sleepers(of_.word, platform::everyone);
        detail::step("U3");
        pop_held(by_.mine, by_.entry);
        return false;
    }

private:
    /// To readers that have waited long: until one of them is in, or they have had their time.
    bool give_way() noexcept {
        // relaxed throughout: it carries no data.
        if (of_.turn.load(std::memory_order_relaxed) == 0 || (of_.gate.load(std::memory_order_relaxed) & open) == 0)
            return true;
        const deadline enough = deadline::from_now(patience);
        while (of_.turn.load(std::memory_order_relaxed) != 0) {
            if (until_.has_passed()) {
                if (readers_wait()) return false;
                break;  // they gave up or died: else it would be kept from all who only try
            }
            if (enough.has_passed()) break;
            sync::park(me(), of_.turn, 1, std::span<const participant_id>{}, std::min(enough, until_));
        }
        of_.turn.store(0, std::memory_order_relaxed);
        return true;
    }

    [[nodiscard]] bool readers_wait() const noexcept {
        return count_waiting(in_, make_entry(lock_kind::shared_waiter, offset_of(by_.entry))) != 0;
    }

    /// One who does not wait need not disturb them.
    bool readers_are_seen() noexcept {
        return !sync::for_each_reader(
            in_, offset_of(by_.entry), [&](const std::atomic<held_entry>&, std::uint32_t index) {
                const std::uint64_t state = in_.seat_at(index).state.load(std::memory_order_acquire);  // pairs with C4
                return is_dead(in_, make_id(index, state_generation(state)));
            });
    }

    void close() noexcept {
        std::uint32_t gate = of_.gate.load(std::memory_order_relaxed);
        // seq_cst: M1 (X1). A reader may make it BIASED meanwhile.
        while (!of_.gate.compare_exchange_weak(gate, draining | (gate & biased), std::memory_order_seq_cst,
                                               std::memory_order_relaxed)) {}
        detail::step("X1");
        if ((gate & biased) != 0 && !detail::broken("writer_does_not_fence")) platform::fence_everyone();
        detail::step("X2");
    }

    /// Whether the reader in that slot is out. False if the deadline passed first.
    bool out(std::atomic<held_entry>& slot, std::uint32_t index) noexcept {
        const std::uint64_t offset = offset_of(by_.entry);
        for (;;) {
            const held_entry entry = slot.load(std::memory_order_seq_cst);  // acquire: pairs with G8; and M3
            if (!sync::is_reader_of(entry, offset)) return true;
            const std::uint64_t state = in_.seat_at(index).state.load(std::memory_order_acquire);  // pairs with C4
            if (state_of(state) != seat_state::taken && state_of(state) != seat_state::leaving) return true;
            const participant_id who = make_id(index, state_generation(state));
            if (is_dead(in_, who)) {
                sweep(in_, who);
                return true;
            }
            if (until_.has_passed()) return false;
            if (sync::spin(me(), [&] { return slot.load(std::memory_order_relaxed) != entry; })) continue;
            if (!announced_) {
                announce();
                continue;  // and look again: M3
            }
            const deadline limit = in_.unfenced_reads ? until_ : std::min(until_, deadline::from_now(nap));
            sync::park(me(), sync::upper_half(slot), static_cast<std::uint32_t>(entry >> 32), who, limit);
            detail::step("X4");
        }
    }

    void announce() noexcept {
        of_.gate.fetch_or(waiting_for_reader, std::memory_order_seq_cst);
        if (in_.unfenced_reads) platform::fence_everyone();
        announced_ = true;
        detail::step("X3");
    }

    void reopen() noexcept {
        const std::uint32_t left = of_.gate.load(std::memory_order_relaxed) & biased;
        of_.gate.store(open | left, std::memory_order_release);  // as G5 (X6)
        detail::step("X6");
    }

    [[nodiscard]] sync::sleeper me() noexcept {
        if (started_ == 0) started_ = platform::now();
        return {in_, by_.mine, by_.me, by_.entry, started_};
    }

    const parts of_;
    const deadline until_;
    const view& in_;
    const sync::attempt by_;
    std::int64_t started_ = 0;
    bool announced_ = false;
};

/// The word is mine, and readers may be inside. False if it had to be let go again.
bool drain(const parts& of, deadline until) {
    const view in = view_of(&of.word);
    const place& here = *find_seat(&of.word);
    draining_writer writer(of, here, in, until);
    std::uint64_t offset = 0;
    here.locate(reinterpret_cast<std::uintptr_t>(&of.word), offset);
    if (sync::my_reader_slot(*here.mine, offset) != nullptr) {
        writer.leave_open();
        sync::fail(errc::would_deadlock);
    }
    return writer.run();
}

inline ownership write(const parts& of, deadline until, sync::if_abandoned what) {
    const ownership got = sync::acquire_word(of.word, lock_kind::shared_mutex, until, what);
    // relaxed: it is opened only by one who owns the word, before me.
    if (got == ownership::none || !readers_may_be_inside(of.gate.load(std::memory_order_relaxed))) [[likely]]
        return got;
    return drain(of, until) ? got : ownership::none;
}

/// Opens for readers, and lets the word go.
void unlock_and_open(const parts& of, const place* here, std::uint64_t offset) {
    // relaxed: only I change the owner while it is me. Not mine, or unrepaired: the common way.
    if ((of.word.load(std::memory_order_relaxed) & ~contended) != here->me)
        return sync::release_word_from(here, offset, of.word, lock_kind::shared_mutex);
    // relaxed: as the owner.
    if (const std::uint32_t left = of.eager.load(std::memory_order_relaxed); left != 0)
        of.eager.store(left - 1, std::memory_order_relaxed);
    of.gate.store(open, std::memory_order_release);  // pairs with the readers' acquire
    detail::step("X7");
    const std::uint64_t last = of.word.exchange(0, std::memory_order_release);  // pairs with the next lock
    detail::step("U2");
    if ((last & contended) != 0) wake_sleepers(of.word, platform::everyone);
    detail::step("U3");
    pop_held(*here->mine, make_entry(lock_kind::shared_mutex, offset));
    detail::step("U4");
}

/// Everything but the quick ways in. `announced`: the entry is in its favourite slot already.
bool read_slowly(const parts& of, bool announced, deadline until) {
    const place& here = sync::seat_near(&of.word);
    const sync::attempt by = sync::attempt_from(here, of.word, lock_kind::shared_waiter);
    std::atomic<held_entry>* slot = sync::my_reader_slot(*here.mine, offset_of(by.entry));
    if (slot != nullptr && !announced) {
        // relaxed, here and below: my own. A writer that waits for the slot only sees that it is not empty yet.
        const held_entry entry = slot->load(std::memory_order_relaxed);
        if (times_more(entry) == most_times_more) sync::fail(errc::recursion_too_deep);
        slot->store(entry + once_more, std::memory_order_relaxed);
        return true;
    }
    if (!announced) {
        if (sync::holds(of.word)) sync::fail(errc::would_deadlock);
        slot = take_slot(*here.mine, by.entry);
        if (slot == nullptr) sync::fail(errc::too_many_holds);
        detail::step("G0");
    }
    detail::my_last_read->reads = 0;
    return reading(of, *slot, by, until).run();
}

void remember(const void* lock, std::atomic<held_entry>& slot, held_entry entry) noexcept {
    detail::last_read& last = *detail::my_last_read;
    // relaxed: my own; forget_everywhere may clear it.
    last.lock.store(nullptr, std::memory_order_relaxed);
    last.slot = &slot;
    last.entry = entry;
    last.reads = 0;
    last.lock.store(lock, std::memory_order_relaxed);
}

}  // namespace

bool shared_mutex::read_another(deadline until) {
    std::uint64_t offset = 0;
    const place* here = find_place(this, offset);
    if (here == nullptr) return read_slowly(parts_of(*this), false, until);
    std::atomic<held_entry>& slot = favourite_slot(*here->mine, offset);
    const bool open_now = (gate_.load(std::memory_order_relaxed) & open) != 0;  // relaxed: looked at again
    // relaxed: my own slot.
    if (slot.load(std::memory_order_relaxed) != 0 || !open_now) return read_slowly(parts_of(*this), false, until);
    const held_entry entry = sync::reader_entry(offset);
    remember(this, slot, entry);
    slot.exchange(entry, std::memory_order_seq_cst);  // M1
    detail::step("G1");
    // M1; acquire: pairs with G5.
    if ((gate_.load(std::memory_order_seq_cst) & open) == 0) return read_announced(until);
    detail::step("G2");
    return true;
}

bool shared_mutex::read_announced(deadline until) { return read_slowly(parts_of(*this), true, until); }

void shared_mutex::make_biased() noexcept {
    detail::my_last_read->reads = 0;
    if (!view_of(this).unfenced_reads) return;
    std::uint32_t as_it_is = open;
    // relaxed: whoever reads it announces itself first, and looks again; X1 keeps it. I am inside.
    gate_.compare_exchange_strong(as_it_is, open | biased, std::memory_order_relaxed);
}

void shared_mutex::stop_reading() {
    const place* here = find_seat(this);
    std::uint64_t offset = 0;
    if (here != nullptr) here->locate(reinterpret_cast<std::uintptr_t>(this), offset);
    std::atomic<held_entry>* slot = here == nullptr ? nullptr : sync::my_reader_slot(*here->mine, offset);
    if (slot == nullptr) [[unlikely]] {
        if (inherited_by_fork(this)) return;  // a guard that the parent's thread made
        sync::fail(here == nullptr && view_of(this).base == nullptr ? errc::outside_segment : errc::not_owner);
    }
    const held_entry entry = slot->load(std::memory_order_relaxed);  // relaxed: my own
    if (times_more(entry) != 0) return slot->store(entry - once_more, std::memory_order_relaxed);
    give_slot_back(*here->mine, *slot, entry);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // M3
    detail::step("G8");
    wake_the_writer(gate_, *slot);
}

void shared_mutex::wake_writer() noexcept { wake_the_writer(gate_, *detail::my_last_read->slot); }

void shared_mutex::lock() { write(parts_of(*this), deadline::never(), sync::if_abandoned::refuse); }

bool shared_mutex::try_lock() { return try_lock_by(deadline::passed()); }

bool shared_mutex::try_lock_by(deadline until) {
    return write(parts_of(*this), until, sync::if_abandoned::refuse) != ownership::none;
}

ownership shared_mutex::acquire(deadline until) { return write(parts_of(*this), until, sync::if_abandoned::take); }

void shared_mutex::unlock() {
    std::uint64_t offset = 0;
    const place* here = find_place(&word_, offset);
    if (here == nullptr) [[unlikely]]
        return sync::release_slowly(word_, lock_kind::shared_mutex);
    // relaxed: as the owner; a turn that comes later is seen by the next one.
    if ((eager_.load(std::memory_order_relaxed) | turn_.load(std::memory_order_relaxed)) != 0) [[unlikely]]
        return unlock_and_open(parts_of(*this), here, offset);
    sync::release_word_from(here, offset, word_, lock_kind::shared_mutex);
}

void shared_mutex::declare_sound() { sync::declare_word_sound(word_); }

}  // namespace process_shared
