// SPDX-License-Identifier: MIT
// The mappings of this process, and the seats of its threads in them.
//
// Readers of the list take no lock: a node is never freed, and its version is odd while it changes. Writers hold the
// process lock, whose word a fork wipes: a child never waits for a thread that it does not have.
#include "seats/attachments.hpp"

#include "seats/registry.hpp"
#include "seats/thread_block.hpp"

#include <process_shared/error.hpp>

#include <new>

namespace process_shared::seats {

struct attachment {
    platform::file_id id;
    std::array<std::uint8_t, 16> uuid;
    platform::file file;
    std::uint32_t mappings;
    bool sat_in;          // a thread of this process claimed a seat: the kernel's lists point into it
    std::uint64_t epoch;  // of the process that first attached it
    attachment* next;
};

struct mapping_node {
    std::atomic<std::uint32_t> version{0};
    std::atomic<std::uintptr_t> base{0};
    std::atomic<std::size_t> size{0};  // 0: not in use
    view mapped;
    attachment* where = nullptr;
    bool sat_in = false;    // through this mapping
    bool detached = false;  // only the registry is left
    mapping_node* next = nullptr;
};

namespace {

constinit std::atomic<mapping_node*> first_node{nullptr};
constinit attachment* first_attachment = nullptr;  // under the process lock

/// The attached mapping that has this address; nullptr if none.
mapping_node* node_of(const void* address) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    // acquire: pairs with the release that linked the node.
    for (mapping_node* node = first_node.load(std::memory_order_acquire); node; node = node->next) {
        const std::uint32_t before = node->version.load(std::memory_order_acquire);  // pairs with set_range's release
        const std::uintptr_t base =
            node->base.load(std::memory_order_relaxed);  // relaxed: between two looks at version
        const std::size_t size = node->size.load(std::memory_order_relaxed);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (at - base >= size) continue;
        if (before % 2 == 0 && node->version.load(std::memory_order_relaxed) == before) return node;
    }
    return nullptr;
}

/// Under the process lock.
void set_range(mapping_node& node, std::uintptr_t base, std::size_t size) noexcept {
    // relaxed: only we change it. Odd already where this process was forked while a thread of its parent was here.
    const std::uint32_t changing = node.version.load(std::memory_order_relaxed) | 1;
    node.version.store(changing, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);  // pairs with node_of's fence: odd is seen before the parts
    node.base.store(base, std::memory_order_relaxed);
    node.size.store(size, std::memory_order_relaxed);
    node.version.store(changing + 1, std::memory_order_release);  // pairs with node_of's acquire
}

attachment* find_attachment(const platform::file_id& id, const std::array<std::uint8_t, 16>& uuid) noexcept {
    for (attachment* one = first_attachment; one; one = one->next)
        if (one->id == id && one->uuid == uuid) return one;
    return nullptr;
}

/// A node nobody uses, or a new one, linked. Under the process lock.
mapping_node* free_node() {
    mapping_node* first = first_node.load(std::memory_order_relaxed);  // relaxed: only writers change it
    for (mapping_node* node = first; node; node = node->next)
        if (node->where == nullptr) return node;
    auto* node = new mapping_node;
    node->next = first;
    first_node.store(node, std::memory_order_release);  // pairs with node_of
    return node;
}

void release(attachment* one) noexcept {
    if (--one->mappings > 0) return;
    platform::close(one->file);
    one->file = platform::no_file;
    if (one->sat_in) return;  // threads remember it by its address
    for (attachment** link = &first_attachment; *link; link = &(*link)->next)
        if (*link == one) {
            *link = one->next;
            break;
        }
    delete one;
}

/// Header and registry, in whole pages.
std::size_t registry_pages(const view& mapped) noexcept {
    const std::size_t page = platform::page_size();
    return (mapped.directory + page - 1) / page * page;  // the directory follows the registry
}

/// A detached mapping of the segment, mapped again instead of the new one; nullptr if there is none of that size.
mapping_node* revived(const attachment* where, const view& instead_of) noexcept {
    // relaxed: under the process lock.
    for (mapping_node* node = first_node.load(std::memory_order_relaxed); node; node = node->next) {
        if (node->where != where || !node->detached || node->mapped.size != instead_of.size) continue;
        const std::size_t kept = registry_pages(node->mapped);
        if (kept < node->mapped.size &&
            platform::map_at(node->mapped.base + kept, where->file, kept, node->mapped.size - kept))
            return nullptr;
        platform::unmap(instead_of.base, instead_of.size);
        return node;
    }
    return nullptr;
}

/// Any mapping of the segment whose registry is still there.
mapping_node* node_with_registry(const attachment* where) noexcept {
    for (mapping_node* node = first_node.load(std::memory_order_acquire); node; node = node->next)
        if (node->where == where) return node;
    return nullptr;
}

void leave_all(thread_block& block) {
    for_each_sitting(block, [](const sitting& one) {
        if (const mapping_node* node = node_with_registry(one.where)) leave(node->mapped, one.me);
    });
}

/// A mapping of the segment that is open: with more than the registry.
mapping_node* open_node(const attachment* where) noexcept {
    for (mapping_node* node = first_node.load(std::memory_order_acquire); node; node = node->next)
        // relaxed: whoever closes it meanwhile takes the locks away from those who use them.
        if (node->where == where && node->size.load(std::memory_order_relaxed) != 0) return node;
    return nullptr;
}

/// But for what lies in a segment that this process has closed: its words are out of reach, until the thread ends.
void abandon_all(thread_block& block) {
    const auto abandon = [](const sitting& one) {
        if (const mapping_node* node = open_node(one.where)) abandon_held(node->mapped, one.me);
    };
    for_each_sitting(block, abandon);
    if (block.as.everywhere != nullptr) block.as.everywhere->for_each_seat(abandon);
}

participant_id seat_for(thread_block& block, mapping_node& node) {
    if (const participant_id me = find_sitting(block, node.where)) return me;
    make_room_for_sitting(block);
    {
        // Before the kernel's list points into it, so that no detach can unmap the registry any more.
        process_lock hold;
        node.sat_in = true;
        node.where->sat_in = true;
    }
    const participant_id me = claim(node.mapped, {node.where->file, node.where->id});
    add_sitting(block, {node.where, me});
    return me;
}

const place& remember(thread_block& block, mapping_node& node, participant_id me) noexcept {
    place& here = block.cache.recent[block.next_recent++ % recent_places];
    // relaxed: my own; see `place` for who else writes size.
    here.size.store(0, std::memory_order_relaxed);
    here.base.store(node.base.load(std::memory_order_relaxed), std::memory_order_relaxed);
    here.me = me;
    here.mine = &node.mapped.seat_at(seat_of(me));
    here.size.store(node.mapped.size, std::memory_order_relaxed);
    return here;
}

mapping_node& attached_node_of(const void* address) {
    if (mapping_node* node = node_of(address)) return *node;
    throw std::system_error(make_error_code(errc::outside_segment));
}

}  // namespace

const place& sit(const void* address) {
    mapping_node& node = attached_node_of(address);
    thread_block& block = my_block(leave_all);
    if (block.as.where == node.where) return remember(block, node, block.as.me);
    deputy* const other = block.as.everywhere;
    if (other == nullptr) return remember(block, node, seat_for(block, node));
    const participant_id known = other->seat_in(node.where);
    return remember(block, node, known != 0 ? known : other->claim_near(address));
}

const place* find_seat(const void* address) {
    std::uint64_t offset = 0;
    if (const place* found = find_place(address, offset)) return found;
    mapping_node* node = node_of(address);
    thread_block* block = my_block_if_any();
    if (node == nullptr || block == nullptr) return nullptr;
    const participant_id me = block->as.where == node->where    ? block->as.me
                              : block->as.everywhere != nullptr ? block->as.everywhere->seat_in(node->where)
                                                                : find_sitting(*block, node->where);
    return me == 0 ? nullptr : &remember(*block, *node, me);
}

view view_of(const void* address) noexcept {
    const mapping_node* node = node_of(address);
    return node ? node->mapped : view{};
}

mapping_node* attach(const view& mapped, platform::file file, const platform::file_id& id) {
    const std::uint64_t now = fork_epoch();
    process_lock hold;
    mapping_node* spare = free_node();
    attachment* where = find_attachment(id, mapped.header().uuid);
    if (where == nullptr) {
        where = new attachment{id, mapped.header().uuid, platform::no_file, 0, false, now, first_attachment};
        first_attachment = where;
    }
    if (where->mappings++ == 0)
        where->file = file;
    else
        platform::close(file);
    mapping_node* node = revived(where, mapped);
    if (node == nullptr) {
        node = spare;
        node->mapped = mapped;
        node->where = where;
        node->sat_in = false;
    }
    node->detached = false;
    set_range(*node, reinterpret_cast<std::uintptr_t>(node->mapped.base), node->mapped.size);
    return node;
}

const view& view_of(const mapping_node* node) noexcept { return node->mapped; }

void detach(mapping_node* node) noexcept {
    process_lock hold;
    const view mapped = node->mapped;
    set_range(*node, 0, 0);
    forget_everywhere(reinterpret_cast<std::uintptr_t>(mapped.base));
    release(node->where);
    if (!node->sat_in) {
        node->where = nullptr;
        platform::unmap(mapped.base, mapped.size);
        return;
    }
    node->detached = true;
    const std::size_t kept = registry_pages(mapped);
    if (kept < mapped.size) platform::unmap_keeping_addresses(mapped.base + kept, mapped.size - kept);
}

platform::file file_of(const mapping_node* node) noexcept { return node->where->file; }

lock_file file_of_address(const void* address) noexcept {
    const mapping_node* node = node_of(address);
    return node ? lock_file{node->where->file, node->where->id} : lock_file{};
}

bool inherited_by_fork(const void* address) noexcept {
    if (!forked_from_participant()) return false;
    const mapping_node* node = node_of(address);
    return node != nullptr && node->where->epoch < fork_epoch();
}

void abandon_everything() noexcept {
    if (thread_block* block = my_block_if_any()) abandon_all(*block);
}

void rename_everywhere() noexcept {
    thread_block* const block = my_block_if_any();
    if (block == nullptr) return;
    for_each_sitting(*block, [](const sitting& one) {
        if (const mapping_node* node = node_with_registry(one.where)) write_name(node->mapped.seat_at(seat_of(one.me)));
    });
}

acting act_as(acting who) {
    thread_block& block = my_block(leave_all);
    const acting before = block.as;
    block.as = who;
    for (place& here : block.cache.recent) here.size.store(0, std::memory_order_relaxed);  // relaxed, below: my own
    block.cache.read.lock.store(nullptr, std::memory_order_relaxed);
    return before;
}

acting sit_as_self(const void* address) {
    mapping_node& node = attached_node_of(address);
    return {node.where, seat_for(my_block(leave_all), node)};
}

}  // namespace process_shared::seats
