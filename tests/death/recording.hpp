// SPDX-License-Identifier: MIT
// One pass through an operation, instruction by instruction, and the points at which it is worth dying.
#pragma once

#include "death/machine.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace death {

/// The victim stands before the instruction at `at`.
struct moment {
    address at;
    const char* passed;   ///< the last named step that it has passed; nullptr: none
    std::uint32_t steps;  ///< how many
    bool event;           ///< the instruction before changed shared memory, or entered the kernel
};

/// Lies in memory that the director, who records, shares with the harness.
struct recording {
    static constexpr std::size_t capacity = 200'000;
    std::uint32_t count;
    bool slept;     ///< the victim slept on its way
    bool overflow;  ///< there was more
    moment moments[capacity];

    [[nodiscard]] std::span<const moment> all() const noexcept { return {moments, count}; }
};

/// Where to kill. Not just a number of instructions: the landmark is the last instruction on the way that had not been
/// executed before, so the victim runs there at full speed, up to a breakpoint, and is stepped only from there on.
struct kill_point {
    std::uint32_t index = 0;  ///< instructions from the begin mark, in the recording
    address landmark = 0;
    std::uint32_t beyond = 0;         ///< instructions after the landmark
    const char* passed = nullptr;     ///< as recorded
    const char* in_effect = nullptr;  ///< the last step whose effect has happened, named or not yet
    bool asleep = false;              ///< kill it in its first sleep
};

/// Fast, and different for different bytes as far as a test needs.
std::uint64_t digest(std::span<const std::byte> memory) noexcept;

struct plan_options {
    std::size_t every_up_to = 1500;  ///< operations up to this length: every instruction
    std::size_t sample = 100;  ///< longer ones: this many at random, beside the events and their neighbours, and each
                               ///< instruction's first time, if those are not too many themselves
    std::size_t deep_in_a_loop = 500;  ///< none of the sample is further than this from its landmark: it takes too long
    bool everything = false;
};

/// Kill points of several recordings of one operation, each once.
std::vector<kill_point> plan(const std::vector<const recording*>& recordings, const plan_options& how,
                             std::mt19937_64& random);

}  // namespace death
