// SPDX-License-Identifier: MIT
// Name → object. Everything that changes takes the segment's guard, and repairs what the last owner left. The protocol
// is in directory.cpp.
#pragma once

#include "seats/layout.hpp"
#include "segment/allocator.hpp"
#include "segment/names.hpp"

#include <process_shared/allowed.hpp>
#include <process_shared/recursive_mutex.hpp>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace process_shared::segments {

/// An object of the directory, copied from its entry and checked.
struct named_object {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t type = 0;
    std::uint32_t alignment = 0;
    char name[longest_object_name + 1] = {};
    char type_name[80] = {};
};

/// Asks for more heap; false if there is none to be had.
using grow_heap = bool (*)(const seats::view& in, std::uint64_t wanted);

class directory {
public:
    explicit directory(const seats::view& in, grow_heap grow = nullptr) noexcept : in_(in), grow_(grow) {}

    enum class placement { fresh, existing_or_fresh };

    /// What `run` makes in zeroed memory, published under `name`. Throws name_taken, wrong_type, directory_full,
    /// segment_full, or what `run` throws: then there is nothing.
    struct maker {
        void (*run)(void* context, void* where);
        void* context;
    };
    named_object make(std::string_view name, const detail::type_record& type, placement how, maker make);
    /// The same for a block of zeroed bytes; an existing one may have any size.
    named_object find_or_make_block(std::string_view name, const detail::type_record& type);
    /// `size` 0: any. Throws no_such_name, wrong_type.
    [[nodiscard]] named_object find(std::string_view name, std::uint64_t type, std::uint64_t size) const;
    void destroy(std::string_view name, std::uint64_t type, std::uint64_t size);

    std::uint64_t allocate(std::uint64_t bytes, std::uint64_t alignment);
    void deallocate(std::uint64_t offset);
    [[nodiscard]] std::uint64_t free_bytes() const;

    /// The entry of that index as it is now, without the guard; nothing if it is free or makes no sense.
    [[nodiscard]] std::optional<named_object> peek(std::uint32_t index) const noexcept;

private:
    /// The guard, held. Repairs if its last owner died.
    class hold {
    public:
        explicit hold(const directory& of);
        ~hold() { guard_.unlock(); }
        hold(const hold&) = delete;
        hold& operator=(const hold&) = delete;

    private:
        recursive_mutex& guard_;
    };

    [[nodiscard]] seats::entry& entry_at(std::uint32_t index) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t> index_of(std::string_view name) const;
    [[nodiscard]] std::uint32_t free_index() const;
    [[nodiscard]] std::uint32_t checked_index(std::string_view name, std::uint64_t type, std::uint64_t size) const;
    std::uint64_t allocate_pending(std::uint64_t bytes, std::uint64_t alignment);
    void refuse_if_busy(const block& of) const;
    void repair() const;

    const seats::view& in_;
    grow_heap grow_;
};

}  // namespace process_shared::segments
