// SPDX-License-Identifier: MIT
// The parts that threads and processes play in tests of locks. Each is a function of the stage and its actor's state.
#include "contract/stage.hpp"

#include <unistd.h>

#include <functional>
#include <map>
#include <mutex>

namespace contract {
namespace {

using part = std::function<void(stage&, actor_state&)>;

cue await_cue(const actor_state& mine) {
    support::check(support::await([&] { return mine.told != cue::none; }), "no cue came");
    return mine.told;
}

template <class First, class Second>
void count_under(stage& on, First first, Second second) {
    for (int i = 0; i < counting_rounds; ++i) {
        const std::scoped_lock hold(first, second);
        ++on.value;
    }
}

void counts(stage& on, actor_state&) {
    any_lock guard = on.guard();
    for (int i = 0; i < counting_rounds; ++i) {
        const std::lock_guard hold(guard);
        ++on.value;
    }
}

void counts_by_trying(stage& on, actor_state&) {
    any_lock guard = on.guard();
    for (int i = 0; i < counting_rounds; ++i) {
        while (i % 2 == 0 ? !guard.try_lock() : !guard.try_lock_for(100us)) {}
        ++on.value;
        guard.unlock();
    }
}

void locks_and_unlocks_once(stage& on, actor_state&) {
    on.guard().lock();
    on.guard().unlock();
}

/// Leaves with the lock held if told so, or when killed.
void holds(stage& on, actor_state& mine) {
    on.guard().lock();
    mine.ready = true;
    if (await_cue(mine) == cue::unlock) on.guard().unlock();
}

void holds_both(stage& on, actor_state& mine) {
    on.second().lock();
    holds(on, mine);
}

void holds_after_letting_go_of_another(stage& on, actor_state& mine) {
    on.second().lock();
    on.second().unlock();
    holds(on, mine);
}

void holds_until_the_waiter_sleeps(stage& on, actor_state& mine) {
    any_lock guard = on.guard();
    const std::lock_guard hold(guard);
    mine.ready = true;
    support::check(await_asleep(on.waiter), "nobody went to sleep");
    on.value = 42;
}

void locks(stage& on, actor_state& mine) {
    mine.task = gettid();
    try {
        on.guard().lock();
        mine.outcome = locked;
        on.guard().unlock();
    } catch (const owner_died& death) {
        mine.dead_process = death.who().process;
        mine.outcome = died;
    }
}

void locks_repairing(stage& on, actor_state& mine) {
    mine.task = gettid();
    on.guard().lock([&] { ++on.repairs; });
    ++on.value;
    on.guard().unlock();
}

/// Leaves what it repairs half-repaired, and held, if told so or when killed.
void repairs(stage& on, actor_state& mine) {
    const auto owned = on.guard().acquire(process_shared::deadline::never());
    support::check(owned == process_shared::detail::ownership::abandoned, "there was nothing to repair");
    mine.ready = true;
    if (await_cue(mine) == cue::leave) return;
    on.guard().declare_sound();
    on.guard().unlock();
}

void tries(stage& on, actor_state& mine) {
    mine.outcome = outcome_of([&] {
        if (!on.guard().try_lock()) return false;
        on.guard().unlock();
        return true;
    });
}

void unlocks_what_it_does_not_hold(stage& on, actor_state& mine) {
    mine.outcome = outcome_of([&] { on.guard().unlock(); });
}

const std::map<std::string, part> parts = {
    {"counts", counts},
    {"counts_by_trying", counts_by_trying},
    {"counts_under_both", [](stage& on, actor_state&) { count_under(on, on.guard(), on.second()); }},
    {"counts_under_both_in_reverse", [](stage& on, actor_state&) { count_under(on, on.second(), on.guard()); }},
    {"locks_and_unlocks_once", locks_and_unlocks_once},
    {"holds", holds},
    {"holds_both", holds_both},
    {"holds_after_letting_go_of_another", holds_after_letting_go_of_another},
    {"holds_until_the_waiter_sleeps", holds_until_the_waiter_sleeps},
    {"locks", locks},
    {"locks_repairing", locks_repairing},
    {"repairs", repairs},
    {"tries", tries},
    {"unlocks_what_it_does_not_hold", unlocks_what_it_does_not_hold},
};

}  // namespace

void play(const std::string& name, process_shared::segment& own, unsigned index) {
    stage& on = own.find<stage>("stage");
    parts.at(name)(on, on.actors.at(index));
}

}  // namespace contract
