// SPDX-License-Identifier: MIT
// What a segment handle refers to: one mapping, unmapped with the last handle that keeps it.
#pragma once

#include "seats/attachments.hpp"
#include "segment/directory.hpp"

#include <process_shared/segment.hpp>

#include <memory>
#include <string>

namespace process_shared {

struct segment::state {
    seats::view mapped;
    seats::mapping_node* node = nullptr;
    std::string name;
    segments::grow_heap grow = nullptr;

    state() = default;
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    ~state() {
        if (node) seats::detach(node);
    }

    [[nodiscard]] segments::directory directory() const noexcept { return segments::directory(mapped, grow); }
};

/// For the rooms of the library that build on segments.
struct segment_access {
    using state = segment::state;

    static std::shared_ptr<void> keep_alive(const segment& of) { return of.state_; }
    /// Throws no_segment.
    static const segment::state& state_of(const segment& of) {
        if (!of.state_) throw std::system_error(make_error_code(errc::no_segment));
        return *of.state_;
    }
    /// As construct, find_or_construct (`or_find`), find and destroy, of a type that only its record describes.
    static void* construct(segment& in, std::string_view name, const detail::type_record& type, bool or_find,
                           void (*init)(void*, void*), void* context) {
        const auto how = or_find ? segment::placement::existing_or_fresh : segment::placement::fresh;
        return in.make_object(name, type, how, {init, context});
    }
    static void* find(const segment& in, std::string_view name, const detail::type_record& type) {
        return in.find_object(name, type);
    }
    static void destroy(segment& in, std::string_view name, const detail::type_record& type) {
        in.destroy_object(name, type);
    }
    static segment make(std::shared_ptr<segment::state> state) noexcept { return segment(std::move(state)); }
};

}  // namespace process_shared
