// SPDX-License-Identifier: MIT
// The Ruby object of everything that synchronizes, and what threads, their ends and forks mean to it.
#include "ext.hpp"

#include <pthread.h>
#include <ruby/debug.h>

namespace pshared_ruby {

unsigned process_generation = 0;
unsigned forks_seen = 0;
thread_local VALUE bound_thread = 0;

namespace {

void mark(void* at) {
    const auto* const self = static_cast<const object*>(at);
    if (self->owner != 0) rb_gc_mark(self->owner);
    if (self->thread != 0) rb_gc_mark(self->thread);
    if (self->recover != 0) rb_gc_mark(self->recover);
}

void collect(void* at) {
    auto* const self = static_cast<object*>(at);
    if (self->where != nullptr) release(self->where);
    xfree(self);
}

std::size_t size_of(const void*) { return sizeof(object); }

void after_fork_in_parent() { ++forks_seen; }
void after_fork_in_child() {
    ++forks_seen;
    ++process_generation;
}

/// A native thread may outlive its Ruby thread, to serve another one. What the first one held is abandoned then, at the
/// latest: as if it had died.
void forget_thread() noexcept {
    bound_thread = 0;
    leave_barriers();
    pshared_abandon_held();
}

void thread_begins(rb_event_flag_t, VALUE, VALUE, ID, VALUE) { forget_thread(); }
void thread_ends(rb_event_flag_t, VALUE, VALUE, ID, VALUE) { forget_thread(); }

#ifdef HAVE_RB_INTERNAL_THREAD_ADD_EVENT_HOOK
void thread_exits(rb_event_flag_t, const rb_internal_thread_event_data_t*, void*) { forget_thread(); }
#endif

VALUE close_object(VALUE self) {
    object* const mine = object_of(self);
    if (mine->where == nullptr) return Qnil;
    memory* const was = mine->where;
    mine->where = nullptr;
    mine->owner = 0;
    release(was);
    return Qnil;
}

VALUE is_closed(VALUE self) { return object_of(self)->where == nullptr ? Qtrue : Qfalse; }

VALUE refuse_copy(VALUE self, VALUE) {
    rb_raise(rb_eTypeError, "%" PRIsVALUE " cannot be copied: make another one, or open it by its name",
             rb_obj_class(self));
}

}  // namespace

const rb_data_type_t object_type = {
    "ProcessShared::Object", {mark, collect, size_of, nullptr, {}}, nullptr, nullptr, RUBY_TYPED_FREE_IMMEDIATELY};

VALUE allocate_object(VALUE of_class) {
    object* made = nullptr;
    const VALUE self = TypedData_Make_Struct(of_class, object, &object_type, made);
    made->recover = Qnil;
    return self;
}

void bind_thread(VALUE thread) {
#ifdef HAVE_RB_THREAD_LOCK_NATIVE_THREAD
    rb_thread_lock_native_thread();
#endif
    bound_thread = thread;
}

VALUE take_options(int* argc, VALUE* argv) {
    if (*argc == 0 || !rb_keyword_given_p()) return Qnil;
    return rb_hash_dup(argv[--*argc]);
}

VALUE take_option(VALUE options, const char* name) {
    return options == Qnil ? Qnil : rb_hash_delete(options, ID2SYM(rb_intern(name)));
}

void check_no_options(VALUE options) {
    if (options == Qnil || RHASH_SIZE(options) == 0) return;
    rb_raise(rb_eArgError, "unknown keywords: %" PRIsVALUE,
             rb_ary_join(rb_funcall(options, rb_intern("keys"), 0), rb_str_new_cstr(", ")));
}

void init_objects() {
    pthread_atfork(nullptr, after_fork_in_parent, after_fork_in_child);
    rb_add_event_hook(thread_begins, RUBY_EVENT_THREAD_BEGIN, Qnil);
    rb_add_event_hook(thread_ends, RUBY_EVENT_THREAD_END, Qnil);
#ifdef HAVE_RB_INTERNAL_THREAD_ADD_EVENT_HOOK
    rb_internal_thread_add_event_hook(thread_exits, RUBY_INTERNAL_THREAD_EVENT_EXITED, nullptr);
#endif
    const VALUE base = rb_define_class_under(module, "Shared", rb_cObject);
    rb_define_alloc_func(base, allocate_object);
    rb_define_method(base, "close", close_object, 0);
    rb_define_method(base, "closed?", is_closed, 0);
    rb_define_method(base, "initialize_copy", refuse_copy, 1);
}

}  // namespace pshared_ruby
