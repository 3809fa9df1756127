// SPDX-License-Identifier: MIT
// Segment, and the keywords by which all other objects find one.
#include "ext.hpp"

#include <cstring>

namespace pshared_ruby {
namespace {

constexpr std::size_t default_bytes = 65'536;
constexpr std::size_t beside_an_object = 16'384;

void collect(void* at) { release(static_cast<segment_use*>(at)); }
const rb_data_type_t segment_type = {
    "ProcessShared::Segment", {nullptr, collect, nullptr, nullptr, {}}, nullptr, nullptr, RUBY_TYPED_FREE_IMMEDIATELY};

segment_use* make_use(pshared_segment_t* handle) {
    auto* const made = new segment_use;
    made->users.store(1, std::memory_order_relaxed);
    made->handle = handle;
    return made;
}

VALUE wrap(VALUE of_class, pshared_segment_t* handle) {
    return TypedData_Wrap_Struct(of_class, &segment_type, make_use(handle));
}

segment_use* use_of(VALUE self) {
    auto* const mine = static_cast<segment_use*>(rb_check_typeddata(self, &segment_type));
    if (mine == nullptr) raise_closed();
    return mine;
}

struct opening {
    pshared_segment_options_t options;
    VALUE directory;
};
/// seats:, names:, mode:, directory:, others:
opening options_of(VALUE keywords) {
    opening made{PSHARED_SEGMENT_OPTIONS_INIT, take_option(keywords, "directory")};
    const VALUE seats = take_option(keywords, "seats");
    if (seats != Qnil) made.options.seats = NUM2UINT(seats);
    const VALUE names = take_option(keywords, "names");
    if (names != Qnil) made.options.names = NUM2UINT(names);
    const VALUE mode = take_option(keywords, "mode");
    if (mode != Qnil) made.options.mode = NUM2UINT(mode);
    made.options.others = RTEST(take_option(keywords, "others")) ? 1 : 0;
    if (made.directory != Qnil) made.options.directory = StringValueCStr(made.directory);
    return made;
}

using by_name = int (*)(const char*, std::size_t, const pshared_segment_options_t*, pshared_segment_t**);

VALUE named(int argc, VALUE* argv, VALUE of_class, by_name open) {
    const VALUE keywords = take_options(&argc, argv);
    rb_check_arity(argc, 1, 2);
    opening how = options_of(keywords);
    check_no_options(keywords);
    const char* const name = StringValueCStr(argv[0]);
    pshared_segment_t* handle = nullptr;
    check(open(name, argc == 2 ? NUM2SIZET(argv[1]) : default_bytes, &how.options, &handle), name);
    RB_GC_GUARD(how.directory);
    return wrap(of_class, handle);
}
VALUE segment_open(int argc, VALUE* argv, VALUE of_class) {
    return named(argc, argv, of_class, pshared_segment_open_or_create);
}
VALUE segment_create(int argc, VALUE* argv, VALUE of_class) {
    return named(argc, argv, of_class, pshared_segment_create);
}
VALUE segment_anonymous(int argc, VALUE* argv, VALUE of_class) {
    const VALUE keywords = take_options(&argc, argv);
    rb_check_arity(argc, 0, 1);
    opening how = options_of(keywords);
    check_no_options(keywords);
    pshared_segment_t* handle = nullptr;
    check(pshared_segment_anonymous(argc == 1 ? NUM2SIZET(argv[0]) : default_bytes, &how.options, &handle), "segment");
    return wrap(of_class, handle);
}
VALUE segment_remove(int argc, VALUE* argv, VALUE) {
    const VALUE keywords = take_options(&argc, argv);
    rb_check_arity(argc, 1, 1);
    opening how = options_of(keywords);
    check_no_options(keywords);
    const char* const name = StringValueCStr(argv[0]);
    const int code = pshared_segment_remove(name, &how.options);
    if (code == PSHARED_ENOENT) return Qfalse;
    check(code, name);
    return Qtrue;
}
VALUE segment_close(VALUE self) {
    auto* const mine = static_cast<segment_use*>(rb_check_typeddata(self, &segment_type));
    RTYPEDDATA_DATA(self) = nullptr;
    release(mine);
    return Qnil;
}
VALUE segment_is_closed(VALUE self) { return rb_check_typeddata(self, &segment_type) == nullptr ? Qtrue : Qfalse; }
VALUE segment_name(VALUE self) {
    char name[256];
    check(pshared_segment_name(use_of(self)->handle, name, sizeof name), "name");
    return name[0] == '\0' ? Qnil : rb_utf8_str_new_cstr(name);
}
VALUE segment_size(VALUE self) {
    std::size_t bytes = 0;
    check(pshared_segment_size(use_of(self)->handle, &bytes), "size");
    return SIZET2NUM(bytes);
}
VALUE segment_free_bytes(VALUE self) {
    std::size_t bytes = 0;
    check(pshared_segment_free_bytes(use_of(self)->handle, &bytes), "free_bytes");
    return SIZET2NUM(bytes);
}

/// "/segment", "/segment/object": the first part, and where the second one begins (nullptr: there is none).
const char* split(const char* name, char* segment, std::size_t room) {
    if (*name == '/') ++name;
    const char* const slash = std::strchr(name, '/');
    const std::size_t length = slash == nullptr ? std::strlen(name) : static_cast<std::size_t>(slash - name);
    if (length >= room) rb_raise(rb_eArgError, "the name is too long");
    std::memcpy(segment, name, length);
    segment[length] = '\0';
    return slash == nullptr ? nullptr : slash + 1;
}

pshared_segment_t* open_segment(const char* name, std::size_t bytes, const pshared_segment_options_t& how) {
    pshared_segment_t* handle = nullptr;
    // One that is there is taken as it is: the object may be in it already.
    int code = pshared_segment_open(name, &how, &handle);
    if (code == PSHARED_ENOENT)
        code = pshared_segment_open_or_create(
            name, bytes + beside_an_object > default_bytes ? bytes + beside_an_object : default_bytes, &how, &handle);
    check(code, name);
    return handle;
}

}  // namespace

void release(segment_use* used) noexcept {
    if (used == nullptr || used->users.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    pshared_segment_close(used->handle);
    delete used;
}

bool locate(VALUE options, const char* object, std::size_t bytes, location* found) {
    VALUE name = take_option(options, "name");
    const VALUE segment = take_option(options, "segment");
    if (name == Qnil && segment == Qnil) return false;
    if (name == Qnil) rb_raise(rb_eArgError, "an object in a segment has a name:");
    const char* text = StringValueCStr(name);
    const char* in_segment = text;
    char segment_name[256];
    opening how{PSHARED_SEGMENT_OPTIONS_INIT, Qnil};
    if (segment == Qnil) {
        how = options_of(options);
        in_segment = split(text, segment_name, sizeof segment_name);
        if (in_segment == nullptr) in_segment = object;
    }
    // Before a segment is made for it.
    const std::size_t length = std::strlen(in_segment);
    if (length > 63) rb_syserr_fail(ENAMETOOLONG, in_segment);
    if (length == 0 || std::strchr(in_segment, '/') != nullptr || std::strcmp(in_segment, ".") == 0 ||
        std::strcmp(in_segment, "..") == 0)
        raise_code(PSHARED_EBADNAME, text);
    std::strcpy(found->object, in_segment);
    if (segment == Qnil) {
        found->segment = make_use(open_segment(segment_name, bytes, how.options));
        RB_GC_GUARD(how.directory);
    } else {
        found->segment = use_of(segment);
        found->segment->users.fetch_add(1, std::memory_order_relaxed);
    }
    RB_GC_GUARD(name);
    return true;
}

void init_segment() {
    const VALUE segment = rb_define_class_under(module, "Segment", rb_cObject);
    rb_undef_alloc_func(segment);
    rb_undef_method(CLASS_OF(segment), "new");
    rb_define_singleton_method(segment, "open", segment_open, -1);
    rb_define_singleton_method(segment, "create", segment_create, -1);
    rb_define_singleton_method(segment, "anonymous", segment_anonymous, -1);
    rb_define_singleton_method(segment, "remove", segment_remove, -1);
    rb_define_method(segment, "close", segment_close, 0);
    rb_define_method(segment, "closed?", segment_is_closed, 0);
    rb_define_method(segment, "name", segment_name, 0);
    rb_define_method(segment, "size", segment_size, 0);
    rb_define_method(segment, "free_bytes", segment_free_bytes, 0);
}

}  // namespace pshared_ruby
