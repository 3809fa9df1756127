// SPDX-License-Identifier: MIT
// What the tests of processes that make others have in common.
#pragma once

#include "contract/stage.hpp"
#include "support/await.hpp"
#include "support/child.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

namespace contract {

using process_shared::mutex;
using process_shared::recursive_mutex;
using process_shared::segment;

struct shared_state {
    mutex guard;
    mutex other;
    recursive_mutex recursive;
    int value = 0;
    std::atomic<bool> ready, release;
    std::atomic<int> outcome{not_yet};
};

class forking : public testing::Test {
protected:
    [[nodiscard]] bool ready() const {
        return support::await([&] { return shared.ready.load(); });
    }
    [[nodiscard]] static int try_once(mutex& lock) {
        return outcome_of([&] {
            if (!lock.try_lock()) return false;
            lock.unlock();
            return true;
        });
    }
    /// A process that holds the guard until told.
    [[nodiscard]] support::child holder() {
        return support::child([this] {
            const std::lock_guard hold(shared.guard);
            shared.ready = true;
            EXPECT_TRUE(support::await([&] { return shared.release.load(); }));
        });
    }
    segment memory = segment::anonymous(64 * 1024);
    shared_state& shared = memory.construct<shared_state>("shared");
};

}  // namespace contract
