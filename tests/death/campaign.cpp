// SPDX-License-Identifier: MIT
#include "death/campaign.hpp"

#include "support/child.hpp"
#include "support/scratch.hpp"

#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace death {
namespace {

using namespace std::chrono_literals;

// A director that is still busy then hangs: every wait of its own is shorter.
constexpr auto director_limit = 40s;
constexpr std::size_t complaints_kept = 8;
constexpr unsigned attempts_at_a_point = 3;

/// Some sandboxes forbid it.
bool may_trace() {
    return support::child([] { tracee::offer(); }).wait_success().operator bool();
}

class tracing : public ::testing::Environment {
    void SetUp() override {
        if (!may_trace()) GTEST_SKIP() << "ptrace is forbidden here: no instruction can be stepped";
    }
};
const ::testing::Environment* const tracing_needed = ::testing::AddGlobalTestEnvironment(new tracing);

bool wished(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0' && std::string_view(value) != "0";
}

/// Carries one campaign out.
class run {
public:
    explicit run(const campaign& what) : what_(what), random_(seed()) {}

    totals all() {
        const auto start = std::chrono::steady_clock::now();
        record_all();
        std::vector<const recording*> recordings;
        for (const auto& one : recordings_) recordings.push_back(one->get());
        for (const kill_point& where : plan(recordings, what_.how, random_)) {
            if (sum_.unrecovered + sum_.unexpectedly_by_backstop >= what_.enough) break;
            outcome result;
            unsigned attempts = 0;
            // The others are not stepped: they may be faster or slower this time, and the victim takes another way.
            do result = one_trial([&](director& by, outcome& into) { by.direct(where, into); });
            while (result.missed && result.complaint[0] == '\0' && ++attempts < attempts_at_a_point);
            count(result, where);
        }
        sum_.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
        return sum_;
    }

private:
    template <class Direct>
    outcome one_trial(Direct&& direct) {
        support::scratch<outcome> result;
        support::scratch<board> shared;
        support::child process([&] {
            const auto what = what_.make(what_.under);
            director by(*what, what_.under, *shared);
            direct(by, *result);
        });
        const auto ended = process.wait_success(director_limit);
        if (!ended) std::snprintf(result->complaint, sizeof result->complaint, "the director: %s", ended.message());
        return *result;
    }

    void record_all() {
        for (unsigned i = 0; i < what_.recordings; ++i) {
            auto made = std::make_unique<support::scratch<recording>>();
            const outcome result = one_trial([&](director& by, outcome& into) { by.record(**made, into); });
            if ((*made)->overflow) complain("the operation is longer than a recording can be");
            sum_.instructions = std::max<std::size_t>(sum_.instructions, (*made)->count);
            kill_point at_the_end;
            at_the_end.index = (*made)->count;
            count(result, at_the_end);
            recordings_.push_back(std::move(made));
        }
    }

    void count(const outcome& result, const kill_point& where) {
        ++sum_.points;
        if (result.missed) ++sum_.missed;
        const std::string step = result.step;
        if (result.complaint[0] != '\0') {
            ++sum_.unrecovered;
            complain("killed " + place(where) + (step.empty() ? "" : ", after step " + step) + ": " + result.complaint);
        }
        if (!result.by_backstop) return;
        ++sum_.by_backstop;
        ++sum_.backstop_steps[step];
        if (what_.under.backstop_is_out_of_reach && !what_.any_may_need_backstop &&
            what_.may_need_backstop.count(step) == 0) {
            ++sum_.unexpectedly_by_backstop;
            complain("killed " + place(where) + (step.empty() ? ", before any step" : ", after step " + step) +
                     ": needs the backstop, and is not listed");
        }
    }

    static std::string place(const kill_point& where) {
        return where.asleep ? "asleep" : "after " + std::to_string(where.index) + " instructions";
    }

    void complain(const std::string& what) {
        if (sum_.complaints.size() < complaints_kept) sum_.complaints.push_back(what);
    }

    const campaign& what_;
    std::mt19937_64 random_;
    std::vector<std::unique_ptr<support::scratch<recording>>> recordings_;
    totals sum_;
};

}  // namespace

conditions campaign::usual_conditions() {
    conditions under;
#if defined(PROCESS_SHARED_STEPS)
    under.backstop = 20s;
    under.backstop_is_out_of_reach = true;
#else
    under.backstop = process_shared::segment_options().backstop;
#endif
    return under;
}

plan_options campaign::usual_plan() {
    plan_options how;
    how.everything = long_run();
    return how;
}

totals carry_out(const campaign& what) {
    const totals sum = run(what).all();
    std::printf(
        "%-44s %6zu kill points of %6zu instructions, %zu unrecovered, %zu by the backstop, %zu missed, %.1f s\n",
        what.name.c_str(), sum.points, sum.instructions, sum.unrecovered, sum.by_backstop, sum.missed,
        static_cast<double>(sum.took.count()) / 1000.0);
    for (const auto& [step, times] : sum.backstop_steps)
        std::printf("    by the backstop after %s: %zu\n", step.empty() ? "no step" : step.c_str(), times);
    for (const std::string& complaint : sum.complaints) std::printf("    %s\n", complaint.c_str());
    if (sum.instructions > what.how.every_up_to && !what.how.everything)
        std::printf("    a sample; PROCESS_SHARED_SEED=%llu repeats it\n", static_cast<unsigned long long>(seed()));
    std::fflush(stdout);
    return sum;
}

void expect_no_harm(const totals& result) {
    EXPECT_GT(result.points, 1u) << "nothing was tried";
    EXPECT_EQ(result.unrecovered, 0u);
    EXPECT_EQ(result.unexpectedly_by_backstop, 0u);
    // Some are on a way that is taken only when the others are slow or quick; most must be hit, or little is tried.
    EXPECT_LE(result.missed, result.points / 2);
    for (const std::string& complaint : result.complaints) ADD_FAILURE() << complaint;
}

bool long_run() { return wished("PROCESS_SHARED_LONG"); }

std::uint64_t seed() {
    static const std::uint64_t value = [] {
        const char* given = std::getenv("PROCESS_SHARED_SEED");
        if (given != nullptr && *given != '\0') return static_cast<std::uint64_t>(std::strtoull(given, nullptr, 0));
        std::random_device device;
        return std::uint64_t{device()} << 32 | device();
    }();
    return value;
}

}  // namespace death
