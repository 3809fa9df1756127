// SPDX-License-Identifier: MIT
// `pshared demo crash`: the owner of a lock is killed between two writes that belong together.
#include "child.hpp"
#include "demo.hpp"

#include <process_shared/error.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/segment.hpp>

#include <fmt/format.h>

#include <pthread.h>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

namespace pshared {
namespace {

constexpr int total = 200;

/// Money moves, but none is lost: left + right == total whenever nobody holds the lock.
struct accounts {
    process_shared::mutex guard;
    int left = 100;   // under guard
    int right = 100;  // under guard
};

std::string balance(const accounts& shared) {
    return fmt::format("{} + {} = {}", shared.left, shared.right, shared.left + shared.right);
}

struct report {
    process_shared::participant_name who;
    std::chrono::nanoseconds after;
};

/// What lock() says about an owner who was killed at `killed`; nothing if it does not complain.
std::optional<report> lock_after(std::chrono::steady_clock::time_point killed, accounts& shared) {
    try {
        shared.guard.lock();
        shared.guard.unlock();
        return std::nullopt;
    } catch (const process_shared::owner_died& death) {
        return report{death.who(), std::chrono::steady_clock::now() - killed};
    }
}

bool repair(accounts& shared) {
    bool asked = false;
    shared.guard.lock([&] {
        asked = true;
        shared.right = total - shared.left;
    });
    std::lock_guard hold(shared.guard, std::adopt_lock);
    say(fmt::format("lock(repair) gave the lock and repaired: {}", balance(shared)));
    return asked && shared.left + shared.right == total;
}

/// Another process uses the lock as if nothing had happened.
bool goes_on(accounts& shared) {
    child next([&] {
        std::lock_guard hold(shared.guard);
        shared.left += 5;
        shared.right -= 5;
    });
    const bool moved = next.wait();
    std::lock_guard hold(shared.guard);
    const bool right = moved && shared.left == 75 && shared.right == 125;
    say(fmt::format("process {} locks as usual and moves 5 back: {}", next.id(), balance(shared)),
        right ? tone::good : tone::bad);
    return right;
}

}  // namespace

bool demo_crash() {
    title("crash", "a process is killed in the middle of its work, with the lock in its hands");
    auto memory = process_shared::segment::anonymous(4096);
    auto& shared = memory.construct<accounts>("accounts");

    rendezvous halfway;
    child teller([&] {
        pthread_setname_np(pthread_self(), "teller");
        std::lock_guard hold(shared.guard);
        shared.left -= 30;
        halfway.ready_and_stay();
        shared.right += 30;  // not reached while this process lives
    });
    if (!halfway.await_ready()) return false;
    say(fmt::format("process {} locks and takes 30 from the left account; before it gives them to the right one,",
                    teller.id()),
        tone::quiet);
    say("it is killed (SIGKILL); this process now locks", tone::quiet);

    const auto killed = std::chrono::steady_clock::now();
    teller.kill();
    const auto death = lock_after(killed, shared);
    teller.wait();
    if (!death) {
        say("lock() did not say that the owner had died", tone::bad);
        return false;
    }
    const bool named = death->who.process == static_cast<std::uint32_t>(teller.id()) &&
                       death->who.thread_name == "teller" && shared.left + shared.right == total - 30;
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(death->after).count();
    say(fmt::format("lock() says owner_died: process {}, thread \"{}\", {} us after the kill; left behind: {}",
                    death->who.process, printable(death->who.thread_name), microseconds, balance(shared)),
        named ? tone::plain : tone::bad);
    return repair(shared) && goes_on(shared) && named;
}

}  // namespace pshared
