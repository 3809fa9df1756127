// SPDX-License-Identifier: MIT
// What a lock and its unlock cost when nobody else wants it.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "semaphores.hpp"
#include "timing.hpp"

#include <process_shared/event.hpp>
#include <process_shared/once.hpp>

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_recursive_mutex.hpp>

#include <unistd.h>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

constexpr int batch_pairs = 5000;  // 25 to 100 us: long beside the clock, short beside a time slice
constexpr int full_batches = 1500;

template <class Lock>
contestant hot(const std::string& series) {
    auto home = std::make_shared<placed<Lock>>();
    return {series, [home] { return nanoseconds_per_pair((*home)->guard, batch_pairs); }};
}

template <class Lock>
contestant hot_in_process(const std::string& series) {
    auto home = std::make_shared<cell<Lock>>();
    return {series, [home] { return nanoseconds_per_pair(home->guard, batch_pairs); }};
}

template <class Lock>
contestant alternating(const std::string& series) {
    auto first = std::make_shared<placed<Lock>>();
    auto second = std::make_shared<placed<Lock>>();
    return {series, [first, second] { return nanoseconds_per_pair((*first)->guard, (*second)->guard, batch_pairs); }};
}

/// An automatic event set, and passed.
class our_signal : public lives_in_a_segment {
public:
    void lock() { happened_.set(); }
    void unlock() { happened_.wait(); }

private:
    process_shared::event happened_{process_shared::event_reset::automatic};
};

/// What has been done already.
class our_once : public lives_in_a_segment {
public:
    void lock() {
        process_shared::call_once(flag_, [] {});
    }
    void unlock() {}

private:
    process_shared::once_flag flag_;
};
class std_once {
public:
    void lock() {
        std::call_once(flag_, [] {});
    }
    void unlock() {}

private:
    std::once_flag flag_;
};

samples compare_on_one_core(const std::string& quantity, const std::vector<contestant>& contestants,
                            const options& how) {
    use_one_core(how.cores);
    start_idle_thread();
    samples result;
    for (const auto& [series, cost] : compare(contestants, how.repetitions(full_batches)))
        result[quantity][series].push_back(cost);
    return result;
}

samples from_shared_library(const options& how) {
    use_one_core(how.cores);
    const std::string said =
        output_of("pshared_bench_shared", {std::to_string(how.repetitions(full_batches)), std::to_string(batch_pairs)});
    double ours = 0;
    double floor = 0;
    if (std::sscanf(said.c_str(), "process_shared %lf floor %lf", &ours, &floor) != 2)
        throw std::runtime_error("pshared_bench_shared said: " + said);
    samples result;
    result["mutex.uncontended"]["process_shared_so"].push_back(ours);
    result["mutex.uncontended/in_the_shared_program"]["process_shared_so"].push_back(ours);
    result["mutex.uncontended/in_the_shared_program"]["floor"].push_back(floor);
    return result;
}

}  // namespace

void add_uncontended(std::vector<experiment>& to, const options& how) {
    const int rounds = how.rounds * 3;  // they are short
    const std::string hot_case = "mutex.uncontended";
    to.push_back({{{hot_case, "ns/op"}, {hot_case + "/in_the_shared_program", "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(
                            hot_case,
                            {hot<process_shared::mutex>("process_shared"), hot<floor_lock>("floor"),
                             hot<pthread_normal>("pthread"), hot<pthread_robust>("pthread_robust"),
                             hot<boost::interprocess::interprocess_mutex>("boost"),
                             hot_in_process<std::mutex>("std_mutex")},
                            how);
                    }},
                   {"shared library", [=] { return from_shared_library(how); }}},
                  rounds});

    const std::string two_case = "mutex.alternating_segments";
    to.push_back({{{two_case, "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(
                            two_case,
                            {alternating<process_shared::mutex>("process_shared"), hot<floor_lock>("floor"),
                             alternating<pthread_normal>("pthread"), alternating<pthread_robust>("pthread_robust")},
                            how);
                    }}},
                  rounds});

    const std::string recursive_case = "recursive_mutex.uncontended";
    to.push_back({{{recursive_case, "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(
                            recursive_case,
                            {hot<process_shared::recursive_mutex>("process_shared"), hot<floor_lock>("floor"),
                             hot<pthread_recursive>("pthread"), hot<pthread_recursive_robust>("pthread_robust"),
                             hot<boost::interprocess::interprocess_recursive_mutex>("boost"),
                             hot_in_process<std::recursive_mutex>("std_mutex")},
                            how);
                    }}},
                  rounds});

    const std::string semaphore_case = "semaphore.uncontended";
    to.push_back({{{semaphore_case, "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(semaphore_case,
                                                   {hot<our_semaphore>("process_shared"), hot<floor_lock>("floor"),
                                                    hot<posix_semaphore>("sem_t"), hot<boost_semaphore>("boost"),
                                                    hot_in_process<std_semaphore>("std_semaphore")},
                                                   how);
                    }}},
                  rounds});
    to.push_back({{{"event.signal", "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(
                            "event.signal", {hot<our_signal>("process_shared"), hot<posix_semaphore>("sem_t")}, how);
                    }}},
                  rounds});
    to.push_back({{{"once.call", "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(
                            "once.call", {hot<our_once>("process_shared"), hot_in_process<std_once>("std_once")}, how);
                    }}},
                  rounds});
}

}  // namespace bench
