// SPDX-License-Identifier: MIT
// Sizes, times, names and tables for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pshared {

/// "512 B", "4.0 KiB", "96 KiB", "1.5 GiB"
std::string size_text(std::uint64_t bytes);

/// "850 ns", "1.2 ms", "42 s", "3 min 5 s", "2 d 4 h". Negative durations count as none.
std::string duration_text(std::chrono::nanoseconds time);

/// The text with whatever could confuse a terminal (control characters, invalid UTF-8) as \xNN: names come from
/// memory that others write.
std::string printable(std::string_view text);

/// Rows under titles, two blanks between the columns, no blanks at the ends of lines.
class table {
public:
    enum class side { left, right };
    struct column {
        std::string title;
        side align = side::left;
    };

    explicit table(std::vector<column> columns);
    void add(std::vector<std::string> cells);  ///< one for each column
    [[nodiscard]] std::string text() const;

private:
    std::vector<column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

enum class tone { plain, heading, quiet, good, bad };

/// The text in that tone if standard output is a terminal that wants colours (NO_COLOR and TERM=dumb say no).
std::string painted(tone how, std::string_view text);

}  // namespace pshared
