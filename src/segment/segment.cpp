// SPDX-License-Identifier: MIT
// The segment handle: creating, opening, and handing on to the directory.
//
// Creation, step by step; nothing relies on the backstop, and nothing is locked:
// Step  What                                   If the doer dies right after
// N1    an unnamed file                        the kernel frees it
// N2    memory reserved, header written        as N1
// N3    the name linked to it                  the segment is there, whole
// N4    attached to this process               as N3
// A second creator's N3 fails with name_taken, and its file vanishes. Removal is one unlink.
#include <process_shared/segment.hpp>

#include "base/step.hpp"
#include "segment/format.hpp"
#include "segment/names.hpp"
#include "segment/segment_state.hpp"

#include <process_shared/error.hpp>

#include <algorithm>

namespace process_shared {
namespace {

[[noreturn]] void fail(std::error_code code, std::string_view what) {
    if (code == std::errc::no_space_on_device || code == std::errc::file_too_large)
        code = make_error_code(errc::no_space);
    throw std::system_error(code, std::string(what));
}

/// A file that is closed unless somebody takes it over.
class open_file {
public:
    open_file() = default;
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() { platform::close(file); }
    platform::file release() noexcept { return std::exchange(file, platform::no_file); }

    platform::file file = platform::no_file;
};

/// Memory that is unmapped unless somebody takes it over.
class open_mapping {
public:
    open_mapping(platform::file file, std::uint64_t size, std::string_view what) {
        if (const auto error = platform::map(file, static_cast<std::size_t>(size), memory)) fail(error, what);
    }
    open_mapping(const open_mapping&) = delete;
    open_mapping& operator=(const open_mapping&) = delete;
    ~open_mapping() {
        if (memory.base) platform::unmap(memory.base, memory.size);
    }
    void release() noexcept { memory.base = nullptr; }

    platform::mapping memory;
};

std::string directory_of(const segment_options& how) {
    return how.directory.empty() ? platform::default_directory() : how.directory;
}

}  // namespace

/// What creating and opening have in common. A struct, so that segment::state may stay private.
struct segment_maker {
    static segment attach(open_mapping& mapped, const seats::view& view, open_file& file, const platform::file_id& id,
                          std::string name) {
        auto made = std::make_shared<segment_access::state>();
        made->name = std::move(name);
        made->node = seats::attach(view, file.file, id);
        made->mapped = seats::view_of(made->node);
        file.release();
        mapped.release();
        detail::step("N4");
        return segment_access::make(std::move(made));
    }

    static segment open_file_of(open_file& file, std::string name, bool any_owner) {
        platform::file_facts facts;
        if (const auto error = platform::facts(file.file, facts)) fail(error, name);
        if (!facts.regular) fail(make_error_code(errc::not_a_segment), name + " is not a regular file");
        if (!facts.mine && !any_owner) fail(make_error_code(errc::not_yours), name);
        if (facts.size < sizeof(seats::header)) fail(make_error_code(errc::not_a_segment), name + " is too short");
        std::uint64_t wanted = 0;
        {
            const open_mapping first(file.file, sizeof(seats::header), name);
            wanted = segments::wanted_mapping(first.memory, facts.size);
        }
        open_mapping mapped(file.file, wanted, name);
        const seats::view view = segments::check(mapped.memory, facts.size);
        return attach(mapped, view, file, facts.id, std::move(name));
    }
};

segment::segment() noexcept = default;
segment::segment(segment&& from) noexcept = default;
segment& segment::operator=(segment&& from) noexcept = default;
segment::~segment() = default;
segment::segment(std::shared_ptr<state> shared) noexcept : state_(std::move(shared)) {}

segment segment::anonymous(std::size_t bytes, const options& how) {
    const std::uint64_t size = segments::file_size_for(bytes, how);
    open_file file;
    platform::file_facts facts;
    if (const auto error = platform::create_anonymous(file.file)) fail(error, "anonymous segment");
    if (const auto error = platform::reserve(file.file, size)) fail(error, "anonymous segment");
    if (const auto error = platform::seal_against_shrinking(file.file)) fail(error, "anonymous segment");
    if (const auto error = platform::facts(file.file, facts)) fail(error, "anonymous segment");
    detail::step("N1");
    open_mapping mapped(file.file, size, "anonymous segment");
    const seats::view view = segments::format(mapped.memory, size, 0, how);
    detail::step("N2");
    return segment_maker::attach(mapped, view, file, facts.id, {});
}

segment segment::create(std::string_view name, std::size_t bytes, const options& how) {
    std::string checked = segments::checked_segment_name(name);
    const std::uint64_t size = segments::file_size_for(bytes, how);
    const std::string directory = directory_of(how);
    open_file file;
    platform::file_facts facts;
    if (const auto error = platform::create_unpublished(directory, how.mode, file.file)) fail(error, directory);
    detail::step("N1");
    if (const auto error = platform::reserve(file.file, size)) fail(error, checked);
    if (const auto error = platform::facts(file.file, facts)) fail(error, checked);
    open_mapping mapped(file.file, size, checked);
    const seats::view view = segments::format(mapped.memory, size, 0, how);
    detail::step("N2");
    if (const auto error = platform::publish(file.file, directory, segments::file_of(checked)))
        fail(error == std::errc::file_exists ? make_error_code(errc::name_taken) : error, checked);
    detail::step("N3");
    return segment_maker::attach(mapped, view, file, facts.id, std::move(checked));
}

segment segment::open(std::string_view name, const options& how) {
    std::string checked = segments::checked_segment_name(name);
    open_file file;
    if (const auto error = platform::open(directory_of(how), segments::file_of(checked), file.file))
        fail(error == std::errc::no_such_file_or_directory ? make_error_code(errc::no_such_name) : error, checked);
    return segment_maker::open_file_of(file, std::move(checked), how.others);
}

segment segment::open_or_create(std::string_view name, std::size_t bytes, const options& how) {
    segments::file_size_for(bytes, how);  // refuses nonsense also when the segment exists
    // Others may create and remove it meanwhile; whoever loses that often is told so.
    for (int attempts = 100;; --attempts) {
        std::error_code error;
        segment found = open(name, how, error);
        if (!error) {
            if (found.size() < bytes) fail(make_error_code(errc::too_small), name);
            return found;
        }
        if (error != errc::no_such_name) return open(name, how);  // again, for the text of its error
        found = create(name, bytes, how, error);
        if (!error) return found;
        if (error != errc::name_taken || attempts == 0) return create(name, bytes, how);
    }
}

segment segment::from_fd(int fd) {
    open_file file;
    if (const auto error = platform::duplicate(fd, file.file)) fail(error, "descriptor " + std::to_string(fd));
    // Whoever passed the descriptor decided to share it: its owner may be another user.
    segment found = segment_maker::open_file_of(file, "descriptor " + std::to_string(fd), true);
    found.state_->name.clear();
    return found;
}

bool segment::remove(std::string_view name, const options& how) {
    const std::string checked = segments::checked_segment_name(name);
    const auto error = platform::remove(directory_of(how), segments::file_of(checked));
    if (error == std::errc::no_such_file_or_directory) return false;
    if (error) fail(error, checked);
    return true;
}

segment segment::anonymous(std::size_t bytes, std::error_code& error) noexcept { return anonymous(bytes, {}, error); }
segment segment::anonymous(std::size_t bytes, const options& how, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return anonymous(bytes, how); });
}
segment segment::create(std::string_view name, std::size_t bytes, std::error_code& error) noexcept {
    return create(name, bytes, {}, error);
}
segment segment::create(std::string_view name, std::size_t bytes, const options& how, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return create(name, bytes, how); });
}
segment segment::open(std::string_view name, std::error_code& error) noexcept { return open(name, {}, error); }
segment segment::open(std::string_view name, const options& how, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return open(name, how); });
}
segment segment::open_or_create(std::string_view name, std::size_t bytes, std::error_code& error) noexcept {
    return open_or_create(name, bytes, {}, error);
}
segment segment::open_or_create(std::string_view name, std::size_t bytes, const options& how,
                                std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return open_or_create(name, bytes, how); });
}
segment segment::from_fd(int fd, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return from_fd(fd); });
}
bool segment::remove(std::string_view name, std::error_code& error) noexcept { return remove(name, {}, error); }
bool segment::remove(std::string_view name, const options& how, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return remove(name, how); });
}

void* segment::make_object(std::string_view name, const detail::type_record& type, placement how, maker make) {
    const state& here = segment_access::state_of(*this);
    const auto place = how == placement::fresh ? segments::directory::placement::fresh
                                               : segments::directory::placement::existing_or_fresh;
    return here.mapped.base + here.directory().make(name, type, place, {make.run, make.context}).offset;
}

void* segment::find_object(std::string_view name, const detail::type_record& type) const {
    const state& here = segment_access::state_of(*this);
    return here.mapped.base + here.directory().find(name, type.id, type.size).offset;
}

void segment::destroy_object(std::string_view name, const detail::type_record& type) {
    segment_access::state_of(*this).directory().destroy(name, type.id, type.size);
}

segment::block segment::construct_block(std::string_view name, const detail::type_record& type) {
    return {make_object(name, type, placement::fresh, {[](void*, void*) {}, nullptr}), type.size};
}

segment::block segment::find_or_construct_block(std::string_view name, const detail::type_record& type) {
    const state& here = segment_access::state_of(*this);
    const segments::named_object found = here.directory().find_or_make_block(name, type);
    return {here.mapped.base + found.offset, found.size};
}

segment::block segment::find_block(std::string_view name, std::uint64_t type) const {
    const state& here = segment_access::state_of(*this);
    const segments::named_object found = here.directory().find(name, type, 0);
    return {here.mapped.base + found.offset, found.size};
}

void segment::destroy_block(std::string_view name, std::uint64_t type) {
    segment_access::state_of(*this).directory().destroy(name, type, 0);
}

void* segment::allocate(std::size_t bytes, std::size_t alignment) {
    const state& here = segment_access::state_of(*this);
    return here.mapped.base + here.directory().allocate(bytes, alignment);
}

void segment::deallocate(void* address) { segment_access::state_of(*this).directory().deallocate(offset_of(address)); }

std::uint64_t segment::offset_of(const void* address) const {
    const state& here = segment_access::state_of(*this);
    const auto distance =
        reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(here.mapped.base);
    if (distance < here.mapped.heap || distance >= here.mapped.size)
        fail(make_error_code(errc::out_of_bounds), here.name);
    return distance;
}

void* segment::at(std::uint64_t offset, std::size_t bytes) const {
    const state& here = segment_access::state_of(*this);
    const std::uint64_t end = segments::allocator(here.mapped).end();
    if (offset < here.mapped.heap || offset > end || bytes > end - offset)
        fail(make_error_code(errc::out_of_bounds), here.name);
    return here.mapped.base + offset;
}

bool segment::valid() const noexcept { return state_ != nullptr; }

std::string segment::name() const { return state_ ? state_->name : std::string(); }

std::size_t segment::size() const {
    const segments::allocator heap(segment_access::state_of(*this).mapped);
    return heap.end() - heap.begin() - segments::header_size;
}

std::size_t segment::free_bytes() const { return segment_access::state_of(*this).directory().free_bytes(); }

std::array<std::uint8_t, 16> segment::uuid() const { return segment_access::state_of(*this).mapped.header().uuid; }

std::uint32_t segment::seats() const { return segment_access::state_of(*this).mapped.seats; }

int segment::fd() const { return seats::file_of(segment_access::state_of(*this).node); }

}  // namespace process_shared
