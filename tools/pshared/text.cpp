// SPDX-License-Identifier: MIT
#include "text.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <utility>

namespace pshared {
namespace {

/// How long the UTF-8 sequence at the front is; 0 if it is invalid or a control character.
std::size_t printable_prefix(std::string_view text) {
    const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
    const auto continues = [&](std::size_t at) { return (byte(at) & 0xc0u) == 0x80u; };
    const unsigned first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    if (first >= 0xc2 && first <= 0xdf && continues(1)) {
        const bool control = first == 0xc2 && byte(1) < 0xa0;
        return control ? 0 : 2;
    }
    if (first >= 0xe0 && first <= 0xef && continues(1) && continues(2)) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (first >= 0xf0 && first <= 0xf4 && continues(1) && continues(2) && continues(3)) {
        const bool overlong = first == 0xf0 && byte(1) < 0x90;
        const bool beyond = first == 0xf4 && byte(1) >= 0x90;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

/// Code points: close enough to columns for names.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// "3.2" below ten, "32" above.
std::string three_digits(double value) { return fmt::format("{:.{}f}", value, value < 9.95 ? 1 : 0); }

bool wants_colour() {
    const char* refused = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return isatty(STDOUT_FILENO) != 0 && (refused == nullptr || *refused == '\0') && terminal != nullptr &&
           std::string_view(terminal) != "dumb";
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    constexpr std::array units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    // 1023.5: what would be printed as 1024 belongs to the next unit.
    while (value >= 1023.5 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{} {}", three_digits(value), units[unit]);
}

std::string duration_text(std::chrono::nanoseconds time) {
    using namespace std::chrono;
    const auto count = std::max<std::int64_t>(time.count(), 0);
    if (count < 1000) return fmt::format("{} ns", count);
    const double value = static_cast<double>(count);
    if (value < 999.5e3) return fmt::format("{} us", three_digits(value / 1e3));
    if (value < 999.5e6) return fmt::format("{} ms", three_digits(value / 1e6));
    if (value < 59.5e9) return fmt::format("{} s", three_digits(value / 1e9));

    const auto total = round<seconds>(nanoseconds(count)).count();
    const auto two = [](std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
        return small == 0 ? fmt::format("{} {}", large, large_unit)
                          : fmt::format("{} {} {} {}", large, large_unit, small, small_unit);
    };
    constexpr std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour;
    if (total < hour) return two(total / minute, "min", total % minute, "s");
    if (total < day) return two(total / hour, "h", total % hour / minute, "min");
    return two(total / day, "d", total % day / hour, "h");
}

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        std::size_t length = printable_prefix(text);
        if (length == 0) {
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
            length = 1;
        } else {
            result += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    return result;
}

table::table(std::vector<column> columns) : columns_(std::move(columns)) {}

void table::add(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    rows_.push_back(std::move(cells));
}

std::string table::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t width = width_of(columns_[i].title);
        for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
        widths.push_back(width);
    }
    const auto line = [&](const auto& cell_of) {
        std::string result;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const std::string& cell = cell_of(i);
            const std::string gap(widths[i] - width_of(cell), ' ');
            if (i > 0) result += "  ";
            result += columns_[i].align == side::right ? gap + cell : cell + gap;
        }
        result.erase(result.find_last_not_of(' ') + 1);
        return result;
    };
    std::string result =
        painted(tone::quiet, line([&](std::size_t i) -> const std::string& { return columns_[i].title; })) + '\n';
    for (const auto& row : rows_) result += line([&](std::size_t i) -> const std::string& { return row[i]; }) + '\n';
    return result;
}

std::string painted(tone how, std::string_view text) {
    static const bool colour = wants_colour();
    if (!colour || how == tone::plain) return std::string(text);
    constexpr std::array codes = {"", "1", "2", "32", "1;31"};
    return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(how)], text);
}

}  // namespace pshared
