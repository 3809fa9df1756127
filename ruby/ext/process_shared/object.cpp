// SPDX-License-Identifier: MIT
// The Ruby object of everything that synchronizes, and what threads, their ends and forks mean to it.
#include "ext.hpp"

#include <pthread.h>
#include <ruby/debug.h>

#include <cstdlib>

namespace pshared_ruby {

unsigned process_generation = 0;
unsigned forks_seen = 0;
namespace {

thread_local VALUE acts_for = 0;
thread_local std::vector<membership> of_native_thread;

void mark(void* at) {
    const auto* const self = static_cast<const object*>(at);
    if (self->owner != 0) rb_gc_mark(self->owner);
    if (self->thread != 0) rb_gc_mark(self->thread);
    if (self->recover != 0) rb_gc_mark(self->recover);
}

/// At the end of the process all is collected, and what it holds is as a dead one's.
bool process_ends = false;
VALUE note_end(RB_BLOCK_CALL_FUNC_ARGLIST(, )) {
    process_ends = true;
    return Qnil;
}

void collect(void* at) {
    auto* const self = static_cast<object*>(at);
    if (!process_ends) let_go_at_end(self);
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
void forget_thread(bool ended) noexcept {
    acts_for = 0;
    if (ended) pshared_thread_renamed();  // it may have got its name after it first took part
    leave_barriers(of_native_thread);
    pshared_abandon_held();
}

#if defined(HAVE_RB_INTERNAL_THREAD_SPECIFIC_GET) && !defined(HAVE_RB_THREAD_LOCK_NATIVE_THREAD)
#define PSHARED_RUBY_THREADS_MAY_MOVE

// Ruby 3.3 with RUBY_MN_THREADS=1: Ruby threads move between native ones, and cannot be bound to one. Each that takes
// part gets a participant of its own, with a thread that keeps its seats.
struct moving_thread {
    pshared_participant_t* participant;
    unsigned generation;
    std::vector<membership> memberships;
};
bool threads_move = false;
rb_internal_thread_specific_key_t moving_key;

moving_thread* moving(VALUE thread) noexcept {
    return static_cast<moving_thread*>(rb_internal_thread_specific_get(thread, moving_key));
}

void bind_moving(VALUE thread) {
    moving_thread* mine = moving(thread);
    if (mine == nullptr) {
        mine = new moving_thread{nullptr, process_generation, {}};
        rb_internal_thread_specific_set(thread, moving_key, mine);
    }
    // A forked child's is its parent's.
    if (mine->participant != nullptr && mine->generation != process_generation) {
        pshared_participant_end(mine->participant);
        mine->participant = nullptr;
    }
    if (mine->participant == nullptr) {
        check(pshared_participant_create(nullptr, &mine->participant), "a seat for this thread");
        mine->generation = process_generation;
    }
    check(pshared_act_as(mine->participant), "a seat for this thread");
}

void end_moving(VALUE thread) noexcept {
    moving_thread* const mine = moving(thread);
    if (mine == nullptr) return;
    rb_internal_thread_specific_set(thread, moving_key, nullptr);
    if (mine->generation == process_generation && mine->participant != nullptr &&
        pshared_act_as(mine->participant) == PSHARED_OK) {
        leave_barriers(mine->memberships);
        pshared_abandon_held();
    }
    pshared_act_as(nullptr);
    acts_for = 0;
    pshared_participant_end(mine->participant);
    delete mine;
}
#endif

void thread_begins(rb_event_flag_t, VALUE, VALUE, ID, VALUE) { forget_thread(false); }
void thread_ends(rb_event_flag_t, VALUE, VALUE, ID, VALUE) { forget_thread(true); }

#ifdef HAVE_RB_INTERNAL_THREAD_ADD_EVENT_HOOK
void thread_exits(rb_event_flag_t, const rb_internal_thread_event_data_t* about, void*) {
#ifdef PSHARED_RUBY_THREADS_MAY_MOVE
    if (threads_move) return end_moving(about->thread);
#endif
    (void)about;
    forget_thread(true);
}
#endif

VALUE close_object(VALUE self) {
    object* const mine = object_of(self);
    if (mine->where == nullptr) return Qnil;
    bind_this_thread();
    let_go_at_end(mine);
    memory* const was = mine->where;
    mine->where = nullptr;
    mine->owner = 0;
    release(was);
    return Qnil;
}

VALUE is_closed(VALUE self) { return object_of(self)->where == nullptr ? Qtrue : Qfalse; }

}  // namespace

const rb_data_type_t object_type = {
    "ProcessShared::Object", {mark, collect, size_of, nullptr, {}}, nullptr, nullptr, RUBY_TYPED_FREE_IMMEDIATELY};

VALUE allocate_object(VALUE of_class) {
    object* made = nullptr;
    const VALUE self = TypedData_Make_Struct(of_class, object, &object_type, made);
    made->recover = Qnil;
    return self;
}

VALUE bound_thread() noexcept { return acts_for; }

std::vector<membership>& memberships() noexcept {
#ifdef PSHARED_RUBY_THREADS_MAY_MOVE
    if (threads_move) return moving(acts_for)->memberships;
#endif
    return of_native_thread;
}

void bind_thread(VALUE thread) {
#ifdef HAVE_RB_THREAD_LOCK_NATIVE_THREAD
    rb_thread_lock_native_thread();
#endif
#ifdef PSHARED_RUBY_THREADS_MAY_MOVE
    if (threads_move) bind_moving(thread);
#endif
    acts_for = thread;
    pshared_thread_renamed();
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
    // Finalizers of what lives to the end run when all at_exit blocks are done, and before anything is collected.
    rb_define_finalizer(module, rb_proc_new(note_end, Qnil));
    pthread_atfork(nullptr, after_fork_in_parent, after_fork_in_child);
#ifdef PSHARED_RUBY_THREADS_MAY_MOVE
    moving_key = rb_internal_thread_specific_key_create();
    const char* const many_to_many = std::getenv("RUBY_MN_THREADS");
    threads_move = many_to_many != nullptr && std::atoi(many_to_many) > 0;
    if (!threads_move)
#endif
    {
        rb_add_event_hook(thread_begins, RUBY_EVENT_THREAD_BEGIN, Qnil);
        rb_add_event_hook(thread_ends, RUBY_EVENT_THREAD_END, Qnil);
    }
#ifdef HAVE_RB_INTERNAL_THREAD_ADD_EVENT_HOOK
    rb_internal_thread_add_event_hook(thread_exits, RUBY_INTERNAL_THREAD_EVENT_EXITED, nullptr);
#endif
    const VALUE base = rb_define_class_under(module, "Shared", rb_cObject);
    rb_define_alloc_func(base, allocate_object);
    rb_define_method(base, "close", close_object, 0);
    rb_define_method(base, "closed?", is_closed, 0);
}

}  // namespace pshared_ruby
