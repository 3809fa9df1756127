// SPDX-License-Identifier: MIT
// What stepping through instructions has to know of the processor: x86-64 on Linux. CMake builds the death tests where
// there is such a file only.
#pragma once

#include <sys/ptrace.h>
#include <sys/types.h>

#include <cstdint>

namespace death {

/// Traps that frame what is stepped through: the victim calls them.
extern "C" void death_mark_begin();
extern "C" void death_mark_end();

/// An address in the victim's program. The harness forked it, so its own program has the same bytes there.
using address = std::uintptr_t;

inline address address_of(void (*mark)()) noexcept { return reinterpret_cast<address>(mark); }
/// Where the victim stands after the trap in a mark.
address after_mark(void (*mark)()) noexcept;

address program_counter(pid_t task);
void set_program_counter(pid_t task, address at);

/// Whether the instruction there enters the kernel.
bool is_system_call(address at) noexcept;

/// A trap put over an instruction of the victim's (its private copy of the page), and taken away again.
class breakpoint {
public:
    breakpoint(pid_t task, address at);
    breakpoint(const breakpoint&) = delete;
    breakpoint& operator=(const breakpoint&) = delete;
    /// Takes it away; `reached`: the victim stands behind the trap, and is put back before the instruction.
    void remove(bool reached);
    [[nodiscard]] bool stops_at(address stopped) const noexcept;

private:
    pid_t task_;
    address at_;
    long original_ = 0;
};

}  // namespace death
