// SPDX-License-Identifier: MIT
// What all scenarios around directory and heap have in common: objects that are there or not, and a heap that loses
// nothing.
#pragma once

#include "death/lock_scenario.hpp"
#include "death/scenario.hpp"
#include "support/await.hpp"

#include <process_shared/segment.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace death {

/// Bytes that tell whether they are all there. As a block, as large as two fillers, so that nothing is wasted.
struct page_of_text {
    std::array<std::uint32_t, 28> letters{};

    page_of_text() = default;
    explicit page_of_text(std::uint32_t seed) {
        for (std::uint32_t i = 0; i < letters.size(); ++i) letters[i] = seed + i * 17;
    }
    [[nodiscard]] bool says(std::uint32_t seed) const { return letters == page_of_text(seed).letters; }
    [[nodiscard]] bool whole() const { return says(letters[0]); }
};

class heap_scenario : public scenario {
public:
    explicit heap_scenario(const conditions& under)
        : memory_(process_shared::segment::anonymous(heap_bytes, small_segment(under))) {}

    void prepare(stage&) override {
        room_ = room();
        old_ = &memory_.construct<page_of_text>("old", 1u);
    }
    std::span<const std::byte> shared_memory() const override { return mapping_of(old_); }
    void warm_up(board&) override { static_cast<void>(memory_.find<page_of_text>("old")); }

    void victim_is_about_to_die(stage& on) override {
        // One comes while the victim stands, the other after its death.
        start_survivor(on);
        on.await_rest();
    }
    void victim_is_dead(stage& on) override { start_survivor(on); }
    void survivors_are_through(stage& on) override {
        on.start([this] { inspect(); });
    }

protected:
    static constexpr std::size_t heap_bytes = 2048;
    static constexpr std::size_t filler = 48;

    /// What a survivor does beside the victim, and must be able to.
    virtual void survive() = 0;
    /// Last of all: throws if something does not hold.
    virtual void inspect() = 0;

    void start_survivor(stage& on) {
        on.start([this] { survive(); });
    }

    /// How many fillers fit; all free again afterwards.
    std::size_t room() {
        std::vector<void*> blocks;
        try {
            for (;;) blocks.push_back(memory_.allocate(filler));
        } catch (const std::system_error& full) {
            support::check(full.code() == process_shared::errc::segment_full, full.what());
        }
        for (void* block : blocks) memory_.deallocate(block);
        return blocks.size();
    }
    /// The whole heap can be had again but for what `lost` says, in fillers.
    void check_room(std::size_t lost) {
        const std::size_t now = room();
        support::check(now <= room_ && now + lost >= room_,
                       "room for " + std::to_string(now) + " blocks of " + std::to_string(room_));
    }
    /// An object is there and whole, or it is not there.
    bool check_whole_or_absent(const char* name, std::uint32_t seed) {
        std::error_code error;
        const page_of_text* found = memory_.find<page_of_text>(name, error);
        support::check(found != nullptr || error == process_shared::errc::no_such_name, error.message());
        support::check(found == nullptr || found->says(seed), std::string(name) + " is not whole");
        return found != nullptr;
    }
    void destroy_if_there(const char* name) {
        std::error_code error;
        memory_.destroy<page_of_text>(name, error);
        support::check(!error || error == process_shared::errc::no_such_name, error.message());
    }

    process_shared::segment memory_;
    page_of_text* old_ = nullptr;
    std::size_t room_ = 0;  // in fillers, when nothing is in the heap
};

}  // namespace death
