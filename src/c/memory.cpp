// SPDX-License-Identifier: MIT
// Blocks for objects, shared_memory and shared_array.
#include "c/call.hpp"
#include "c/handles.hpp"
#include "data/block_handle.hpp"

#include <process_shared/shared_array.hpp>
#include <process_shared/shared_memory.hpp>

#include <cstring>

using namespace process_shared;
using namespace process_shared::c;

struct pshared_block {
    std::shared_ptr<void> bytes;
};
struct pshared_memory {
    shared_memory value;
};
struct pshared_array {
    detail::array_memory value;
    std::size_t element_size;
};

namespace {

int made(pshared_memory_t** result, shared_memory&& value) {
    *result = new pshared_memory{std::move(value)};
    return PSHARED_OK;
}

detail::type_record element_record(const char* element, size_t size, size_t alignment) {
    if (size == 0) throw std::system_error(make_error_code(errc::bad_size));
    if (alignment == 0 || alignment > 64 || (alignment & (alignment - 1)) != 0 || size % alignment != 0)
        throw std::system_error(make_error_code(errc::bad_alignment));
    return {detail::hash_text(element), size, static_cast<std::uint32_t>(alignment), element};
}

int named_array(pshared_segment_t* in, const char* name, detail::array_origin origin, size_t count, const char* element,
                size_t size, size_t alignment, pshared_array_t** result) noexcept {
    if (any_null(in, name, element, result)) return PSHARED_EINVAL;
    return run([&] {
        *result = new pshared_array{
            detail::named_array(*in->used, name, origin, count, element_record(element, size, alignment)), size};
    });
}

}  // namespace

extern "C" {

int pshared_block_allocate(size_t bytes, size_t alignment, pshared_block_t** block) {
    if (block == nullptr) return PSHARED_EINVAL;
    if (bytes == 0 || bytes > detail::largest_size) return PSHARED_EBADSIZE;
    return run([&] { *block = new pshared_block{detail::anonymous_block(bytes, alignment)}; });
}
void* pshared_block_address(const pshared_block_t* block) { return block == nullptr ? nullptr : block->bytes.get(); }
void pshared_block_free(pshared_block_t* block) { delete block; }

int pshared_memory_anonymous(size_t bytes, pshared_memory_t** result) {
    if (result == nullptr) return PSHARED_EINVAL;
    return call([&] { return made(result, shared_memory(bytes)); });
}
int pshared_memory_create(pshared_segment_t* in, const char* name, size_t bytes, pshared_memory_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, shared_memory::create(*in->used, name, bytes)); });
}
int pshared_memory_open(pshared_segment_t* in, const char* name, pshared_memory_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, shared_memory::open(*in->used, name)); });
}
int pshared_memory_open_or_create(pshared_segment_t* in, const char* name, size_t bytes, pshared_memory_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, shared_memory::open_or_create(*in->used, name, bytes)); });
}
int pshared_memory_remove(pshared_segment_t* in, const char* name) {
    if (any_null(in, name)) return PSHARED_EINVAL;
    return run([&] { shared_memory::remove(*in->used, name); });
}
void pshared_memory_close(pshared_memory_t* memory) { delete memory; }
void* pshared_memory_data(const pshared_memory_t* memory) { return memory == nullptr ? nullptr : memory->value.data(); }
size_t pshared_memory_size(const pshared_memory_t* memory) { return memory == nullptr ? 0 : memory->value.size(); }
int pshared_memory_read(const pshared_memory_t* memory, size_t offset, void* to, size_t bytes) {
    if (any_null(memory, to)) return PSHARED_EINVAL;
    return run([&] { memory->value.copy_to(offset, {static_cast<std::byte*>(to), bytes}); });
}
int pshared_memory_write(pshared_memory_t* memory, size_t offset, const void* from, size_t bytes) {
    if (any_null(memory, from)) return PSHARED_EINVAL;
    return run([&] { memory->value.copy_from(offset, {static_cast<const std::byte*>(from), bytes}); });
}
int pshared_memory_fill(pshared_memory_t* memory, size_t offset, size_t bytes, int value) {
    if (memory == nullptr) return PSHARED_EINVAL;
    return run([&] { memory->value.fill(offset, bytes, static_cast<std::byte>(value & 0xff)); });
}

int pshared_array_anonymous(size_t count, const char* element, size_t element_size, size_t alignment,
                            pshared_array_t** result) {
    if (any_null(element, result)) return PSHARED_EINVAL;
    return run([&] {
        *result = new pshared_array{detail::anonymous_array(count, element_record(element, element_size, alignment)),
                                    element_size};
    });
}
int pshared_array_create(pshared_segment_t* in, const char* name, size_t count, const char* element,
                         size_t element_size, size_t alignment, pshared_array_t** result) {
    return named_array(in, name, detail::array_origin::create, count, element, element_size, alignment, result);
}
int pshared_array_open(pshared_segment_t* in, const char* name, const char* element, size_t element_size,
                       size_t alignment, pshared_array_t** result) {
    return named_array(in, name, detail::array_origin::open, 0, element, element_size, alignment, result);
}
int pshared_array_open_or_create(pshared_segment_t* in, const char* name, size_t count, const char* element,
                                 size_t element_size, size_t alignment, pshared_array_t** result) {
    return named_array(in, name, detail::array_origin::open_or_create, count, element, element_size, alignment, result);
}
int pshared_array_remove(pshared_segment_t* in, const char* name, const char* element, size_t element_size,
                         size_t alignment) {
    if (any_null(in, name, element)) return PSHARED_EINVAL;
    return run([&] { detail::remove_array(*in->used, name, element_record(element, element_size, alignment)); });
}
void pshared_array_close(pshared_array_t* array) { delete array; }
void* pshared_array_data(const pshared_array_t* array) { return array == nullptr ? nullptr : array->value.elements; }
size_t pshared_array_count(const pshared_array_t* array) { return array == nullptr ? 0 : array->value.count; }
void* pshared_array_at(const pshared_array_t* array, size_t index) {
    if (array == nullptr || index >= array->value.count) return nullptr;
    return static_cast<std::byte*>(array->value.elements) + index * array->element_size;
}

}  // extern "C"
