// SPDX-License-Identifier: MIT
// Barrier and Event.
#include "ext.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace pshared_ruby {
namespace {

// ---- Event

struct event_start {
    int automatic;
    int is_set;
};
void init_event(void* at, void* context) {
    const auto* const start = static_cast<event_start*>(context);
    pshared_event_init(static_cast<pshared_event_t*>(at), start->automatic, start->is_set);
}
pshared_event_t* event_of(const object* mine) { return static_cast<pshared_event_t*>(mine->where->address); }

VALUE event_initialize(int argc, VALUE* argv, VALUE self) {
    object* const mine = object_of(self);
    const VALUE options = take_options(&argc, argv);
    rb_check_arity(argc, 0, 1);
    event_start start{RTEST(take_option(options, "auto_reset")) ? 1 : 0, argc == 1 && RTEST(argv[0]) ? 1 : 0};
    const recipe how{PSHARED_TYPE_EVENT, "event", sizeof(pshared_event_t), 4, init_event, &start};
    memory* const where = place(how, options);
    if (mine->where != nullptr) release(mine->where);
    mine->where = where;
    return self;
}
VALUE event_set(VALUE self) {
    check(pshared_event_set(event_of(open_object(self))), "set");
    return self;
}
VALUE event_reset(VALUE self) {
    check(pshared_event_reset(event_of(open_object(self))), "reset");
    return self;
}
VALUE event_is_set(VALUE self) {
    int is_set = 0;
    check(pshared_event_is_set(event_of(open_object(self)), &is_set), "set?");
    return is_set != 0 ? Qtrue : Qfalse;
}
int wait_event(void* at, pshared_deadline_t until) {
    return pshared_event_wait(static_cast<pshared_event_t*>(at), until);
}
VALUE event_wait(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 0, 1);
    const pshared_deadline_t until = deadline_of(argc == 1 ? argv[0] : Qnil);
    pshared_event_t* const event = event_of(open_object(self));
    int code = pshared_event_wait(event, PSHARED_NOW);
    if (code == PSHARED_ETIMEDOUT && until != PSHARED_NOW) code = wait_for(self, wait_event, event, until, nullptr);
    if (code == PSHARED_ETIMEDOUT) return Qfalse;
    check(code, "wait");
    return Qtrue;
}

// ---- Barrier

pshared_barrier_t* barrier_at(const memory* where) { return static_cast<pshared_barrier_t*>(where->address); }

/// A forked child is no member of its parent's.
void forget_parents(std::vector<membership>& of) noexcept {
    std::erase_if(of, [](const membership& one) {
        if (one.generation == process_generation) return false;
        release(one.where);
        return true;
    });
}
membership* membership_in(const memory* where) noexcept {
    std::vector<membership>& mine = memberships();
    forget_parents(mine);
    for (membership& one : mine)
        if (one.where == where) return &one;
    return nullptr;
}

struct barrier_start {
    std::int64_t parties;
    std::uint32_t max;
};
void init_barrier(void* at, void* context) {
    const auto* const start = static_cast<barrier_start*>(context);
    pshared_barrier_init(static_cast<pshared_barrier_t*>(at), start->parties, start->max);
}

VALUE barrier_initialize(int argc, VALUE* argv, VALUE self) {
    object* const mine = object_of(self);
    const VALUE options = take_options(&argc, argv);
    rb_check_arity(argc, 1, 1);
    const long long parties = NUM2LL(argv[0]);
    if (parties < 1 || parties > 65'000) rb_raise(rb_eArgError, "a barrier has 1 to 65 000 parties");
    // As C++ has it when nothing is said, as far as that goes.
    barrier_start start{parties, static_cast<std::uint32_t>(parties <= 64 ? 64 : parties)};
    char type[64];
    std::snprintf(type, sizeof type, "process_shared::barrier<%u>", start.max);
    const recipe how{type, "barrier", PSHARED_BARRIER_SIZE(start.max), 8, init_barrier, &start};
    memory* const where = place(how, options);
    if (mine->where != nullptr) release(mine->where);
    mine->where = where;
    mine->max = start.max;
    return self;
}

membership* join(const object* mine) {
    if (membership* const known = membership_in(mine->where)) return known;
    check(pshared_barrier_join(barrier_at(mine->where), mine->max), "join");
    retain(mine->where);
    memberships().push_back({mine->where, mine->max, 0, false, process_generation});
    return &memberships().back();
}

VALUE barrier_join(VALUE self) {
    join(open_object(self));
    return self;
}

struct turn_context {
    pshared_barrier_t* barrier;
    std::uint32_t max;
    std::uint32_t turn;
};
int wait_turn(void* at, pshared_deadline_t until) {
    const auto* const context = static_cast<turn_context*>(at);
    return pshared_barrier_wait(context->barrier, context->max, context->turn, until);
}

VALUE barrier_wait(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 0, 1);
    const pshared_deadline_t until = deadline_of(argc == 1 ? argv[0] : Qnil);
    const object* const mine = open_object(self);
    pshared_barrier_t* const barrier = barrier_at(mine->where);
    membership* member = join(mine);
    if (!member->arrived) {
        int code = pshared_barrier_arrive(barrier, mine->max, &member->turn);
        if (code == PSHARED_ENOTMEMBER) {  // since a reset, say
            check(pshared_barrier_join(barrier, mine->max), "join");
            code = pshared_barrier_arrive(barrier, mine->max, &member->turn);
        }
        check(code, "wait");
        member->arrived = true;
    }
    turn_context context{barrier, mine->max, member->turn};
    int code = wait_turn(&context, PSHARED_NOW);
    if (code == PSHARED_ETIMEDOUT && until != PSHARED_NOW) {
        memory* const where = mine->where;
        code = wait_for(self, wait_turn, &context, until, nullptr);
        bind_this_thread();
        member = membership_in(where);  // the list may have grown
    }
    if (code == PSHARED_ETIMEDOUT) return Qfalse;
    if (member != nullptr) member->arrived = false;
    check(code, "wait");
    return Qtrue;
}

void forget(const memory* where) {
    std::erase_if(memberships(), [&](const membership& one) {
        if (one.where != where) return false;
        release(one.where);
        return true;
    });
}

VALUE barrier_leave(VALUE self) {
    const object* const mine = open_object(self);
    const int code = pshared_barrier_arrive_and_drop(barrier_at(mine->where), mine->max);
    forget(mine->where);
    check(code, "leave");
    return self;
}
VALUE barrier_reset(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 0, 1);
    const object* const mine = open_object(self);
    std::int64_t parties = 0;
    if (argc == 1 && argv[0] != Qnil) {
        parties = NUM2LL(argv[0]);
        if (parties < 1 || parties > mine->max)
            rb_raise(rb_eArgError, "this barrier can have 1 to %u parties", mine->max);
    }
    const int code = pshared_barrier_reset(barrier_at(mine->where), mine->max, parties);
    if (code == PSHARED_ECOUNT) rb_raise(rb_eArgError, "more members than that are living");
    check(code, "reset");
    return self;
}
VALUE barrier_parties(VALUE self) {
    std::int64_t parties = 0;
    check(pshared_barrier_expected(barrier_at(open_object(self)->where), &parties), "parties");
    return LL2NUM(parties);
}
VALUE barrier_is_broken(VALUE self) {
    int broken = 0;
    check(pshared_barrier_is_broken(barrier_at(open_object(self)->where), &broken), "broken?");
    return broken != 0 ? Qtrue : Qfalse;
}

}  // namespace

void leave_barriers(std::vector<membership>& of) noexcept {
    forget_parents(of);
    for (const membership& one : of) {
        pshared_barrier_arrive_and_drop(barrier_at(one.where), one.max);
        release(one.where);
    }
    of.clear();
}

void init_meeting_points() {
    const VALUE base = rb_path2class("ProcessShared::Shared");
    const VALUE event = rb_define_class_under(module, "Event", base);
    rb_define_method(event, "initialize", event_initialize, -1);
    rb_define_method(event, "set", event_set, 0);
    rb_define_method(event, "reset", event_reset, 0);
    rb_define_method(event, "set?", event_is_set, 0);
    rb_define_method(event, "wait", event_wait, -1);

    const VALUE barrier = rb_define_class_under(module, "Barrier", base);
    rb_define_method(barrier, "initialize", barrier_initialize, -1);
    rb_define_method(barrier, "join", barrier_join, 0);
    rb_define_method(barrier, "wait", barrier_wait, -1);
    rb_define_method(barrier, "leave", barrier_leave, 0);
    rb_define_method(barrier, "reset", barrier_reset, -1);
    rb_define_method(barrier, "parties", barrier_parties, 0);
    rb_define_method(barrier, "broken?", barrier_is_broken, 0);
}

}  // namespace pshared_ruby
