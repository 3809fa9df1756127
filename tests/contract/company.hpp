// SPDX-License-Identifier: MIT
// The frame of the tests of everything that is waited for: run for each kind of segment and of participant. A test file
// defines what lies in the segment (`Props`) and the parts that actors play with it.
#pragma once

#include "contract/actors.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

namespace contract {

/// Where, and by whom.
struct setting {
    home_kind home;
    actor_kind actor;
};

inline std::ostream& operator<<(std::ostream& out, const setting& which) {
    const char* actors[] = {"threads", "forked", "unrelated"};
    return out << actors[static_cast<int>(which.actor)] << (which.home == home_kind::named ? "_named" : "_anonymous");
}

inline std::string name_of(const testing::TestParamInfo<setting>& info) { return testing::PrintToString(info.param); }

inline std::vector<setting> settings_of(std::initializer_list<actor_kind> actors) {
    std::vector<setting> all;
    for (const actor_kind actor : actors)
        for (const home_kind home : {home_kind::anonymous, home_kind::named}) all.push_back({home, actor});
    return all;
}

/// What a part is: a function of the props, of its actor's state, and of the actor's own mapping.
template <class Props>
using part_of = std::function<void(Props&, actor_state&, process_shared::segment&)>;

struct part_list {
    /// By name, for all props of the program.
    static std::map<std::string, std::function<void(process_shared::segment&, unsigned)>>& all() {
        static std::map<std::string, std::function<void(process_shared::segment&, unsigned)>> parts;
        return parts;
    }
};

/// Names are a file's own: several are linked together, each with its props.
template <class Props>
std::string part_name(const std::string& name) {
    return std::string(typeid(Props).name()) + '.' + name;
}

template <class Props>
struct props_with_actors {
    Props props;
    std::array<actor_state, most_actors> actors;
};

/// Made at namespace scope: `const part<props> waits("waits", [](props& with, actor_state& mine) { … });`
template <class Props>
struct part {
    part(std::string name, std::function<void(Props&, actor_state&)> what)
        : part(std::move(name),
               part_of<Props>([what = std::move(what)](Props& with, actor_state& mine, process_shared::segment&) {
                   what(with, mine);
               })) {}
    part(std::string name, part_of<Props> what) {
        part_list::all()[part_name<Props>(name)] = [what = std::move(what)](process_shared::segment& own,
                                                                            unsigned index) {
            auto& with = own.find<props_with_actors<Props>>("props");
            what(with.props, with.actors.at(index), own);
        };
    }
};

/// A test with props and actors.
template <class Props>
class company : public testing::TestWithParam<setting> {
protected:
    /// Starts `count` actors in a part and leaves them on their own until the test ends.
    void start(const std::string& part, unsigned count = 1) {
        for (unsigned i = 0; i < count; ++i) {
            const auto index = static_cast<unsigned>(cast_.size());
            cast_.push_back(
                contract::start(GetParam().actor, here_, all_.actors.at(index), part_name<Props>(part), index));
        }
    }
    actor_state& actor(unsigned index) { return all_.actors.at(index); }
    performer& performer_of(unsigned index) { return *cast_.at(index); }
    /// All that were started sleep in what they wait for.
    [[nodiscard]] bool asleep() {
        for (unsigned i = 0; i < cast_.size(); ++i)
            if (!await_asleep(actor(i).task)) return false;
        return true;
    }
    [[nodiscard]] bool ready(unsigned index) {
        return support::await([&] { return actor(index).ready.load(); });
    }
    void expect_all_finish() {
        for (const auto& one : cast_) EXPECT_TRUE(one->finished());
    }
    segment& memory() { return here_.memory(); }

private:
    home here_{GetParam().home};
    props_with_actors<Props>& all_ = here_.memory().construct<props_with_actors<Props>>("props");
    std::vector<std::unique_ptr<performer>> cast_;

protected:
    Props& with = all_.props;
};

/// Both kinds of segment; threads, forked and unrelated processes.
#define FOR_ALL_COMPANIES(suite)                                                                             \
    INSTANTIATE_TEST_SUITE_P(threads, suite, testing::ValuesIn(settings_of({actor_kind::thread})), name_of); \
    INSTANTIATE_TEST_SUITE_P(processes, suite,                                                               \
                             testing::ValuesIn(settings_of({actor_kind::forked, actor_kind::unrelated})), name_of)

}  // namespace contract
