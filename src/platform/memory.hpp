// SPDX-License-Identifier: MIT
// Files of shared memory: made, named, mapped, locked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace process_shared::platform {

using file = int;
inline constexpr file no_file = -1;

/// Which file it is, however it was opened.
struct file_id {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const file_id&, const file_id&) = default;
};

struct file_facts {
    file_id id;
    std::uint64_t size = 0;
    bool regular = false;
    bool mine = false;  ///< belongs to the effective user
};

struct mapping {
    std::byte* base = nullptr;
    std::size_t size = 0;
};

/// An unnamed file that nobody else can see yet. Closed on exec.
std::error_code create_anonymous(file& made) noexcept;
std::error_code create_unpublished(const std::string& directory, std::uint32_t mode, file& made) noexcept;

/// Gives an unpublished file its name, in one step; file_exists if the name is taken.
std::error_code publish(file what, const std::string& directory, const std::string& name) noexcept;

/// Memory for the first `size` bytes now: no_space_on_device instead of a SIGBUS later.
std::error_code reserve(file what, std::uint64_t size) noexcept;

/// No one can shrink it from now on (anonymous files only).
std::error_code seal_against_shrinking(file what) noexcept;

/// Opens for reading and writing; never follows a symbolic link in the last part.
std::error_code open(const std::string& directory, const std::string& name, file& opened) noexcept;
std::error_code duplicate(file what, file& copy) noexcept;
void close(file what) noexcept;
std::error_code facts(file what, file_facts& result) noexcept;
std::error_code remove(const std::string& directory, const std::string& name) noexcept;
std::error_code list(const std::string& directory, std::vector<std::string>& names);
const char* default_directory() noexcept;

/// Maps the file's first `size` bytes shared; more than it has may be asked for, for a file that will grow.
std::error_code map(file what, std::size_t size, mapping& result) noexcept;
/// Shared with children forked from now on; no file behind it.
std::error_code map_inherited(std::size_t size, mapping& result) noexcept;
void unmap(std::byte* base, std::size_t size) noexcept;
/// Gives back the memory, but keeps the addresses: touching them is an error from now on.
void unmap_keeping_addresses(std::byte* base, std::size_t size) noexcept;
/// Maps the file's bytes from `offset` at addresses that were kept.
std::error_code map_at(std::byte* base, file what, std::uint64_t offset, std::size_t size) noexcept;
std::size_t page_size() noexcept;

/// A lock on one byte of the file, that ends with this object or with the process.
/// An own description, so that it also excludes other threads of this process.
class byte_lock {
public:
    enum class result { locked, taken, impossible };
    byte_lock() = default;
    byte_lock(const byte_lock&) = delete;
    byte_lock& operator=(const byte_lock&) = delete;
    ~byte_lock();
    /// Does not wait. `impossible`: the file is gone or cannot be opened anew; nothing can be known then.
    result try_lock(file what, const file_id& which, std::uint64_t byte) noexcept;

private:
    file own_ = no_file;
};

void random_bytes(std::span<std::uint8_t> target) noexcept;

/// Changes with every boot of the machine; zero where the OS does not say.
std::array<std::uint8_t, 16> boot_id() noexcept;

}  // namespace process_shared::platform
