// SPDX-License-Identifier: MIT
// Places on disk that a test has for itself: a directory, and a file system with next to no room.
#pragma once

#include <cstddef>
#include <string>

namespace contract {

/// An empty directory on the file system of shared memory, removed with everything in it.
class scratch_directory {
public:
    scratch_directory();
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    ~scratch_directory();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

/// A tmpfs of a few pages. Needs root. Mounted where only this process and its children see it, so that it is gone
/// with them, however they end.
class tiny_file_system {
public:
    explicit tiny_file_system(std::size_t bytes);
    tiny_file_system(const tiny_file_system&) = delete;
    tiny_file_system& operator=(const tiny_file_system&) = delete;
    ~tiny_file_system();

    [[nodiscard]] bool mounted() const noexcept { return why_not_.empty(); }
    [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }
    [[nodiscard]] const std::string& path() const noexcept { return directory_.path(); }

private:
    scratch_directory directory_;
    std::string why_not_;
};

}  // namespace contract
