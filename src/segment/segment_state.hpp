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
    static segment make(std::shared_ptr<segment::state> state) noexcept { return segment(std::move(state)); }
};

}  // namespace process_shared
