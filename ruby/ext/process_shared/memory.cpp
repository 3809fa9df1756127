// SPDX-License-Identifier: MIT
// Where objects lie: in blocks of the process's own, or in segments that have names. And plain memory.
#include "ext.hpp"

#include <cstring>

namespace pshared_ruby {
namespace {

/// Small blocks that are given back are kept for the next ones: it is the commonest case by far, and spares the
/// segment's lock. Only those that no fork has seen in use: a child may use the others for ever. Under the GVL.
constexpr std::size_t small = 64;
constexpr unsigned most_spare = 64;
pshared_block_t* spare[most_spare];
unsigned spare_count = 0;
unsigned spare_generation = 0;
/// In a forked child they are its parent's still.
void forget_parents_spare() noexcept {
    if (spare_generation == process_generation) return;
    while (spare_count > 0) pshared_block_free(spare[--spare_count]);
    spare_generation = process_generation;
}

pshared_block_t* take_small() {
    forget_parents_spare();
    if (spare_count > 0) {
        pshared_block_t* const block = spare[--spare_count];
        std::memset(pshared_block_address(block), 0, small);
        return block;
    }
    pshared_block_t* block = nullptr;
    check(pshared_block_allocate(small, small, &block), "shared memory for an object");
    return block;
}

void give_back(memory* from) noexcept {
    forget_parents_spare();
    if (from->bytes <= small && from->forks == forks_seen && spare_count < most_spare)
        spare[spare_count++] = from->block;
    else
        pshared_block_free(from->block);
}

memory* made(void* address, std::size_t bytes, pshared_block_t* block, segment_use* segment) {
    // Not Ruby's: the last user may be a thread that ends, without the GVL.
    auto* const result = new memory;
    result->users.store(1, std::memory_order_relaxed);
    result->address = address;
    result->bytes = bytes;
    result->block = block;
    result->segment = segment;
    result->forks = forks_seen;
    return result;
}

memory* anonymous(const recipe& how) {
    pshared_block_t* block = nullptr;
    if (how.bytes <= small && how.alignment <= small)
        block = take_small();
    else
        check(pshared_block_allocate(how.bytes, how.alignment, &block), "shared memory for an object");
    void* const address = pshared_block_address(block);
    if (how.init != nullptr) how.init(address, how.context);
    return made(address, how.bytes, block, nullptr);
}

// ---- ProcessShared::Native::Memory: what SharedMemory stands on

struct plain {
    pshared_memory_t* memory;
    pshared_array_t* array;  // instead, of a named array: C++ finds it as one
    segment_use* segment;
    char* bytes;
    std::size_t size;
    int element;  // of an array; -1: none
    std::size_t count;
    unsigned users;  // who reads it at the moment, under the GVL
    bool closed;
    bool kept;
};

void end(plain* self) noexcept {
    pshared_memory_close(self->memory);
    pshared_array_close(self->array);
    release(self->segment);
    self->memory = nullptr;
    self->array = nullptr;
    self->segment = nullptr;
}
void collect_plain(void* at) {
    end(static_cast<plain*>(at));
    xfree(at);
}
std::size_t size_of_plain(const void*) { return sizeof(plain); }
const rb_data_type_t plain_type = {"ProcessShared::Native::Memory",
                                   {nullptr, collect_plain, size_of_plain, nullptr, {}},
                                   nullptr,
                                   nullptr,
                                   RUBY_TYPED_FREE_IMMEDIATELY};

VALUE allocate_plain(VALUE of_class) {
    plain* made = nullptr;
    return TypedData_Make_Struct(of_class, plain, &plain_type, made);
}
plain* plain_of(VALUE self) { return static_cast<plain*>(rb_check_typeddata(self, &plain_type)); }
plain* open_plain(VALUE self) {
    plain* const mine = plain_of(self);
    if (mine->bytes == nullptr || mine->closed) raise_closed();
    return mine;
}
char* bytes_of(const plain* from) { return from->bytes; }

VALUE plain_address(VALUE self) { return ULL2NUM(reinterpret_cast<std::uintptr_t>(bytes_of(open_plain(self)))); }
VALUE plain_size(VALUE self) { return SIZET2NUM(open_plain(self)->size); }
/// Keeps the memory, if pointers were derived from it, until those and this are collected.
VALUE plain_close(VALUE self, VALUE keep) {
    plain* const mine = plain_of(self);
    mine->closed = true;
    if (RTEST(keep))
        mine->kept = true;
    else if (mine->users == 0 && !mine->kept)
        end(mine);
    return Qnil;
}
VALUE plain_is_closed(VALUE self) {
    const plain* const mine = plain_of(self);
    return mine->closed || mine->bytes == nullptr ? Qtrue : Qfalse;
}

void check_range(const plain* from, std::size_t offset, std::size_t bytes) {
    const std::size_t size = from->size;
    if (offset > size || bytes > size - offset)
        rb_raise(rb_eIndexError, "%zu bytes at offset %zu are outside of the memory, which has %zu", bytes, offset,
                 size);
}

VALUE plain_write(VALUE self, VALUE offset, VALUE string) {
    StringValue(string);
    const std::size_t at = NUM2SIZET(offset);
    plain* const mine = open_plain(self);
    const auto length = static_cast<std::size_t>(RSTRING_LEN(string));
    check_range(mine, at, length);
    std::memcpy(bytes_of(mine) + at, RSTRING_PTR(string), length);
    RB_GC_GUARD(string);
    return SIZET2NUM(length);
}

VALUE plain_read(VALUE self, VALUE offset, VALUE length) {
    const std::size_t at = NUM2SIZET(offset);
    const std::size_t count = NUM2SIZET(length);
    plain* const mine = open_plain(self);
    check_range(mine, at, count);
    return rb_str_new(bytes_of(mine) + at, static_cast<long>(count));
}

// A string that has the memory's own bytes: no copy of what may be much more than the object. Whatever Marshal makes of
// it is a copy; the memory stays as long as this takes.
VALUE load_from(VALUE string) { return rb_marshal_load(string); }
VALUE stop_using(VALUE at) {
    auto* const mine = reinterpret_cast<plain*>(at);
    if (--mine->users == 0 && mine->closed && !mine->kept) end(mine);
    return Qnil;
}
VALUE plain_load(VALUE self, VALUE offset) {
    const std::size_t at = NUM2SIZET(offset);
    plain* const mine = open_plain(self);
    check_range(mine, at, 1);
    const VALUE string = rb_str_new_static(bytes_of(mine) + at, static_cast<long>(mine->size - at));
    rb_obj_freeze(string);
    ++mine->users;
    return rb_ensure(load_from, string, stop_using, reinterpret_cast<VALUE>(mine));
}

// ---- Elements of shared arrays

enum class element : int { i8, u8, i16, u16, i32, u32, i64, u64, f32, f64, pointer };

template <class T>
VALUE get_as(const char* at, VALUE (*convert)(T)) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return convert(value);
}

[[gnu::always_inline]] inline VALUE get_element(element type, const char* at) {
    switch (type) {
        case element::i8:
            return INT2FIX(static_cast<std::int8_t>(*at));
        case element::u8:
            return INT2FIX(static_cast<std::uint8_t>(*at));
        case element::i16:
            return get_as<std::int16_t>(at, [](std::int16_t v) -> VALUE { return INT2FIX(v); });
        case element::u16:
            return get_as<std::uint16_t>(at, [](std::uint16_t v) -> VALUE { return INT2FIX(v); });
        case element::i32:
            return get_as<std::int32_t>(at, [](std::int32_t v) -> VALUE { return INT2NUM(v); });
        case element::u32:
            return get_as<std::uint32_t>(at, [](std::uint32_t v) -> VALUE { return UINT2NUM(v); });
        case element::i64:
            return get_as<std::int64_t>(at, [](std::int64_t v) -> VALUE { return LL2NUM(v); });
        case element::u64:
            return get_as<std::uint64_t>(at, [](std::uint64_t v) -> VALUE { return ULL2NUM(v); });
        case element::f32:
            return get_as<float>(at, [](float v) -> VALUE { return rb_float_new(static_cast<double>(v)); });
        case element::f64:
            return get_as<double>(at, [](double v) -> VALUE { return rb_float_new(v); });
        case element::pointer:
            return get_as<std::uintptr_t>(at, [](std::uintptr_t v) -> VALUE {
                return rb_funcall(rb_path2class("FFI::Pointer"), rb_intern("new"), 1, ULL2NUM(v));
            });
    }
    return Qnil;
}

/// Raises RangeError for an integer that does not fit, TypeError for what is no number.
long long checked_integer(VALUE value, long long least, long long most) {
    const long long number = NUM2LL(value);
    if (number < least || number > most)
        rb_raise(rb_eRangeError, "%lld is not between %lld and %lld", number, least, most);
    return number;
}

template <class T>
void put_as(char* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

/// The element as bytes.
unsigned encode_element(element type, VALUE value, char* bytes) {
    switch (type) {
        case element::i8:
            return put_as(bytes, static_cast<std::int8_t>(checked_integer(value, INT8_MIN, INT8_MAX))), 1;
        case element::u8:
            return put_as(bytes, static_cast<std::uint8_t>(checked_integer(value, 0, UINT8_MAX))), 1;
        case element::i16:
            return put_as(bytes, static_cast<std::int16_t>(checked_integer(value, INT16_MIN, INT16_MAX))), 2;
        case element::u16:
            return put_as(bytes, static_cast<std::uint16_t>(checked_integer(value, 0, UINT16_MAX))), 2;
        case element::i32:
            return put_as(bytes, static_cast<std::int32_t>(checked_integer(value, INT32_MIN, INT32_MAX))), 4;
        case element::u32:
            return put_as(bytes, static_cast<std::uint32_t>(checked_integer(value, 0, UINT32_MAX))), 4;
        case element::i64:
            return put_as(bytes, static_cast<std::int64_t>(NUM2LL(value))), 8;
        case element::u64: {
            value = rb_to_int(value);
            // NUM2ULL takes negative ones for large ones.
            if (RTEST(rb_funcall(value, '<', 1, INT2FIX(0))))
                rb_raise(rb_eRangeError, "%" PRIsVALUE " is negative", value);
            return put_as(bytes, static_cast<std::uint64_t>(NUM2ULL(value))), 8;
        }
        case element::f32:
            return put_as(bytes, static_cast<float>(NUM2DBL(value))), 4;
        case element::f64:
            return put_as(bytes, NUM2DBL(value)), 8;
        case element::pointer:
            if (value == Qnil) value = INT2FIX(0);
            if (rb_respond_to(value, rb_intern("address"))) value = rb_funcall(value, rb_intern("address"), 0);
            return put_as(bytes, static_cast<std::uintptr_t>(NUM2ULL(value))), sizeof(void*);
    }
    return 0;
}

unsigned size_of_element(element type) {
    constexpr unsigned sizes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8, sizeof(void*)};
    return sizes[static_cast<unsigned>(type)];
}

/// (bytes, keywords, kind of the elements or nil, their type's name in C++)
VALUE plain_initialize(VALUE self, VALUE bytes, VALUE options, VALUE element_kind, VALUE cpp_name) {
    plain* const mine = plain_of(self);
    const std::size_t size = NUM2SIZET(bytes);
    if (mine->bytes != nullptr) rb_raise(rb_eTypeError, "initialized already");
    mine->element = element_kind == Qnil ? -1 : NUM2INT(element_kind);
    if (mine->element > static_cast<int>(element::pointer)) rb_raise(rb_eTypeError, "unknown type of element");
    const std::size_t each = mine->element < 0 ? 1 : size_of_element(static_cast<element>(mine->element));
    if (options != Qnil) options = rb_hash_dup(options);
    location found;
    if (!locate(options, mine->element < 0 ? "memory" : "array", size, &found)) {
        check(pshared_memory_anonymous(size, &mine->memory), "shared memory");
    } else if (mine->element < 0) {
        mine->segment = found.segment;
        check(pshared_memory_open_or_create(found.segment->handle, found.object, size, &mine->memory), found.object);
    } else {
        mine->segment = found.segment;
        check(pshared_array_open_or_create(found.segment->handle, found.object, size / each, StringValueCStr(cpp_name),
                                           each, each, &mine->array),
              found.object);
    }
    mine->bytes = static_cast<char*>(mine->array != nullptr ? pshared_array_data(mine->array)
                                                            : pshared_memory_data(mine->memory));
    mine->size = mine->array != nullptr ? pshared_array_count(mine->array) * each : pshared_memory_size(mine->memory);
    mine->count = mine->size / each;
    check_no_options(options);
    return self;
}

/// Where an index leads. To be asked anew after whatever may have closed the memory: a block, a conversion.
char* element_at(VALUE self, const plain* mine, long long index) {
    if (mine->bytes == nullptr || mine->closed) raise_closed();
    const auto count = static_cast<long long>(mine->count);
    const long long from_start = index < 0 ? index + count : index;
    if (from_start < 0 || from_start >= count)
        rb_raise(rb_eIndexError, "index %lld is outside of the array, which has %lld", index, count);
    return mine->bytes + static_cast<std::size_t>(from_start) * size_of_element(static_cast<element>(mine->element));
}

/// Of an array. Raises TypeError.
plain* array_of(VALUE self) {
    plain* const mine = open_plain(self);
    if (mine->element < 0) rb_raise(rb_eTypeError, "not an array");
    return mine;
}
long long index_of(VALUE index) {
    if (FIXNUM_P(index)) [[likely]]
        return FIX2LONG(index);
    if (!RTEST(rb_obj_is_kind_of(index, rb_cNumeric)))
        rb_raise(rb_eTypeError, "an index is a number, not %" PRIsVALUE, rb_inspect(index));
    return NUM2LL(index);
}

VALUE plain_get(VALUE self, VALUE index) {
    const plain* const mine = array_of(self);
    return get_element(static_cast<element>(mine->element), element_at(self, mine, index_of(index)));
}
VALUE plain_put(VALUE self, VALUE index, VALUE value) {
    const plain* const mine = array_of(self);
    const long long at = index_of(index);
    element_at(self, mine, at);  // before the value is looked at, as Array does
    char bytes[8];
    const unsigned size = encode_element(static_cast<element>(mine->element), value, bytes);
    std::memcpy(element_at(self, mine, at), bytes, size);
    return value;
}
/// The kind is known to the compiler: what remains is the yielding.
template <element Kind>
void yield_each(const plain* mine) {
    const unsigned size = size_of_element(Kind);
    for (std::size_t i = 0; i < mine->count; ++i) {
        if (mine->closed) raise_closed();
        rb_yield(get_element(Kind, mine->bytes + i * size));
    }
}
VALUE plain_each(VALUE self) {
    using enum element;
    static constexpr void (*by_kind[])(const plain*) = {
        yield_each<i8>,  yield_each<u8>,  yield_each<i16>, yield_each<u16>, yield_each<i32>,    yield_each<u32>,
        yield_each<i64>, yield_each<u64>, yield_each<f32>, yield_each<f64>, yield_each<pointer>};
    const plain* const mine = array_of(self);
    by_kind[mine->element](mine);
    RB_GC_GUARD(self);
    return self;
}
VALUE plain_slice(VALUE self, VALUE start, VALUE length) {
    const plain* const mine = array_of(self);
    const long long first = NUM2LL(start);
    const long long count = NUM2LL(length);
    const VALUE result = rb_ary_new_capa(static_cast<long>(count));
    for (long long i = 0; i < count; ++i)
        rb_ary_push(result, get_element(static_cast<element>(mine->element), element_at(self, mine, first + i)));
    return result;
}
VALUE plain_fill(VALUE self, VALUE value) {
    const plain* const mine = array_of(self);
    char bytes[8];
    const unsigned size = encode_element(static_cast<element>(mine->element), value, bytes);
    if (mine->closed) raise_closed();
    for (std::size_t i = 0; i < mine->count; ++i) std::memcpy(mine->bytes + i * size, bytes, size);
    return self;
}
VALUE plain_length(VALUE self) { return SIZET2NUM(array_of(self)->count); }

/// For a SharedArray, whose @native this is: one look, and no more Ruby.
ID id_native;
VALUE array_get(int argc, VALUE* argv, VALUE self) {
    rb_check_arity(argc, 1, 2);
    if (argc == 1 && (FIXNUM_P(argv[0]) || !RTEST(rb_obj_is_kind_of(argv[0], rb_cRange)))) [[likely]]
        return plain_get(rb_ivar_get(self, id_native), argv[0]);
    return rb_funcall(self, rb_intern("slice_of"), 2, argv[0], argc == 2 ? argv[1] : Qnil);
}
VALUE array_put(VALUE self, VALUE index, VALUE value) { return plain_put(rb_ivar_get(self, id_native), index, value); }

VALUE array_length(VALUE self, VALUE, VALUE) { return plain_length(rb_ivar_get(self, id_native)); }
VALUE array_each(VALUE self) {
    RETURN_SIZED_ENUMERATOR(self, 0, nullptr, array_length);
    plain_each(rb_ivar_get(self, id_native));
    return self;
}

}  // namespace

void retain(memory* used) noexcept { used->users.fetch_add(1, std::memory_order_relaxed); }

void release(memory* used) noexcept {
    // acq_rel: the last one sees what the others did with the memory.
    if (used->users.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (used->block != nullptr) give_back(used);
    release(used->segment);
    delete used;
}

memory* place(const recipe& how, VALUE options) {
    location found;
    if (options == Qnil || !locate(options, how.object, how.bytes, &found)) {
        check_no_options(options);
        return anonymous(how);
    }
    void* address = nullptr;
    const int code = pshared_segment_find_or_construct(found.segment->handle, found.object, how.type, how.bytes,
                                                       how.alignment, how.init, how.context, &address);
    if (code != PSHARED_OK || RHASH_SIZE(options) != 0) {
        release(found.segment);
        check(code, found.object);
        check_no_options(options);
    }
    return made(address, how.bytes, nullptr, found.segment);
}

void init_memory() {
    const VALUE native = rb_define_module_under(module, "Native");
    const VALUE plain_class = rb_define_class_under(native, "Memory", rb_cObject);
    rb_define_alloc_func(plain_class, allocate_plain);
    rb_define_method(plain_class, "initialize", plain_initialize, 4);
    rb_undef_method(plain_class, "initialize_copy");
    rb_define_method(plain_class, "address", plain_address, 0);
    rb_define_method(plain_class, "size", plain_size, 0);
    rb_define_method(plain_class, "close", plain_close, 1);
    rb_define_method(plain_class, "closed?", plain_is_closed, 0);
    rb_define_method(plain_class, "write", plain_write, 2);
    rb_define_method(plain_class, "read", plain_read, 2);
    rb_define_method(plain_class, "load", plain_load, 1);
    rb_define_method(plain_class, "length", plain_length, 0);
    rb_define_method(plain_class, "each", plain_each, 0);
    rb_define_method(plain_class, "slice", plain_slice, 2);
    rb_define_method(plain_class, "fill", plain_fill, 1);
    id_native = rb_intern("@native");
    const VALUE access = rb_define_module_under(native, "ArrayAccess");
    rb_define_method(access, "[]", array_get, -1);
    rb_define_method(access, "[]=", array_put, 2);
    rb_define_method(access, "each", array_each, 0);
}

}  // namespace pshared_ruby
