// SPDX-License-Identifier: MIT
// pshared_bench: measures process_shared beside its peers, in one run. docs/benchmarks.md says how.

#include "bars.hpp"
#include "machine.hpp"
#include "processes.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "run.hpp"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <exception>
#include <string>
#include <vector>

namespace {

std::string command_line(int count, char** words) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + std::string(words[i]);
    return text;
}

void list_cases(const bench::options& how) {
    for (const auto& experiment : bench::chosen(how)) {
        for (const auto& one : experiment.quantities) {
            if (one.is_part() || !bench::is_chosen(one, how)) continue;
            fmt::print("{:<30} {}, {} is better\n", one.name, one.unit, one.higher_is_better ? "higher" : "lower");
        }
    }
}

bool has_failed(const std::vector<bench::result>& results) {
    for (const auto& one : results) {
        if (!one.failures.empty() || one.series.empty()) return true;
    }
    return false;
}

int measure(const bench::options& how) {
    const auto experiments = bench::chosen(how);
    if (experiments.empty()) {
        fmt::print(stderr, "pshared_bench: no such case; --list shows them\n");
        return 2;
    }
    bench::catch_interrupts();
    auto machine = bench::describe_machine(how);
    bench::print_machine(machine);
    for (const auto& doubt : bench::doubts()) fmt::print(stderr, "note: {}\n", doubt);

    bench::progress shown(static_cast<int>(experiments.size()));
    std::vector<bench::result> results;
    for (const auto& experiment : experiments) {
        shown.next_experiment();
        auto measured = bench::run(experiment, how, shown);
        shown.clear();
        if (bench::interrupted()) {
            fmt::print(stderr, "pshared_bench: interrupted; nothing is written\n");
            return 130;
        }
        for (auto& one : measured) {
            bench::print_result(one);
            results.push_back(std::move(one));
        }
    }
    machine["load_average_after"] = bench::load_average();
    const auto bars = bench::judge(results);
    bench::print_bars(bars);
    if (!how.json.empty()) bench::write_file(how.json, bench::to_json(machine, how, results, bars).dump(2) + '\n');
    if (!how.markdown.empty()) bench::write_section(how.markdown, bench::to_markdown(machine, results, bars));
    return has_failed(results) ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
    bench::options how;
    how.command = command_line(count, words);
    bool list = false;

    CLI::App app{"Measures process_shared beside its peers: floor, glibc, Boost.Interprocess."};
    app.add_option("--case", how.prefixes, "only cases whose names start so; may be repeated");
    app.add_flag("--list", list, "print the names of the cases and stop");
    auto* rounds = app.add_option("--rounds", how.rounds, "rounds of each case (short ones take three times as many)")
                       ->check(CLI::Range(1, 1000))
                       ->capture_default_str();
    auto* seconds = app.add_option("--seconds", how.seconds, "how long contended processes run in each round")
                        ->check(CLI::Range(0.01, 3600.0))
                        ->capture_default_str();
    app.add_flag("--quick", how.quick, "fewer rounds, shorter ones: a glance, not a result");
    app.add_option("--critical", how.critical_ns, "contended: busy nanoseconds inside the lock, beside the increment")
        ->check(CLI::Range(0, 1'000'000'000))
        ->capture_default_str();
    app.add_option("--think", how.think_ns, "contended: busy nanoseconds between two locks")
        ->check(CLI::Range(0, 1'000'000'000))
        ->capture_default_str();
    app.add_option("--cores", how.cores, "processors to run on, of those allowed")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_option("--json", how.json, "also write the results to this file");
    app.add_option("--markdown", how.markdown,
                   "also write them as Markdown; into the marked section of the file if it has one");
    app.add_option("--command", how.command, "the command to report instead of this one");
    CLI11_PARSE(app, count, words);
    if (how.quick && rounds->count() == 0) how.rounds = 3;
    if (how.quick && seconds->count() == 0) how.seconds = 0.5;

    try {
        if (list) {
            list_cases(how);
            return 0;
        }
        return measure(how);
    } catch (const std::exception& failure) {
        fmt::print(stderr, "pshared_bench: {}\n", failure.what());
        return 1;
    }
}
