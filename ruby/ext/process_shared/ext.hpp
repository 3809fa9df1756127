// SPDX-License-Identifier: MIT
// What the files of the extension share. It stands on the C interface alone.
//
// Ruby leaves a C++ function by longjmp when it raises: nothing with a destructor may live across a call that can raise.
#pragma once

#include <process_shared/process_shared.h>

#include <ruby.h>
#include <ruby/thread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pshared_ruby {

// ---- Classes, made in init.cpp

extern VALUE module;
extern VALUE process_error;
extern VALUE owner_died;
extern VALUE member_died;
extern VALUE closed_error;

// ---- errors.cpp

/// Raises what fits the code.
[[noreturn]] void raise_code(int code, const char* what);
inline void check(int code, const char* what) {
    if (code != PSHARED_OK) [[unlikely]]
        raise_code(code, what);
}
[[noreturn]] void raise_closed();
/// An exception for the death that the calling thread was told of last.
VALUE death_exception(VALUE of_class, const char* what);

// ---- memory.cpp: where an object lies

/// A segment's handle, and how many use it.
struct segment_use {
    std::atomic<unsigned> users;
    pshared_segment_t* handle;
};
void release(segment_use* used) noexcept;

/// Shared by the Ruby object and whoever uses its memory without the GVL; the last one gives it back.
struct memory {
    std::atomic<unsigned> users;
    void* address;
    std::size_t bytes;
    pshared_block_t* block;  // of an anonymous one
    segment_use* segment;    // of a named one
    unsigned forks;          // seen by this process when it was made
};
void retain(memory* used) noexcept;
void release(memory* used) noexcept;

/// How an object of shared memory begins.
struct recipe {
    const char* type;    // as a directory knows it
    const char* object;  // its name in a segment that has no other
    std::size_t bytes;
    std::size_t alignment;
    void (*init)(void* object, void* context);
    void* context;
};
/// Anonymous or named, as the keywords say: name:, segment:, mode:, which are taken out of `options` (a Hash or nil).
memory* place(const recipe& how, VALUE options);
/// Where such keywords lead, without the object. Returns false if they name nothing.
struct location {
    segment_use* segment;  // to be released by whoever asked
    char object[256];
};
bool locate(VALUE options, const char* object, std::size_t bytes, location* found);  // segment.cpp

// ---- object.cpp

struct lock_functions;

/// Every synchronizing object, as this process knows it.
struct object {
    memory* where;  // null: closed, or not initialized
    VALUE owner;    // of a lock: the fiber that holds it, as far as this process did it; 0: none
    VALUE thread;   // that fiber's
    VALUE recover;  // of a lock: what to do when its owner died
    unsigned depth;
    unsigned generation;  // of the process in which `owner` was set: a forked child holds nothing
    std::uint32_t max;    // permits, members
    const lock_functions* functions;
};
extern const rb_data_type_t object_type;
VALUE allocate_object(VALUE of_class);

/// In a process forked from this one: another number.
extern unsigned process_generation;
/// How often this process and its ancestors have forked, as seen here.
extern unsigned forks_seen;

/// The Ruby thread for which the calling native thread acts. A function of its own, never inlined: where Ruby threads move
/// between native ones, one function may be left on another thread than it was entered on, and must not remember the
/// place of a thread's variable.
[[gnu::noinline]] VALUE bound_thread() noexcept;
/// To be called by a Ruby thread before it takes part, and again whenever it may have moved since.
void bind_thread(VALUE thread);
inline void bind_this_thread() {
    const VALUE thread = rb_thread_current();
    if (bound_thread() != thread) [[unlikely]]
        bind_thread(thread);
}

inline object* object_of(VALUE self) { return static_cast<object*>(rb_check_typeddata(self, &object_type)); }
/// Raises ClosedError.
inline object* open_object(VALUE self) {
    object* const found = object_of(self);
    if (found->where == nullptr) [[unlikely]]
        raise_closed();
    bind_this_thread();
    return found;
}

/// A barrier that a Ruby thread has joined, and the turn that it waits for. Kept beyond the Ruby object's end, so that a
/// thread that ends can leave.
struct membership {
    memory* where;
    std::uint32_t max;
    std::uint32_t turn;
    bool arrived;
    unsigned generation;
};
/// The current Ruby thread's.
[[gnu::noinline]] std::vector<membership>& memberships() noexcept;
/// What ends with a thread, in meeting_points.cpp.
void leave_barriers(std::vector<membership>& of) noexcept;

// ---- wait.cpp

/// Something that may wait: called first with the GVL and PSHARED_NOW, then without.
using attempt = int (*)(void* context, pshared_deadline_t until);
/// What to do if the object was closed while it was acquired.
using undo = void (*)(void* context);

/// Until it succeeds, fails or `until`. Interrupts of Ruby (kill, raise, signals) end it at once, with nothing acquired.
int wait_for(VALUE self, attempt what, void* context, pshared_deadline_t until, undo back);
/// The same, going on after interrupts. What they raise is due afterwards: a state for rb_jump_tag, or 0.
int wait_through_interrupts(memory* where, attempt what, void* context, pshared_deadline_t until, int* due);

/// nil: never. Raises TypeError, ArgumentError (NaN).
pshared_deadline_t deadline_of(VALUE timeout);

// ---- Ruby's arguments

/// The Hash of keywords at the end of the arguments, or nil; argc is one less then.
VALUE take_options(int* argc, VALUE* argv);
/// Takes a key out of such a Hash; nil if it is not there, or there is no Hash.
VALUE take_option(VALUE options, const char* name);
/// Raises ArgumentError if something is left.
void check_no_options(VALUE options);

// ---- Each file's classes

void init_errors();
void init_objects();
void init_semaphores();
void init_locks();
void init_condition_variable();
void init_meeting_points();
void init_memory();
void init_segment();
void init_boxes();

/// A lock that is closed, or collected, while this process holds it: nobody could unlock it any more.
void let_go_at_end(object* lock) noexcept;
/// For conditions: lets a lock of ours go that the calling fiber holds, and takes it again. Both return a code.
int let_go(object* lock, unsigned* depth);
void take_again(VALUE self, unsigned depth, int* due);

}  // namespace pshared_ruby
