// SPDX-License-Identifier: MIT
// Named segments: whoever dies while creating, opening or removing one, the name is absent or whole, and no file is
// left.
#include "death/campaign.hpp"
#include "death/lock_scenario.hpp"
#include "support/await.hpp"
#include "support/names.hpp"

#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <string>

namespace death {
namespace {

using process_shared::segment;

class named_scenario : public scenario {
public:
    named_scenario(const conditions& under, const std::filesystem::path& directory) : how_(small_segment(under)) {
        how_.directory = directory;
        segment::remove(name_, how_);  // a trial before this one may have been given up
    }

    void prepare(stage&) override {}
    void victim_is_dead(stage& on) override {
        for (int i = 0; i < 2; ++i) on.start([this, &on] { survive(on.shared()); });
    }
    void judge(stage&) override {
        segment::remove(name_, how_);
        support::check(std::filesystem::is_empty(how_.directory), "a file was left behind");
    }

protected:
    /// A segment of that name, if there is one, is whole.
    void check_whole_or_absent() const {
        std::error_code error;
        segment found = segment::open(name_, how_, error);
        support::check(found.valid() || error == process_shared::errc::no_such_name, error.message());
        if (found.valid()) use(found);
    }
    static void use(segment& memory) {
        auto& shared = memory.find_or_construct<account<process_shared::mutex>>("account");
        const std::lock_guard hold(shared.guard);
        support::check(shared.first == shared.second, "not zero to begin with");
        ++shared.first;
        ++shared.second;
    }
    /// Two of these must meet in one segment.
    void survive(board& shared) const {
        check_whole_or_absent();
        segment mine = segment::open_or_create(name_, 4096, how_);
        use(mine);
        auto& counted = mine.find<account<process_shared::mutex>>("account");
        ++shared.visits;
        support::check(support::await([&] {
                           const std::lock_guard hold(counted.guard);
                           return counted.first >= 2;
                       }),
                       "two segments of one name");
    }

    process_shared::segment_options how_;
    const std::string name_ = "name";
};

class create : public named_scenario {
public:
    using named_scenario::named_scenario;
    void operation(board&) override { const segment made = segment::create(name_, 4096, how_); }
    void victim_is_about_to_die(stage&) override { check_whole_or_absent(); }
};

class open_or_create : public named_scenario {
public:
    using named_scenario::named_scenario;
    void operation(board&) override { const segment made = segment::open_or_create(name_, 4096, how_); }
};

class open : public named_scenario {
public:
    using named_scenario::named_scenario;
    void prepare(stage&) override { segment::create(name_, 4096, how_); }
    void operation(board&) override { const segment opened = segment::open(name_, how_); }
};

class remove : public named_scenario {
public:
    using named_scenario::named_scenario;
    void prepare(stage&) override { segment::create(name_, 4096, how_); }
    void operation(board&) override { segment::remove(name_, how_); }
};

template <class Scenario>
void try_all(const char* name) {
    const support::scratch_directory directory;
    const auto make = [&](const conditions& under) { return std::make_unique<Scenario>(under, directory.path()); };
    expect_no_harm(carry_out({name, make}));
}

TEST(segment, dying_in_create) { try_all<create>("segment: create"); }
TEST(segment, dying_in_open_or_create) { try_all<open_or_create>("segment: open_or_create"); }
TEST(segment, dying_in_open) { try_all<open>("segment: open"); }
TEST(segment, dying_in_remove) { try_all<remove>("segment: remove"); }

}  // namespace
}  // namespace death
