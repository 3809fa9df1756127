// SPDX-License-Identifier: MIT
// Which types may live in shared memory, and by what name a type is known there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <type_traits>

namespace process_shared {

/// Specialize to say yes to a type that the rule below refuses, or no to one that it lets in.
///     template <> inline constexpr bool allow_in_shared_memory<my_ring> = true;
template <class T>
inline constexpr bool allow_in_shared_memory = std::is_object_v<T> && !std::is_const_v<T> && !std::is_pointer_v<T> &&
                                               !std::is_member_pointer_v<T> && !std::is_polymorphic_v<T> &&
                                               // Whatever owns memory outside the segment (std::string, containers,
                                               // smart pointers) has a destructor that frees it.
                                               std::is_trivially_destructible_v<T>;

template <class C, class Traits>
inline constexpr bool allow_in_shared_memory<std::basic_string_view<C, Traits>> = false;
template <class T, std::size_t Extent>
inline constexpr bool allow_in_shared_memory<std::span<T, Extent>> = false;
template <class T>
inline constexpr bool allow_in_shared_memory<std::reference_wrapper<T>> = false;
template <>
inline constexpr bool allow_in_shared_memory<std::mutex> = false;  // of one process only

/// A type whose bytes mean the same in every process: trivially copyable types, the values of this library
/// (mutex, recursive_mutex, …), and structs and arrays of them. No pointers, references, virtual functions or
/// containers: they would point into the process that wrote them.
template <class T>
concept allowed_in_shared_memory = allow_in_shared_memory<std::remove_all_extents_t<T>>;

namespace detail {

template <class T>
constexpr std::string_view spelled_type() noexcept {
    // gcc: "… [with T = X; …]", clang: "… [T = X]". Both spell ordinary types alike.
    constexpr std::string_view whole = __PRETTY_FUNCTION__;
    constexpr std::size_t start = whole.find("T = ") + 4;
    constexpr std::size_t end = whole.find_first_of(";]", start);
    return whole.substr(start, end - start);
}

constexpr std::uint64_t hash_text(std::string_view text) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

/// What a directory entry records of a type, so that find<T> of another type is an error and not a cast.
struct type_record {
    std::uint64_t id;  ///< hash of the name
    std::uint64_t size;
    std::uint32_t alignment;
    std::string_view name;
};

}  // namespace detail

/// The name by which T is known in a directory. Specialize it where compilers spell a type differently,
/// or where two programs call the same type differently.
template <class T>
struct type_name {
    static constexpr std::string_view value = detail::spelled_type<T>();
};

// gcc says "long int", clang "long".
template <>
struct type_name<short> {
    static constexpr std::string_view value = "short";
};
template <>
struct type_name<unsigned short> {
    static constexpr std::string_view value = "unsigned short";
};
template <>
struct type_name<long> {
    static constexpr std::string_view value = "long";
};
template <>
struct type_name<unsigned long> {
    static constexpr std::string_view value = "unsigned long";
};
template <>
struct type_name<long long> {
    static constexpr std::string_view value = "long long";
};
template <>
struct type_name<unsigned long long> {
    static constexpr std::string_view value = "unsigned long long";
};

namespace detail {

/// "prefix<number>", for templates whose default arguments compilers spell, or do not.
template <std::size_t Length, std::uint64_t Number>
class numbered_name {
    static constexpr std::size_t digits() noexcept {
        std::size_t count = 1;
        for (std::uint64_t rest = Number; rest >= 10; rest /= 10) ++count;
        return count;
    }
    std::array<char, Length + digits() + 2> text_{};

public:
    explicit constexpr numbered_name(std::string_view prefix) noexcept {
        for (std::size_t i = 0; i < Length; ++i) text_[i] = prefix[i];
        text_[Length] = '<';
        std::uint64_t rest = Number;
        for (std::size_t i = digits(); i > 0; --i, rest /= 10)
            text_[Length + i] = static_cast<char>('0' + static_cast<char>(rest % 10));
        text_.back() = '>';
    }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text_.data(), text_.size()}; }
};

template <class T>
constexpr type_record record_of() noexcept {
    return {hash_text(type_name<T>::value), sizeof(T), alignof(T), type_name<T>::value};
}

}  // namespace detail
}  // namespace process_shared
