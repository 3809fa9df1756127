// SPDX-License-Identifier: MIT
// object_buffer and byte_channel.
#include "c/call.hpp"
#include "c/handles.hpp"

#include <process_shared/allowed.hpp>
#include <process_shared/byte_channel.hpp>
#include <process_shared/object_buffer.hpp>

#include <cstdlib>
#include <cstring>
#include <vector>

using namespace process_shared;
using namespace process_shared::c;

struct pshared_object_buffer {
    object_buffer value;
};
struct pshared_channel {
    byte_channel value;
};

static_assert(type_name<byte_channel>::value == PSHARED_TYPE_CHANNEL);
static_assert(PSHARED_CODEC_BYTES == static_cast<int>(object_buffer::codec::bytes) &&
              PSHARED_CODEC_AS_IS == static_cast<int>(object_buffer::codec::as_is) &&
              PSHARED_CODEC_MSGPACK == static_cast<int>(object_buffer::codec::msgpack) &&
              PSHARED_CODEC_MARSHAL == static_cast<int>(object_buffer::codec::marshal));

namespace {

int made(pshared_object_buffer_t** result, object_buffer&& value) {
    *result = new pshared_object_buffer{std::move(value)};
    return PSHARED_OK;
}
int made(pshared_channel_t** result, byte_channel&& value) {
    *result = new pshared_channel{std::move(value)};
    return PSHARED_OK;
}

int hand_over(const std::vector<std::byte>& from, pshared_bytes_t* to) noexcept {
    void* const copy = std::malloc(from.empty() ? 1 : from.size());
    if (copy == nullptr) return PSHARED_ENOMEM;
    if (!from.empty()) std::memcpy(copy, from.data(), from.size());
    *to = {copy, from.size()};
    return PSHARED_OK;
}

std::span<const std::byte> bytes_at(const void* data, size_t size) noexcept {
    return {static_cast<const std::byte*>(data), size};
}

constexpr bool is_codec(int codec) noexcept {
    return codec >= PSHARED_CODEC_BYTES && codec <= PSHARED_CODEC_MARSHAL && codec != PSHARED_CODEC_AS_IS;
}

int load(const pshared_object_buffer_t* buffer, int codec, pshared_bytes_t* object, deadline until) noexcept {
    if (any_null(buffer, object) || !is_codec(codec)) return PSHARED_EINVAL;
    return call([&] {
        std::vector<std::byte> bytes;
        std::error_code error;
        object_buffer::request wanted;
        wanted.other = static_cast<object_buffer::codec>(codec);
        wanted.bytes = &bytes;
        buffer->value.load_encoded(wanted, error, until);
        return error ? code_of(error) : hand_over(bytes, object);
    });
}

size_t number_of(size_t messages) noexcept { return messages == 0 ? byte_channel::any_number : messages; }

}  // namespace

extern "C" {

void pshared_bytes_free(pshared_bytes_t* bytes) {
    if (bytes == nullptr) return;
    std::free(bytes->data);
    *bytes = {nullptr, 0};
}

int pshared_object_buffer_anonymous(size_t capacity, pshared_object_buffer_t** result) {
    if (result == nullptr) return PSHARED_EINVAL;
    return call([&] { return made(result, object_buffer(capacity)); });
}
int pshared_object_buffer_create(pshared_segment_t* in, const char* name, size_t capacity,
                                 pshared_object_buffer_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, object_buffer::create(*in->used, name, capacity)); });
}
int pshared_object_buffer_open(pshared_segment_t* in, const char* name, pshared_object_buffer_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, object_buffer::open(*in->used, name)); });
}
int pshared_object_buffer_open_or_create(pshared_segment_t* in, const char* name, size_t capacity,
                                         pshared_object_buffer_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, object_buffer::open_or_create(*in->used, name, capacity)); });
}
int pshared_object_buffer_remove(pshared_segment_t* in, const char* name) {
    if (any_null(in, name)) return PSHARED_EINVAL;
    return run([&] { object_buffer::remove(*in->used, name); });
}
void pshared_object_buffer_close(pshared_object_buffer_t* buffer) { delete buffer; }
size_t pshared_object_buffer_capacity(const pshared_object_buffer_t* buffer) {
    return buffer == nullptr ? 0 : buffer->value.capacity();
}

int pshared_object_buffer_store(pshared_object_buffer_t* buffer, int codec, const void* object, size_t bytes) {
    if (any_null(buffer, object) || !is_codec(codec)) return PSHARED_EINVAL;
    std::error_code error;
    buffer->value.store_encoded(static_cast<object_buffer::codec>(codec), 0, bytes_at(object, bytes), error);
    return code_of(error);
}
int pshared_object_buffer_store_until(pshared_object_buffer_t* buffer, int codec, const void* object, size_t bytes,
                                      pshared_deadline_t until) {
    if (any_null(buffer, object) || !is_codec(codec)) return PSHARED_EINVAL;
    std::error_code error;
    buffer->value.store_encoded(static_cast<object_buffer::codec>(codec), 0, bytes_at(object, bytes), error,
                                deadline_of(until));
    return error == errc::timed_out ? end_of_wait(until) : code_of(error);
}
int pshared_object_buffer_is_busy(const pshared_object_buffer_t* buffer) {
    return buffer != nullptr && buffer->value.is_busy() ? 1 : 0;
}

int pshared_object_buffer_load(const pshared_object_buffer_t* buffer, int codec, pshared_bytes_t* object) {
    return load(buffer, codec, object, deadline::never());
}
int pshared_object_buffer_load_until(const pshared_object_buffer_t* buffer, int codec, pshared_bytes_t* object,
                                     pshared_deadline_t until) {
    const int code = load(buffer, codec, object, deadline_of(until));
    return code == PSHARED_ETIMEDOUT ? end_of_wait(until) : code;
}

int pshared_channel_anonymous(size_t capacity, size_t messages, pshared_channel_t** result) {
    if (result == nullptr) return PSHARED_EINVAL;
    return call([&] { return made(result, byte_channel(capacity, number_of(messages))); });
}
int pshared_channel_create(pshared_segment_t* in, const char* name, size_t capacity, size_t messages,
                           pshared_channel_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, byte_channel::create(*in->used, name, capacity, number_of(messages))); });
}
int pshared_channel_open(pshared_segment_t* in, const char* name, pshared_channel_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call([&] { return made(result, byte_channel::open(*in->used, name)); });
}
int pshared_channel_open_or_create(pshared_segment_t* in, const char* name, size_t capacity, size_t messages,
                                   pshared_channel_t** result) {
    if (any_null(in, name, result)) return PSHARED_EINVAL;
    return call(
        [&] { return made(result, byte_channel::open_or_create(*in->used, name, capacity, number_of(messages))); });
}
int pshared_channel_remove(pshared_segment_t* in, const char* name) {
    if (any_null(in, name)) return PSHARED_EINVAL;
    return run([&] { byte_channel::remove(*in->used, name); });
}
void pshared_channel_close_handle(pshared_channel_t* channel) { delete channel; }

int pshared_channel_send(pshared_channel_t* channel, const void* message, size_t bytes, pshared_deadline_t until) {
    if (any_null(channel, message)) return PSHARED_EINVAL;
    return call([&] { return waited(channel->value.send_by(bytes_at(message, bytes), deadline_of(until)), until); });
}
int pshared_channel_receive(pshared_channel_t* channel, pshared_bytes_t* message, pshared_deadline_t until) {
    if (any_null(channel, message)) return PSHARED_EINVAL;
    return call([&]() -> int {
        std::vector<std::byte> bytes;
        switch (channel->value.receive_by(bytes, deadline_of(until))) {
            case byte_channel::outcome::received:
                return hand_over(bytes, message);
            case byte_channel::outcome::closed:
                return PSHARED_ECLOSED;
            case byte_channel::outcome::timed_out:
                break;
        }
        return end_of_wait(until);
    });
}
int pshared_channel_close(pshared_channel_t* channel) {
    if (channel == nullptr) return PSHARED_EINVAL;
    return run([&] { channel->value.close(); });
}
int pshared_channel_clear(pshared_channel_t* channel) {
    if (channel == nullptr) return PSHARED_EINVAL;
    return run([&] { channel->value.clear(); });
}
int pshared_channel_is_closed(const pshared_channel_t* channel, int* closed) {
    if (any_null(channel, closed)) return PSHARED_EINVAL;
    return run([&] { *closed = channel->value.is_closed() ? 1 : 0; });
}
int pshared_channel_size(const pshared_channel_t* channel, size_t* messages) {
    if (any_null(channel, messages)) return PSHARED_EINVAL;
    return run([&] { *messages = channel->value.size(); });
}
int pshared_channel_capacity(const pshared_channel_t* channel, size_t* bytes) {
    if (any_null(channel, bytes)) return PSHARED_EINVAL;
    *bytes = channel->value.capacity();
    return PSHARED_OK;
}
int pshared_channel_max_messages(const pshared_channel_t* channel, size_t* messages) {
    if (any_null(channel, messages)) return PSHARED_EINVAL;
    return run([&] {
        const size_t most = channel->value.max_messages();
        *messages = most == byte_channel::any_number ? 0 : most;
    });
}
int pshared_channel_set_max_messages(pshared_channel_t* channel, size_t messages) {
    if (channel == nullptr) return PSHARED_EINVAL;
    return run([&] { channel->value.set_max_messages(number_of(messages)); });
}
int pshared_channel_is_busy(const pshared_channel_t* channel) {
    return channel != nullptr && channel->value.is_busy() ? 1 : 0;
}
int pshared_channel_waiting(const pshared_channel_t* channel, size_t* receivers, size_t* senders) {
    if (any_null(channel, receivers, senders)) return PSHARED_EINVAL;
    return run([&] {
        *receivers = channel->value.waiting_receivers();
        *senders = channel->value.waiting_senders();
    });
}

}  // extern "C"
