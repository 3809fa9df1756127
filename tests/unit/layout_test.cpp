// SPDX-License-Identifier: MIT
// The kept list of sizes and offsets. A change here is a change of the format: raise the version in layout.hpp,
// docs/format.md and this list together.
#include "seats/layout.hpp"

#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <string_view>

namespace {

using namespace process_shared::seats;

TEST(layout, sizes_are_those_of_format_1) {
    EXPECT_EQ(sizeof(header), 2496u);
    EXPECT_EQ(sizeof(seat), 640u);
    EXPECT_EQ(sizeof(obituary), 64u);
    EXPECT_EQ(sizeof(entry), 192u);
    EXPECT_EQ(sizeof(block_header), 16u);
    EXPECT_EQ(sizeof(process_shared::platform::token), 64u);
    EXPECT_EQ(sizeof(process_shared::mutex), 8u);
    EXPECT_EQ(sizeof(process_shared::recursive_mutex), 16u);
}

TEST(layout, header_fields_lie_where_format_1_has_them) {
    EXPECT_EQ(offsetof(header, magic), 0u);
    EXPECT_EQ(offsetof(header, layout), 8u);
    EXPECT_EQ(offsetof(header, byte_order), 12u);
    EXPECT_EQ(offsetof(header, features), 16u);
    EXPECT_EQ(offsetof(header, file_size), 24u);
    EXPECT_EQ(offsetof(header, uuid), 32u);
    EXPECT_EQ(offsetof(header, boot), 48u);
    EXPECT_EQ(offsetof(header, registry), 64u);
    EXPECT_EQ(offsetof(header, directory), 72u);
    EXPECT_EQ(offsetof(header, heap), 80u);
    EXPECT_EQ(offsetof(header, seats), 88u);
    EXPECT_EQ(offsetof(header, names), 92u);
    EXPECT_EQ(offsetof(header, backstop), 96u);
    EXPECT_EQ(offsetof(header, created), 104u);
    EXPECT_EQ(offsetof(header, creator), 112u);
    EXPECT_EQ(offsetof(header, growing), 116u);
    EXPECT_EQ(offsetof(header, reservation), 120u);
    EXPECT_EQ(offsetof(header, heap_size), 128u);
    EXPECT_EQ(offsetof(header, high_water), 136u);
    EXPECT_EQ(offsetof(header, next_obituary), 140u);
    EXPECT_EQ(offsetof(header, guard), 144u);
    EXPECT_EQ(offsetof(header, rover), 160u);
    EXPECT_EQ(offsetof(header, spinners), 192u);
    EXPECT_EQ(offsetof(header, obituaries), 448u);
}

TEST(layout, seat_fields_lie_where_format_1_has_them) {
    EXPECT_EQ(offsetof(seat, held), 0u);
    EXPECT_EQ(offsetof(seat, token), 512u);
    EXPECT_EQ(offsetof(seat, state), 576u);
    EXPECT_EQ(offsetof(seat, token_word), 584u);
    EXPECT_EQ(offsetof(seat, process), 588u);
    EXPECT_EQ(offsetof(seat, thread), 592u);
    EXPECT_EQ(offsetof(seat, since), 600u);
    EXPECT_EQ(offsetof(seat, waits_for), 608u);
    EXPECT_EQ(offsetof(seat, waits_since), 616u);
    EXPECT_EQ(offsetof(seat, name), 624u);
}

TEST(layout, entry_fields_lie_where_format_1_has_them) {
    EXPECT_EQ(offsetof(entry, state), 0u);
    EXPECT_EQ(offsetof(entry, offset), 8u);
    EXPECT_EQ(offsetof(entry, size), 16u);
    EXPECT_EQ(offsetof(entry, type), 24u);
    EXPECT_EQ(offsetof(entry, alignment), 32u);
    EXPECT_EQ(offsetof(entry, name), 48u);
    EXPECT_EQ(offsetof(entry, type_name), 112u);
}

TEST(layout, obituary_fields_lie_where_format_1_has_them) {
    EXPECT_EQ(offsetof(obituary, who), 0u);
    EXPECT_EQ(offsetof(obituary, process_and_locks), 8u);
    EXPECT_EQ(offsetof(obituary, thread), 16u);
    EXPECT_EQ(offsetof(obituary, when), 24u);
    EXPECT_EQ(offsetof(obituary, name), 32u);
    EXPECT_EQ(offsetof(obituary, sum), 48u);
}

TEST(layout, numbers_of_the_format_are_kept) {
    EXPECT_EQ(layout_version & 0xff, 1u);
    EXPECT_EQ(std::string_view(magic.data(), magic.size()), "pshared\n");
    EXPECT_EQ(byte_order, 0x01020304u);
    EXPECT_EQ(max_holds, 60u);
    EXPECT_EQ(max_seats, 65'000u);
    EXPECT_EQ(max_names, 65'536u);
    EXPECT_EQ(static_cast<int>(lock_kind::mutex), 1);
    EXPECT_EQ(static_cast<int>(lock_kind::recursive_mutex), 2);
    EXPECT_EQ(static_cast<int>(lock_kind::shared_mutex), 5);
    EXPECT_EQ(static_cast<int>(lock_kind::shared_reader), 6);
    EXPECT_EQ(static_cast<int>(lock_kind::shared_waiter), 7);
    EXPECT_EQ(static_cast<int>(lock_kind::checked_mutex), 8);
    EXPECT_EQ(static_cast<int>(lock_kind::owned_semaphore), 21);
    EXPECT_EQ(static_cast<int>(lock_kind::owned_semaphores), 22);
    EXPECT_EQ(static_cast<int>(seat_state::free), 0);
    EXPECT_EQ(static_cast<int>(seat_state::claiming), 1);
    EXPECT_EQ(static_cast<int>(seat_state::unguarded), 2);
    EXPECT_EQ(static_cast<int>(seat_state::taken), 3);
    EXPECT_EQ(static_cast<int>(seat_state::leaving), 4);
}

TEST(layout, held_entries_keep_kind_and_offset) {
    const std::uint64_t far = largest_offset - 7;
    for (const lock_kind kind : {lock_kind::mutex, lock_kind::recursive_mutex})
        for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8}, far}) {
            EXPECT_EQ(kind_of(make_entry(kind, offset)), kind);
            EXPECT_EQ(offset_of(make_entry(kind, offset)), offset);
            EXPECT_NE(make_entry(kind, offset), 0u);
            const held_entry often = make_entry(kind, offset) + most_times_more * once_more;
            EXPECT_EQ(times_more(make_entry(kind, offset)), 0u);
            EXPECT_EQ(times_more(often), most_times_more);
            EXPECT_EQ(kind_of(often), kind);
            EXPECT_EQ(offset_of(often), offset);
        }
}

TEST(layout, state_words_keep_state_and_generation) {
    for (const seat_state state :
         {seat_state::free, seat_state::claiming, seat_state::unguarded, seat_state::taken, seat_state::leaving}) {
        EXPECT_EQ(state_of(make_state(state, generation_mask)), state);
        EXPECT_EQ(state_generation(make_state(state, generation_mask)), generation_mask);
    }
}

}  // namespace
