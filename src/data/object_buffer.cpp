// SPDX-License-Identifier: MIT
// object_buffer: two banks and an index. Writers exclude each other by a mutex, and write into the bank that the index
// does not name; one store of the index makes the new object the newest. Readers take no lock.
//
// guard                 the writers' mutex
// index                 how many objects have been stored (n); 0: none. Bank n & 1 holds the newest
// bank: sequence        which object lies there; 0: none, or a part of one
//       size, type, codec, bytes   of that object
//
// State      guard  index  bank n & 1  other bank       Meaning
// empty      0      0      -           0, or a part     nothing was stored
// resting    0      n      object n    n - 1, or a part n is the newest
// writing    w      n      object n    a part of n + 1  readers of n go on, those of n - 1 are overtaken
// abandoned  dead   any of the above                    as above: nobody looks at a part, so nothing is to be repaired
//
// Step  From → To                          By      Order    If the doer dies right after
// OB1   resting → writing: lock(repair)    writer  acquire  abandoned; the next lock(repair) takes over
// OB2   writing: other sequence → 0        writer  relaxed  as OB1. A release fence follows: pairs with OB9
// OB3   writing: other size, type, codec   writer  relaxed  as OB1
// OB4   writing: other bytes               writer  relaxed  as OB1
// OB5   writing: other sequence → n + 1    writer  relaxed  as OB1
// OB6   writing: index → n + 1             writer  release  the new object is the newest; else as OB1
// U1…   writing → resting: unlock          writer  release  as in mutex.cpp
// OB7   see n                              reader  acquire  nothing is left behind. Pairs with OB6
// OB8   see sequence n; copy               reader  relaxed  as OB7. OB7 has made it n, or newer
// OB9   see sequence n again               reader  relaxed  as OB7. After an acquire fence: pairs with OB2
// OB10  overtaken twice: lock(repair), OB7 to OB9 with no writer about, unlock
//                                          reader  acquire  as OB1
//
// W1  An object is whole when OB8 and OB9 both see n: whoever has copied a word of a later object sees, after the
//     acquire fence, what its writer did before the release fence: OB2 on this bank. Sequences never come back.
// W2  A store touches only the bank that index does not name, so a death anywhere leaves index naming a whole object.
// W3  A stranger may have written anything: a size is copied once and compared to the capacity, which comes from the
//     directory; a sequence that does not fit under the guard, and a codec that does not exist, are damage.
// Backstop: no step of its own needs it; those of the mutex may.
#include <process_shared/object_buffer.hpp>

#include "base/step.hpp"
#include "data/block_handle.hpp"
#include "data/racing_copy.hpp"
#include "segment/segment_state.hpp"
#include "sync/owner_lock.hpp"

#include <process_shared/mutex.hpp>

#include <atomic>
#include <utility>

namespace process_shared {
namespace {

using detail::shared_word;
using detail::step;

struct bank_head {
    shared_word sequence;
    shared_word size;
    shared_word type;
    shared_word codec;
};
static_assert(sizeof(bank_head) == 32);

struct block_head {
    mutex guard;
    shared_word index;
    std::uint64_t reserved[6];
};
static_assert(sizeof(block_head) == 64);

constexpr std::size_t line = 64;  // banks start at one, so that writers of one bank do not slow readers of the other

constexpr std::size_t bank_stride(std::size_t capacity) noexcept {
    return (sizeof(bank_head) + capacity + line - 1) / line * line;
}
/// The last bank is not rounded up, so that the size of a block tells the capacity; but copies go by whole words.
constexpr std::size_t block_size(std::size_t capacity) noexcept {
    return sizeof(block_head) + bank_stride(capacity) + sizeof(bank_head) + capacity + detail::word_size - 1;
}
/// The largest capacity that fits a block; 0 if none does.
constexpr std::size_t capacity_in(std::size_t block) noexcept {
    if (block < block_size(1) || block > detail::largest_size) return 0;
    std::size_t capacity = (block - block_size(0)) / 2 + line / 2;  // never too small: bank_stride rounds up
    while (block_size(capacity) > block) --capacity;
    return capacity;
}
static_assert(capacity_in(block_size(1)) == 1 && capacity_in(block_size(32)) == 32 &&
              capacity_in(block_size(33)) == 33 && capacity_in(block_size(4096)) == 4096 &&
              capacity_in(block_size(4096) - 1) == 4095 && capacity_in(block_size(1) - 1) == 0);

constexpr std::string_view type_text = "process_shared::object_buffer";

detail::type_record record_for(std::size_t capacity) {
    if (capacity == 0 || capacity > detail::largest_size / 4) throw std::system_error(make_error_code(errc::bad_size));
    return {detail::hash_text(type_text), block_size(capacity), line, type_text};
}

/// One block, seen by one call.
struct buffer {
    std::byte* block;
    std::size_t capacity;

    [[nodiscard]] block_head& head() const noexcept { return *reinterpret_cast<block_head*>(block); }
    [[nodiscard]] bank_head& bank(std::uint64_t number) const noexcept {
        return *reinterpret_cast<bank_head*>(block + sizeof(block_head) + (number & 1) * bank_stride(capacity));
    }
};

std::byte* bytes_of(bank_head& bank) noexcept { return reinterpret_cast<std::byte*>(&bank) + sizeof(bank_head); }

/// With the guard held.
void write(const buffer& to, object_buffer::codec how, std::uint64_t type, std::span<const std::byte> object) noexcept {
    shared_word& index = to.head().index;
    std::uint64_t next = index.load(std::memory_order_relaxed) + 1;  // relaxed: only under the guard does it change
    if (next == 0) next = 2;  // only a stranger's index ends; the same bank, but not "nothing stored"
    bank_head& bank = to.bank(next);
    // relaxed, all of these: a reader that sees one of them too early finds out (W1), else index publishes them.
    bank.sequence.store(0, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);  // pairs with the acquire fence in try_read
    step("OB2");
    bank.size.store(object.size(), std::memory_order_relaxed);
    bank.type.store(type, std::memory_order_relaxed);
    bank.codec.store(static_cast<std::uint64_t>(how), std::memory_order_relaxed);
    if (detail::broken("object_buffer_publishes_early")) {
        bank.sequence.store(next, std::memory_order_relaxed);
        index.store(next, std::memory_order_release);
    }
    step("OB3");
    detail::copy_out(bytes_of(bank), object.data(), object.size());
    step("OB4");
    bank.sequence.store(next, std::memory_order_relaxed);
    step("OB5");
    index.store(next, std::memory_order_release);  // pairs with the acquire in try_read
    step("OB6");
}

enum class reading { done, overtaken };

struct verdict {
    std::error_code error;
    object_buffer::codec found{};
};

/// Where the object that `bank` describes is to go, if anywhere. May resize *wanted.bytes.
verdict judge(const bank_head& bank, std::size_t capacity, const object_buffer::request& wanted,
              std::span<std::byte>& place) {
    using enum object_buffer::codec;
    // relaxed: try_read has synchronized with the writer, or throws this away. Each is copied once (W3).
    const std::uint64_t size = bank.size.load(std::memory_order_relaxed);
    const std::uint64_t type = bank.type.load(std::memory_order_relaxed);
    const std::uint64_t number = bank.codec.load(std::memory_order_relaxed);
    if (size > capacity || number < static_cast<std::uint64_t>(bytes) || number > static_cast<std::uint64_t>(marshal))
        return {errc::damaged, {}};
    const auto codec = static_cast<object_buffer::codec>(number);
    if (codec == as_is && !wanted.place.empty() && type == wanted.type && size == wanted.place.size()) {
        place = wanted.place;
    } else if (wanted.bytes != nullptr && wanted.other == codec) {
        wanted.bytes->resize(static_cast<std::size_t>(size));
        place = *wanted.bytes;
    } else {
        return {errc::wrong_type, codec};
    }
    return {{}, codec};
}

/// `result` is right if this returns `done`, and means nothing otherwise.
reading try_read(const buffer& from, const object_buffer::request& wanted, verdict& result) {
    const std::uint64_t number = from.head().index.load(std::memory_order_acquire);  // pairs with the release in write
    step("OB7");
    if (number == 0) {
        result = {errc::nothing_stored, {}};
        return reading::done;
    }
    bank_head& bank = from.bank(number);
    // relaxed: at least what the writer of `number` stored, because of the acquire above.
    if (bank.sequence.load(std::memory_order_relaxed) != number) return reading::overtaken;
    std::span<std::byte> place;
    result = judge(bank, from.capacity, wanted, place);
    if (!result.error) detail::copy_in(place.data(), bytes_of(bank), place.size());
    step("OB8");
    std::atomic_thread_fence(std::memory_order_acquire);  // pairs with the release fence in write
    // relaxed: the fence orders it behind the copy (W1).
    const bool whole = bank.sequence.load(std::memory_order_relaxed) == number;
    step("OB9");
    return whole ? reading::done : reading::overtaken;
}

/// Runs `action` with the writers excluded. A dead one's guard is taken over: there is nothing to repair (W2).
template <class Action>
std::error_code under_guard(mutex& guard, deadline until, Action&& action) noexcept {
    struct unlock_at_end {
        mutex& held;
        ~unlock_at_end() {
            try {
                held.unlock();
            } catch (const std::system_error&) {
                // A stranger has overwritten the guard: it is no longer ours to give back.
            }
        }
    };
    std::error_code error;
    std::error_code late;
    detail::quietly(error, [&] {
        const detail::ownership owned = guard.acquire(until);
        if (owned == detail::ownership::none) {
            late = errc::timed_out;
            return;
        }
        const unlock_at_end held{guard};
        if (owned == detail::ownership::abandoned) guard.declare_sound();
        action();
    });
    return error ? error : late;
}

}  // namespace

object_buffer::object_buffer() noexcept = default;
object_buffer::object_buffer(const object_buffer&) noexcept = default;
object_buffer& object_buffer::operator=(const object_buffer&) noexcept = default;
object_buffer::object_buffer(object_buffer&& from) noexcept
    : block_(std::exchange(from.block_, nullptr)),
      capacity_(std::exchange(from.capacity_, 0)),
      keep_(std::move(from.keep_)) {}
object_buffer& object_buffer::operator=(object_buffer&& from) noexcept {
    object_buffer moved(std::move(from));
    std::swap(block_, moved.block_);
    std::swap(capacity_, moved.capacity_);
    std::swap(keep_, moved.keep_);
    return *this;
}
object_buffer::~object_buffer() = default;

object_buffer::object_buffer(std::byte* block, std::size_t capacity, std::shared_ptr<void> keep) noexcept
    : block_(block), capacity_(capacity), keep_(std::move(keep)) {}

object_buffer::object_buffer(std::size_t capacity) : capacity_(capacity) {
    const detail::type_record record = record_for(capacity);
    keep_ = detail::anonymous_block(static_cast<std::size_t>(record.size), record.alignment);
    block_ = static_cast<std::byte*>(keep_.get());
}

object_buffer object_buffer::of(segment& in, segment::block block, std::size_t capacity) {
    const std::size_t room = capacity_in(block.size);
    if (room == 0 || reinterpret_cast<std::uintptr_t>(block.address) % line != 0) fail(errc::damaged, "object_buffer");
    if (room < capacity) fail(errc::too_small, "object_buffer");
    return {static_cast<std::byte*>(block.address), room, segment_access::keep_alive(in)};
}

object_buffer object_buffer::create(segment& in, std::string_view name, std::size_t capacity) {
    return of(in, in.construct_block(name, record_for(capacity)), capacity);
}
object_buffer object_buffer::open(segment& in, std::string_view name) {
    return of(in, in.find_block(name, detail::hash_text(type_text)), 0);
}
object_buffer object_buffer::open_or_create(segment& in, std::string_view name, std::size_t capacity) {
    return of(in, in.find_or_construct_block(name, record_for(capacity)), capacity);
}
void object_buffer::remove(segment& in, std::string_view name) { in.destroy_block(name, detail::hash_text(type_text)); }

object_buffer object_buffer::create(segment& in, std::string_view name, std::size_t capacity,
                                    std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return create(in, name, capacity); });
}
object_buffer object_buffer::open(segment& in, std::string_view name, std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return open(in, name); });
}
object_buffer object_buffer::open_or_create(segment& in, std::string_view name, std::size_t capacity,
                                            std::error_code& error) noexcept {
    return detail::quietly(error, [&] { return open_or_create(in, name, capacity); });
}
void object_buffer::remove(segment& in, std::string_view name, std::error_code& error) noexcept {
    detail::quietly(error, [&] { remove(in, name); });
}

void object_buffer::store_encoded(codec how, std::uint64_t type, std::span<const std::byte> object,
                                  std::error_code& error, deadline until) const noexcept {
    if (!valid()) {
        error = errc::no_segment;
    } else if (object.size() > capacity_) {
        error = errc::object_too_large;
    } else {
        const buffer to{block_, capacity_};
        error = under_guard(to.head().guard, until, [&] {
            step("OB1");
            write(to, how, type, object);
        });
    }
}

object_buffer::codec object_buffer::load_encoded(const request& wanted, std::error_code& error,
                                                 deadline until) const noexcept {
    if (!valid()) {
        error = errc::no_segment;
        return {};
    }
    const buffer from{block_, capacity_};
    verdict result;
    detail::quietly(error, [&] {
        for (int tries = 0; tries < 2; ++tries)
            if (try_read(from, wanted, result) == reading::done) return;
        const std::error_code failure = under_guard(from.head().guard, until, [&] {
            step("OB10");
            // Nobody writes now: a sequence that does not fit was never stored.
            if (try_read(from, wanted, result) == reading::overtaken) result = {errc::damaged, {}};
        });
        if (failure) result = {failure, {}};
    });
    if (!error) error = result.error;
    return result.found;
}

bool object_buffer::is_busy() const noexcept {
    return valid() && sync::is_held(buffer{block_, capacity_}.head().guard);
}

void object_buffer::store_bytes(std::span<const std::byte> object) const {
    std::error_code error;
    store_bytes(object, error);
    if (error) fail(error, "object_buffer::store_bytes");
}
void object_buffer::store_bytes(std::span<const std::byte> object, std::error_code& error) const noexcept {
    store_encoded(codec::bytes, 0, object, error);
}

std::optional<std::vector<std::byte>> object_buffer::load_bytes() const {
    std::error_code error;
    auto object = load_bytes(error);
    found(error, "object_buffer::load_bytes");
    return object;
}
std::optional<std::vector<std::byte>> object_buffer::load_bytes(std::error_code& error) const noexcept {
    std::vector<std::byte> object;
    load_encoded({.type = 0, .place = {}, .other = codec::bytes, .bytes = &object}, error);
    if (error) return std::nullopt;
    return object;
}

void object_buffer::fail(const std::error_code& error, const char* where) { throw std::system_error(error, where); }

bool object_buffer::found(const std::error_code& error, const char* where) {
    if (error && error != errc::nothing_stored) fail(error, where);
    return !error;
}

void object_buffer::decoded(bool well, std::error_code& error) noexcept {
    if (!well) error = errc::cannot_decode;
}

}  // namespace process_shared
