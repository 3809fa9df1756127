// SPDX-License-Identifier: MIT
// ConditionVariable, over any lock. A waiter is counted nowhere, so an exception leaves no phantom of it.
#include "ext.hpp"

namespace pshared_ruby {
namespace {

pshared_condition_variable_t* condition_of(const object* mine) {
    return static_cast<pshared_condition_variable_t*>(mine->where->address);
}

VALUE condition_initialize(int argc, VALUE* argv, VALUE self) {
    object* const mine = object_of(self);
    const VALUE options = take_options(&argc, argv);
    rb_check_arity(argc, 0, 0);
    const recipe how{PSHARED_TYPE_CONDITION_VARIABLE_ANY,
                     "condition_variable",
                     sizeof(pshared_condition_variable_t),
                     4,
                     nullptr,
                     nullptr};
    memory* const where = place(how, options);
    if (mine->where != nullptr) release(mine->where);
    mine->where = where;
    return self;
}

struct waiting {
    VALUE self;
    VALUE lock;
    bool ours;  // a lock of this library, not only something with lock and unlock
    unsigned depth;
    pshared_condition_variable_t* condition;
    std::uint32_t prepared;
    pshared_deadline_t until;
};

int sleep(void* at, pshared_deadline_t until) {
    const auto* const mine = static_cast<waiting*>(at);
    return pshared_condition_variable_sleep(mine->condition, mine->prepared, until);
}

VALUE sleep_body(VALUE at) {
    auto* const mine = reinterpret_cast<waiting*>(at);
    return INT2FIX(wait_for(mine->self, sleep, mine, mine->until, nullptr));
}

/// Whatever ended the sleep: the lock is taken again, and nothing interrupts that.
VALUE lock_again(VALUE at) {
    const auto* const mine = reinterpret_cast<waiting*>(at);
    if (!mine->ours) return rb_funcall(mine->lock, rb_intern("lock"), 0);
    int due = 0;
    take_again(mine->lock, mine->depth, &due);
    if (due != 0) rb_jump_tag(due);
    return Qnil;
}

VALUE condition_wait(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 1, 2);
    const object* const mine = open_object(self);
    waiting context{self, argv[0], false, 0, condition_of(mine), 0, deadline_of(argc == 2 ? argv[1] : Qnil)};
    object* lock = nullptr;
    if (rb_typeddata_is_kind_of(context.lock, &object_type)) {
        lock = object_of(context.lock);
        // Locks have functions; a semaphore, say, has not.
        context.ours = lock->functions != nullptr;
        if (context.ours) open_object(context.lock);
    }
    // Before the lock is let go: whoever notifies after that is seen.
    check(pshared_condition_variable_prepare(context.condition, &context.prepared), "wait");
    if (context.ours)
        check(let_go(lock, &context.depth), "wait");
    else
        rb_funcall(context.lock, rb_intern("unlock"), 0);
    const int code = FIX2INT(
        rb_ensure(sleep_body, reinterpret_cast<VALUE>(&context), lock_again, reinterpret_cast<VALUE>(&context)));
    if (code == PSHARED_ETIMEDOUT) return Qnil;
    check(code, "wait");
    return self;
}

VALUE condition_signal(VALUE self) {
    check(pshared_condition_variable_notify_one(condition_of(open_object(self))), "signal");
    return self;
}
VALUE condition_broadcast(VALUE self) {
    check(pshared_condition_variable_notify_all(condition_of(open_object(self))), "broadcast");
    return self;
}

}  // namespace

void init_condition_variable() {
    const VALUE condition = rb_define_class_under(module, "ConditionVariable", rb_path2class("ProcessShared::Shared"));
    rb_define_method(condition, "initialize", condition_initialize, -1);
    rb_define_method(condition, "wait", condition_wait, -1);
    rb_define_method(condition, "signal", condition_signal, 0);
    rb_define_method(condition, "broadcast", condition_broadcast, 0);
}

}  // namespace pshared_ruby
