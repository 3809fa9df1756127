// SPDX-License-Identifier: MIT
// How a C++ object becomes bytes for an object_buffer, and back: as it is, or through MessagePack where msgpack-cxx is
// installed (Debian: libmsgpack-cxx-dev). PROCESS_SHARED_NO_MSGPACK leaves it out, in all files of a program alike.
#pragma once

#include <process_shared/allowed.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

#if __has_include(<msgpack.hpp>) && !defined(PROCESS_SHARED_NO_MSGPACK)
#define PROCESS_SHARED_HAS_MSGPACK 1
#if !defined(MSGPACK_NO_BOOST)
#define MSGPACK_NO_BOOST  // who wants its Boost parts includes msgpack.hpp first
#endif
#include <msgpack.hpp>
#else
#define PROCESS_SHARED_HAS_MSGPACK 0
#endif

namespace process_shared {
namespace detail {

// What these refer to lies in the process that stores, or is gone when load() returns.
template <class T>
inline constexpr bool refers_elsewhere = std::is_pointer_v<T> || std::is_reference_v<T>;
template <class C, class Traits>
inline constexpr bool refers_elsewhere<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t Extent>
inline constexpr bool refers_elsewhere<std::span<T, Extent>> = true;
template <class T>
inline constexpr bool refers_elsewhere<std::reference_wrapper<T>> = true;

}  // namespace detail

/// Whether an object_buffer keeps the bytes of a T as they are. The others go through MessagePack.
/// Specialize it to send a trivially copyable type through MessagePack, so that other languages can read it:
///     struct reading { double celsius; int sensor; MSGPACK_DEFINE(celsius, sensor) };
///     template <> inline constexpr bool process_shared::stored_as_is<reading> = false;
template <class T>
inline constexpr bool stored_as_is = std::is_trivially_copyable_v<T> && allowed_in_shared_memory<T> &&
                                     !detail::refers_elsewhere<T> && !std::is_array_v<T>;  // "text" is a string

namespace detail {

inline constexpr bool has_msgpack = PROCESS_SHARED_HAS_MSGPACK != 0;

#if PROCESS_SHARED_HAS_MSGPACK

/// Lets only what is one whole object of bounded depth through. Unpacking trusts the lengths that it reads, and
/// would allocate what a damaged one asks for.
class whole_object : public msgpack::null_visitor {
public:
    bool start_array(std::uint32_t) { return deeper(); }
    bool end_array() { return shallower(); }
    bool start_map(std::uint32_t) { return deeper(); }
    bool end_map() { return shallower(); }

private:
    static constexpr unsigned deepest = 256;
    bool deeper() { return ++depth_ <= deepest; }
    bool shallower() { return --depth_, true; }

    unsigned depth_ = 0;
};

template <class T>
msgpack::sbuffer encode(const T& object) {
    msgpack::sbuffer encoded;
    msgpack::pack(encoded, object);
    return encoded;
}

/// False if the bytes are not a T.
template <class T>
bool decode(std::span<const std::byte> encoded, T& object) {
    const char* const text = reinterpret_cast<const char*>(encoded.data());
    whole_object check;
    std::size_t end = 0;
    if (!msgpack::parse(text, encoded.size(), end, check) || end != encoded.size()) return false;
    try {
        msgpack::unpack(text, encoded.size()).get().convert(object);
        return true;
    } catch (const msgpack::type_error&) {
        return false;
    } catch (const msgpack::unpack_error&) {
        return false;
    }
}

#else

template <class T>
std::string_view encode(const T&) {
    static_assert(sizeof(T) == 0,
                  "process_shared: storing a type that is not trivially copyable needs msgpack-cxx "
                  "(Debian: libmsgpack-cxx-dev)");
    return {};
}

template <class T>
bool decode(std::span<const std::byte>, T&) {
    static_assert(sizeof(T) == 0,
                  "process_shared: loading a type that is not trivially copyable needs msgpack-cxx "
                  "(Debian: libmsgpack-cxx-dev)");
    return false;
}

#endif

}  // namespace detail
}  // namespace process_shared
