// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace process_shared {

/// How a new segment is made. Openers look at `directory` and `others`; they take the rest from the segment.
struct segment_options {
    std::uint32_t seats = 256;   ///< threads that may take part at once: 1 to 65 000
    std::uint32_t names = 128;   ///< named objects: 1 to 65 536
    std::uint32_t mode = 0600;   ///< permissions of a named segment, whatever the umask
    bool others = false;         ///< also open segments that belong to another user
    std::string directory = {};  ///< where named segments live; empty: /dev/shm
    std::chrono::nanoseconds backstop = std::chrono::milliseconds(100);  ///< the longest sleep before a re-check
};

/// One piece of shared memory: a directory of named objects, the memory they live in, and the registry of participants.
///
///     auto memory = process_shared::segment::open_or_create("tally", 4096);
///     auto& shared = memory.find_or_construct<counter>("counter");
///     std::lock_guard hold(shared.guard);
///     ++shared.value;
///     // memory is unmapped here; the objects stay until segment::remove("tally") and the last user's end
///
/// A handle: movable, of this process. Objects are valid while a handle of their mapping lives.
/// Blocks: construct, find, destroy, allocate and deallocate take the segment's own lock for a moment; the constructor
///     of a T runs under it. Creating and opening never wait for another process.
/// Throws: std::system_error with a code of errc (error.hpp); every function has a twin with `std::error_code&`
///     that sets it instead, and returns an empty handle or nullptr.
/// Synchronizes with: construct with every find that sees the object; likewise creation with every open.
/// On death: a named segment appears whole or not at all. An object appears whole or not at all. Whoever dies inside
///     an operation loses at most the block it was about to hand out; the next one repairs what it finds and goes on.
/// Differs from Boost.Interprocess: find<T> checks the type; nothing is ever left half-made.
/// Sizes: `bytes` is what objects may use together; registry (640 bytes a seat) and directory come on top.
///     Each block costs 16 bytes and is rounded up to 16. Growing is not offered.
class PROCESS_SHARED_API segment {
public:
    using options = segment_options;

    /// An empty handle: valid() is false.
    segment() noexcept;
    segment(segment&& from) noexcept;
    segment& operator=(segment&& from) noexcept;
    ~segment();

    /// Memory without a name, inherited by fork, passed on by its fd(). Sealed against shrinking.
    static segment anonymous(std::size_t bytes, const options& how = {});
    static segment anonymous(std::size_t bytes, std::error_code& error) noexcept;
    static segment anonymous(std::size_t bytes, const options& how, std::error_code& error) noexcept;

    /// A new named segment; it is an error if the name is taken.
    static segment create(std::string_view name, std::size_t bytes, const options& how = {});
    static segment create(std::string_view name, std::size_t bytes, std::error_code& error) noexcept;
    static segment create(std::string_view name, std::size_t bytes, const options& how,
                          std::error_code& error) noexcept;

    /// An existing one.
    static segment open(std::string_view name, const options& how = {});
    static segment open(std::string_view name, std::error_code& error) noexcept;
    static segment open(std::string_view name, const options& how, std::error_code& error) noexcept;

    /// An existing one if it has room for `bytes`, else a new one. Two processes that race get the same segment.
    static segment open_or_create(std::string_view name, std::size_t bytes, const options& how = {});
    static segment open_or_create(std::string_view name, std::size_t bytes, std::error_code& error) noexcept;
    static segment open_or_create(std::string_view name, std::size_t bytes, const options& how,
                                  std::error_code& error) noexcept;

    /// The segment behind a descriptor that another process passed. The descriptor stays the caller's.
    static segment from_fd(int fd);
    static segment from_fd(int fd, std::error_code& error) noexcept;

    /// Takes the name away. Users keep the segment; a new one of that name is another segment. False if there was none.
    static bool remove(std::string_view name, const options& how = {});
    static bool remove(std::string_view name, std::error_code& error) noexcept;
    static bool remove(std::string_view name, const options& how, std::error_code& error) noexcept;

    /// The segment of this process for objects that nobody named. Forked children share it. It grows by itself.
    static segment& process_default();

    /// A new T, made from `arguments` (from no arguments: value-initialized, so zero).
    template <class T, class... Arguments>
    T& construct(std::string_view name, Arguments&&... arguments) {
        return *made<T>(name, placement::fresh, std::forward<Arguments>(arguments)...);
    }
    template <class T, class... Arguments>
    T* construct(std::error_code& error, std::string_view name, Arguments&&... arguments) {
        return detail::quietly(error, [&] { return &construct<T>(name, std::forward<Arguments>(arguments)...); });
    }

    /// The T of that name: no_such_name if there is none, wrong_type if it is something else.
    template <class T>
    [[nodiscard]] T& find(std::string_view name) const {
        static_assert(allowed_in_shared_memory<T>, "process_shared: this type is not allowed in shared memory");
        return *static_cast<T*>(find_object(name, detail::record_of<T>()));
    }
    template <class T>
    [[nodiscard]] T* find(std::string_view name, std::error_code& error) const noexcept {
        return detail::quietly(error, [&] { return &find<T>(name); });
    }

    /// The T of that name, made by whoever comes first.
    template <class T, class... Arguments>
    T& find_or_construct(std::string_view name, Arguments&&... arguments) {
        return *made<T>(name, placement::existing_or_fresh, std::forward<Arguments>(arguments)...);
    }
    template <class T, class... Arguments>
    T* find_or_construct(std::error_code& error, std::string_view name, Arguments&&... arguments) {
        return detail::quietly(error,
                               [&] { return &find_or_construct<T>(name, std::forward<Arguments>(arguments)...); });
    }

    /// Takes the object out of the directory and frees its memory; no destructor runs. Nobody may use it any more:
    /// `busy` if a living participant still holds or waits for a lock inside it.
    template <class T>
    void destroy(std::string_view name) {
        destroy_object(name, detail::record_of<T>());
    }
    template <class T>
    void destroy(std::string_view name, std::error_code& error) noexcept {
        detail::quietly(error, [&] { destroy<T>(name); });
    }

    /// Zeroed memory without a name; find it again by offset_of and at.
    [[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t));
    void deallocate(void* address);
    /// Where an address lies in the segment, the same in every process; and back, checked.
    [[nodiscard]] std::uint64_t offset_of(const void* address) const;
    [[nodiscard]] void* at(std::uint64_t offset, std::size_t bytes = 1) const;

    [[nodiscard]] bool valid() const noexcept;
    explicit operator bool() const noexcept { return valid(); }
    [[nodiscard]] std::string name() const;        ///< empty for an anonymous one
    [[nodiscard]] std::size_t size() const;        ///< bytes for objects
    [[nodiscard]] std::size_t free_bytes() const;  ///< the sum of the free blocks
    [[nodiscard]] std::array<std::uint8_t, 16> uuid() const;
    [[nodiscard]] std::uint32_t seats() const;
    [[nodiscard]] int fd() const;  ///< to pass to another process; stays the segment's

    /// A named block of bytes, for handles like shared_memory: `type` tells them apart.
    struct block {
        void* address;
        std::size_t size;
    };
    block construct_block(std::string_view name, const detail::type_record& type);
    block find_or_construct_block(std::string_view name, const detail::type_record& type);
    [[nodiscard]] block find_block(std::string_view name, std::uint64_t type) const;  ///< any size
    void destroy_block(std::string_view name, std::uint64_t type);

private:
    struct state;
    friend struct segment_access;

    enum class placement { fresh, existing_or_fresh };
    struct maker {
        void (*run)(void* context, void* where);
        void* context;
    };

    explicit segment(std::shared_ptr<state> shared) noexcept;
    void* make_object(std::string_view name, const detail::type_record& type, placement how, maker make);
    [[nodiscard]] void* find_object(std::string_view name, const detail::type_record& type) const;
    void destroy_object(std::string_view name, const detail::type_record& type);

    template <class T, class... Arguments>
    T* made(std::string_view name, placement how, Arguments&&... arguments) {
        static_assert(allowed_in_shared_memory<T>,
                      "process_shared: this type is not allowed in shared memory: it has pointers, virtual functions "
                      "or a destructor of its own (std::string, containers and smart pointers do)");
        auto construct = [&](void* where) { ::new (where) T(std::forward<Arguments>(arguments)...); };
        using construct_type = decltype(construct);
        return static_cast<T*>(make_object(
            name, detail::record_of<T>(), how,
            {[](void* context, void* where) { (*static_cast<construct_type*>(context))(where); }, &construct}));
    }

    std::shared_ptr<state> state_;
};

}  // namespace process_shared
