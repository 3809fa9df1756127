// SPDX-License-Identifier: MIT
// Takeover with one sleeper and with eight.

#include "takeover.hpp"

#include "experiment.hpp"

#include <chrono>

namespace bench {
namespace {

template <class Heir, class Lock>
samples measure(const std::string& name, const std::string& series, std::size_t sleepers, const options& how) {
    use_cores(how.cores);
    const placed<Lock> home;
    samples result;
    take_over_often<Heir>(result, name, name + "/repaired", series, *home.operator->(), sleepers,
                          how.repetitions(sleepers == 1 ? 200 : 100));
    return result;
}

void add(std::vector<experiment>& to, const std::string& name, std::size_t sleepers, const options& how) {
    std::vector<quantity> quantities{{name, "us", false, true}};
    if (sleepers == 1) quantities.push_back({name + "/repaired", "us", false, true});
    to.push_back({quantities,
                  {{"process_shared",
                    [=] { return measure<our_heir, process_shared::mutex>(name, "process_shared", sleepers, how); }},
                   {"process_shared_repair",
                    [=] {
                        return measure<our_repairing_heir, process_shared::mutex>(name, "process_shared_repair",
                                                                                  sleepers, how);
                    }},
                   {"pthread_robust",
                    [=] { return measure<pthread_heir, pthread_robust>(name, "pthread_robust", sleepers, how); }}},
                  how.rounds});
}

}  // namespace

void add_takeover(std::vector<experiment>& to, const options& how) {
    add(to, "mutex.takeover", 1, how);
    add(to, "mutex.takeover_8", most_sleepers, how);
}

}  // namespace bench
