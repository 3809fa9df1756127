// SPDX-License-Identifier: MIT
// Semaphore, BoundedSemaphore and OwnedSemaphore.
#include "ext.hpp"

#include <cstdio>

namespace pshared_ruby {
namespace {

// ---- Semaphore

void init_semaphore(void* at, void* context) {
    pshared_semaphore_init(static_cast<pshared_semaphore_t*>(at), *static_cast<std::int64_t*>(context));
}

pshared_semaphore_t* semaphore_of(const object* mine) {
    return static_cast<pshared_semaphore_t*>(mine->where->address);
}

void replace(object* mine, memory* where) {
    if (mine->where != nullptr) release(mine->where);  // initialize, called again
    mine->where = where;
}

/// (value, max, type, options): the arguments of new are checked in Ruby.
VALUE semaphore_setup(VALUE self, VALUE value, VALUE max, VALUE type, VALUE options) {
    object* const mine = object_of(self);
    std::int64_t permits = NUM2LL(value);
    const std::int64_t most = NUM2LL(max);
    if (permits < 0 || permits > most || most > PSHARED_SEMAPHORE_MAX) rb_syserr_fail(EINVAL, "value of a semaphore");
    const recipe how{StringValueCStr(type), "semaphore", sizeof(pshared_semaphore_t), 4, init_semaphore, &permits};
    replace(mine, place(how, options == Qnil ? Qnil : rb_hash_dup(options)));
    mine->max = static_cast<std::uint32_t>(most);
    return self;
}

int semaphore_acquire(void* at, pshared_deadline_t until) {
    return pshared_semaphore_acquire(static_cast<pshared_semaphore_t*>(at), until);
}
void semaphore_give_back(void* at) {
    pshared_semaphore_release(static_cast<pshared_semaphore_t*>(at), 1, PSHARED_SEMAPHORE_MAX);
}

int acquire(VALUE self, pshared_deadline_t until) {
    const object* const mine = open_object(self);
    void* const at = semaphore_of(mine);
    const int code = semaphore_acquire(at, PSHARED_NOW);
    if (code != PSHARED_ETIMEDOUT || until == PSHARED_NOW) [[likely]]
        return code;
    return wait_for(self, semaphore_acquire, at, until, semaphore_give_back);
}

VALUE semaphore_wait(VALUE self) {
    check(acquire(self, PSHARED_NEVER), "wait");
    return INT2FIX(0);
}

/// nil: at once, and EAGAIN; a number: ETIMEDOUT, as the old gem.
template <int (*Acquire)(VALUE, pshared_deadline_t)>
VALUE try_wait(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 0, 1);
    const VALUE timeout = argc == 0 ? Qnil : argv[0];
    const int code = Acquire(self, timeout == Qnil ? PSHARED_NOW : deadline_of(timeout));
    if (code == PSHARED_ETIMEDOUT && timeout == Qnil) rb_syserr_fail(EAGAIN, "try_wait");
    check(code, "try_wait");
    return INT2FIX(0);
}

VALUE semaphore_post(VALUE self) {
    const object* const mine = open_object(self);
    const int code = pshared_semaphore_release(semaphore_of(mine), 1, mine->max);
    if (code == PSHARED_EOVERFLOW && mine->max != PSHARED_SEMAPHORE_MAX)
        rb_raise(process_error, "post would raise value over bound");
    check(code, "post");
    return INT2FIX(0);
}

VALUE semaphore_value(VALUE self) {
    std::int64_t permits = 0;
    check(pshared_semaphore_value(semaphore_of(open_object(self)), &permits), "value");
    return LL2NUM(permits);
}

VALUE semaphore_max(VALUE self) { return UINT2NUM(open_object(self)->max); }

VALUE yield_nothing(VALUE) { return rb_yield_values(0); }
VALUE post_at_end(VALUE self) { return semaphore_post(self); }
VALUE semaphore_synchronize(VALUE self) {
    rb_need_block();
    check(acquire(self, PSHARED_NEVER), "wait");
    return rb_ensure(yield_nothing, Qnil, post_at_end, self);
}

// ---- OwnedSemaphore

struct owned_start {
    std::int64_t permits;
    std::uint32_t capacity;
};
void init_owned(void* at, void* context) {
    const auto* const start = static_cast<owned_start*>(context);
    pshared_owned_semaphore_init(static_cast<pshared_owned_semaphore_t*>(at), start->permits, start->capacity);
}
pshared_owned_semaphore_t* owned_of(const object* mine) {
    return static_cast<pshared_owned_semaphore_t*>(mine->where->address);
}

VALUE owned_setup(VALUE self, VALUE value, VALUE max, VALUE options) {
    object* const mine = object_of(self);
    owned_start start{NUM2LL(value), NUM2UINT(max)};
    if (start.capacity < 1 || start.capacity > 4096 || start.permits < 1 || start.permits > start.capacity)
        rb_raise(rb_eArgError, "an owned semaphore has 1 to 4096 permits");
    char type[64];
    std::snprintf(type, sizeof type, "process_shared::owned_semaphore<%u>", start.capacity);
    const recipe how{type,
                     "owned_semaphore",
                     PSHARED_OWNED_SEMAPHORE_SIZE(start.capacity),
                     PSHARED_OWNED_SEMAPHORE_ALIGNMENT,
                     init_owned,
                     &start};
    replace(mine, place(how, options == Qnil ? Qnil : rb_hash_dup(options)));
    mine->max = start.capacity;
    return self;
}

struct owned_context {
    pshared_owned_semaphore_t* semaphore;
    std::uint32_t capacity;
};
int owned_acquire(void* at, pshared_deadline_t until) {
    const auto* const context = static_cast<owned_context*>(at);
    return pshared_owned_semaphore_acquire(context->semaphore, context->capacity, until);
}
void owned_give_back(void* at) {
    const auto* const context = static_cast<owned_context*>(at);
    pshared_owned_semaphore_release(context->semaphore, context->capacity, 1);
}
int acquire_owned(VALUE self, pshared_deadline_t until) {
    const object* const mine = open_object(self);
    owned_context context{owned_of(mine), mine->max};
    const int code = owned_acquire(&context, PSHARED_NOW);
    if (code != PSHARED_ETIMEDOUT || until == PSHARED_NOW) [[likely]]
        return code;
    return wait_for(self, owned_acquire, &context, until, owned_give_back);
}
VALUE owned_wait(VALUE self) {
    check(acquire_owned(self, PSHARED_NEVER), "wait");
    return INT2FIX(0);
}
VALUE owned_post_at_end(VALUE self) {
    const object* const mine = open_object(self);
    check(pshared_owned_semaphore_release(owned_of(mine), mine->max, 1), "post");
    return Qnil;
}
VALUE owned_post(VALUE self) {
    const object* const mine = open_object(self);
    // In a forked child the core lets what the parent's thread holds pass: right for the end of a block.
    std::int64_t held = 1;
    if (process_generation != 0) check(pshared_owned_semaphore_held(owned_of(mine), mine->max, &held), "post");
    if (held == 0) rb_raise(process_error, "post: this thread holds no permit");
    const int code = pshared_owned_semaphore_release(owned_of(mine), mine->max, 1);
    if (code == PSHARED_ENOTOWNER) rb_raise(process_error, "post: this thread holds no permit");
    check(code, "post");
    return INT2FIX(0);
}
VALUE owned_value(VALUE self) {
    const object* const mine = open_object(self);
    std::int64_t permits = 0;
    check(pshared_owned_semaphore_value(owned_of(mine), mine->max, &permits), "value");
    return LL2NUM(permits);
}
VALUE owned_held(VALUE self) {
    const object* const mine = open_object(self);
    std::int64_t permits = 0;
    check(pshared_owned_semaphore_held(owned_of(mine), mine->max, &permits), "held");
    return LL2NUM(permits);
}
VALUE owned_synchronize(VALUE self) {
    rb_need_block();
    check(acquire_owned(self, PSHARED_NEVER), "wait");
    return rb_ensure(yield_nothing, Qnil, owned_post_at_end, self);
}

}  // namespace

void init_semaphores() {
    const VALUE base = rb_path2class("ProcessShared::Shared");
    const VALUE semaphore = rb_define_class_under(module, "Semaphore", base);
    rb_define_private_method(semaphore, "setup", semaphore_setup, 4);
    rb_define_method(semaphore, "wait", semaphore_wait, 0);
    rb_define_method(semaphore, "try_wait", try_wait<acquire>, -1);
    rb_define_method(semaphore, "post", semaphore_post, 0);
    rb_define_method(semaphore, "value", semaphore_value, 0);
    rb_define_method(semaphore, "max", semaphore_max, 0);
    rb_define_method(semaphore, "synchronize", semaphore_synchronize, 0);

    const VALUE owned = rb_define_class_under(module, "OwnedSemaphore", base);
    rb_define_private_method(owned, "setup", owned_setup, 3);
    rb_define_method(owned, "wait", owned_wait, 0);
    rb_define_method(owned, "try_wait", try_wait<acquire_owned>, -1);
    rb_define_method(owned, "post", owned_post, 0);
    rb_define_method(owned, "value", owned_value, 0);
    rb_define_method(owned, "held", owned_held, 0);
    rb_define_method(owned, "max", semaphore_max, 0);
    rb_define_method(owned, "synchronize", owned_synchronize, 0);
}

}  // namespace pshared_ruby
