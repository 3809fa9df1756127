// SPDX-License-Identifier: MIT
// The segment of a process for objects that nobody named: a large reservation of address space, of which the file
// behind it grows under the guard. Forked children inherit both, so all see it grow.
#include "base/step.hpp"
#include "platform/memory.hpp"
#include "segment/format.hpp"
#include "segment/segment_state.hpp"

#include <process_shared/error.hpp>

#include <algorithm>
#include <atomic>

namespace process_shared {
namespace {

constexpr std::size_t first_heap = 64 * 1024;
constexpr std::uint64_t reservations[] = {std::uint64_t{64} << 30, std::uint64_t{1} << 30, std::uint64_t{64} << 20};

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t to) noexcept { return (value + to - 1) / to * to; }

/// Under the guard. Doubles, or grows to what is wanted. The file first, then the heap's size: whoever dies in between
/// leaves a file that is longer than its heap, which the next one to grow uses.
bool grow(const seats::view& in, std::uint64_t wanted) {
    const segments::allocator heap(in);
    const std::uint64_t now = heap.end() - heap.begin();
    const std::uint64_t most = (in.size - in.heap) / segments::unit * segments::unit;
    if (wanted > most || now > most - wanted) return false;
    const std::uint64_t next = std::min(most, std::max(2 * now, round_up(now + wanted, platform::page_size())));
    // The program may have closed a descriptor that it did not know, and opened another file under its number.
    const seats::lock_file file = seats::file_of_address(in.base);
    platform::file_facts facts;
    if (platform::facts(file.file, facts) || !(facts.id == file.id)) return false;
    if (platform::reserve(file.file, in.heap + next)) return false;
    detail::step("G1");
    segments::allocator(in).extend(next);
    return true;
}

}  // namespace

struct default_segment_maker {
    static segment* make() {
        segment_options how;
        how.seats = 512;
        how.names = 256;
        const std::uint64_t size = segments::file_size_for(first_heap, how);
        platform::file file = platform::no_file;
        std::error_code error = platform::create_anonymous(file);
        if (!error) error = platform::reserve(file, size);
        if (!error) error = platform::seal_against_shrinking(file);
        platform::file_facts facts;
        if (!error) error = platform::facts(file, facts);
        platform::mapping memory;
        if (!error)
            for (const std::uint64_t reservation : reservations)
                if (error = platform::map(file, reservation, memory); !error) break;  // a limit on address space
        if (error) {
            platform::close(file);
            throw std::system_error(error, "the default segment of this process");
        }
        auto made = std::make_shared<segment_access::state>();
        made->mapped = segments::format(memory, size, memory.size, how);
        made->grow = grow;
        made->node = seats::attach(made->mapped, file, facts.id);
        return new segment(segment_access::make(std::move(made)));
    }
};

segment& segment::process_default() {
    // Not a static object with a guard: a fork beside its construction would leave the child's locked for ever. Never
    // destroyed: threads may use it until the process ends.
    static constinit std::atomic<segment*> only{nullptr};
    segment* found = only.load(std::memory_order_acquire);  // pairs with the exchange below
    if (found != nullptr) return *found;
    segment* made = default_segment_maker::make();
    // acq_rel: publishes what was made, or shows what another thread made.
    if (only.compare_exchange_strong(found, made, std::memory_order_acq_rel)) return *made;
    delete made;
    return *found;
}

}  // namespace process_shared
