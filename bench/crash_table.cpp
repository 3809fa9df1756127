// SPDX-License-Identifier: MIT
// crash_table: what happens to the others when a process is killed. The same scenarios for glibc's primitives, those of
// Boost.Interprocess and ours; prints a table.
//
//   recovered  the others go on, and nothing is missing; where data may be half-changed, they are told
//   lost       they go on, but something is gone for good, or they are told what is not true
//   hung       they wait for ever: longer than the limit
//
// Every trial has a process group of its own, which is killed at its end or limit, and memory without a name.

#include "locks.hpp"
#include "patients.hpp"
#include "processes.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr auto limit = 2s;  // a hundred times what the slowest recovery takes
constexpr int storm_kills = 150;
constexpr int storm_workers = 4;

enum class verdict { recovered, lost, hung };
const char* text_of(verdict which) {
    constexpr const char* texts[] = {"recovered", "lost", "hung"};
    return texts[static_cast<int>(which)];
}

/// What happened, and how many kills it took: 0 if not of interest.
struct finding {
    verdict what;
    int kills = 0;
};

template <class Look>
bool await(Look look) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!look()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(200us);
    }
    return true;
}

struct notes {
    std::atomic<int> ready{0};
    std::atomic<int> through{0};
    std::atomic<int> wrong{0};
    std::array<std::atomic<std::uint64_t>, storm_workers> rounds{};
};

/// A process gets inside and is killed there; then others come.
template <class Patient>
finding one_kill() {
    const home_of<Patient, is_ours<Patient>> patient;
    const shared_by_fork<notes> seen;
    {
        child victim([&] {
            patient->before();
            ++seen->ready;
            patient->inside();
            ++seen->ready;
            for (;;) pause();
        });
        if (!await([&] { return seen->ready >= Patient::ready_at; })) return {verdict::hung};
        if (Patient::ready_at == 1) wait_until_asleep(victim.pid());  // it waits in the operation itself
        victim.kill();
    }
    std::vector<child> others;
    for (int i = 0; i < Patient::others; ++i)
        others.emplace_back([&, i] {
            if (!patient->go_on(i)) ++seen->wrong;
            ++seen->through;
        });
    if (!await([&] { return seen->through == Patient::others; })) return {verdict::hung};
    return {seen->wrong == 0 ? verdict::recovered : verdict::lost};
}

/// Processes work, and one after the other is killed wherever it is, and replaced.
template <class Patient>
finding storm() {
    const home_of<Patient, is_ours<Patient>> patient;
    const shared_by_fork<notes> seen;
    std::vector<std::unique_ptr<child>> workers(storm_workers);
    const auto start = [&](std::size_t i) {
        workers[i] = std::make_unique<child>([&, i] {
            for (;;) {
                if (!patient->work(static_cast<int>(i))) ++seen->wrong;
                ++seen->rounds[i];
            }
        });
    };
    for (std::size_t i = 0; i < storm_workers; ++i) start(i);
    std::uint32_t random = 7;
    for (int kills = 1; kills <= storm_kills; ++kills) {
        random = random * 1664525 + 1013904223;
        std::this_thread::sleep_for(std::chrono::microseconds(200 + (random >> 20)));
        const std::size_t which = (random >> 8) % storm_workers;
        workers[which]->kill();
        start(which);
        if (kills % 10 != 0) continue;
        std::array<std::uint64_t, storm_workers> before{};
        for (std::size_t i = 0; i < storm_workers; ++i) before[i] = seen->rounds[i];
        const bool all_go_on = await([&] {
            for (std::size_t i = 0; i < storm_workers; ++i)
                if (seen->rounds[i] == before[i]) return false;
            return true;
        });
        if (!all_go_on) return {verdict::hung, kills};
        if (seen->wrong != 0) return {verdict::lost, kills};
    }
    return {verdict::recovered, storm_kills};
}

struct row {
    std::string scenario;
    std::vector<std::pair<std::string, std::function<finding()>>> trials;
};

std::vector<row> rows() {
    return {
        {"mutex: owner killed inside",
         {{"pthread", one_kill<mutex_patient<pthread_normal>>},
          {"pthread robust", one_kill<robust_patient>},
          {"Boost", one_kill<mutex_patient<boost::interprocess::interprocess_mutex>>},
          {"process_shared", one_kill<our_mutex_patient>}}},
        {"mutex: killed at any moment",
         {{"pthread", storm<mutex_patient<pthread_normal>>},
          {"pthread robust", storm<robust_patient>},
          {"Boost", storm<mutex_patient<boost::interprocess::interprocess_mutex>>},
          {"process_shared", storm<our_mutex_patient>}}},
        {"readers-writer lock: reader killed inside, a writer comes",
         {{"pthread", one_kill<reader_patient<pthread_rwlock>>},
          {"Boost", one_kill<reader_patient<boost_rwlock>>},
          {"process_shared", one_kill<our_reader_patient>}}},
        {"readers-writer lock: writer killed inside, a reader comes",
         {{"pthread", one_kill<writer_patient<pthread_rwlock>>},
          {"Boost", one_kill<writer_patient<boost_rwlock>>},
          {"process_shared", one_kill<our_writer_patient>}}},
        {"readers-writer lock: killed at any moment",
         {{"pthread", storm<writer_patient<pthread_rwlock>>},
          {"Boost", storm<writer_patient<boost_rwlock>>},
          {"process_shared", storm<our_writer_patient>}}},
        {"semaphore: killed with the only permit",
         {{"pthread", one_kill<semaphore_patient<posix_semaphore>>},
          {"Boost", one_kill<semaphore_patient<boost_semaphore>>},
          {"process_shared (counting)", one_kill<semaphore_patient<our_semaphore>>},
          {"process_shared", one_kill<semaphore_patient<our_owned_semaphore>>}}},
        {"semaphore: killed at any moment",
         {{"pthread", storm<semaphore_patient<posix_semaphore>>},
          {"Boost", storm<semaphore_patient<boost_semaphore>>},
          {"process_shared (counting)", storm<semaphore_patient<our_semaphore>>},
          {"process_shared", storm<semaphore_patient<our_owned_semaphore>>}}},
        {"condition: sleeper killed, others notify and wait",
         {{"pthread", one_kill<condition_patient<pthread_table>>},
          {"Boost", one_kill<condition_patient<boost_table>>},
          {"process_shared", one_kill<condition_patient<our_table>>}}},
        {"condition: killed at any moment",
         {{"pthread", storm<condition_patient<pthread_table>>},
          {"Boost", storm<condition_patient<boost_table>>},
          {"process_shared", storm<condition_patient<our_table>>}}},
        {"barrier of two: one killed while it waits, another comes",
         {{"pthread", one_kill<pthread_barrier_patient>}, {"process_shared", one_kill<our_barrier_patient>}}},
    };
}

/// In a process of its own, so that nothing of a trial is left, whatever it does.
finding try_alone(const std::string& name, const std::function<finding()>& trial) {
    const leg one{name,
                  [&] {
                      const finding found = trial();
                      samples brought;
                      brought["what"][""].push_back(static_cast<double>(found.what));
                      brought["kills"][""].push_back(found.kills);
                      return brought;
                  },
                  std::chrono::seconds(30)};
    const outcome brought = run_leg(one);
    if (!brought.failure.empty()) throw std::runtime_error(name + ": " + brought.failure);
    return {static_cast<verdict>(static_cast<int>(brought.values.at("what").at("").front())),
            static_cast<int>(brought.values.at("kills").at("").front())};
}

std::string text_of(const finding& found) {
    if (found.kills == 0 || found.what == verdict::recovered)
        return found.kills == 0 ? text_of(found.what) : fmt::format("recovered, {} kills", found.kills);
    return fmt::format("{} by kill {}", text_of(found.what), found.kills);
}

int print_table(bool json) {
    const std::array<std::string, 5> columns = {"pthread", "pthread robust", "Boost", "process_shared",
                                                "process_shared (counting)"};
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    bool sound = true;
    if (!json) {
        fmt::print("{:<60}", "");
        for (const auto& column : columns) fmt::print("{:<27}", column);
        fmt::print("\n");
    }
    for (const row& one : rows()) {
        std::map<std::string, finding> found;
        for (const auto& [who, trial] : one.trials) found[who] = try_alone(one.scenario + ", " + who, trial);
        sound = sound && found.at("process_shared").what == verdict::recovered;
        if (json) {
            nlohmann::ordered_json entry = {{"scenario", one.scenario}};
            for (const auto& [who, what] : found) entry[who] = {{"result", text_of(what.what)}, {"kills", what.kills}};
            all.push_back(entry);
            continue;
        }
        fmt::print("{:<60}", one.scenario);
        for (const auto& column : columns)
            fmt::print("{:<27}", found.contains(column) ? text_of(found.at(column)) : "-");
        fmt::print("\n");
        std::fflush(stdout);
    }
    if (json) fmt::print("{}\n", all.dump(2));
    return sound ? 0 : 1;
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
    bool json = false;
    CLI::App app{"What happens to the others when a process is killed: glibc, Boost.Interprocess, process_shared."};
    app.add_flag("--json", json, "print JSON");
    CLI11_PARSE(app, count, words);
    try {
        bench::catch_interrupts();
        return bench::print_table(json);
    } catch (const std::exception& failure) {
        fmt::print(stderr, "crash_table: {}\n", failure.what());
        return 2;
    }
}
