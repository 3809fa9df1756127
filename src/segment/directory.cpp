// SPDX-License-Identifier: MIT
// The directory: an array of entries, each valid or not by one word.
//
// Making:
// Step  From → To                          Order    If the doer dies right after
// D1    guard held                         –        recursive_mutex: the next one repairs
// D2    block pending (A1 to A6)           –        repair: no entry names it, so it is freed
// D3    constructor run                    –        as D2: the object never was
// D4    entry filled, state still free     plain    as D2
// D5    entry: free → valid                release  repair: an entry names the pending block, so it is used: it is
// there D6    block: pending → used              relaxed  nothing is left to do
//
// Unmaking:
// E1    dead seats that name it swept      –        nothing
// E2    block: used → pending              relaxed  repair: an entry names it: used again, it is there
// E3    entry: valid → free                release  repair: no entry names it: freed, it is gone
// E4    block: pending → free (A8)         relaxed  nothing is left to do
//
// Repair only does steps of these kinds, so a repairer that dies is repaired after. No step relies on the backstop,
// but for what recursive_mutex needs.
// E1 comes first because a sweep changes the word that a dead seat names: it must not be user data by then.
#include "segment/directory.hpp"

#include "base/step.hpp"
#include "seats/registry.hpp"
#include "segment/names.hpp"

#include <process_shared/error.hpp>

#include <algorithm>
#include <cstring>

namespace process_shared::segments {
namespace {

[[noreturn]] void fail(errc what, std::string_view name = {}) {
    if (name.empty()) throw std::system_error(make_error_code(what));
    throw std::system_error(make_error_code(what), std::string(name));
}

recursive_mutex& guard_of(const seats::view& in) noexcept {
    static_assert(sizeof(recursive_mutex) == sizeof(seats::header::guard));
    return reinterpret_cast<recursive_mutex&>(in.header().guard);
}

template <std::size_t Size>
void copy_text(char (&target)[Size], std::string_view text) noexcept {
    const std::size_t length = std::min(text.size(), Size - 1);
    std::memset(target, 0, Size);
    std::memcpy(target, text.data(), length);
}

constexpr std::uint64_t largest_alignment = 4096;

}  // namespace

directory::hold::hold(const directory& of) : guard_(guard_of(of.in_)) {
    guard_.lock([&] { of.repair(); });
    detail::step("D1");
}

seats::entry& directory::entry_at(std::uint32_t index) const noexcept {
    return reinterpret_cast<seats::entry*>(in_.base + in_.directory)[index];
}

std::optional<named_object> directory::peek(std::uint32_t index) const noexcept {
    const seats::entry& from = entry_at(index);
    if (from.state.load(std::memory_order_acquire) != 1) return std::nullopt;  // acquire: pairs with D5
    named_object found;
    found.offset = from.offset;
    found.size = from.size;
    found.type = from.type;
    found.alignment = from.alignment;
    std::memcpy(found.name, from.name, sizeof found.name - 1);
    std::memcpy(found.type_name, from.type_name, sizeof found.type_name - 1);
    std::atomic_thread_fence(std::memory_order_acquire);
    // relaxed: behind the fence. Copied while valid, or not at all.
    if (from.state.load(std::memory_order_relaxed) != 1) return std::nullopt;
    const std::uint64_t end = in_.reach();
    const bool inside = found.offset >= in_.heap && found.offset <= end && found.size <= end - found.offset;
    const bool aligned = found.alignment != 0 && found.alignment <= largest_alignment &&
                         (found.alignment & (found.alignment - 1)) == 0 && found.offset % found.alignment == 0;
    if (!inside || !aligned || found.size == 0) return std::nullopt;
    return found;
}

std::optional<std::uint32_t> directory::index_of(std::string_view name) const {
    for (std::uint32_t index = 0; index < in_.names; ++index) {
        const seats::entry& here = entry_at(index);
        if (here.state.load(std::memory_order_relaxed) != 1) continue;  // relaxed: under the guard
        if (name.size() < sizeof here.name && std::memcmp(here.name, name.data(), name.size()) == 0 &&
            here.name[name.size()] == '\0')
            return index;
    }
    return std::nullopt;
}

std::uint32_t directory::free_index() const {
    for (std::uint32_t index = 0; index < in_.names; ++index)
        if (entry_at(index).state.load(std::memory_order_relaxed) != 1) return index;  // relaxed: under the guard
    fail(errc::directory_full);
}

std::uint32_t directory::checked_index(std::string_view name, std::uint64_t type, std::uint64_t size) const {
    const std::optional<std::uint32_t> index = index_of(name);
    if (!index) fail(errc::no_such_name, name);
    const std::optional<named_object> object = peek(*index);
    if (!object) fail(errc::damaged, name);
    if (object->type != type || (size != 0 && object->size != size))
        fail(errc::wrong_type, std::string(name) + " is " + object->type_name);
    return *index;
}

named_object directory::find(std::string_view name, std::uint64_t type, std::uint64_t size) const {
    check_object_name(name);
    const hold held(*this);
    const std::optional<named_object> object = peek(checked_index(name, type, size));
    if (!object) fail(errc::damaged, name);
    return *object;
}

std::uint64_t directory::allocate_pending(std::uint64_t bytes, std::uint64_t alignment) {
    if (alignment == 0 || alignment > largest_alignment || (alignment & (alignment - 1)) != 0)
        fail(errc::bad_alignment);
    allocator heap(in_);
    if (bytes == 0 || bytes > in_.size) fail(bytes == 0 ? errc::bad_size : errc::segment_full);
    if (std::uint64_t found = heap.allocate(bytes, alignment)) return found;
    const std::uint64_t wanted = bytes + alignment + 4 * unit;
    if (grow_ && grow_(in_, wanted))
        if (std::uint64_t found = heap.allocate(bytes, alignment)) return found;
    fail(errc::segment_full);
}

named_object directory::make(std::string_view name, const detail::type_record& type, placement how, maker make) {
    check_object_name(name);
    const hold held(*this);
    if (index_of(name)) {
        if (how == placement::fresh) fail(errc::name_taken, name);
        return *peek(checked_index(name, type.id, type.size));
    }
    static_cast<void>(free_index());  // full? Then before anything is made
    const std::uint64_t offset = allocate_pending(type.size, type.alignment);
    detail::step("D2");
    allocator heap(in_);
    std::uint32_t index = 0;
    try {
        make.run(make.context, in_.base + offset);
        // Again: the constructor may have made other objects, also one of this name.
        if (index_of(name)) fail(errc::name_taken, name);
        index = free_index();
    } catch (...) {
        heap.free(offset);
        throw;
    }
    detail::step("D3");
    seats::entry& entry = entry_at(index);
    entry.offset = offset;
    entry.size = type.size;
    entry.type = type.id;
    entry.alignment = type.alignment;
    copy_text(entry.name, name);
    copy_text(entry.type_name, type.name);
    detail::step("D4");
    // release: pairs with peek's acquire. Also keeps the order for whoever repairs.
    entry.state.store(1, std::memory_order_release);
    detail::step("D5");
    heap.set_state(offset, block_state::used);
    detail::step("D6");
    return *peek(index);
}

named_object directory::find_or_make_block(std::string_view name, const detail::type_record& type) {
    check_object_name(name);
    const hold held(*this);
    if (index_of(name)) return *peek(checked_index(name, type.id, 0));
    return make(name, type, placement::fresh, {[](void*, void*) {}, nullptr});
}

void directory::refuse_if_busy(const block& of) const {
    if (seats::sweep_range(in_, of.payload(), of.end())) fail(errc::busy);
    detail::step("E1");
}

void directory::destroy(std::string_view name, std::uint64_t type, std::uint64_t size) {
    check_object_name(name);
    const hold held(*this);
    seats::entry& entry = entry_at(checked_index(name, type, size));
    const std::uint64_t offset = entry.offset;
    allocator heap(in_);
    const std::optional<block> owned = heap.find(offset);
    if (!owned) fail(errc::damaged, name);
    refuse_if_busy(*owned);
    heap.set_state(offset, block_state::pending);
    detail::step("E2");
    entry.state.store(0, std::memory_order_release);  // release: for whoever repairs, and for peek
    detail::step("E3");
    heap.free(offset);
    detail::step("E4");
}

std::uint64_t directory::allocate(std::uint64_t bytes, std::uint64_t alignment) {
    const hold held(*this);
    const std::uint64_t offset = allocate_pending(bytes, alignment);
    allocator(in_).set_state(offset, block_state::used);
    return offset;
}

void directory::deallocate(std::uint64_t offset) {
    const hold held(*this);
    allocator heap(in_);
    const std::optional<block> owned = heap.find(offset);
    if (!owned || owned->state != block_state::used) fail(errc::not_a_block);
    for (std::uint32_t index = 0; index < in_.names; ++index)
        if (const auto object = peek(index); object && object->offset == offset) fail(errc::not_a_block, object->name);
    refuse_if_busy(*owned);
    heap.free(offset);
}

std::uint64_t directory::free_bytes() const {
    const hold held(*this);
    return allocator(in_).free_bytes();
}

void directory::repair() const {
    allocator heap(in_);
    heap.forget_rover();
    heap.for_each([&](const block& here) {
        if (here.state != block_state::pending) return;
        bool named = false;
        for (std::uint32_t index = 0; index < in_.names && !named; ++index) {
            const seats::entry& entry = entry_at(index);
            // relaxed: under the guard.
            named = entry.state.load(std::memory_order_relaxed) == 1 && entry.offset == here.payload();
        }
        // Not merged with its neighbours here: that would pull the block from under the walk.
        heap.set_state(here.payload(), named ? block_state::used : block_state::free);
    });
}

}  // namespace process_shared::segments
