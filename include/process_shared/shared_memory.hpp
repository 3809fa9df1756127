// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/segment.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace process_shared {

/// Plain bytes between processes, read and written as types, always within bounds.
///
///     auto memory = process_shared::shared_memory(1024);        // inherited by forked children
///     if (fork() == 0) { memory.put<int>(0, 42); _exit(0); }
///     wait(nullptr);
///     int answer = memory.get<int>(0);
///     std::span<double> table = memory.as<double>(64, 10);      // ten doubles from byte 64
///
/// A handle: copyable (copies refer to the same bytes), of this process. The bytes are valid while one of them lives.
/// Blocks: never. Nothing here is synchronized: guard it with a mutex, or use object_buffer.
/// Throws: out_of_bounds (nothing is read or written then), bad_alignment (as<T> only), and what segment throws.
/// Synchronizes with: nothing.
/// On death: the bytes stay as the dead writer left them.
/// Differs from std::span: get and put are checked, and work at any alignment. resize is not offered: other processes
///     have the old size mapped. Make a new one and copy.
/// Sizes: in bytes; new memory is zero. Types are trivially copyable and hold no pointers (allowed.hpp).
class PROCESS_SHARED_API shared_memory {
public:
    /// An empty handle: valid() is false, size() is 0.
    shared_memory() noexcept = default;
    shared_memory(const shared_memory&) noexcept = default;
    shared_memory& operator=(const shared_memory&) noexcept = default;
    shared_memory(shared_memory&& from) noexcept
        : bytes_(std::exchange(from.bytes_, {})), keep_(std::move(from.keep_)) {}
    shared_memory& operator=(shared_memory&& from) noexcept {
        shared_memory moved(std::move(from));
        std::swap(bytes_, moved.bytes_);
        std::swap(keep_, moved.keep_);
        return *this;
    }
    ~shared_memory() = default;

    /// Memory without a name, for this process and the children that it forks from now on.
    explicit shared_memory(std::size_t bytes);

    /// A block of a segment, found by name. An existing one must have at least `bytes` (too_small).
    static shared_memory create(segment& in, std::string_view name, std::size_t bytes);
    static shared_memory create(segment& in, std::string_view name, std::size_t bytes, std::error_code& error) noexcept;
    static shared_memory open(segment& in, std::string_view name);
    static shared_memory open(segment& in, std::string_view name, std::error_code& error) noexcept;
    static shared_memory open_or_create(segment& in, std::string_view name, std::size_t bytes);
    static shared_memory open_or_create(segment& in, std::string_view name, std::size_t bytes,
                                        std::error_code& error) noexcept;
    /// Takes it out of the segment and frees it. Nobody may use it any more.
    static void remove(segment& in, std::string_view name);
    static void remove(segment& in, std::string_view name, std::error_code& error) noexcept;

    [[nodiscard]] bool valid() const noexcept { return bytes_.data() != nullptr; }
    explicit operator bool() const noexcept { return valid(); }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] std::byte* data() const noexcept { return bytes_.data(); }
    [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::span<std::byte> bytes(std::size_t offset, std::size_t count) const {
        check(offset, count, 1);
        return bytes_.subspan(offset, count);
    }

    /// What may be read and written as bytes here, and still mean the same in another process.
    template <class T>
    static constexpr bool holds = std::is_trivially_copyable_v<T> && allowed_in_shared_memory<std::remove_cv_t<T>>;

    template <class T>
        requires holds<T>
    [[nodiscard]] T get(std::size_t offset) const {
        check(offset, 1, sizeof(T));
        std::array<std::byte, sizeof(T)> copy;
        std::memcpy(copy.data(), bytes_.data() + offset, sizeof(T));
        return std::bit_cast<std::remove_cv_t<T>>(copy);
    }
    template <class T>
        requires holds<T>
    void put(std::size_t offset, const std::type_identity_t<T>& value) const {
        check(offset, 1, sizeof(T));
        std::memcpy(bytes_.data() + offset, std::addressof(value), sizeof(T));
    }

    /// `count` elements in place.
    template <class T>
        requires holds<T>
    [[nodiscard]] std::span<T> as(std::size_t offset, std::size_t count) const {
        check(offset, count, sizeof(T));
        check_alignment(offset, alignof(T));
        return {reinterpret_cast<T*>(bytes_.data() + offset), count};
    }

    void fill(std::byte value) const noexcept;
    void fill(std::size_t offset, std::size_t count, std::byte value) const;
    void copy_from(std::size_t offset, std::span<const std::byte> source) const;
    void copy_to(std::size_t offset, std::span<std::byte> target) const;
    /// Between or within memories; overlapping ranges are fine.
    void copy(std::size_t offset, const shared_memory& source, std::size_t source_offset, std::size_t count) const;

    /// Not offered: other processes have the old size mapped. Make a new one and copy.
    template <class Size>
    void resize(Size) = delete;

private:
    shared_memory(std::span<std::byte> bytes, std::shared_ptr<void> keep) noexcept
        : bytes_(bytes), keep_(std::move(keep)) {}
    static shared_memory of(segment& in, segment::block block, std::size_t bytes);
    void check(std::size_t offset, std::size_t count, std::size_t element) const;
    void check_alignment(std::size_t offset, std::size_t alignment) const;

    std::span<std::byte> bytes_;
    std::shared_ptr<void> keep_;  // keeps the segment mapped, or frees or unmaps
};

}  // namespace process_shared
