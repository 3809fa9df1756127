// SPDX-License-Identifier: MIT
// object_buffer, one step at a time: readers that are overtaken, writers that die right after each step.
#include "base/step.hpp"

#include <process_shared/object_buffer.hpp>

#include "support/child.hpp"
#include "support/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using process_shared::errc;
using process_shared::object_buffer;
using process_shared::segment;

namespace {

using object = std::array<std::uint64_t, 8>;
object all(std::uint64_t value) {
    object made;
    made.fill(value);
    return made;
}

/// Runs `action` at every step of this thread, until the end of the scope. Not at steps of the action itself.
class at_steps {
public:
    explicit at_steps(std::function<void(std::string_view)> action) {
        current() = std::move(action);
        process_shared::detail::step_hook = [](const char* name) {
            auto running = std::exchange(current(), nullptr);
            if (!running) return;
            running(name);
            current() = std::move(running);
        };
    }
    at_steps(const at_steps&) = delete;
    at_steps& operator=(const at_steps&) = delete;
    ~at_steps() {
        process_shared::detail::step_hook = nullptr;
        current() = nullptr;
    }

private:
    static std::function<void(std::string_view)>& current() {
        static thread_local std::function<void(std::string_view)> action;
        return action;
    }
};

class broken_rule {
public:
    explicit broken_rule(const char* name) { process_shared::detail::broken_rule = name; }
    broken_rule(const broken_rule&) = delete;
    broken_rule& operator=(const broken_rule&) = delete;
    ~broken_rule() { process_shared::detail::broken_rule = ""; }
};

std::vector<std::string> steps_of(const std::function<void()>& operation) {
    std::vector<std::string> seen;
    const at_steps record([&](std::string_view name) {
        if (name.starts_with("OB")) seen.emplace_back(name);
    });
    operation();
    return seen;
}

/// A child that stores `value` and is killed right after `step`.
void store_and_die_after(const object_buffer& box, std::uint64_t value, std::string_view step) {
    support::child victim([&] {
        const at_steps die([&](std::string_view name) {
            if (name == step) ::kill(getpid(), SIGKILL);
        });
        box.store(all(value));
    });
    const auto status = victim.wait();
    ASSERT_TRUE(status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL) << "it never came to " << step;
}

const std::vector<std::string> store_steps{"OB1", "OB2", "OB3", "OB4", "OB5", "OB6"};
const std::vector<std::string> load_steps{"OB7", "OB8", "OB9"};

}  // namespace

TEST(object_buffer_steps, are_those_of_the_table) {
    const object_buffer box(sizeof(object));
    EXPECT_EQ(steps_of([&] { box.store(all(1)); }), store_steps);
    EXPECT_EQ(steps_of([&] { (void)box.load<object>(); }), load_steps);
}

TEST(object_buffer_steps, a_reader_overtaken_by_one_store_still_gets_its_object) {
    const object_buffer box(sizeof(object));
    for (const std::string& step : load_steps) {
        box.store(all(1));
        const at_steps overtake([&](std::string_view name) {
            if (name == step) box.store(all(2));
        });
        EXPECT_EQ(box.load<object>(), all(1)) << step;
    }
}

TEST(object_buffer_steps, a_reader_overtaken_by_two_stores_tries_again) {
    const object_buffer box(sizeof(object));
    for (const std::string step : {"OB7", "OB8"}) {
        box.store(all(1));
        std::vector<std::string> seen;
        std::uint64_t value = 1;
        const at_steps overtake([&](std::string_view name) {
            seen.emplace_back(name);
            if (name != step || value > 1) return;
            box.store(all(++value));
            box.store(all(++value));
        });
        EXPECT_EQ(box.load<object>(), all(3)) << step;
        EXPECT_EQ(std::count(seen.begin(), seen.end(), "OB7"), 2) << step;
        EXPECT_EQ(std::count(seen.begin(), seen.end(), "OB10"), 0) << step;
    }
}

TEST(object_buffer_steps, a_reader_overtaken_twice_takes_its_turn_among_the_writers) {
    const object_buffer box(sizeof(object));
    for (const std::string step : {"OB7", "OB8"}) {
        std::uint64_t value = 0;
        box.store(all(0));
        bool turn = false;
        const at_steps overtake([&](std::string_view name) {
            turn = turn || name == "OB10";
            if (name != step || turn) return;
            for (int i = 0; i < 5; ++i) box.store(all(++value));
        });
        EXPECT_EQ(box.load<object>(), all(10)) << step;
        EXPECT_TRUE(turn) << step;
    }
}

TEST(object_buffer_steps, a_reader_is_never_given_an_object_whose_type_changed_meanwhile) {
    const object_buffer box(sizeof(object));
    for (const std::string step : {"OB7", "OB8"}) {
        box.store(all(1));
        bool once = false;
        const at_steps overtake([&](std::string_view name) {
            if (name != step || std::exchange(once, true)) return;
            box.store(2);
            box.store(3);
        });
        std::error_code error;
        EXPECT_FALSE(box.load<object>(error)) << step;
        EXPECT_EQ(error, errc::wrong_type) << step;
        EXPECT_EQ(box.load<int>(), 3) << step;
    }
}

TEST(object_buffer_steps, a_reader_that_copied_the_beginning_of_a_later_object_tries_again) {
    const object_buffer box(sizeof(object));
    for (const std::string step : {"OB2", "OB3", "OB4", "OB5"}) {
        box.store(all(1));
        bool once = false;
        const at_steps overtake([&](std::string_view name) {
            if (name != "OB7" || std::exchange(once, true)) return;
            box.store(all(2));
            store_and_die_after(box, 3, step);  // over object 1, which the reader is about to copy
        });
        EXPECT_EQ(box.load<object>(), all(2)) << step;
    }
}

TEST(object_buffer_steps, a_reader_under_the_guard_takes_over_from_a_dead_writer) {
    const object_buffer box(sizeof(object));
    std::uint64_t value = 0;
    box.store(all(0));
    bool turn = false;
    const at_steps overtake([&](std::string_view name) {
        turn = turn || name == "OB10";
        if (name != "OB8" || turn) return;
        for (int i = 0; i < 2; ++i) box.store(all(++value));
        store_and_die_after(box, 99, "OB4");
    });
    EXPECT_EQ(box.load<object>(), all(4));
    EXPECT_TRUE(turn);
}

TEST(object_buffer_steps, a_writer_that_dies_after_a_step_leaves_the_old_object_or_the_new) {
    const object_buffer box(sizeof(object));
    std::uint64_t value = 0;
    for (int round = 0; round < 2; ++round) {  // each bank once
        for (const std::string& step : store_steps) {
            box.store(all(++value));
            store_and_die_after(box, value + 1, step);
            if (step == "OB6") ++value;
            EXPECT_EQ(box.load<object>(), all(value)) << step;
            box.store(all(++value));
            EXPECT_EQ(box.load<object>(), all(value)) << step;
        }
        box.store(all(++value));
    }
}

TEST(object_buffer_steps, a_first_writer_that_dies_leaves_nothing_stored) {
    for (const std::string& step : store_steps) {
        const object_buffer box(sizeof(object));
        store_and_die_after(box, 1, step);
        EXPECT_EQ(box.load<object>().has_value(), step == "OB6") << step;
        box.store(all(2));
        EXPECT_EQ(box.load<object>(), all(2)) << step;
    }
}

TEST(object_buffer_steps, a_reader_that_dies_under_the_guard_blocks_nobody) {
    const object_buffer box(sizeof(object));
    box.store(all(0));
    support::child victim([&] {
        std::uint64_t value = 0;
        const at_steps overtake([&](std::string_view name) {
            if (name == "OB10") ::kill(getpid(), SIGKILL);
            if (name == "OB8")
                for (int i = 0; i < 2; ++i) box.store(all(++value));
        });
        (void)box.load<object>();
    });
    const auto status = victim.wait();
    ASSERT_TRUE(status && WIFSIGNALED(*status));
    EXPECT_EQ(box.load<object>(), all(4));
    box.store(all(5));
    EXPECT_EQ(box.load<object>(), all(5));
}

TEST(object_buffer_steps, the_tests_above_notice_a_store_that_publishes_early) {
    const object_buffer box(sizeof(object));
    box.store(all(1));
    box.store(all(2));
    const broken_rule early("object_buffer_publishes_early");
    store_and_die_after(box, 3, "OB3");
    EXPECT_EQ(box.load<object>(), all(1)) << "neither the old object nor the new one, but what lay in the bank";
}
