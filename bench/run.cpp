// SPDX-License-Identifier: MIT
#include "run.hpp"

#include "processes.hpp"
#include "timing.hpp"

#include <algorithm>
#include <iterator>

namespace bench {
namespace {

std::ptrdiff_t rank(const std::string& series) {
    return std::find(std::begin(series_order), std::end(series_order), series) - std::begin(series_order);
}

/// Each round's samples come down to a median; the rounds' medians, or all events, to the result.
result fold(const quantity& what, const std::vector<samples>& rounds) {
    std::map<std::string, series_result> by_name;
    std::map<std::string, std::vector<double>> events;
    for (const auto& round : rounds) {
        const auto found = round.find(what.name);
        if (found == round.end()) continue;
        for (const auto& [series, values] : found->second) {
            by_name[series].rounds.push_back(median(values));
            events[series].insert(events[series].end(), values.begin(), values.end());
        }
    }
    result folded{what, {}, {}, {}};
    for (auto& [name, series] : by_name) {
        series.name = name;
        series.value = median(what.tails ? events[name] : series.rounds);
        series.p99 = what.tails ? quantile(events[name], 0.99) : 0;
        folded.series.push_back(std::move(series));
    }
    std::sort(folded.series.begin(), folded.series.end(), [](const auto& one, const auto& other) {
        return std::pair(rank(one.name), one.name) < std::pair(rank(other.name), other.name);
    });
    return folded;
}

void merge(samples& to, const samples& from) {
    for (const auto& [quantity, by_series] : from) {
        for (const auto& [series, values] : by_series) {
            auto& all = to[quantity][series];
            all.insert(all.end(), values.begin(), values.end());
        }
    }
}

}  // namespace

const series_result* result::find(std::string_view name) const {
    const auto found = std::find_if(series.begin(), series.end(), [&](const auto& one) { return one.name == name; });
    return found == series.end() ? nullptr : &*found;
}

bool is_chosen(const quantity& what, const options& how) {
    return how.prefixes.empty() || std::any_of(how.prefixes.begin(), how.prefixes.end(), [&](const auto& prefix) {
               return what.case_name().starts_with(prefix);
           });
}

std::vector<experiment> chosen(const options& how) {
    std::vector<experiment> all;
    add_uncontended(all, how);
    add_contended(all, how);
    add_readers(all, how);
    add_takeover(all, how);
    add_conversations(all, how);
    add_create_open(all, how);
    add_store_load(all, how);
    add_scale(all, how);
    std::erase_if(all, [&](const experiment& one) {
        return std::none_of(one.quantities.begin(), one.quantities.end(),
                            [&](const quantity& what) { return is_chosen(what, how); });
    });
    return all;
}

std::vector<result> run(const experiment& what, const options& how, progress& shown) {
    std::vector<samples> rounds;
    std::map<std::string, std::string> failures;  // by leg; what failed once is not tried again
    for (int round = 0; round < what.rounds && !interrupted(); ++round) {
        samples together;
        for (std::size_t i = 0; i < what.legs.size() && !interrupted(); ++i) {
            const leg& next = what.legs[(i + static_cast<std::size_t>(round)) % what.legs.size()];
            if (failures.contains(next.name)) continue;
            shown.show(what.quantities.front().name, next.name, round + 1, what.rounds);
            const outcome brought = run_leg(next);
            if (brought.failure.empty()) merge(together, brought.values);
            if (!brought.failure.empty()) failures[next.name] = brought.failure;
        }
        rounds.push_back(std::move(together));
    }
    std::vector<result> results;
    for (const auto& one : what.quantities) {
        if (!is_chosen(one, how)) continue;
        result folded = fold(one, rounds);
        if (one.is_part()) {
            const auto whole = std::find_if(results.begin(), results.end(),
                                            [&](const result& r) { return r.what.name == one.case_name(); });
            if (whole != results.end()) whole->parts.push_back(std::move(folded));
            continue;
        }
        folded.failures.assign(failures.begin(), failures.end());
        results.push_back(std::move(folded));
    }
    return results;
}

}  // namespace bench
