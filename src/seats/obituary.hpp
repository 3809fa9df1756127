// SPDX-License-Identifier: MIT
// Who died, kept after the seat is reused.
#pragma once

#include "seats/layout.hpp"

#include <process_shared/error.hpp>

#include <optional>

namespace process_shared::seats {

struct obituary_record {
    participant_id id = 0;
    participant_name who;
    std::int64_t when = 0;
    std::uint32_t locks = 0;
};

/// Nothing if there is none, or if it is half-written.
std::optional<obituary_record> read_obituary(const obituary& from);

/// Unless there is one already.
void write_obituary(const view& in, participant_id who, const seat& of, std::uint32_t locks) noexcept;

}  // namespace process_shared::seats
