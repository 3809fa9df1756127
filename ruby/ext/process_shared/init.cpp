// SPDX-License-Identifier: MIT
#include "ext.hpp"

namespace pshared_ruby {

VALUE module = 0;
VALUE process_error = 0;
VALUE owner_died = 0;
VALUE member_died = 0;
VALUE closed_error = 0;

}  // namespace pshared_ruby

extern "C" __attribute__((visibility("default"))) void Init_process_shared_ext() {
    using namespace pshared_ruby;
    module = rb_define_module("ProcessShared");
    rb_gc_register_mark_object(module);
    init_errors();
    init_objects();
    init_semaphores();
    init_locks();
    init_condition_variable();
    init_meeting_points();
    init_memory();
    init_segment();
    init_boxes();
}
