// SPDX-License-Identifier: MIT
// What a run looks like: a table on the terminal, JSON for programs, Markdown for docs/benchmarks.md.
#pragma once

#include "bars.hpp"
#include "machine.hpp"
#include "run.hpp"

#include <string>
#include <vector>

namespace bench {

void print_machine(const json& machine);
void print_result(const result& measured);
void print_bars(const std::vector<bar>& bars);

json to_json(const json& machine, const options& how, const std::vector<result>& results, const std::vector<bar>& bars);
std::string to_markdown(const json& machine, const std::vector<result>& results, const std::vector<bar>& bars);

/// Replaces the file. If `section` and the file has a line "<!-- benchmarks: begin -->" and one with "end", only what
/// is between them. Throws if it cannot be written.
void write_file(const std::string& path, const std::string& text);
void write_section(const std::string& path, const std::string& text);

}  // namespace bench
