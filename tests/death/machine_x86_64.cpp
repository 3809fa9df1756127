// SPDX-License-Identifier: MIT
// machine.hpp on x86-64 Linux.
#include "death/machine.hpp"

#include <sys/user.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

// One trap each. In assembly, so that no compiler puts anything around it.
asm(R"(
    .pushsection .text
    .globl death_mark_begin
    .type death_mark_begin, @function
death_mark_begin:
    int3
    ret
    .size death_mark_begin, . - death_mark_begin
    .globl death_mark_end
    .type death_mark_end, @function
death_mark_end:
    int3
    ret
    .size death_mark_end, . - death_mark_end
    .popsection
)");

namespace death {
namespace {

constexpr unsigned char trap = 0xcc;
constexpr std::size_t trap_length = 1;
constexpr unsigned char system_call[] = {0x0f, 0x05};

void require(long result, const char* what) {
    if (result == -1 && errno != 0) throw std::system_error(errno, std::generic_category(), what);
}

void* pointer(address at) noexcept { return reinterpret_cast<void*>(at); }

}  // namespace

address after_mark(void (*mark)()) noexcept { return address_of(mark) + trap_length; }

address program_counter(pid_t task) {
    errno = 0;
    const long value = ptrace(PTRACE_PEEKUSER, task, offsetof(user_regs_struct, rip), nullptr);
    require(value, "reading the program counter");
    return static_cast<address>(value);
}

void set_program_counter(pid_t task, address at) {
    errno = 0;
    require(ptrace(PTRACE_POKEUSER, task, offsetof(user_regs_struct, rip), pointer(at)), "setting the program counter");
}

bool is_system_call(address at) noexcept {
    const auto* bytes = reinterpret_cast<const unsigned char*>(at);
    return bytes[0] == system_call[0] && bytes[1] == system_call[1];
}

breakpoint::breakpoint(pid_t task, address at) : task_(task), at_(at) {
    errno = 0;
    original_ = ptrace(PTRACE_PEEKTEXT, task_, pointer(at_), nullptr);
    require(original_, "reading an instruction");
    const long trapped = (original_ & ~0xffL) | trap;
    errno = 0;
    require(ptrace(PTRACE_POKETEXT, task_, pointer(at_), trapped), "setting a breakpoint");
}

void breakpoint::remove(bool reached) {
    errno = 0;
    require(ptrace(PTRACE_POKETEXT, task_, pointer(at_), original_), "taking a breakpoint away");
    if (reached) set_program_counter(task_, at_);
}

bool breakpoint::stops_at(address stopped) const noexcept { return stopped == at_ + trap_length; }

}  // namespace death
