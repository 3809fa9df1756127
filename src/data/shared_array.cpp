// SPDX-License-Identifier: MIT
// shared_array: which elements a handle refers to. A named one is a block whose type is "array of" its element's, so
// that opening it with other elements is an error.
#include <process_shared/shared_array.hpp>

#include "data/block_handle.hpp"
#include "segment/segment_state.hpp"

#include <algorithm>
#include <string>

namespace process_shared::detail {
namespace {

std::size_t bytes_for(std::size_t count, const type_record& element) {
    if (count == 0 || count > largest_size / element.size)
        throw std::system_error(make_error_code(errc::bad_size), "shared_array");
    return count * element.size;
}

std::string array_of(const type_record& element) {
    return "process_shared::shared_array<" + std::string(element.name) + '>';
}

}  // namespace

array_memory anonymous_array(std::size_t count, const type_record& element) {
    std::shared_ptr<void> memory =
        anonymous_memory(bytes_for(count, element), std::max<std::size_t>(16, element.alignment));
    void* const elements = memory.get();
    return {elements, count, std::move(memory)};
}

array_memory named_array(segment& in, std::string_view name, array_origin origin, std::size_t count,
                         const type_record& element) {
    const std::string type = array_of(element);
    const std::uint64_t id = hash_text(type);
    segment::block found;
    if (origin == array_origin::open) {
        found = in.find_block(name, id);
    } else {
        const type_record whole{id, bytes_for(count, element), std::max(16u, element.alignment), type};
        found =
            origin == array_origin::create ? in.construct_block(name, whole) : in.find_or_construct_block(name, whole);
    }
    // What another program wrote there may be no whole number of elements, or not lie as they must.
    if (found.size / element.size < std::max<std::size_t>(count, 1))
        throw std::system_error(make_error_code(errc::too_small), "shared_array");
    if (reinterpret_cast<std::uintptr_t>(found.address) % element.alignment != 0)
        throw std::system_error(make_error_code(errc::damaged), "shared_array");
    return {found.address, found.size / element.size, segment_access::keep_alive(in)};
}

void remove_array(segment& in, std::string_view name, const type_record& element) {
    in.destroy_block(name, hash_text(array_of(element)));
}

void no_such_element(std::size_t index, std::size_t count) {
    throw std::system_error(make_error_code(errc::out_of_bounds),
                            "element " + std::to_string(index) + " of " + std::to_string(count));
}

}  // namespace process_shared::detail
