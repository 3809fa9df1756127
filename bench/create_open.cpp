// SPDX-License-Identifier: MIT
// From nothing to the first lock in a named segment: create it, construct a lock, open it again, find the lock,
// lock, unlock, remove the name.

#include "experiment.hpp"
#include "locks.hpp"
#include "processes.hpp"
#include "timing.hpp"

#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>

#include <unistd.h>
#include <mutex>
#include <string>
#include <system_error>

namespace bench {
namespace {

namespace interprocess = boost::interprocess;

constexpr std::size_t segment_bytes = 65536;

void ours(const std::string& name) {
    auto memory = process_shared::segment::create(name, segment_bytes);
    memory.construct<process_shared::mutex>("guard");
    auto again = process_shared::segment::open(name);
    const std::lock_guard hold(again.find<process_shared::mutex>("guard"));
    process_shared::segment::remove(name);
}

void boosts(const std::string& name) {
    interprocess::managed_shared_memory memory(interprocess::create_only, name.c_str(), segment_bytes);
    memory.construct<interprocess::interprocess_mutex>("guard")();
    interprocess::managed_shared_memory again(interprocess::open_only, name.c_str());
    const std::lock_guard hold(*again.find<interprocess::interprocess_mutex>("guard").first);
    interprocess::shared_memory_object::remove(name.c_str());
}

void remove_names(const std::string& name) {
    std::error_code ignored;
    process_shared::segment::remove(name, ignored);
    interprocess::shared_memory_object::remove((name + "_boost").c_str());
}

template <class Operation>
samples measure(const std::string& series, Operation operation, const options& how) {
    use_one_core(how.cores);
    samples result;
    for (int i = 0; i < how.repetitions(200); ++i) {
        const uninterrupted no_name_stays;
        const std::int64_t start = now();
        operation();
        result["segment.create_open"][series].push_back(static_cast<double>(now() - start) / 1e3);
    }
    return result;
}

}  // namespace

void add_create_open(std::vector<experiment>& to, const options& how) {
    const std::string name = "pshared_bench_" + std::to_string(getpid());
    const auto clean_up = [name] { remove_names(name); };
    const std::chrono::seconds limit{60};
    to.push_back(
        {{{"segment.create_open", "us", false, true}},
         {{"process_shared", [=] { return measure("process_shared", [&] { ours(name); }, how); }, limit, clean_up},
          {"boost", [=] { return measure("boost", [&] { boosts(name + "_boost"); }, how); }, limit, clean_up}},
         how.rounds});
}

}  // namespace bench
