// SPDX-License-Identifier: MIT
// What a lock and its unlock cost when nobody else wants it.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "semaphores.hpp"
#include "timing.hpp"

#include <process_shared/event.hpp>
#include <process_shared/once.hpp>
#include <process_shared/owned_semaphore.hpp>

#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_recursive_mutex.hpp>

#include <unistd.h>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

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

/// One permit of 4096 is free, and another process has all others. It is where this one left it; or, in the second part,
/// two are free, and each second acquisition does not find the one that was freed last.
samples last_free(const std::string& name, const options& how) {
    use_one_core(how.cores);
    start_idle_thread();
    constexpr int batch = 1000;
    using semaphore = process_shared::owned_semaphore<4096>;
    auto memory = process_shared::segment::anonymous(1 << 20);
    auto& permits = memory.construct<semaphore>("permits");
    gate taken;
    const child other([&] {
        std::vector<process_shared::permit> all;
        for (int i = 0; i < 4096; ++i) all.push_back(permits.acquire_permit());
        all[1234].release();
        all[3456].release();
        taken.arrive_and_wait();
    });
    taken.wait_for(1);
    auto first = permits.acquire_permit();
    const contestant ours{std::string(us), [&] {
                              const std::int64_t start = now();
                              for (int i = 0; i < batch; ++i) {
                                  permits.acquire();
                                  permits.release();
                              }
                              return static_cast<double>(now() - start) / batch;
                          }};
    samples result;
    for (const auto& [series, cost] :
         compare({ours, hot<floor_lock>("floor"), hot<posix_semaphore>("sem_t")}, how.repetitions(full_batches)))
        result[name][series].push_back(cost);
    first.release();
    const contestant two{std::string(us), [&] {
                             const std::int64_t start = now();
                             for (int i = 0; i < batch; ++i) {
                                 auto one = permits.acquire_permit();
                                 auto another = permits.acquire_permit();
                                 // Freed in the order in which they were taken: the hint names the second.
                                 one.release();
                                 another.release();
                             }
                             return static_cast<double>(now() - start) / (2 * batch);
                         }};
    for (const auto& [series, cost] :
         compare({two, hot<floor_lock>("floor"), hot<posix_semaphore>("sem_t")}, how.repetitions(full_batches)))
        result[name + "/not_where_it_was"][series].push_back(cost);
    taken.open();
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
    const std::string owned_case = "owned_semaphore.uncontended";
    to.push_back({{{owned_case, "ns/op"}},
                  {{"one program",
                    [=] {
                        return compare_on_one_core(
                            owned_case,
                            {hot<our_owned_semaphore>("process_shared"), hot<floor_lock>("floor"),
                             hot<posix_semaphore>("sem_t"), hot<boost_semaphore>("boost")},
                            how);
                    }}},
                  rounds});
    const std::string last_case = "owned_semaphore.last_free_4096";
    to.push_back({{{last_case, "ns/op"}, {last_case + "/not_where_it_was", "ns/op"}},
                  {{"one program", [=] { return last_free(last_case, how); }}},
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
