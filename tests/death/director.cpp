// SPDX-License-Identifier: MIT
#include "death/director.hpp"

#include "base/step.hpp"
#include "support/await.hpp"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string_view>
#include <thread>
#include <utility>

namespace death {
namespace {

using namespace std::chrono_literals;

// A victim that still sleeps after this much has lost its race for good; it is killed there.
constexpr auto patience_with_sleepers = 1s;
constexpr auto patience_with_victim = 20s;
constexpr pid_t not_coming = -1;
constexpr const char* step_asleep = "P3";  // sync/park.cpp: it cannot say so itself

#if defined(PROCESS_SHARED_STEPS)
board* noted_on = nullptr;

void note_step(const char* name) {
    noted_on->passed = name;
    ++noted_on->steps;
}
#endif

/// The steps of this process, from now on.
void note_steps([[maybe_unused]] board& shared) {
#if defined(PROCESS_SHARED_STEPS)
    noted_on = &shared;
    process_shared::detail::step_hook = note_step;
#endif
}

void break_rule([[maybe_unused]] const char* name) {
#if defined(PROCESS_SHARED_STEPS)
    process_shared::detail::broken_rule = name;
#endif
}

template <std::size_t size>
void write(char (&to)[size], std::string_view text) {
    std::snprintf(to, size, "%.*s", static_cast<int>(text.size()), text.data());
}

}  // namespace

void director::direct(const kill_point& where, outcome& result) {
    perform(
        [&] {
            const halt reason = reach(where);
            result.missed = where.asleep ? reason != halt::asleep : reason != halt::arrived && reason != halt::stepped;
            const char* passed = shared_.passed;
            const bool as_recorded = !result.missed && passed == where.passed;
            const char* step = where.asleep && !result.missed ? step_asleep : as_recorded ? where.in_effect : passed;
            write(result.step, step ? step : "");
            return reason;
        },
        result);
}

void director::record(recording& into, outcome& result) {
    perform([&] { return step_through(into); }, result);
}

template <class Lead>
void director::perform(Lead&& lead, outcome& result) {
    try {
        set_the_scene();
        end_the_victim(lead());
        see_to_the_survivors(result);
    } catch (const std::exception& failure) {
        write(result.complaint, failure.what());
    }
    result.over = true;
}

void director::set_the_scene() {
    break_rule(under_.broken_rule);
    what_.prepare(on_);
    victim_.emplace([this] { play_the_victim(); });
    // Not by asking whether it still runs: that would swallow the news that it stands at its begin mark.
    support::check(support::await([&] { return shared_.victim_task != 0; }, patience_with_victim),
                   "the victim did not come");
    support::check(shared_.victim_task != not_coming, "the victim: " + victim_->message());
    traced_.emplace(victim_->pid(), shared_.victim_task);
    what_.victim_is_ready(on_);
}

void director::play_the_victim() {
    note_steps(shared_);
    try {
        if (!what_.ends_its_thread()) return play_in_this_thread();
        std::thread([this] { play_in_this_thread(); }).join();
        pause();
    } catch (...) {
        shared_.victim_task = not_coming;
        throw;
    }
}

void director::play_in_this_thread() {
    what_.warm_up(shared_);
    frame_operation();
}

void director::frame_operation() {
    shared_.passed = nullptr;
    shared_.steps = 0;
    tracee::offer();
    shared_.victim_task = gettid();
    death_mark_begin();
    what_.operation(shared_);
    if (!what_.ends_its_thread()) death_mark_end();
}

halt director::reach(const kill_point& where) {
    if (where.asleep) return past_sleep(traced_->run_to(address_of(death_mark_end)), true);
    halt reason = past_sleep(traced_->run_to(where.landmark));
    for (std::uint32_t i = 0; i < where.beyond && (reason == halt::arrived || reason == halt::stepped); ++i)
        reason = past_sleep(traced_->step());
    return reason;
}

halt director::past_sleep(halt reason, bool stay_asleep) {
    if (reason != halt::asleep) return reason;
    if (!std::exchange(slept_, true)) what_.victim_sleeps(on_);
    return stay_asleep ? reason : traced_->go_on(patience_with_sleepers);
}

halt director::step_through(recording& into) {
    std::uint64_t seen = digest(what_.shared_memory());
    bool event = false;
    for (halt reason = halt::arrived;;) {
        if (into.count == recording::capacity) {
            into.overflow = true;
            return reason;
        }
        const address here = traced_->at();
        into.moments[into.count++] = {here, shared_.passed, shared_.steps, event};
        event = is_system_call(here);
        reason = past_sleep(traced_->step());
        into.slept = slept_;
        if (reason != halt::stepped) return reason;
        const std::uint64_t now = digest(what_.shared_memory());
        event = event || now != seen;
        seen = now;
    }
}

void director::end_the_victim(halt reason) {
    what_.victim_is_about_to_die(on_);
    announce_death(shared_, victim_->pid());
    // A thread that has ended is dead while its process lives.
    if (reason != halt::gone || !what_.ends_its_thread()) {
        traced_->kill();
        victim_->kill();
    }
    what_.victim_is_dead(on_);
}

void director::see_to_the_survivors(outcome& result) {
    if (!all_end_well(result)) return;
    what_.survivors_are_through(on_);
    if (!all_end_well(result)) return;
    support::check(shared_.overlaps == 0, "two were in the critical section at once");
    support::check(shared_.torn == 0, "half an invariant was seen, and nobody had told");
    what_.judge(on_);
}

/// False if there is nothing more to learn from this trial.
bool director::all_end_well(outcome& result) {
    progress how = on_.await_progress();
    if (how == progress::stuck) {
        result.by_backstop = true;
        if (under_.backstop_is_out_of_reach) return false;
        how = on_.await_end();
    }
    const std::string failed =
        how == progress::done ? on_.complaints() : "survivors did not get through within the limit";
    if (!failed.empty()) write(result.complaint, failed);
    return failed.empty();
}

}  // namespace death
