// SPDX-License-Identifier: MIT
// The scenarios around an object_buffer.
#pragma once

#include "death/heap_scenario.hpp"

#include <process_shared/object_buffer.hpp>

#include <atomic>
#include <cstdint>
#include <span>

namespace death {

using process_shared::object_buffer;

inline constexpr std::uint32_t ancient_text = 500;
inline constexpr std::uint32_t old_text = 1000;
inline constexpr std::uint32_t victims_text = 2000;
inline constexpr std::uint32_t survivors_text = 3000;

class buffer_scenario : public scenario {
public:
    explicit buffer_scenario(const conditions& under)
        : memory_(process_shared::segment::anonymous(4096, small_segment(under))) {}

    void prepare(stage&) override {
        box_ = object_buffer::create(memory_, "box", sizeof(page_of_text));
        box_.store(page_of_text(ancient_text));
        box_.store(page_of_text(old_text));
        text_ = &memory_.construct<page_of_text>("text");
    }
    std::span<const std::byte> shared_memory() const override { return mapping_of(text_); }
    void warm_up(board&) override {
        static_cast<void>(box_.load<page_of_text>());
        static_cast<void>(memory_.find<page_of_text>("text"));  // a seat, and no store: the other bank stays ancient
    }

    void victim_is_about_to_die(stage& on) override {
        const survivor& reader = on.start([this] { read(); });
        on.await_rest();
        support::check(reader.done(), "a reader waits for a writer, or failed");
        start_writer(on);
        on.await_rest();
    }
    void victim_is_dead(stage& on) override {
        on.start([this] { read(); });
        start_writer(on);
    }
    void survivors_are_through(stage& on) override {
        on.start([this] {
            const auto seen = box_.load<page_of_text>();
            support::check(seen && seen->says(survivors_text), "not what was stored last");
        });
    }

protected:
    /// Whoever stored it.
    void read() const {
        const auto seen = box_.load<page_of_text>();
        support::check(seen.has_value(), "nothing is there");
        support::check(seen->whole(), "a mixture of two objects");
        const std::uint32_t seed = seen->letters[0];
        support::check(seed == old_text || seed == victims_text || seed == survivors_text,
                       "an object that was replaced long ago");
    }
    void start_writer(stage& on) {
        on.start([this] {
            box_.store(page_of_text(survivors_text));
            read();
        });
    }

    process_shared::segment memory_;
    object_buffer box_;
    page_of_text* text_ = nullptr;
};

class store : public buffer_scenario {
public:
    using buffer_scenario::buffer_scenario;
    void operation(board&) override { box_.store(page_of_text(victims_text)); }
};

class load : public buffer_scenario {
public:
    using buffer_scenario::buffer_scenario;
    void operation(board&) override { static_cast<void>(box_.load<page_of_text>()); }
};

/// The last writer died while storing.
class store_after_a_death : public store {
public:
    using store::store;
    void prepare(stage& on) override {
        store::prepare(on);
        // Where exactly does not matter: the victim has to take the guard over. The word is the buffer's first.
        object_buffer& box = box_;
        support::child writer([&] {
            for (;;) box.store(page_of_text(old_text));
        });
        const auto* guard = static_cast<const std::atomic<std::uint64_t>*>(memory_.at(offset_of_block()));
        support::check(support::await([&] {
                           if (guard->load() == 0) return false;
                           writer.signal(SIGSTOP);
                           const bool inside =
                               support::await([&] { return support::task_state(writer.pid()) == 'T'; }) &&
                               guard->load() != 0;
                           if (!inside) writer.signal(SIGCONT);
                           return inside;
                       }),
                       "no writer to be had inside");
        writer.kill();
    }
    void warm_up(board&) override {}

private:
    std::uint64_t offset_of_block() const {
        return memory_.offset_of(
            memory_.find_block("box", process_shared::detail::hash_text("process_shared::object_buffer")).address);
    }
};

}  // namespace death
