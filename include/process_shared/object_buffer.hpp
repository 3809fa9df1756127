// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/deadline.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/object_codec.hpp>
#include <process_shared/segment.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace process_shared {

/// The newest object of many: whoever loads gets a whole one, however many store meanwhile and whoever is killed.
///
///     struct reading { double celsius; int sensor; };
///     process_shared::object_buffer box(sizeof(reading));           // inherited by forked children
///     if (fork() == 0) { box.store(reading{21.5, 7}); _exit(0); }
///     wait(nullptr);
///     if (auto seen = box.load<reading>())                          // nothing, if the child was killed too early
///         std::printf("sensor %d says %.1f\n", seen->sensor, seen->celsius);
///
/// A handle: copyable (copies refer to the same buffer), of this process. Trivially copyable types without pointers are
///     stored as they are, with their type (allowed.hpp); any other type through MessagePack, if msgpack-cxx is
///     installed (object_codec.hpp); store_bytes takes bytes as they are.
/// Blocks: store(), while another one stores. load() does not, unless it was twice overtaken by two stores during one
///     copy: then it takes its turn among the writers.
/// Throws: object_too_large (the old object stays), wrong_type (the newest object is no T), cannot_decode (its
///     MessagePack is no T), damaged, no_segment (an empty handle), and what segment and mutex throw, but never
///     owner_died. load() of a buffer into which nothing was stored is no error: it returns nothing. The twins with
///     `std::error_code&` set it instead, and set nothing_stored, too; what T's own packing throws passes through.
/// Synchronizes with: store() with every load() that returns its object.
/// On death: a writer killed in store() leaves the old object or the new one, nothing between; the next writer goes on
///     without a word. A killed reader leaves nothing behind.
/// Differs from std::atomic: any size and many types; a store can fail, and a load can find another type.
/// Sizes: a buffer takes up to 200 bytes and twice its capacity; an object, sizeof(T) or the size of its MessagePack.
class PROCESS_SHARED_API object_buffer {
public:
    /// An empty handle: valid() is false.
    object_buffer() noexcept;
    object_buffer(const object_buffer&) noexcept;
    object_buffer& operator=(const object_buffer&) noexcept;
    object_buffer(object_buffer&& from) noexcept;
    object_buffer& operator=(object_buffer&& from) noexcept;
    ~object_buffer();

    /// A buffer without a name, for this process and the children that it forks from now on.
    explicit object_buffer(std::size_t capacity);

    /// A buffer of a segment, found by name. An existing one must have room for `capacity` bytes (too_small).
    static object_buffer create(segment& in, std::string_view name, std::size_t capacity);
    static object_buffer create(segment& in, std::string_view name, std::size_t capacity,
                                std::error_code& error) noexcept;
    static object_buffer open(segment& in, std::string_view name);
    static object_buffer open(segment& in, std::string_view name, std::error_code& error) noexcept;
    static object_buffer open_or_create(segment& in, std::string_view name, std::size_t capacity);
    static object_buffer open_or_create(segment& in, std::string_view name, std::size_t capacity,
                                        std::error_code& error) noexcept;
    /// Takes it out of the segment and frees it. Nobody may use it any more.
    static void remove(segment& in, std::string_view name);
    static void remove(segment& in, std::string_view name, std::error_code& error) noexcept;

    [[nodiscard]] bool valid() const noexcept { return block_ != nullptr; }
    explicit operator bool() const noexcept { return valid(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }  ///< bytes of the largest object

    template <class T>
    void store(const T& object) const {
        std::error_code error;
        store(object, error);
        if (error) fail(error, "object_buffer::store");
    }
    template <class T>
    void store(const T& object, std::error_code& error) const;

    void store_bytes(std::span<const std::byte> object) const;
    void store_bytes(std::span<const std::byte> object, std::error_code& error) const noexcept;

    /// A copy of the newest object; nothing, if nothing has been stored.
    template <class T>
    [[nodiscard]] std::optional<T> load() const {
        std::error_code error;
        std::optional<T> object = load<T>(error);
        found(error, "object_buffer::load");
        return object;
    }
    template <class T>
    [[nodiscard]] std::optional<T> load(std::error_code& error) const;

    /// The same without a second copy; false, if nothing has been stored. After an error `target` may hold anything.
    template <class T>
    bool load_into(T& target) const {
        std::error_code error;
        load_into(target, error);
        return found(error, "object_buffer::load_into");
    }
    template <class T>
    bool load_into(T& target, std::error_code& error) const;

    /// What store_bytes stored.
    [[nodiscard]] std::optional<std::vector<std::byte>> load_bytes() const;
    [[nodiscard]] std::optional<std::vector<std::byte>> load_bytes(std::error_code& error) const noexcept;

    /// How the bytes of an object are to be read. The numbers are part of the format.
    enum class codec : std::uint64_t {
        bytes = 1,    ///< store_bytes
        as_is = 2,    ///< the bytes of a C++ object, whose type is recorded
        msgpack = 3,  ///< MessagePack, the same in all languages
        marshal = 4,  ///< Ruby's Marshal; C++ leaves it alone
    };

    /// The parts that the templates above and the bindings are made of. timed_out: another one was storing until then.
    void store_encoded(codec how, std::uint64_t type, std::span<const std::byte> object, std::error_code& error,
                       deadline until = deadline::never()) const noexcept;
    /// What a reader is ready for; anything else is wrong_type.
    struct request {
        std::uint64_t type = 0;                   ///< an as_is object of this type and of just the size of `place` …
        std::span<std::byte> place;               ///< … goes here
        std::optional<codec> other;               ///< an object of this codec …
        std::vector<std::byte>* bytes = nullptr;  ///< … goes here
    };
    /// Returns which it was (means nothing after an error).
    codec load_encoded(const request& wanted, std::error_code& error,
                       deadline until = deadline::never()) const noexcept;
    /// Whether another one stores at the moment, so that a store would wait.
    [[nodiscard]] bool is_busy() const noexcept;

private:
    object_buffer(std::byte* block, std::size_t capacity, std::shared_ptr<void> keep) noexcept;
    static object_buffer of(segment& in, segment::block block, std::size_t capacity);
    template <class T>
    std::optional<T> load_in_place(std::error_code& error) const;
    template <class T>
    std::optional<T> load_into_new(std::error_code& error) const;
    [[noreturn]] static void fail(const std::error_code& error, const char* where);
    static bool found(const std::error_code& error, const char* where);  ///< false: nothing stored. Throws the rest
    static void decoded(bool well, std::error_code& error) noexcept;

    std::byte* block_ = nullptr;
    std::size_t capacity_ = 0;
    std::shared_ptr<void> keep_;  // keeps the segment mapped, or frees the block
};

template <class T>
void object_buffer::store(const T& object, std::error_code& error) const {
    if constexpr (stored_as_is<T>) {
        const auto* const bytes = reinterpret_cast<const std::byte*>(std::addressof(object));
        store_encoded(codec::as_is, detail::record_of<T>().id, {bytes, sizeof(T)}, error);
    } else {
        const auto encoded = detail::encode(object);
        store_encoded(codec::msgpack, 0, std::as_bytes(std::span(encoded.data(), encoded.size())), error);
    }
}

template <class T>
std::optional<T> object_buffer::load(std::error_code& error) const {
    static_assert(!detail::refers_elsewhere<T>,
                  "process_shared: load a type that owns what it holds: std::string, std::vector");
    if constexpr (stored_as_is<T> && std::is_aggregate_v<T> && std::is_trivially_default_constructible_v<T>) {
        return load_in_place<T>(error);
    } else if constexpr (std::is_default_constructible_v<T>) {
        return load_into_new<T>(error);
    } else {
        static_assert(stored_as_is<T>, "process_shared: a type that is not default constructible: use load_into");
        std::array<std::byte, sizeof(T)> copy;
        load_encoded({.type = detail::record_of<T>().id, .place = copy, .other = {}, .bytes = nullptr}, error);
        if (error) return std::nullopt;
        return std::bit_cast<T>(copy);
    }
}

// Each in a function of its own: gcc 12 makes a local variable in the caller's place only if it is in the outer block.
template <class T>
std::optional<T> object_buffer::load_in_place(std::error_code& error) const {
    // Made by a conversion, so that it is not zeroed first: for a large one that costs as much as the copy.
    struct loader {
        const object_buffer& from;
        std::error_code& error;
        operator T() const {
            T object;
            from.load_into(object, error);
            return object;
        }
    };
    std::optional<T> object(std::in_place, loader{*this, error});
    if (error) object.reset();
    return object;
}

template <class T>
std::optional<T> object_buffer::load_into_new(std::error_code& error) const {
    std::optional<T> object(std::in_place);
    if (!load_into(*object, error)) object.reset();
    return object;
}

template <class T>
bool object_buffer::load_into(T& target, std::error_code& error) const {
    static_assert(!detail::refers_elsewhere<T>,
                  "process_shared: load a type that owns what it holds: std::string, std::vector");
    request wanted;
    if constexpr (stored_as_is<T>) {
        wanted.type = detail::record_of<T>().id;
        wanted.place = {reinterpret_cast<std::byte*>(std::addressof(target)), sizeof(T)};
    }
    // A number may come from another language.
    if constexpr (!stored_as_is<T> || (detail::has_msgpack && std::is_arithmetic_v<T>)) {
        std::vector<std::byte> encoded;
        wanted.other = codec::msgpack;
        wanted.bytes = &encoded;
        if (load_encoded(wanted, error) == codec::msgpack && !error) decoded(detail::decode(encoded, target), error);
    } else {
        load_encoded(wanted, error);
    }
    return !error;
}

}  // namespace process_shared
