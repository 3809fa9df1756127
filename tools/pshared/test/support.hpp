// SPDX-License-Identifier: MIT
// Runs the command as a user would, and gives each test a place of its own for segments.
#pragma once

#include <process_shared/segment.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace pshared::test {

struct outcome {
    int status = -1;  ///< exit status; 128 + signal if one killed it
    std::string out;
    std::string err;
};

using words = std::vector<std::string>;

/// Runs `pshared arguments…` with `environment` ("NAME=value") added to this process's.
outcome run(const words& arguments, const words& environment = {});
/// Whether run_on_terminal can work here.
bool has_terminals();
/// The same with standard output on a terminal; `out` is what it shows.
outcome run_on_terminal(const words& arguments, const words& environment = {});
/// The same with standard output to a file.
outcome run_into(const std::string& file, const words& arguments);

/// Where `text` matches the extended regular expression (^ and $ are those of a line): the match and its groups;
/// empty if nowhere. (std::regex draws warnings from gcc when sanitized.)
words found(const std::string& text, const std::string& expression);
inline bool shows(const std::string& text, const std::string& expression) { return !found(text, expression).empty(); }

/// A directory for segments that nobody else uses; gone at the end of the test with all that is in it.
class command_test : public testing::Test {
protected:
    command_test();
    ~command_test() override;
    command_test(const command_test&) = delete;
    command_test& operator=(const command_test&) = delete;

    /// Runs `pshared arguments… --directory <ours>`.
    [[nodiscard]] outcome pshared(words arguments) const;
    [[nodiscard]] nlohmann::json json_of(const words& arguments) const;
    /// The file of the segment of that name.
    [[nodiscard]] std::string path_of(const std::string& name) const;
    [[nodiscard]] bool exists(const std::string& name) const;
    /// Puts a file in place of a segment.
    void write_file(const std::string& name, const std::string& text) const;

    process_shared::segment_options where;
};

/// Calls `look` until it says true. The watchdog of the test ends what never becomes true.
template <class Look>
void await(Look look) {
    while (!look()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace pshared::test
