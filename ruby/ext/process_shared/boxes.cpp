// SPDX-License-Identifier: MIT
// What holds whole objects: ProcessShared::Native::Channel (queues stand on it) and ProcessShared::Native::Buffer. Bytes
// only; Ruby makes objects of them.
#include "ext.hpp"

namespace pshared_ruby {
namespace {

struct box {
    pshared_channel_t* channel;
    pshared_object_buffer_t* buffer;
    segment_use* segment;
    unsigned users;  // calls without the GVL
    bool closed;
};

void end(box* self) noexcept {
    pshared_channel_close_handle(self->channel);
    pshared_object_buffer_close(self->buffer);
    release(self->segment);
    self->channel = nullptr;
    self->buffer = nullptr;
    self->segment = nullptr;
}
void collect(void* at) {
    end(static_cast<box*>(at));
    xfree(at);
}
std::size_t size_of(const void*) { return sizeof(box); }
const rb_data_type_t box_type = {"ProcessShared::Native::Box",
                                 {nullptr, collect, size_of, nullptr, {}},
                                 nullptr,
                                 nullptr,
                                 RUBY_TYPED_FREE_IMMEDIATELY};

VALUE allocate(VALUE of_class) {
    box* made = nullptr;
    return TypedData_Make_Struct(of_class, box, &box_type, made);
}
box* box_of(VALUE self) { return static_cast<box*>(rb_check_typeddata(self, &box_type)); }
box* open_box(VALUE self) {
    box* const mine = box_of(self);
    if (mine->closed || (mine->channel == nullptr && mine->buffer == nullptr)) raise_closed();
    bind_this_thread();
    return mine;
}
VALUE box_close(VALUE self) {
    box* const mine = box_of(self);
    mine->closed = true;
    if (mine->users == 0) end(mine);
    return Qnil;
}
VALUE box_is_closed(VALUE self) { return box_of(self)->closed ? Qtrue : Qfalse; }

// ---- Channel

VALUE channel_initialize(VALUE self, VALUE bytes, VALUE messages, VALUE options) {
    box* const mine = box_of(self);
    const std::size_t capacity = NUM2SIZET(bytes);
    const std::size_t most = messages == Qnil ? 0 : NUM2SIZET(messages);
    if (options != Qnil) options = rb_hash_dup(options);
    location found;
    if (locate(options, "queue", capacity, &found)) {
        mine->segment = found.segment;
        check(pshared_channel_open_or_create(found.segment->handle, found.object, capacity, most, &mine->channel),
              found.object);
    } else {
        check(pshared_channel_anonymous(capacity, most, &mine->channel), "queue");
    }
    check_no_options(options);
    return self;
}

struct transfer {
    pshared_channel_t* channel;
    pshared_object_buffer_t* buffer;
    int codec;
    const void* message;
    std::size_t bytes;
    pshared_bytes_t received;
};
int send(void* at, pshared_deadline_t until) {
    const auto* const mine = static_cast<transfer*>(at);
    return pshared_channel_send(mine->channel, mine->message, mine->bytes, until);
}
int receive(void* at, pshared_deadline_t until) {
    auto* const mine = static_cast<transfer*>(at);
    return pshared_channel_receive(mine->channel, &mine->received, until);
}

struct box_call {
    attempt what;
    void* context;
    pshared_deadline_t until;
    int code;
};
void* run(void* at) {
    auto* const mine = static_cast<box_call*>(at);
    mine->code = mine->what(mine->context, mine->until);
    return nullptr;
}
/// At once with the GVL, unless another process is copying; then without. Interrupts end it, as in wait.cpp.
int transact(VALUE self, attempt what, transfer* context, bool is_busy, pshared_deadline_t until) {
    int code = is_busy ? PSHARED_EINTR : what(context, PSHARED_NOW);
    while ((code == PSHARED_ETIMEDOUT && until != PSHARED_NOW) || code == PSHARED_EINTR) {
        box* const mine = open_box(self);
        ++mine->users;
        box_call made{what, context, until, PSHARED_EINTR};
        rb_nogvl(run, &made, RUBY_UBF_IO, nullptr, RB_NOGVL_INTR_FAIL);
        code = made.code;
        if (--mine->users == 0 && mine->closed) end(mine);
        if (code == PSHARED_ETIMEDOUT) break;
        if (code == PSHARED_EINTR) rb_thread_check_ints();
    }
    return code;
}

/// true; false if there was no room until the deadline. Raises ClosedQueueError, IndexError.
VALUE channel_send(VALUE self, VALUE message, VALUE timeout) {
    StringValue(message);
    const pshared_deadline_t until = timeout == Qfalse ? PSHARED_NOW : deadline_of(timeout);
    message = rb_str_new_frozen(message);  // it is read without the GVL
    pshared_channel_t* const channel = open_box(self)->channel;
    transfer context{channel, nullptr, 0, RSTRING_PTR(message), static_cast<std::size_t>(RSTRING_LEN(message)), {}};
    const int code = transact(self, send, &context, pshared_channel_is_busy(channel) != 0, until);
    RB_GC_GUARD(message);
    if (code == PSHARED_ETIMEDOUT) return Qfalse;
    if (code == PSHARED_ECLOSED) rb_raise(rb_path2class("ClosedQueueError"), "queue closed");
    check(code, "push");
    return Qtrue;
}

VALUE string_of(VALUE at) {
    const auto* const bytes = reinterpret_cast<pshared_bytes_t*>(at);
    return rb_str_new(static_cast<const char*>(bytes->data), static_cast<long>(bytes->size));
}
VALUE free_bytes(VALUE at) {
    pshared_bytes_free(reinterpret_cast<pshared_bytes_t*>(at));
    return Qnil;
}
VALUE take_string(pshared_bytes_t* bytes) {
    return rb_ensure(string_of, reinterpret_cast<VALUE>(bytes), free_bytes, reinterpret_cast<VALUE>(bytes));
}

/// The message; false if there was none until the deadline; nil if it is closed and empty.
VALUE channel_receive(VALUE self, VALUE timeout) {
    const pshared_deadline_t until = timeout == Qfalse ? PSHARED_NOW : deadline_of(timeout);
    pshared_channel_t* const channel = open_box(self)->channel;
    transfer context{channel, nullptr, 0, nullptr, 0, {nullptr, 0}};
    const int code = transact(self, receive, &context, pshared_channel_is_busy(channel) != 0, until);
    if (code == PSHARED_ETIMEDOUT) return Qfalse;
    if (code == PSHARED_ECLOSED) return Qnil;
    check(code, "pop");
    return take_string(&context.received);
}

VALUE channel_close(VALUE self) {
    check(pshared_channel_close(open_box(self)->channel), "close");
    return self;
}
VALUE channel_is_closed(VALUE self) {
    int closed = 0;
    check(pshared_channel_is_closed(open_box(self)->channel, &closed), "closed?");
    return closed != 0 ? Qtrue : Qfalse;
}
VALUE channel_clear(VALUE self) {
    check(pshared_channel_clear(open_box(self)->channel), "clear");
    return self;
}
VALUE channel_size(VALUE self) {
    std::size_t messages = 0;
    check(pshared_channel_size(open_box(self)->channel, &messages), "size");
    return SIZET2NUM(messages);
}
VALUE channel_max(VALUE self) {
    std::size_t messages = 0;
    check(pshared_channel_max_messages(open_box(self)->channel, &messages), "max");
    return messages == 0 ? Qnil : SIZET2NUM(messages);
}
VALUE channel_set_max(VALUE self, VALUE messages) {
    check(pshared_channel_set_max_messages(open_box(self)->channel, NUM2SIZET(messages)), "max=");
    return messages;
}
VALUE channel_waiting(VALUE self) {
    std::size_t receivers = 0;
    std::size_t senders = 0;
    check(pshared_channel_waiting(open_box(self)->channel, &receivers, &senders), "num_waiting");
    return rb_assoc_new(SIZET2NUM(receivers), SIZET2NUM(senders));
}

// ---- Buffer

VALUE buffer_initialize(VALUE self, VALUE capacity, VALUE options) {
    box* const mine = box_of(self);
    const std::size_t bytes = NUM2SIZET(capacity);
    if (options != Qnil) options = rb_hash_dup(options);
    location found;
    if (locate(options, "object_buffer", 2 * bytes + 256, &found)) {
        mine->segment = found.segment;
        check(pshared_object_buffer_open_or_create(found.segment->handle, found.object, bytes, &mine->buffer),
              found.object);
    } else {
        check(pshared_object_buffer_anonymous(bytes, &mine->buffer), "object buffer");
    }
    check_no_options(options);
    return self;
}
int store(void* at, pshared_deadline_t until) {
    const auto* const mine = static_cast<transfer*>(at);
    return pshared_object_buffer_store_until(mine->buffer, mine->codec, mine->message, mine->bytes, until);
}
int load(void* at, pshared_deadline_t until) {
    auto* const mine = static_cast<transfer*>(at);
    return pshared_object_buffer_load_until(mine->buffer, mine->codec, &mine->received, until);
}

VALUE buffer_store(VALUE self, VALUE codec, VALUE object) {
    StringValue(object);
    object = rb_str_new_frozen(object);  // it is read without the GVL
    pshared_object_buffer_t* const buffer = open_box(self)->buffer;
    transfer context{
        nullptr, buffer, NUM2INT(codec), RSTRING_PTR(object), static_cast<std::size_t>(RSTRING_LEN(object)), {}};
    const int code = transact(self, store, &context, pshared_object_buffer_is_busy(buffer) != 0, PSHARED_NEVER);
    RB_GC_GUARD(object);
    check(code, "write");
    return self;
}
/// nil: nothing was stored.
VALUE buffer_load(VALUE self, VALUE codec) {
    transfer context{nullptr, open_box(self)->buffer, NUM2INT(codec), nullptr, 0, {nullptr, 0}};
    // It waits only if it was overtaken twice, for a moment.
    const int code = transact(self, load, &context, false, PSHARED_NEVER);
    if (code == PSHARED_ENOTHING) return Qnil;
    if (code == PSHARED_EWRONGTYPE) rb_raise(rb_eTypeError, "the object was written in another format");
    check(code, "read");
    return take_string(&context.received);
}
VALUE buffer_capacity(VALUE self) { return SIZET2NUM(pshared_object_buffer_capacity(open_box(self)->buffer)); }

VALUE define_box(VALUE native, const char* name) {
    const VALUE of_class = rb_define_class_under(native, name, rb_cObject);
    rb_define_alloc_func(of_class, allocate);
    rb_undef_method(of_class, "initialize_copy");
    rb_define_method(of_class, "release", box_close, 0);
    rb_define_method(of_class, "released?", box_is_closed, 0);
    return of_class;
}

}  // namespace

void init_boxes() {
    const VALUE native = rb_define_module_under(module, "Native");
    const VALUE channel = define_box(native, "Channel");
    rb_define_method(channel, "initialize", channel_initialize, 3);
    rb_define_method(channel, "send", channel_send, 2);
    rb_define_method(channel, "receive", channel_receive, 1);
    rb_define_method(channel, "close", channel_close, 0);
    rb_define_method(channel, "closed?", channel_is_closed, 0);
    rb_define_method(channel, "clear", channel_clear, 0);
    rb_define_method(channel, "size", channel_size, 0);
    rb_define_method(channel, "max", channel_max, 0);
    rb_define_method(channel, "max=", channel_set_max, 1);
    rb_define_method(channel, "waiting", channel_waiting, 0);
    const VALUE buffer = define_box(native, "Buffer");
    rb_define_method(buffer, "initialize", buffer_initialize, 2);
    rb_define_method(buffer, "store", buffer_store, 2);
    rb_define_method(buffer, "load", buffer_load, 1);
    rb_define_method(buffer, "capacity", buffer_capacity, 0);
}

}  // namespace pshared_ruby
