// SPDX-License-Identifier: MIT
// Formatting and checking.
#include "segment/format.hpp"

#include "platform/clock.hpp"
#include "platform/fence.hpp"
#include "platform/liveness.hpp"
#include "segment/allocator.hpp"

#include <process_shared/error.hpp>

#include <algorithm>
#include <chrono>

namespace process_shared::segments {
namespace {

constexpr std::uint64_t largest_heap = std::uint64_t{1} << 43;  // with the rest, what an entry's offset can say

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) noexcept { return (value + to - 1) / to * to; }

[[noreturn]] void fail(errc what, const char* why) { throw std::system_error(make_error_code(what), why); }

void check_identity(const seats::header& head) {
    if (head.magic != seats::magic) fail(errc::not_a_segment, "no magic");
    if (head.byte_order != seats::byte_order) fail(errc::other_layout, "another byte order");
    if (head.layout != seats::layout_version || (head.features & ~seats::known_features) != 0)
        fail(errc::other_layout, "another version");
    if ((head.features & seats::feature_unfenced_reads) != 0 && !platform::can_fence_everyone())
        fail(errc::no_membarrier, "opening");
    const auto boot = platform::boot_id();
    if (boot != std::array<std::uint8_t, 16>{} && head.boot != boot) fail(errc::other_boot, "another boot");
}

}  // namespace

sections::sections(std::uint32_t seats, std::uint32_t names) noexcept
    : registry(sizeof(seats::header)),
      directory(registry + std::uint64_t{seats} * sizeof(seats::seat)),
      heap(round_up(directory + std::uint64_t{names} * sizeof(seats::entry), 64)) {
    static_assert(sizeof(seats::header) % alignof(seats::seat) == 0);
}

std::uint64_t file_size_for(std::size_t bytes, const segment_options& how) {
    if (bytes == 0) fail(errc::bad_size, "0 bytes");
    if (bytes > largest_heap) fail(errc::bad_size, "more than 8 TiB");
    if (how.seats == 0 || how.seats > seats::max_seats) fail(errc::bad_size, "seats must be 1 to 65 000");
    if (how.names == 0 || how.names > seats::max_names) fail(errc::bad_size, "names must be 1 to 65 536");
    if (how.backstop < std::chrono::milliseconds(1) || how.backstop > std::chrono::hours(1))
        fail(errc::bad_size, "the backstop must be 1 ms to 1 h");
    // One block's header on top, so that an object of the whole size fits.
    const std::uint64_t heap = round_up(bytes, unit) + header_size;
    return round_up(sections(how.seats, how.names).heap + heap, platform::page_size());
}

seats::view format(const platform::mapping& memory, std::uint64_t file_size, std::uint64_t reservation,
                   const segment_options& how) noexcept {
    const sections parts(how.seats, how.names);
    auto& head = *reinterpret_cast<seats::header*>(memory.base);
    head.magic = seats::magic;
    head.layout = seats::layout_version;
    head.byte_order = seats::byte_order;
    head.features = platform::can_fence_everyone() ? seats::feature_unfenced_reads : 0;
    head.file_size = file_size;
    platform::random_bytes(head.uuid);
    head.boot = platform::boot_id();
    head.registry = parts.registry;
    head.directory = parts.directory;
    head.heap = parts.heap;
    head.seats = how.seats;
    head.names = how.names;
    head.backstop = how.backstop.count();
    head.created = platform::now();
    head.creator = platform::who_am_i().process;
    head.growing = reservation != 0 ? 1 : 0;
    head.reservation = reservation;
    const seats::view made{memory.base, memory.size,     parts.registry, how.seats,
                           how.names,   parts.directory, parts.heap,     head.features != 0};
    allocator(made).format((file_size - parts.heap) / unit * unit);
    return made;
}

std::uint64_t wanted_mapping(const platform::mapping& first_page, std::uint64_t file_size) {
    const auto& head = *reinterpret_cast<const seats::header*>(first_page.base);
    check_identity(head);
    const std::uint64_t reservation = head.reservation;
    if (head.growing == 0) return file_size;
    if (reservation < file_size || reservation > largest_heap) fail(errc::damaged, "impossible reservation");
    return reservation;
}

seats::view check(const platform::mapping& memory, std::uint64_t file_size) {
    const auto& head = *reinterpret_cast<const seats::header*>(memory.base);
    check_identity(head);
    const std::uint32_t seats = head.seats;
    const std::uint32_t names = head.names;
    if (seats == 0 || seats > seats::max_seats || names == 0 || names > seats::max_names)
        fail(errc::damaged, "impossible numbers of seats or names");
    const sections parts(seats, names);
    if (head.registry != parts.registry || head.directory != parts.directory || head.heap != parts.heap)
        fail(errc::damaged, "the parts do not lie where they must");
    const bool growing = head.growing == 1;
    if (growing ? head.file_size > file_size : head.file_size != file_size)
        fail(errc::damaged, "the file was truncated");
    if (parts.heap + header_size + unit > file_size) fail(errc::damaged, "no room for objects");
    const std::uint64_t heap_size =
        head.heap_size.load(std::memory_order_relaxed);  // relaxed: checked at each use again
    if (heap_size > file_size - parts.heap || heap_size % unit != 0) fail(errc::damaged, "impossible heap size");
    const bool unfenced_reads = (head.features & seats::feature_unfenced_reads) != 0;
    return {memory.base, memory.size, parts.registry, seats, names, parts.directory, parts.heap, unfenced_reads};
}

}  // namespace process_shared::segments
