// SPDX-License-Identifier: MIT
// The frame of the tests of locks between participants: run for each kind of lock, of segment and of participant.
#pragma once

#include "contract/actors.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace contract {

struct combination {
    lock_kind lock;
    home_kind home;
    actor_kind actor;
};

inline std::ostream& operator<<(std::ostream& out, const combination& which) {
    const char* actors[] = {"threads", "forked", "unrelated"};
    return out << to_string(which.lock) << (which.home == home_kind::named ? "_named_" : "_anonymous_")
               << actors[static_cast<int>(which.actor)];
}

inline std::string name_of(const testing::TestParamInfo<combination>& info) {
    return testing::PrintToString(info.param);
}

inline std::vector<combination> combinations_of(std::initializer_list<actor_kind> actors) {
    std::vector<combination> all;
    for (const actor_kind actor : actors)
        for (const home_kind home : {home_kind::anonymous, home_kind::named})
            for (const lock_kind lock : all_lock_kinds) all.push_back({lock, home, actor});
    return all;
}

inline std::vector<combination> process_combinations() {
    return combinations_of({actor_kind::forked, actor_kind::unrelated});
}

class lock_test : public testing::TestWithParam<combination> {
protected:
    [[nodiscard]] std::unique_ptr<performer> start(const std::string& part, unsigned index = 0) {
        return contract::start(GetParam().actor, here, shared.actors.at(index), part, index);
    }
    [[nodiscard]] std::vector<std::unique_ptr<performer>> start_many(unsigned count, const std::string& part) {
        std::vector<std::unique_ptr<performer>> all;
        for (unsigned i = 0; i < count; ++i) all.push_back(start(part, i));
        return all;
    }
    /// Plays it to its end.
    void run(const std::string& part, unsigned index = 0) {
        shared.actors[index].reset();
        EXPECT_TRUE(start(part, index)->finished()) << part;
    }
    [[nodiscard]] bool ready(unsigned index = 0) const {
        return support::await([&] { return shared.actors[index].ready.load(); });
    }
    [[nodiscard]] bool asleep(unsigned count) const {
        for (unsigned i = 0; i < count; ++i)
            if (!await_asleep(shared.actors[i].task)) return false;
        return true;
    }
    [[nodiscard]] int outcome(unsigned index) const { return shared.actors[index].outcome; }

    /// Leaves the guard abandoned. Returns the process of who did it.
    std::uint32_t abandon() {
        constexpr unsigned last = most_actors - 1;
        shared.actors[last].reset();
        const auto owner = start("holds", last);
        EXPECT_TRUE(ready(last));
        owner->die();
        return owner->process();
    }
    /// By all means there are to lock it.
    void expect_owner_died() {
        EXPECT_EQ(outcome_of([&] { guard.lock(); }), died);
        EXPECT_EQ(outcome_of([&] { return guard.try_lock(); }), died);
        EXPECT_EQ(outcome_of([&] { return guard.try_lock_for(1h); }), died);
        EXPECT_EQ(outcome_of([&] { return guard.try_lock_until(std::chrono::system_clock::now() + 1h); }), died);
    }

    home here{GetParam().home};
    stage& shared = here.memory().construct<stage>("stage", GetParam().lock);
    any_lock guard = shared.guard();
    any_lock second = shared.second();
};

}  // namespace contract
