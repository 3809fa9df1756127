// SPDX-License-Identifier: MIT
// shared_memory: which bytes a handle refers to, and who frees them (the nameless: block_handle.hpp).
#include <process_shared/shared_memory.hpp>

#include "data/block_handle.hpp"
#include "segment/segment_state.hpp"

#include <cstring>
#include <new>

namespace process_shared {
namespace {

constexpr std::size_t block_alignment = 16;
constexpr std::string_view type_text = "process_shared::shared_memory";

detail::type_record record_for(std::size_t bytes) {
    if (bytes == 0 || bytes > detail::largest_size) throw std::system_error(make_error_code(errc::bad_size));
    return {detail::hash_text(type_text), bytes, block_alignment, type_text};
}

}  // namespace

shared_memory::shared_memory(std::size_t bytes) {
    const detail::type_record record = record_for(bytes);
    keep_ = detail::anonymous_memory(bytes, record.alignment);
    bytes_ = {static_cast<std::byte*>(keep_.get()), bytes};
}

shared_memory shared_memory::of(segment& in, segment::block block, std::size_t bytes) {
    if (block.size < bytes) throw std::system_error(make_error_code(errc::too_small), "shared_memory");
    return {{static_cast<std::byte*>(block.address), block.size}, segment_access::keep_alive(in)};
}

shared_memory shared_memory::create(segment& in, std::string_view name, std::size_t bytes) {
    return of(in, in.construct_block(name, record_for(bytes)), bytes);
}
shared_memory shared_memory::open(segment& in, std::string_view name) {
    return of(in, in.find_block(name, detail::hash_text(type_text)), 0);
}
shared_memory shared_memory::open_or_create(segment& in, std::string_view name, std::size_t bytes) {
    return of(in, in.find_or_construct_block(name, record_for(bytes)), bytes);
}
void shared_memory::remove(segment& in, std::string_view name) { in.destroy_block(name, detail::hash_text(type_text)); }

shared_memory shared_memory::create(segment& in, std::string_view name, std::size_t bytes,
                                    std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return create(in, name, bytes); });
}
shared_memory shared_memory::open(segment& in, std::string_view name, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return open(in, name); });
}
shared_memory shared_memory::open_or_create(segment& in, std::string_view name, std::size_t bytes,
                                            std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return open_or_create(in, name, bytes); });
}
void shared_memory::remove(segment& in, std::string_view name, std::error_code& error) noexcept {
    detail::quietly(error, [&] { remove(in, name); });
}

void shared_memory::fill(std::byte value) const noexcept {
    // An empty handle has nothing to fill, and memset wants a pointer even then.
    if (!bytes_.empty()) std::memset(bytes_.data(), std::to_integer<int>(value), bytes_.size());
}

void shared_memory::fill(std::size_t offset, std::size_t count, std::byte value) const {
    check(offset, count, 1);
    if (count != 0) std::memset(bytes_.data() + offset, std::to_integer<int>(value), count);
}

void shared_memory::copy_from(std::size_t offset, std::span<const std::byte> source) const {
    check(offset, source.size(), 1);
    // memmove, here and below: the other side may lie in the same memory.
    if (!source.empty()) std::memmove(bytes_.data() + offset, source.data(), source.size());
}

void shared_memory::copy_to(std::size_t offset, std::span<std::byte> target) const {
    check(offset, target.size(), 1);
    if (!target.empty()) std::memmove(target.data(), bytes_.data() + offset, target.size());
}

void shared_memory::copy(std::size_t offset, const shared_memory& source, std::size_t source_offset,
                         std::size_t count) const {
    source.check(source_offset, count, 1);
    copy_from(offset, {source.bytes_.data() + source_offset, count});
}

void shared_memory::check(std::size_t offset, std::size_t count, std::size_t element) const {
    // By subtraction and division: sums and products of a stranger's numbers could wrap.
    if (offset > size() || count > (size() - offset) / element)
        throw std::system_error(make_error_code(errc::out_of_bounds), "shared_memory");
}

void shared_memory::check_alignment(std::size_t offset, std::size_t alignment) const {
    if (reinterpret_cast<std::uintptr_t>(bytes_.data() + offset) % alignment != 0)
        throw std::system_error(make_error_code(errc::bad_alignment), "shared_memory");
}

}  // namespace process_shared
