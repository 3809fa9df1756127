// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace bench {
namespace {

constexpr int width_of_bars = 24;

std::string number(double value) {
    const double size = std::abs(value);
    const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    return fmt::format("{:.{}f}", value, decimals);
}

/// A line of blocks, in eighths of a character.
std::string blocks(double share) {
    static constexpr const char* part[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int eighths = std::max(1, static_cast<int>(std::lround(share * width_of_bars * 8)));
    std::string drawn;
    for (int i = 0; i < eighths / 8; ++i) drawn += "█";
    return drawn + part[eighths % 8];
}

std::string ratio(const result& measured, const series_result& one) {
    const series_result* ours = measured.find(us);
    if (ours == nullptr || !(ours->value > 0)) return "";
    return fmt::format("{:.2f} x", one.value / ours->value);
}

const char* better(const quantity& what) { return what.higher_is_better ? "higher" : "lower"; }

void print_series(const result& measured) {
    double largest = 0;
    for (const auto& one : measured.series) largest = std::max(largest, one.value);
    for (const auto& one : measured.series) {
        const auto [low, high] = std::minmax_element(one.rounds.begin(), one.rounds.end());
        fmt::print("  {:<22} {:>9} {:>10}  {}  [{} .. {}]", one.name, number(one.value), ratio(measured, one),
                   blocks(largest > 0 ? one.value / largest : 0), number(*low), number(*high));
        if (measured.what.tails) fmt::print("  p99 {}", number(one.p99));
        fmt::print("\n");
    }
}

}  // namespace

void print_machine(const json& machine) {
    for (const auto& [name, value] : machine.items())
        fmt::print("{:<15} {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
    fmt::print("\nEach line: median, ratio to process_shared, [lowest .. highest round].\n");
    std::fflush(stdout);
}

void print_result(const result& measured) {
    fmt::print("\n{}   {}, {} is better\n", measured.what.name, measured.what.unit, better(measured.what));
    print_series(measured);
    for (const auto& part : measured.parts) {
        if (part.series.empty()) continue;
        fmt::print("  {}   {}, {} is better\n", part.what.part_name(), part.what.unit, better(part.what));
        print_series(part);
    }
    for (const auto& [leg, text] : measured.failures) fmt::print("  FAILED {}: {}\n", leg, text);
    std::fflush(stdout);
}

void print_bars(const std::vector<bar>& bars) {
    if (bars.empty()) return;
    fmt::print("\nbars\n");
    for (const auto& one : bars) {
        fmt::print("  {:<28} {:<42} {:>8}  wanted {:<12} {}\n", one.where, one.what,
                   one.value ? number(*one.value) : "missing", one.wanted, one.met ? "met" : "NOT MET");
    }
}

namespace {

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

json to_json(const bar& one) {
    json said{{"case", one.where}, {"what", one.what}, {"value", nullptr}, {"wanted", one.wanted}, {"met", one.met}};
    if (one.value) said["value"] = rounded(*one.value);
    return said;
}

json to_json(const result& measured) {
    json said;
    if (!measured.what.is_part()) said["case"] = measured.what.name;
    said["unit"] = measured.what.unit;
    said["better"] = better(measured.what);
    said["series"] = json::object();
    for (const auto& one : measured.series) {
        said["series"][one.name] = rounded(one.value);
        if (measured.what.tails) {
            said["median"][one.name] = rounded(one.value);
            said["p99"][one.name] = rounded(one.p99);
        }
        for (const double round : one.rounds) said["rounds"][one.name].push_back(rounded(round));
    }
    for (const auto& part : measured.parts) said[part.what.part_name()] = to_json(part);
    for (const auto& [leg, text] : measured.failures) said["failed"][leg] = text;
    return said;
}

}  // namespace

json to_json(const json& machine, const options& how, const std::vector<result>& results,
             const std::vector<bar>& bars) {
    json said;
    said["machine"] = machine;
    said["options"] = {{"rounds", how.rounds},
                       {"seconds", how.seconds},
                       {"critical_ns", how.critical_ns},
                       {"think_ns", how.think_ns},
                       {"quick", how.quick}};
    said["results"] = json::array();
    for (const auto& one : results) {
        json entry = to_json(one);
        for (const auto& judged : bars) {
            if (judged.where == one.what.name) entry["bars"].push_back(to_json(judged));
        }
        said["results"].push_back(std::move(entry));
    }
    said["bars"] = json::array();
    for (const auto& judged : bars) said["bars"].push_back(to_json(judged));
    return said;
}

namespace {

std::string markdown_row(const result& measured) {
    std::string row = fmt::format("| `{}` | {}, {} |", measured.what.name, measured.what.unit, better(measured.what));
    const auto shown = [&](const series_result& one) {
        return number(one.value) + (measured.what.tails ? fmt::format(" (p99 {})", number(one.p99)) : "");
    };
    const series_result* ours = measured.find(us);
    row += ours == nullptr ? " – |" : fmt::format(" **{}** |", shown(*ours));
    std::string beside;
    for (const auto& one : measured.series) {
        if (&one == ours) continue;
        if (!beside.empty()) beside += " · ";
        beside += fmt::format("{} {}", one.name, shown(one));
        if (ours != nullptr) beside += fmt::format(", {:.2f} ×", one.value / ours->value);
    }
    for (const auto& [leg, text] : measured.failures) beside += fmt::format(" (failed: {}: {})", leg, text);
    return row + " " + beside + " |\n";
}

}  // namespace

std::string to_markdown(const json& machine, const std::vector<result>& results, const std::vector<bar>& bars) {
    std::string text;
    for (const auto& [name, value] : machine.items()) {
        const std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
        text += name == "command" ? fmt::format("- {}: `{}`\n", name, shown) : fmt::format("- {}: {}\n", name, shown);
    }
    text += "\n| case | unit, better | process_shared | beside it (× process_shared) |\n| --- | --- | --- | --- |\n";
    for (const auto& one : results) {
        text += markdown_row(one);
        for (const auto& part : one.parts) {
            if (!part.series.empty()) text += markdown_row(part);
        }
    }
    if (bars.empty()) return text;
    text += "\n| bar | | measured | wanted | met |\n| --- | --- | --- | --- | --- |\n";
    for (const auto& one : bars) {
        text += fmt::format("| `{}` | {} | {} | {} | {} |\n", one.where, one.what,
                            one.value ? number(*one.value) : "missing", one.wanted, one.met ? "yes" : "**no**");
    }
    return text;
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file(path, std::ios::trunc);
    file << text;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
}

void write_section(const std::string& path, const std::string& text) {
    const std::string begin = "<!-- benchmarks: begin -->\n";
    const std::string end = "<!-- benchmarks: end -->";
    std::ifstream file(path);
    const std::string old{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto first = old.find(begin);
    const auto last = old.find(end, first == std::string::npos ? 0 : first);
    if (first == std::string::npos || last == std::string::npos) return write_file(path, text);
    write_file(path, old.substr(0, first + begin.size()) + "\n" + text + "\n" + old.substr(last));
}

}  // namespace bench
