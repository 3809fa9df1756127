// SPDX-License-Identifier: MIT
// Mutex, Monitor and SharedMutex.
//
// Between processes the owner is the native thread, whose seat the core knows; within the process, the fiber: the core
// cannot tell two fibers of one thread apart, so whoever asks is compared first. Nothing can interrupt a fiber between
// the core's answer and what is written down here, because both happen with the GVL, and no interrupt is looked at.
#include "ext.hpp"

namespace pshared_ruby {

struct lock_functions {
    const char* type;
    const char* object;
    std::size_t bytes;
    bool reentrant;
    int (*lock)(void*, pshared_deadline_t);
    int (*lock_unless_abandoned)(void*, pshared_deadline_t);
    int (*unlock)(void*);
    int (*consistent)(void*);
    int (*is_locked)(void*);
};

namespace {

// The C functions, behind pointers of one type.
template <auto Function, class Opaque>
int timed(void* at, pshared_deadline_t until) {
    return Function(static_cast<Opaque*>(at), until);
}
template <auto Function, class Opaque>
int plain(void* at) {
    return Function(static_cast<Opaque*>(at));
}
int writer_is_there(void* at) {
    // Its owner word is a mutex's.
    return pshared_mutex_is_locked(static_cast<const pshared_mutex_t*>(at));
}

constexpr lock_functions mutex_functions = {
    PSHARED_TYPE_MUTEX,
    "mutex",
    sizeof(pshared_mutex_t),
    false,
    timed<pshared_mutex_lock, pshared_mutex_t>,
    timed<pshared_mutex_lock_unless_abandoned, pshared_mutex_t>,
    plain<pshared_mutex_unlock, pshared_mutex_t>,
    plain<pshared_mutex_consistent, pshared_mutex_t>,
    plain<pshared_mutex_is_locked, pshared_mutex_t>,
};
constexpr lock_functions monitor_functions = {
    PSHARED_TYPE_MONITOR,
    "monitor",
    sizeof(pshared_monitor_t),
    true,
    timed<pshared_monitor_lock, pshared_monitor_t>,
    timed<pshared_monitor_lock_unless_abandoned, pshared_monitor_t>,
    plain<pshared_monitor_unlock, pshared_monitor_t>,
    plain<pshared_monitor_consistent, pshared_monitor_t>,
    plain<pshared_monitor_is_locked, pshared_monitor_t>,
};
constexpr lock_functions shared_functions = {
    PSHARED_TYPE_SHARED_MUTEX,
    "shared_mutex",
    sizeof(pshared_shared_mutex_t),
    false,
    timed<pshared_shared_mutex_lock, pshared_shared_mutex_t>,
    timed<pshared_shared_mutex_lock_unless_abandoned, pshared_shared_mutex_t>,
    plain<pshared_shared_mutex_unlock, pshared_shared_mutex_t>,
    plain<pshared_shared_mutex_consistent, pshared_shared_mutex_t>,
    writer_is_there,
};

VALUE checked_recovery(VALUE by) {
    if (by != Qnil && by != Qtrue && !rb_respond_to(by, rb_intern("call")))
        rb_raise(rb_eTypeError, "recover: takes something that can be called, true or nil");
    return by;
}

VALUE initialize_lock(int argc, VALUE* argv, VALUE self, const lock_functions& functions) {
    object* const mine = object_of(self);
    const VALUE options = take_options(&argc, argv);
    rb_check_arity(argc, 0, 0);
    const VALUE recover = checked_recovery(take_option(options, "recover"));
    const recipe how{functions.type, functions.object, functions.bytes, alignof(std::uint64_t), nullptr, nullptr};
    memory* const where = place(how, options);
    if (mine->where != nullptr) release(mine->where);  // initialize, called again
    mine->where = where;
    mine->recover = recover;
    mine->functions = &functions;
    return self;
}
VALUE mutex_initialize(int argc, VALUE* argv, VALUE self) { return initialize_lock(argc, argv, self, mutex_functions); }
VALUE monitor_initialize(int argc, VALUE* argv, VALUE self) {
    return initialize_lock(argc, argv, self, monitor_functions);
}
VALUE shared_initialize(int argc, VALUE* argv, VALUE self) {
    return initialize_lock(argc, argv, self, shared_functions);
}

bool is_owned(const object* mine) { return mine->owner != 0 && mine->generation == process_generation; }
bool is_mine(const object* mine) { return is_owned(mine) && mine->owner == rb_fiber_current(); }

void took(object* mine, VALUE fiber) {
    mine->owner = fiber;
    mine->thread = rb_thread_current();
    mine->depth = 1;
    mine->generation = process_generation;
}

/// The owner word goes last: nobody in this process looks in between.
int unlock_now(object* mine) {
    bind_this_thread();  // a block, or a recovery, may have moved us
    mine->owner = 0;
    mine->thread = 0;
    return mine->functions->unlock(mine->where->address);
}

struct address_context {
    void* address;
    int (*lock)(void*, pshared_deadline_t);
    int (*unlock)(void*);
};
int lock_address(void* at, pshared_deadline_t until) {
    const auto* const context = static_cast<address_context*>(at);
    return context->lock(context->address, until);
}
void unlock_address(void* at) {
    const auto* const context = static_cast<address_context*>(at);
    context->unlock(context->address);
}

/// One attempt at once, then a wait.
int acquire(VALUE self, object* mine, int (*lock)(void*, pshared_deadline_t), int (*unlock)(void*),
            pshared_deadline_t until) {
    int code = lock(mine->where->address, PSHARED_NOW);
    if (code != PSHARED_ETIMEDOUT || until == PSHARED_NOW) return code;
    address_context context{mine->where->address, lock, unlock};
    code = wait_for(self, lock_address, &context, until, unlock_address);
    return code;
}

struct recovery {
    VALUE self;
    VALUE by;
    VALUE death;
};
VALUE call_recovery(VALUE at) {
    const auto* const mine = reinterpret_cast<recovery*>(at);
    return rb_funcall(mine->by, rb_intern("call"), 1, mine->death);
}

/// Held, and the last owner died inside: repaired as `by` says, or let go again, as abandoned as it was.
void repair(VALUE self, object* mine, VALUE by) {
    if (by != Qtrue) {
        recovery context{self, by, death_exception(owner_died, "lock")};
        int state = 0;
        rb_protect(call_recovery, reinterpret_cast<VALUE>(&context), &state);
        RB_GC_GUARD(context.death);
        if (state != 0) {
            if (mine->where != nullptr && is_owned(mine)) unlock_now(mine);
            rb_jump_tag(state);
        }
        if (mine->where == nullptr) raise_closed();
        if (!is_mine(mine)) rb_raise(process_error, "the lock was let go while it was being repaired");
    }
    bind_this_thread();
    check(mine->functions->consistent(mine->where->address), "consistent");
}

/// What remains to be done if the last owner died. True if it is held afterwards.
bool lock_abandoned(VALUE self, object* mine, VALUE by, pshared_deadline_t until) {
    if (by == Qnil) by = mine->recover;
    if (by == Qnil) raise_code(PSHARED_EOWNERDEAD, "lock");
    const lock_functions& functions = *mine->functions;
    const int code = acquire(self, mine, functions.lock, functions.unlock, until);
    if (code == PSHARED_ETIMEDOUT) return false;
    if (code != PSHARED_OK && code != PSHARED_EOWNERDEAD) raise_code(code, "lock");
    took(mine, rb_fiber_current());
    if (code == PSHARED_EOWNERDEAD) repair(self, mine, by);
    return true;
}

/// The core takes us for the owner, but it was another fiber of this thread. False: nothing can be done.
bool is_left_by_dead_fiber(const object* mine) {
    return is_owned(mine) && mine->thread == rb_thread_current() && !RTEST(rb_fiber_alive_p(mine->owner));
}

/// True if it was locked, false if the deadline passed first.
bool lock_until(VALUE self, object* mine, VALUE by, pshared_deadline_t until) {
    const VALUE fiber = rb_fiber_current();
    if (is_owned(mine)) {
        if (mine->owner == fiber) {
            if (!mine->functions->reentrant) {
                if (until == PSHARED_NOW) return false;
                rb_raise(process_error, "deadlock: this fiber holds the lock already");
            }
            ++mine->depth;
            return true;
        }
        if (mine->thread == rb_thread_current()) {
            if (is_left_by_dead_fiber(mine)) {
                if (by == Qnil) by = mine->recover;
                if (by == Qnil) rb_raise(owner_died, "lock: the fiber that held it has ended");
                took(mine, fiber);
                if (by == Qtrue) return true;
                recovery context{self, by, rb_exc_new_cstr(owner_died, "lock: the fiber that held it has ended")};
                int state = 0;
                rb_protect(call_recovery, reinterpret_cast<VALUE>(&context), &state);
                if (state == 0) return true;
                if (mine->where != nullptr && is_owned(mine)) unlock_now(mine);
                rb_jump_tag(state);
            }
            if (until == PSHARED_NOW) return false;
            rb_raise(process_error, "deadlock: another fiber of this thread holds the lock");
        }
    }
    const lock_functions& functions = *mine->functions;
    const int code = acquire(self, mine, functions.lock_unless_abandoned, functions.unlock, until);
    if (code == PSHARED_OK) [[likely]] {
        took(mine, fiber);
        return true;
    }
    if (code == PSHARED_ETIMEDOUT) return false;
    if (code == PSHARED_EOWNERDEAD) return lock_abandoned(self, mine, by, until);
    if (code == PSHARED_EDEADLK && until == PSHARED_NOW) return false;  // through another object of the same name
    raise_code(code, "lock");
}

VALUE option_recover(int argc, VALUE* argv, int least, int most) {
    const VALUE options = take_options(&argc, argv);
    rb_check_arity(argc, least, most);
    const VALUE recover = checked_recovery(take_option(options, "recover"));
    check_no_options(options);
    return recover;
}

VALUE lock_lock(int argc, VALUE* argv, VALUE self) {
    const VALUE recover = argc == 0 ? Qnil : option_recover(argc, argv, 0, 0);
    object* const mine = open_object(self);
    lock_until(self, mine, recover, PSHARED_NEVER);
    return mine->depth == 1 ? self : UINT2NUM(mine->depth);
}

VALUE lock_try_lock(int argc, VALUE* argv, VALUE self) {
    const VALUE recover = argc == 0 ? Qnil : option_recover(argc, argv, 0, 0);
    return lock_until(self, open_object(self), recover, PSHARED_NOW) ? Qtrue : Qfalse;
}

VALUE lock_lock_for(int argc, VALUE* argv, VALUE self) {
    const VALUE recover = option_recover(argc, argv, 1, 1);
    const pshared_deadline_t until = deadline_of(argv[0]);
    return lock_until(self, open_object(self), recover, until) ? Qtrue : Qfalse;
}

VALUE lock_unlock(VALUE self) {
    object* const mine = open_object(self);
    if (!is_mine(mine)) rb_raise(process_error, "unlock of a lock that this fiber does not hold");
    if (mine->depth > 1) return UINT2NUM(--mine->depth);
    check(unlock_now(mine), "unlock");
    return self;
}

struct block_run {
    VALUE self;
    bool completed;
};

/// At the end of a block. A forked child that leaves its parent's block lets nothing go; a lock that is lost with an
/// exception (its next owner died while we waited for a condition) does not hide that exception.
VALUE unlock_at_end(VALUE at) {
    const auto* const run = reinterpret_cast<block_run*>(at);
    object* const mine = object_of(run->self);
    if (mine->owner != 0 && mine->generation != process_generation) return Qnil;
    if (mine->where == nullptr || !is_mine(mine)) {
        if (!run->completed) return Qnil;
        if (mine->where == nullptr) raise_closed();
        rb_raise(process_error, "the lock is not held any more at the end of its block");
    }
    if (mine->depth > 1)
        --mine->depth;
    else
        check(unlock_now(mine), "unlock");
    return Qnil;
}

VALUE yield_nothing(VALUE) { return rb_yield_values(0); }
VALUE run_block(VALUE at) {
    const VALUE result = rb_yield_values(0);
    reinterpret_cast<block_run*>(at)->completed = true;
    return result;
}

VALUE lock_synchronize(int argc, VALUE* argv, VALUE self) {
    const VALUE recover = argc == 0 ? Qnil : option_recover(argc, argv, 0, 0);
    rb_need_block();
    lock_until(self, open_object(self), recover, PSHARED_NEVER);
    block_run run{self, false};
    return rb_ensure(run_block, reinterpret_cast<VALUE>(&run), unlock_at_end, reinterpret_cast<VALUE>(&run));
}

VALUE lock_is_locked(VALUE self) {
    const object* const mine = open_object(self);
    return mine->functions->is_locked(mine->where->address) != 0 ? Qtrue : Qfalse;
}
VALUE lock_is_owned(VALUE self) { return is_mine(open_object(self)) ? Qtrue : Qfalse; }

// ---- Sleeping without it

VALUE sleep_body(VALUE timeout) {
    return timeout == Qnil ? rb_funcall(rb_mKernel, rb_intern("sleep"), 0)
                           : rb_funcall(rb_mKernel, rb_intern("sleep"), 1, timeout);
}

struct taking_again {
    VALUE self;
    unsigned depth;
};
VALUE take_again_at_end(VALUE at) {
    const auto* const mine = reinterpret_cast<taking_again*>(at);
    int due = 0;
    take_again(mine->self, mine->depth, &due);
    if (due != 0) rb_jump_tag(due);
    return Qnil;
}

VALUE lock_sleep(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 0, 1);
    object* const mine = open_object(self);
    taking_again context{self, 0};
    check(let_go(mine, &context.depth), "sleep");
    return rb_ensure(sleep_body, argc == 0 ? Qnil : argv[0], take_again_at_end, reinterpret_cast<VALUE>(&context));
}

// ---- Readers

int read_lock(void* at, pshared_deadline_t until) {
    return pshared_shared_mutex_lock_shared(static_cast<pshared_shared_mutex_t*>(at), until);
}
int read_unlock(void* at) { return pshared_shared_mutex_unlock_shared(static_cast<pshared_shared_mutex_t*>(at)); }

bool read_until(VALUE self, object* mine, pshared_deadline_t until) {
    if (is_mine(mine)) rb_raise(process_error, "deadlock: this fiber holds the lock for writing");
    for (;;) {
        const int code = acquire(self, mine, read_lock, read_unlock, until);
        if (code == PSHARED_OK) return true;
        if (code == PSHARED_ETIMEDOUT || (code == PSHARED_EDEADLK && until == PSHARED_NOW)) return false;
        if (code != PSHARED_EOWNERDEAD || mine->recover == Qnil) raise_code(code, "lock_shared");
        // A reader cannot repair; as a writer it can.
        if (!lock_until(self, mine, Qnil, until)) return false;
        check(unlock_now(mine), "unlock");
    }
}

VALUE shared_lock_shared(VALUE self) {
    read_until(self, open_object(self), PSHARED_NEVER);
    return self;
}
VALUE shared_try_lock_shared(VALUE self) { return read_until(self, open_object(self), PSHARED_NOW) ? Qtrue : Qfalse; }
VALUE shared_lock_shared_for(VALUE self, VALUE timeout) {
    const pshared_deadline_t until = deadline_of(timeout);
    return read_until(self, open_object(self), until) ? Qtrue : Qfalse;
}
VALUE shared_unlock_shared(VALUE self) {
    const auto* const at = static_cast<const pshared_shared_mutex_t*>(open_object(self)->where->address);
    // In a forked child the core lets what the parent's thread holds pass: right for the end of a block.
    if (process_generation != 0 && pshared_shared_mutex_is_mine_shared(at) == 0)
        raise_code(PSHARED_ENOTOWNER, "unlock_shared");
    check(read_unlock(open_object(self)->where->address), "unlock_shared");
    return self;
}
VALUE unlock_shared_at_end(VALUE self) {
    const object* const mine = object_of(self);
    bind_this_thread();
    if (mine->where != nullptr) read_unlock(mine->where->address);
    return Qnil;
}
VALUE shared_synchronize_shared(VALUE self) {
    rb_need_block();
    read_until(self, open_object(self), PSHARED_NEVER);
    return rb_ensure(yield_nothing, Qnil, unlock_shared_at_end, self);
}

void define_lock(VALUE of_class, VALUE (*initialize)(int, VALUE*, VALUE)) {
    rb_define_method(of_class, "initialize", initialize, -1);
    rb_define_method(of_class, "lock", lock_lock, -1);
    rb_define_method(of_class, "try_lock", lock_try_lock, -1);
    rb_define_method(of_class, "lock_for", lock_lock_for, -1);
    rb_define_method(of_class, "unlock", lock_unlock, 0);
    rb_define_method(of_class, "synchronize", lock_synchronize, -1);
    rb_define_method(of_class, "locked?", lock_is_locked, 0);
    rb_define_method(of_class, "owned?", lock_is_owned, 0);
    rb_define_method(of_class, "sleep", lock_sleep, -1);
}

}  // namespace

void let_go_at_end(object* lock) noexcept {
    if (lock->functions != nullptr && lock->where != nullptr && is_owned(lock))
        lock->functions->unlock(lock->where->address);
}

int let_go(object* lock, unsigned* depth) {
    if (!is_mine(lock)) return PSHARED_ENOTOWNER;
    *depth = lock->depth;
    return unlock_now(lock);
}

void take_again(VALUE self, unsigned depth, int* due) {
    object* const mine = object_of(self);
    if (mine->where == nullptr) raise_closed();
    bind_this_thread();
    memory* const where = mine->where;
    retain(where);
    const lock_functions& functions = *mine->functions;
    address_context context{where->address, functions.lock_unless_abandoned, functions.unlock};
    int code = lock_address(&context, PSHARED_NOW);
    if (code == PSHARED_ETIMEDOUT) code = wait_through_interrupts(where, lock_address, &context, PSHARED_NEVER, due);
    const bool closed = mine->where != where;
    if (closed && code == PSHARED_OK) unlock_address(&context);
    release(where);
    if (closed) raise_closed();
    if (code == PSHARED_EOWNERDEAD) {
        lock_abandoned(self, mine, Qnil, PSHARED_NEVER);
    } else {
        check(code, "lock");
        took(mine, rb_fiber_current());
    }
    mine->depth = depth;
}

void init_locks() {
    const VALUE base = rb_path2class("ProcessShared::Shared");
    const VALUE mutex = rb_define_class_under(module, "Mutex", base);
    define_lock(mutex, mutex_initialize);
    const VALUE monitor = rb_define_class_under(module, "Monitor", mutex);
    rb_define_method(monitor, "initialize", monitor_initialize, -1);
    const VALUE shared = rb_define_class_under(module, "SharedMutex", base);
    define_lock(shared, shared_initialize);
    rb_undef_method(shared, "sleep");
    rb_define_method(shared, "lock_shared", shared_lock_shared, 0);
    rb_define_method(shared, "try_lock_shared", shared_try_lock_shared, 0);
    rb_define_method(shared, "lock_shared_for", shared_lock_shared_for, 1);
    rb_define_method(shared, "unlock_shared", shared_unlock_shared, 0);
    rb_define_method(shared, "synchronize_shared", shared_synchronize_shared, 0);
}

}  // namespace pshared_ruby
