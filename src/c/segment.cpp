// SPDX-License-Identifier: MIT
#include "c/call.hpp"
#include "c/handles.hpp"
#include "segment/segment_state.hpp"

#include <atomic>
#include <chrono>
#include <cstring>
#include <string_view>

using namespace process_shared;
using namespace process_shared::c;

namespace {

segment_options options_of(const pshared_segment_options_t* how) {
    segment_options options;
    if (how == nullptr) return options;
    // Of another version of this header.
    if (how->struct_size < sizeof(pshared_segment_options_t))
        throw std::system_error(make_error_code(errc::bad_argument), "struct_size");
    options.seats = how->seats;
    options.names = how->names;
    options.mode = how->mode;
    options.others = how->others != 0;
    if (how->directory != nullptr) options.directory = how->directory;
    options.backstop = std::chrono::nanoseconds(how->backstop);
    return options;
}

int made(pshared_segment_t** result, segment&& value) {
    *result = new pshared_segment{std::move(value)};
    return PSHARED_OK;
}

detail::type_record record(const char* type, size_t bytes, size_t alignment) {
    constexpr size_t most = 4096;
    if (alignment == 0 || alignment > most || (alignment & (alignment - 1)) != 0)
        throw std::system_error(make_error_code(errc::bad_alignment), "an alignment is a power of two up to 4096");
    if (bytes == 0) throw std::system_error(make_error_code(errc::bad_size));
    return {detail::hash_text(type), bytes, static_cast<std::uint32_t>(alignment), type};
}

struct initializer {
    void (*run)(void*, void*);
    void* context;
    std::size_t bytes;
};
void initialize(void* context, void* where) {
    const auto& by = *static_cast<const initializer*>(context);
    std::memset(where, 0, by.bytes);
    if (by.run != nullptr) by.run(where, by.context);
}

int construct(pshared_segment_t* in, const char* name, const char* type, size_t bytes, size_t alignment,
              initializer init, bool or_find, void** object) noexcept {
    if (any_null(in, name, type, object)) return PSHARED_EINVAL;
    init.bytes = bytes;
    return run([&] {
        *object =
            segment_access::construct(*in->used, name, record(type, bytes, alignment), or_find, initialize, &init);
    });
}

}  // namespace

extern "C" {

int pshared_segment_anonymous(size_t bytes, const pshared_segment_options_t* how, pshared_segment_t** result) {
    if (result == nullptr) return PSHARED_EINVAL;
    return call([&] { return made(result, segment::anonymous(bytes, options_of(how))); });
}
int pshared_segment_create(const char* name, size_t bytes, const pshared_segment_options_t* how,
                           pshared_segment_t** result) {
    if (any_null(name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, segment::create(name, bytes, options_of(how))); });
}
int pshared_segment_open(const char* name, const pshared_segment_options_t* how, pshared_segment_t** result) {
    if (any_null(name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, segment::open(name, options_of(how))); });
}
int pshared_segment_open_or_create(const char* name, size_t bytes, const pshared_segment_options_t* how,
                                   pshared_segment_t** result) {
    if (any_null(name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, segment::open_or_create(name, bytes, options_of(how))); });
}
int pshared_segment_from_fd(int fd, pshared_segment_t** result) {
    if (result == nullptr) return PSHARED_EINVAL;
    return call([&] { return made(result, segment::from_fd(fd)); });
}
int pshared_segment_default(pshared_segment_t** found) {
    if (found == nullptr) return PSHARED_EINVAL;
    return call([&] {
        // As segment::process_default itself: no static object with a guard.
        static constinit std::atomic<pshared_segment*> only{nullptr};
        pshared_segment* handle = only.load(std::memory_order_acquire);  // pairs with the exchange below
        if (handle == nullptr) {
            auto made = std::make_unique<pshared_segment>();
            made->used = &segment::process_default();
            if (only.compare_exchange_strong(handle, made.get(), std::memory_order_acq_rel)) handle = made.release();
        }
        *found = handle;
        return PSHARED_OK;
    });
}
int pshared_segment_remove(const char* name, const pshared_segment_options_t* how) {
    if (name == nullptr) return PSHARED_EINVAL;
    return call([&] { return segment::remove(name, options_of(how)) ? PSHARED_OK : PSHARED_ENOENT; });
}
void pshared_segment_close(pshared_segment_t* handle) {
    if (handle != nullptr && handle->used == &handle->own) delete handle;
}

int pshared_segment_name(const pshared_segment_t* in, char* name, size_t room) {
    if (any_null(in, name)) return PSHARED_EINVAL;
    return call([&] {
        const std::string text = in->used->name();
        if (text.size() >= room) return static_cast<int>(PSHARED_ETOOLARGE);
        std::memcpy(name, text.c_str(), text.size() + 1);
        return static_cast<int>(PSHARED_OK);
    });
}
int pshared_segment_size(const pshared_segment_t* in, size_t* bytes) {
    if (any_null(in, bytes)) return PSHARED_EINVAL;
    return run([&] { *bytes = in->used->size(); });
}
int pshared_segment_free_bytes(const pshared_segment_t* in, size_t* bytes) {
    if (any_null(in, bytes)) return PSHARED_EINVAL;
    return run([&] { *bytes = in->used->free_bytes(); });
}
int pshared_segment_seats(const pshared_segment_t* in, uint32_t* seats) {
    if (any_null(in, seats)) return PSHARED_EINVAL;
    return run([&] { *seats = in->used->seats(); });
}
int pshared_segment_uuid(const pshared_segment_t* in, uint8_t uuid[16]) {
    if (any_null(in, uuid)) return PSHARED_EINVAL;
    return run([&] {
        const auto bytes = in->used->uuid();
        std::memcpy(uuid, bytes.data(), bytes.size());
    });
}
int pshared_segment_fd(const pshared_segment_t* in, int* fd) {
    if (any_null(in, fd)) return PSHARED_EINVAL;
    return run([&] { *fd = in->used->fd(); });
}

int pshared_segment_construct(pshared_segment_t* in, const char* name, const char* type, size_t bytes, size_t alignment,
                              void (*init)(void*, void*), void* context, void** object) {
    return construct(in, name, type, bytes, alignment, {init, context, 0}, false, object);
}
int pshared_segment_find_or_construct(pshared_segment_t* in, const char* name, const char* type, size_t bytes,
                                      size_t alignment, void (*init)(void*, void*), void* context, void** object) {
    return construct(in, name, type, bytes, alignment, {init, context, 0}, true, object);
}
int pshared_segment_find(pshared_segment_t* in, const char* name, const char* type, size_t bytes, size_t alignment,
                         void** object) {
    if (any_null(in, name, type, object)) return PSHARED_EINVAL;
    return run([&] { *object = segment_access::find(*in->used, name, record(type, bytes, alignment)); });
}
int pshared_segment_destroy(pshared_segment_t* in, const char* name, const char* type, size_t bytes, size_t alignment) {
    if (any_null(in, name, type)) return PSHARED_EINVAL;
    return run([&] { segment_access::destroy(*in->used, name, record(type, bytes, alignment)); });
}

int pshared_segment_allocate(pshared_segment_t* in, size_t bytes, size_t alignment, void** block) {
    if (any_null(in, block)) return PSHARED_EINVAL;
    return run([&] { *block = in->used->allocate(bytes, alignment); });
}
int pshared_segment_deallocate(pshared_segment_t* in, void* block) {
    if (any_null(in, block)) return PSHARED_EINVAL;
    return run([&] { in->used->deallocate(block); });
}
int pshared_segment_offset_of(const pshared_segment_t* in, const void* address, uint64_t* offset) {
    if (any_null(in, address, offset)) return PSHARED_EINVAL;
    return run([&] { *offset = in->used->offset_of(address); });
}
int pshared_segment_at(const pshared_segment_t* in, uint64_t offset, size_t bytes, void** address) {
    if (any_null(in, address)) return PSHARED_EINVAL;
    return run([&] { *address = in->used->at(offset, bytes); });
}

}  // extern "C"
