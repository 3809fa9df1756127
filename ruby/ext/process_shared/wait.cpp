// SPDX-License-Identifier: MIT
// Waiting without the GVL, and what interrupts mean then.
//
// Ruby's own rb_thread_call_without_gvl raises what is pending after the call, when the lock is ours already and nobody
// knows it: so the interrupts are asked for here, only when nothing was acquired.
#include "ext.hpp"

#include <cmath>

namespace pshared_ruby {
namespace {

struct call {
    attempt what;
    void* context;
    pshared_deadline_t until;
    int code;
};

void* run(void* at) {
    auto* const mine = static_cast<call*>(at);
    mine->code = mine->what(mine->context, mine->until);
    return nullptr;
}

int without_gvl(attempt what, void* context, pshared_deadline_t until) {
    // Not even called, if an interrupt is pending: as if it had come a moment later.
    call made{what, context, until, PSHARED_EINTR};
    rb_nogvl(run, &made, RUBY_UBF_IO, nullptr, RB_NOGVL_INTR_FAIL);
    return made.code;
}

VALUE check_interrupts(VALUE) {
    rb_thread_check_ints();
    return Qnil;
}

bool acquired(int code) { return code == PSHARED_OK || code == PSHARED_EOWNERDEAD; }

}  // namespace

int wait_for(VALUE self, attempt what, void* context, pshared_deadline_t until, undo back) {
    for (;;) {
        memory* const where = open_object(self)->where;
        retain(where);
        const int code = without_gvl(what, context, until);
        const bool closed = object_of(self)->where != where;
        if (closed && code == PSHARED_OK && back != nullptr) back(context);
        release(where);
        if (closed && (acquired(code) || code == PSHARED_EINTR)) raise_closed();
        if (code != PSHARED_EINTR) return code;
        rb_thread_check_ints();
    }
}

int wait_through_interrupts(memory* where, attempt what, void* context, pshared_deadline_t until, int* due) {
    for (;;) {
        const int code = without_gvl(what, context, until);
        if (code != PSHARED_EINTR) return code;
        int state = 0;
        rb_protect(check_interrupts, Qnil, &state);
        if (state != 0) *due = state;
        bind_this_thread();
    }
}

pshared_deadline_t deadline_of(VALUE timeout) {
    if (timeout == Qnil) return PSHARED_NEVER;
    if (!RTEST(rb_obj_is_kind_of(timeout, rb_cNumeric)))
        rb_raise(rb_eTypeError, "a timeout is a number of seconds or nil, not %" PRIsVALUE, rb_obj_class(timeout));
    const double seconds = NUM2DBL(timeout);
    if (std::isnan(seconds)) rb_raise(rb_eArgError, "a timeout is a number of seconds");
    if (seconds >= 9.0e9) return PSHARED_NEVER;
    return pshared_deadline_after(seconds <= 0 ? 0 : static_cast<std::int64_t>(std::ceil(seconds * 1e9)));
}

}  // namespace pshared_ruby
