// SPDX-License-Identifier: MIT
#include "death/recording.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_map>
#include <utility>

namespace death {
namespace {

/// For each moment, the last step whose effect has happened. A step is named after its effect, so it begins with the
/// last event before the name; without such an event, with the name.
std::vector<const char*> steps_in_effect(std::span<const moment> moments) {
    std::vector<const char*> names(moments.size(), nullptr);
    std::size_t named_before = 0;
    for (std::size_t i = 1; i < moments.size(); ++i) {
        names[i] = names[i - 1];
        if (moments[i].steps == moments[i - 1].steps) continue;
        std::size_t begin = i;
        for (std::size_t j = i; j > named_before; --j)
            if (moments[j].event) {
                begin = j;
                break;
            }
        for (std::size_t j = begin; j <= i; ++j) names[j] = moments[i].passed;
        named_before = i;
    }
    return names;
}

std::vector<kill_point> points_of(const recording& from) {
    const auto moments = from.all();
    const auto in_effect = steps_in_effect(moments);
    std::vector<kill_point> points;
    std::unordered_map<address, std::size_t> first;
    std::size_t landmark = 0;
    for (std::size_t i = 0; i < moments.size(); ++i) {
        if (first.emplace(moments[i].at, i).second) landmark = i;
        points.push_back({static_cast<std::uint32_t>(i), moments[landmark].at, static_cast<std::uint32_t>(i - landmark),
                          moments[i].passed, in_effect[i], false});
    }
    return points;
}

/// Which of them: see plan_options.
std::vector<bool> choose(const recording& from, const std::vector<kill_point>& points, const plan_options& how,
                         std::mt19937_64& random) {
    const auto moments = from.all();
    const std::size_t count = moments.size();
    if (how.everything || count <= how.every_up_to) return std::vector<bool>(count, true);
    std::vector<bool> chosen(count, false);
    chosen.front() = chosen.back() = true;
    const auto first_times =
        std::count_if(points.begin(), points.end(), [](const auto& one) { return one.beyond == 0; });
    if (static_cast<std::size_t>(first_times) <= how.every_up_to)
        for (std::size_t i = 0; i < count; ++i) chosen[i] = points[i].beyond == 0;
    for (std::size_t i = 1; i < count; ++i)
        if (moments[i].event)
            for (std::size_t j = i - 1; j <= std::min(i + 1, count - 1); ++j) chosen[j] = true;
    for (std::size_t n = 0; n < how.sample; ++n)
        if (const std::size_t any = random() % count; points[any].beyond <= how.deep_in_a_loop) chosen[any] = true;
    return chosen;
}

}  // namespace

std::uint64_t digest(std::span<const std::byte> memory) noexcept {
    // Four lanes, so that the multiplications overlap.
    std::uint64_t lanes[4] = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu, 0x165667b19e3779f9u, 0xd6e8feb86659fd93u};
    std::size_t at = 0;
    for (; at + 32 <= memory.size(); at += 32)
        for (std::size_t lane = 0; lane < 4; ++lane) {
            std::uint64_t word = 0;
            std::memcpy(&word, memory.data() + at + lane * 8, 8);
            lanes[lane] = (lanes[lane] ^ word) * 0xff51afd7ed558ccdu;
            lanes[lane] ^= lanes[lane] >> 32;
        }
    std::uint64_t rest = 0;
    for (; at < memory.size(); ++at) rest = rest * 257 + std::to_integer<std::uint64_t>(memory[at]);
    return (lanes[0] * 3) ^ (lanes[1] * 5) ^ (lanes[2] * 7) ^ (lanes[3] * 11) ^ rest;
}

std::vector<kill_point> plan(const std::vector<const recording*>& recordings, const plan_options& how,
                             std::mt19937_64& random) {
    std::vector<kill_point> points;
    std::set<std::pair<address, std::uint32_t>> known;
    bool slept = false;
    for (const recording* one : recordings) {
        slept = slept || one->slept;
        const auto all = points_of(*one);
        const auto chosen = choose(*one, all, how, random);
        for (std::size_t i = 0; i < all.size(); ++i)
            if (chosen[i] && known.emplace(all[i].landmark, all[i].beyond).second) points.push_back(all[i]);
    }
    if (slept) {
        kill_point sleeping;
        sleeping.asleep = true;
        points.push_back(sleeping);
    }
    return points;
}

}  // namespace death
