// SPDX-License-Identifier: MIT
// Codes become exceptions.
#include "ext.hpp"

#include <initializer_list>

namespace pshared_ruby {
namespace {

VALUE class_for(int code) {
    switch (code) {
        case PSHARED_EDEADLK:
        case PSHARED_ENOTOWNER:
        case PSHARED_EOUTSIDE:
        case PSHARED_ETOOMANYHOLDS:
        case PSHARED_ESEATSFULL:
        case PSHARED_ETHREAD:
        case PSHARED_EBUSY:
        case PSHARED_EDEPTH:
        case PSHARED_EDAMAGED:
        case PSHARED_EOTHERLAYOUT:
        case PSHARED_EOTHERBOOT:
        case PSHARED_ENOTSEGMENT:
        case PSHARED_ENOTMEMBER:
        case PSHARED_EBARRIERFULL:
        case PSHARED_ENOMEMBARRIER:
        case PSHARED_ECANNOTDECODE:
            return process_error;
        case PSHARED_EWRONGTYPE:
            return rb_eTypeError;
        case PSHARED_ERANGE:
        case PSHARED_ETOOLARGE:
            return rb_eIndexError;
        case PSHARED_EBADNAME:
        case PSHARED_ETOOSMALL:
        case PSHARED_EALIGNMENT:
            return rb_eArgError;
        case PSHARED_ENOMEM:
            return rb_eNoMemError;
        case PSHARED_ECLOSED:
            return rb_path2class("ClosedQueueError");
        default:
            return Qnil;
    }
}

VALUE text(const char* from, std::size_t room) {
    std::size_t length = 0;
    while (length < room && from[length] != '\0') ++length;
    return rb_utf8_str_new(from, static_cast<long>(length));
}

}  // namespace

void raise_code(int code, const char* what) {
    if (code == PSHARED_EOWNERDEAD) rb_exc_raise(death_exception(owner_died, what));
    if (code == PSHARED_EMEMBERDEAD) rb_exc_raise(death_exception(member_died, what));
    const VALUE of_class = class_for(code);
    if (of_class != Qnil) rb_raise(of_class, "%s: %s", what, pshared_strerror(code));
    rb_syserr_fail(pshared_errno(code), what);
}

void raise_closed() { rb_raise(closed_error, "closed, or not initialized"); }

VALUE death_exception(VALUE of_class, const char* what) {
    pshared_death_t who;
    pshared_last_death(&who);
    const VALUE name = text(who.thread_name, sizeof who.thread_name);
    VALUE message = Qnil;
    if (who.process == 0)
        message = rb_sprintf("%s: its owner died; who it was is no longer known", what);
    else
        message = rb_sprintf("%s: process %u, thread \"%" PRIsVALUE "\" died", what, who.process, name);
    const VALUE made = rb_exc_new_str(of_class, message);
    rb_ivar_set(made, rb_intern("@pid"), who.process == 0 ? Qnil : UINT2NUM(who.process));
    rb_ivar_set(made, rb_intern("@thread_id"), who.thread == 0 ? Qnil : ULL2NUM(who.thread));
    rb_ivar_set(made, rb_intern("@thread_name"), name);
    return made;
}

void init_errors() {
    process_error = rb_define_class_under(module, "ProcessError", rb_eThreadError);
    closed_error = rb_define_class_under(module, "ClosedError", process_error);
    owner_died = rb_define_class_under(module, "OwnerDied", process_error);
    member_died = rb_define_class_under(module, "MemberDied", process_error);
    for (const VALUE death : {owner_died, member_died})
        for (const char* attribute : {"pid", "thread_id", "thread_name"}) rb_define_attr(death, attribute, 1, 0);
    for (VALUE* kept : {&process_error, &closed_error, &owner_died, &member_died}) rb_gc_register_mark_object(*kept);
}

}  // namespace pshared_ruby
