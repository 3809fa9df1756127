// SPDX-License-Identifier: MIT
// Names of segments that no other test uses, removed whatever happens.
#pragma once

#include <process_shared/segment.hpp>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace support {
namespace detail {

inline std::string name_prefix() { return "process_shared_test." + std::to_string(getpid()) + "."; }

}  // namespace detail

/// A name for a segment, different at every call and in every process.
inline std::string unique_name(std::string_view word = "segment") {
    static std::atomic<unsigned> count{0};
    // relaxed: only the number matters
    const unsigned mine = count.fetch_add(1, std::memory_order_relaxed);
    return detail::name_prefix() + std::to_string(mine) + "." + std::string(word);
}

/// A unique name whose segment is removed with this guard, by the process that made the guard.
///     const support::segment_name name;
///     auto memory = process_shared::segment::create(name, 4096);
class segment_name {
public:
    explicit segment_name(std::string_view word = "segment", std::string directory = {})
        : name_(unique_name(word)), directory_(std::move(directory)), maker_(getpid()) {}
    segment_name(const segment_name&) = delete;
    segment_name& operator=(const segment_name&) = delete;
    ~segment_name() {
        if (getpid() != maker_) return;
        process_shared::segment_options how;
        how.directory = directory_;
        std::error_code ignored;  // it need not exist
        process_shared::segment::remove(name_, how, ignored);
    }

    [[nodiscard]] const std::string& str() const noexcept { return name_; }
    operator const std::string&() const noexcept { return name_; }
    operator std::string_view() const noexcept { return name_; }

private:
    std::string name_;
    std::string directory_;
    pid_t maker_;
};

/// Segments (or any files) left there by this process's unique names, sorted: empty at the end of a clean test.
inline std::vector<std::string> segments_left(const std::filesystem::path& directory = "/dev/shm") {
    std::vector<std::string> left;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        std::string name = file.path().filename().string();
        // Anywhere in the name: a temporary file may carry it, too.
        if (name.find(detail::name_prefix()) != std::string::npos) left.push_back(std::move(name));
    }
    std::sort(left.begin(), left.end());
    return left;
}

/// An empty directory that is removed, with all that is in it, by the process that made it. For segments by default in
/// the file system that holds them all.
class scratch_directory {
public:
    explicit scratch_directory(const std::filesystem::path& in = "/dev/shm")
        : path_(in / unique_name("directory")), maker_(getpid()) {
        std::filesystem::create_directory(path_);
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory() {
        if (getpid() != maker_) return;
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
    pid_t maker_;
};

}  // namespace support
