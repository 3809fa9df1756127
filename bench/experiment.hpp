// SPDX-License-Identifier: MIT
// The words of the benchmarks: an experiment answers one question in rounds; in each round every leg runs once.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

struct options {
    int rounds = 5;
    double seconds = 2;   ///< how long contended processes run
    int critical_ns = 0;  ///< busy time inside the lock, beside the increment
    int think_ns = 0;     ///< busy time between two locks
    int cores = 2;        ///< what processes may run on
    bool quick = false;
    std::vector<std::string> prefixes;  ///< of case names; none: all
    std::string json;
    std::string markdown;
    std::string command;

    /// `full` repetitions, or a fraction of them when in a hurry.
    [[nodiscard]] int repetitions(int full) const { return quick ? full / 5 + 1 : full; }
};

/// What a leg brings home: values by quantity and series.
using samples = std::map<std::string, std::map<std::string, std::vector<double>>>;

/// Something measured. "case" or "case/part"; a part is reported inside its case.
struct quantity {
    std::string name;
    std::string unit;
    bool higher_is_better = false;
    bool tails = false;  ///< each value is one event: the tail matters, not only the middle

    [[nodiscard]] std::string case_name() const { return name.substr(0, name.find('/')); }
    [[nodiscard]] bool is_part() const { return name.find('/') != std::string::npos; }
    [[nodiscard]] std::string part_name() const { return name.substr(name.find('/') + 1); }
};

/// One measurement, run in a process of its own.
struct leg {
    std::string name;
    std::function<samples()> measure;
    std::chrono::seconds limit{60};    ///< then it is killed with all its children
    std::function<void()> clean_up{};  ///< after it ended, in whatever way
};

struct experiment {
    std::vector<quantity> quantities;
    std::vector<leg> legs;
    int rounds = 5;
};

/// A type to measure, and the series that it is.
template <class Type>
struct named_type {
    using type = Type;
    std::string series;
};

/// The order in which series are reported. Names not in the list come last.
inline constexpr std::string_view series_order[] = {"process_shared",
                                                    "process_shared_so",
                                                    "process_shared_repair",
                                                    "process_shared_msgpack",
                                                    "own_lines",
                                                    "floor",
                                                    "memcpy",
                                                    "pthread",
                                                    "pthread_robust",
                                                    "sem_t",
                                                    "boost",
                                                    "std_mutex",
                                                    "pipe_msgpack"};
inline constexpr std::string_view us = "process_shared";

void add_uncontended(std::vector<experiment>& to, const options& how);
void add_contended(std::vector<experiment>& to, const options& how);
void add_readers(std::vector<experiment>& to, const options& how);
void add_takeover(std::vector<experiment>& to, const options& how);
void add_create_open(std::vector<experiment>& to, const options& how);
void add_conversations(std::vector<experiment>& to, const options& how);
void add_store_load(std::vector<experiment>& to, const options& how);
void add_scale(std::vector<experiment>& to, const options& how);

}  // namespace bench
