// SPDX-License-Identifier: MIT
#include "death/stage.hpp"

#include "support/asleep.hpp"
#include "support/await.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string_view>
#include <vector>

namespace death {
namespace {

using namespace std::chrono_literals;

constexpr auto before_first_look = 2ms;

/// Two looks this far apart, with no switch in between, have seen a sleep that only a wake or the backstop ends: longer
/// than any timed sleep of the protocols. Those of a kernel without futex_waitv are longer (platform/linux/wait.cpp).
std::chrono::milliseconds between_looks() {
    static const bool short_naps = [] {
        if (const char* off = std::getenv("PROCESS_SHARED_NO_WAITV"); off != nullptr && *off != '\0') return false;
        syscall(SYS_futex_waitv, nullptr, 0u, 0u, nullptr, 0);
        return errno != ENOSYS && errno != EPERM;
    }();
    return short_naps ? 10ms : 75ms;
}

/// How often the task was switched to another, of its own will or not; nothing if it is gone.
std::optional<std::string> switches_of(pid_t task) {
    const std::string status = support::detail::read_proc(task, "status");
    const std::size_t at = status.find("voluntary_ctxt_switches");
    if (at == std::string::npos) return std::nullopt;
    return status.substr(at);
}

}  // namespace

survivor::survivor(board& shared, int number, std::function<void()> part)
    : shared_(shared), number_(number), process_([&shared, number, &part] {
          part();
          shared.done[number] = true;
          for (;;) pause();
      }) {}

bool survivor::sleeps() const { return support::is_asleep(process_.pid()); }

std::string survivor::complaint() {
    if (process_.running()) return {};
    const auto result = process_.wait_success();
    return result ? "it ended" : result.message();
}

survivor& stage::start(std::function<void()> part) {
    support::check(survivors_.size() < board::most_survivors, "more survivors than a board has room for");
    return survivors_.emplace_back(shared_, static_cast<int>(survivors_.size()), std::move(part));
}

support::child& stage::start_extra(std::function<void()> part) { return extras_.emplace_back(std::move(part)); }

/// Or failed, which needs no waiting either.
bool stage::all_done() {
    return std::all_of(survivors_.begin(), survivors_.end(), [](survivor& one) { return one.done() || one.failed(); });
}

void stage::await_rest() {
    for (survivor& one : survivors_)
        support::check(support::await([&] { return one.done() || one.failed() || one.sleeps(); }),
                       "a survivor neither gets through nor sleeps");
}

/// Each was asleep at the first look and has not been switched since: there was a moment when all of them slept. The
/// dead are buried and nobody else is about to do anything, so nobody is left to wake them but a timer.
bool stage::all_sleep() {
    std::vector<std::pair<pid_t, std::string>> seen;
    for (survivor& one : survivors_) {
        if (one.done() || one.failed()) continue;
        const auto switches = switches_of(one.pid());
        if (!switches || !one.sleeps()) return false;
        seen.emplace_back(one.pid(), *switches);
    }
    if (support::await([&] { return all_done(); }, between_looks())) return false;
    return std::all_of(seen.begin(), seen.end(), [](const auto& one) {
        return support::is_asleep(one.first) && switches_of(one.first) == one.second;
    });
}

progress stage::await_progress() {
    const auto end = std::chrono::steady_clock::now() + limit_;
    while (!support::await([&] { return all_done(); }, before_first_look)) {
        if (all_sleep()) return progress::stuck;
        if (std::chrono::steady_clock::now() > end) return progress::running;
    }
    return progress::done;
}

progress stage::await_end() {
    return support::await([&] { return all_done(); }, limit_) ? progress::done : progress::running;
}

std::string stage::complaints() {
    std::string all;
    for (survivor& one : survivors_)
        if (const std::string failure = one.complaint(); !failure.empty()) all += "a survivor: " + failure + "; ";
    return all;
}

void announce_death(board& shared, pid_t process) {
    for (auto& place : shared.dying) {
        pid_t nobody = 0;
        if (place.compare_exchange_strong(nobody, process)) return;
    }
    throw support::check_failed("more deaths than a board has room for");
}

bool is_dying(const board& shared, pid_t process) {
    return std::any_of(std::begin(shared.dying), std::end(shared.dying),
                       [&](const auto& place) { return place == process; });
}

void enter(board& shared) {
    const pid_t met = shared.inside.exchange(getpid());
    if (met != 0 && !is_dying(shared, met)) ++shared.overlaps;
}

void leave(board& shared) {
    pid_t me = getpid();
    if (!shared.inside.compare_exchange_strong(me, 0)) ++shared.overlaps;
}

}  // namespace death
