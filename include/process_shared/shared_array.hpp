// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/allowed.hpp>
#include <process_shared/error.hpp>
#include <process_shared/export.hpp>
#include <process_shared/segment.hpp>

#include <atomic>
#include <cstddef>
#include <iterator>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace process_shared {
namespace detail {

struct array_memory {
    void* elements = nullptr;
    std::size_t count = 0;
    std::shared_ptr<void> keep;
};
enum class array_origin { create, open, open_or_create };

PROCESS_SHARED_API array_memory anonymous_array(std::size_t count, const type_record& element);
PROCESS_SHARED_API array_memory named_array(segment& in, std::string_view name, array_origin origin, std::size_t count,
                                            const type_record& element);
PROCESS_SHARED_API void remove_array(segment& in, std::string_view name, const type_record& element);
[[noreturn]] PROCESS_SHARED_API void no_such_element(std::size_t index, std::size_t count);

}  // namespace detail

/// A fixed number of elements between processes, as a contiguous range.
///
///     process_shared::shared_array<int> scores(100);                 // inherited by forked children
///     auto memory = process_shared::segment::open_or_create("match", 65536);
///     auto named = process_shared::shared_array<int>::open_or_create(memory, "scores", 100);
///     std::ranges::sort(named);
///     named.ref(7).fetch_add(1);                                     // atomically, beside other processes
///     process_shared::shared_array<const int> to_read = named;
///
/// A handle: copyable (copies refer to the same elements), of this process. Elements are valid while one of them lives.
/// Blocks: never. Only ref() is synchronized: guard the rest with a mutex.
/// Throws: out_of_bounds (at, ref), wrong_type (open of what holds other elements), too_small (open_or_create of a
///     shorter one), bad_size (no elements, or more than memory can hold), and what segment throws.
/// Synchronizes with: ref(i) as std::atomic_ref.
/// On death: the elements stay as the dead writer left them.
/// Differs from std::span: at() and ref(); it keeps the memory alive. From std::vector: the number is fixed.
/// Sizes: counted in elements; new ones are zero bytes. Types are trivially copyable and hold no pointers (allowed.hpp).
template <class T>
class shared_array {
    using element = std::remove_const_t<T>;
    static_assert(std::is_trivially_copyable_v<element> && allowed_in_shared_memory<element>,
                  "elements are trivially copyable, and hold no pointers or references (process_shared/allowed.hpp)");

public:
    using element_type = T;
    using value_type = element;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using reference = T&;
    using const_reference = const T&;
    using pointer = T*;
    using iterator = T*;
    using const_iterator = const T*;
    using reverse_iterator = std::reverse_iterator<iterator>;
    using const_reverse_iterator = std::reverse_iterator<const_iterator>;

    /// An empty handle: size() is 0.
    shared_array() noexcept = default;
    /// Elements without a name, for this process and the children that it forks from now on.
    explicit shared_array(std::size_t count) : shared_array(detail::anonymous_array(count, record())) {}
    shared_array(const shared_array&) noexcept = default;
    shared_array& operator=(const shared_array&) noexcept = default;
    shared_array(shared_array&& from) noexcept
        : elements_(std::exchange(from.elements_, {})), keep_(std::move(from.keep_)) {}
    shared_array& operator=(shared_array&& from) noexcept {
        shared_array moved(std::move(from));
        std::swap(elements_, moved.elements_);
        std::swap(keep_, moved.keep_);
        return *this;
    }
    ~shared_array() = default;
    /// The same elements, to be read only.
    template <class Other>
        requires(std::is_const_v<T> && std::is_same_v<Other, element>)
    shared_array(const shared_array<Other>& from) noexcept : elements_(from.elements_), keep_(from.keep_) {}

    static shared_array create(segment& in, std::string_view name, std::size_t count) {
        return detail::named_array(in, name, detail::array_origin::create, count, record());
    }
    static shared_array create(segment& in, std::string_view name, std::size_t count, std::error_code& error) noexcept {
        return detail::quietly(error, [&] { return create(in, name, count); });
    }
    /// As many elements as there are.
    static shared_array open(segment& in, std::string_view name) {
        return detail::named_array(in, name, detail::array_origin::open, 0, record());
    }
    static shared_array open(segment& in, std::string_view name, std::error_code& error) noexcept {
        return detail::quietly(error, [&] { return open(in, name); });
    }
    /// An existing one must have at least `count` elements.
    static shared_array open_or_create(segment& in, std::string_view name, std::size_t count) {
        return detail::named_array(in, name, detail::array_origin::open_or_create, count, record());
    }
    static shared_array open_or_create(segment& in, std::string_view name, std::size_t count,
                                       std::error_code& error) noexcept {
        return detail::quietly(error, [&] { return open_or_create(in, name, count); });
    }
    /// Takes it out of the segment and frees it. Nobody may use it any more.
    static void remove(segment& in, std::string_view name) { detail::remove_array(in, name, record()); }
    static void remove(segment& in, std::string_view name, std::error_code& error) noexcept {
        detail::quietly(error, [&] { remove(in, name); });
    }

    [[nodiscard]] std::size_t size() const noexcept { return elements_.size(); }
    [[nodiscard]] bool empty() const noexcept { return elements_.empty(); }
    explicit operator bool() const noexcept { return !empty(); }
    [[nodiscard]] T* data() const noexcept { return elements_.data(); }
    [[nodiscard]] std::span<T> span() const noexcept { return elements_; }

    /// As in std: no check.
    [[nodiscard]] T& operator[](std::size_t index) const noexcept { return elements_[index]; }
    [[nodiscard]] T& at(std::size_t index) const { return elements_[checked(index)]; }
    [[nodiscard]] T& front() const { return at(0); }
    [[nodiscard]] T& back() const { return at(size() - 1); }
    /// For atomic access, by all processes at once. Atomics of this type must need no lock: it would be this process's.
    [[nodiscard]] std::atomic_ref<element> ref(std::size_t index) const
        requires(!std::is_const_v<T>)
    {
        static_assert(std::atomic_ref<element>::is_always_lock_free, "atomics of this type would need a lock");
        return std::atomic_ref<element>(elements_[checked(index)]);
    }

    [[nodiscard]] iterator begin() const noexcept { return data(); }
    [[nodiscard]] iterator end() const noexcept { return data() + size(); }
    [[nodiscard]] const_iterator cbegin() const noexcept { return begin(); }
    [[nodiscard]] const_iterator cend() const noexcept { return end(); }
    [[nodiscard]] reverse_iterator rbegin() const noexcept { return reverse_iterator(end()); }
    [[nodiscard]] reverse_iterator rend() const noexcept { return reverse_iterator(begin()); }

private:
    template <class>
    friend class shared_array;

    shared_array(detail::array_memory made) noexcept
        : elements_(static_cast<T*>(made.elements), made.count), keep_(std::move(made.keep)) {}

    static constexpr detail::type_record record() noexcept { return detail::record_of<element>(); }
    [[nodiscard]] std::size_t checked(std::size_t index) const {
        if (index >= size()) detail::no_such_element(index, size());
        return index;
    }

    std::span<T> elements_;
    std::shared_ptr<void> keep_;
};

}  // namespace process_shared
