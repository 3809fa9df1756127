// SPDX-License-Identifier: MIT
#include "bars.hpp"

#include <fmt/format.h>
#include <optional>
#include <string_view>

namespace bench {
namespace {

enum class figure { value, p99 };
enum class relation { at_most, at_least };

/// `of` (or its 99th percentile) must be at most, or at least, `bound` times `beside`; `bound` itself if that is empty.
struct rule {
    std::string_view quantity;
    std::string_view of;
    figure which;
    relation wanted;
    double bound;
    std::string_view beside;
};

constexpr rule rules[] = {
    {"mutex.uncontended", "process_shared", figure::value, relation::at_most, 1.15, "floor"},
    {"mutex.uncontended", "process_shared", figure::value, relation::at_most, 0.55, "pthread_robust"},
    {"mutex.uncontended", "process_shared", figure::value, relation::at_most, 0.8, "pthread"},
    {"mutex.uncontended", "process_shared_so", figure::value, relation::at_most, 1.3, "floor"},
    {"mutex.alternating_segments", "process_shared", figure::value, relation::at_most, 1.5, "floor"},
    {"mutex.contended_8", "process_shared", figure::value, relation::at_least, 2, "pthread_robust"},
    {"mutex.fairness_8", "process_shared", figure::value, relation::at_least, 0.3, ""},
    {"mutex.takeover", "process_shared", figure::value, relation::at_most, 1000, ""},
    {"mutex.takeover", "process_shared", figure::p99, relation::at_most, 10000, ""},
    {"mutex.takeover_8", "process_shared", figure::value, relation::at_most, 1000, ""},
    {"mutex.takeover_8", "process_shared", figure::p99, relation::at_most, 10000, ""},
    {"shared_mutex.read_uncontended", "process_shared", figure::value, relation::at_most, 0.35, "pthread"},
    {"shared_mutex.read_2", "process_shared", figure::value, relation::at_least, 0.9, "own_lines"},
    {"shared_mutex.read_2", "process_shared", figure::value, relation::at_least, 10, "pthread"},
    {"shared_mutex.read_99_1", "process_shared", figure::value, relation::at_least, 1.5, "pthread"},
    {"shared_mutex.read_99_1/processes_8", "process_shared", figure::value, relation::at_least, 1.5, "pthread"},
    {"shared_mutex.read_90_10", "process_shared", figure::value, relation::at_least, 1.5, "pthread"},
    {"shared_mutex.read_90_10/processes_8", "process_shared", figure::value, relation::at_least, 1.5, "pthread"},
    {"owned_semaphore.uncontended", "process_shared", figure::value, relation::at_most, 1, "sem_t"},
    {"owned_semaphore.last_free_4096", "process_shared", figure::value, relation::at_most, 5, "sem_t"},
    {"owned_semaphore.contended_2", "process_shared", figure::value, relation::at_least, 1, "sem_t"},
    {"owned_semaphore.contended_8", "process_shared", figure::value, relation::at_least, 1, "sem_t"},
    {"semaphore.uncontended", "process_shared", figure::value, relation::at_most, 0.9, "sem_t"},
    {"semaphore.contended_2", "process_shared", figure::value, relation::at_least, 1, "sem_t"},
    {"semaphore.contended_8", "process_shared", figure::value, relation::at_least, 1, "sem_t"},
    {"semaphore.ping_pong", "process_shared", figure::value, relation::at_most, 1, "sem_t"},
    {"semaphore.ping_pong", "process_shared", figure::value, relation::at_most, 1, "boost"},
    {"semaphore.ping_pong/after_a_pause", "process_shared", figure::value, relation::at_most, 1, "sem_t"},
    {"semaphore.ping_pong/after_a_pause", "process_shared", figure::value, relation::at_most, 1, "boost"},
    {"condition_variable.ping_pong", "process_shared", figure::value, relation::at_most, 1, "pthread"},
    {"condition_variable.ping_pong", "process_shared", figure::value, relation::at_most, 1, "boost"},
    {"condition_variable.ping_pong/after_a_pause", "process_shared", figure::value, relation::at_most, 1, "pthread"},
    {"condition_variable.ping_pong/after_a_pause", "process_shared", figure::value, relation::at_most, 1, "boost"},
    {"object.store_load_1048576", "process_shared", figure::value, relation::at_most, 2.2, "memcpy"},
    {"scale.seats_2", "process_shared", figure::value, relation::at_most, 1.15, "floor"},
    {"scale.seats_100", "process_shared", figure::value, relation::at_most, 1.15, "floor"},
    {"scale.seats_1000", "process_shared", figure::value, relation::at_most, 1.15, "floor"},
    {"scale.seats_2/takeover", "process_shared", figure::value, relation::at_most, 1000, ""},
    {"scale.seats_100/takeover", "process_shared", figure::value, relation::at_most, 1000, ""},
    {"scale.seats_1000/takeover", "process_shared", figure::value, relation::at_most, 1000, ""},
};

std::optional<double> value_of(const rule& rule, const result& measured) {
    const series_result* mine = measured.find(rule.of);
    if (mine == nullptr) return std::nullopt;
    const double value = rule.which == figure::p99 ? mine->p99 : mine->value;
    if (rule.beside.empty()) return value;
    const series_result* other = measured.find(rule.beside);
    if (other == nullptr) return std::nullopt;
    return value / other->value;
}

bar apply(const rule& rule, const result& measured) {
    bar judged;
    judged.where = measured.what.case_name();
    judged.value = value_of(rule, measured);
    const bool at_most = rule.wanted == relation::at_most;
    judged.met = judged.value && (at_most ? *judged.value <= rule.bound : *judged.value >= rule.bound);
    judged.what = std::string(rule.of) + (rule.which == figure::p99 ? " p99" : "");
    if (measured.what.is_part()) judged.what += " " + measured.what.part_name();
    if (!rule.beside.empty()) judged.what += " / " + std::string(rule.beside);
    const bool is_time = rule.beside.empty() && measured.what.unit == "us";
    judged.wanted = fmt::format("{} {}{}", at_most ? "<=" : ">=", rule.bound, is_time ? " us" : "");
    return judged;
}

}  // namespace

std::vector<bar> judge(const std::vector<result>& results) {
    std::vector<bar> judged;
    const auto apply_all = [&](const result& measured) {
        for (const auto& one : rules) {
            if (one.quantity == measured.what.name) judged.push_back(apply(one, measured));
        }
    };
    for (const auto& whole : results) {
        apply_all(whole);
        for (const auto& part : whole.parts) apply_all(part);
    }
    return judged;
}

}  // namespace bench
