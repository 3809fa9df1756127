// SPDX-License-Identifier: MIT
// Codes: errc's own numbers, and above PSHARED_EOS those of the OS.
#include "c/call.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace process_shared::c {
namespace {

// One line for each error of the list: who appends there must append here, and in process_shared.h.
struct pair {
    int c;
    errc cpp;
};
constexpr pair all[] = {
    {PSHARED_EOWNERDEAD, errc::owner_died},
    {PSHARED_ENOTOWNER, errc::not_owner},
    {PSHARED_EOUTSIDE, errc::outside_segment},
    {PSHARED_EDEADLK, errc::would_deadlock},
    {PSHARED_ETOOMANYHOLDS, errc::too_many_holds},
    {PSHARED_ESEATSFULL, errc::seats_full},
    {PSHARED_ETHREAD, errc::unsupported_thread},
    {PSHARED_EBADNAME, errc::bad_name},
    {PSHARED_ENAMETOOLONG, errc::name_too_long},
    {PSHARED_EEXIST, errc::name_taken},
    {PSHARED_ENOENT, errc::no_such_name},
    {PSHARED_EWRONGTYPE, errc::wrong_type},
    {PSHARED_EBADSIZE, errc::bad_size},
    {PSHARED_ESEGMENTFULL, errc::segment_full},
    {PSHARED_EDIRECTORYFULL, errc::directory_full},
    {PSHARED_ENOTSEGMENT, errc::not_a_segment},
    {PSHARED_EOTHERLAYOUT, errc::other_layout},
    {PSHARED_EDAMAGED, errc::damaged},
    {PSHARED_ENOTYOURS, errc::not_yours},
    {PSHARED_ETOOSMALL, errc::too_small},
    {PSHARED_EOTHERBOOT, errc::other_boot},
    {PSHARED_ERANGE, errc::out_of_bounds},
    {PSHARED_ETOOLARGE, errc::object_too_large},
    {PSHARED_ENOTHING, errc::nothing_stored},
    {PSHARED_EBUSY, errc::busy},
    {PSHARED_EALIGNMENT, errc::bad_alignment},
    {PSHARED_ECANNOTDECODE, errc::cannot_decode},
    {PSHARED_EDEPTH, errc::recursion_too_deep},
    {PSHARED_ENOSEGMENT, errc::no_segment},
    {PSHARED_ENOSPC, errc::no_space},
    {PSHARED_ENOTBLOCK, errc::not_a_block},
    {PSHARED_ECOUNT, errc::bad_count},
    {PSHARED_EOVERFLOW, errc::too_many_permits},
    {PSHARED_EMEMBERDEAD, errc::participant_died},
    {PSHARED_ENOTMEMBER, errc::not_a_member},
    {PSHARED_EBARRIERFULL, errc::barrier_full},
    {PSHARED_ENOMEMBARRIER, errc::no_membarrier},
    {PSHARED_ETIMEDOUT, errc::timed_out},
    {PSHARED_EINTR, errc::interrupted},
    {PSHARED_EINVAL, errc::bad_argument},
    {PSHARED_ENOMEM, errc::no_memory},
    {PSHARED_ECLOSED, errc::channel_closed},
};
constexpr errc listed[] = {
#define PROCESS_SHARED_ERROR(name, number, equals, text) errc::name,
#include <process_shared/errors.def>
#undef PROCESS_SHARED_ERROR
};
static_assert(std::size(all) == std::size(listed));
static_assert(std::equal(std::begin(all), std::end(all), std::begin(listed), [](const pair& one, errc other) {
    return one.cpp == other && one.c == static_cast<int>(other);
}));

thread_local constinit pshared_death_t last_death{};

}  // namespace

int code_of(const std::error_code& error) noexcept {
    if (!error) return PSHARED_OK;
    if (error.category() == error_category()) return error.value();
    if (error == std::errc::not_enough_memory) return PSHARED_ENOMEM;
    // Of the system's or the generic category: both are errno's.
    return PSHARED_EOS + error.value();
}

int code_of_exception() noexcept {
    try {
        throw;
    } catch (const owner_died& death) {
        remember_death(death.who());
        return PSHARED_EOWNERDEAD;
    } catch (const participant_died& death) {
        remember_death(death.who());
        return PSHARED_EMEMBERDEAD;
    } catch (const std::system_error& failure) {
        return code_of(failure.code());
    } catch (...) {
        // The library throws nothing else but this.
        return PSHARED_ENOMEM;
    }
}

void remember_death(const participant_name& who) noexcept {
    last_death = {};
    last_death.seat = who.seat;
    last_death.process = who.process;
    last_death.generation = who.generation;
    last_death.thread = who.thread;
    who.thread_name.copy(last_death.thread_name, sizeof last_death.thread_name - 1);
}

}  // namespace process_shared::c

using namespace process_shared;

extern "C" {

const char* pshared_strerror(int code) {
    switch (static_cast<errc>(code)) {
#define PROCESS_SHARED_ERROR(name, number, equals, text) \
    case errc::name:                                     \
        return text;
#include <process_shared/errors.def>
#undef PROCESS_SHARED_ERROR
    }
    if (code == PSHARED_OK) return "success";
    if (code <= PSHARED_EOS) return "unknown error";
    static thread_local constinit std::array<char, 128> text{};
    try {
        text.back() = '\0';
        text[std::system_category().message(code - PSHARED_EOS).copy(text.data(), text.size() - 1)] = '\0';
    } catch (const std::bad_alloc&) {
        return "the operating system refused";
    }
    return text.data();
}

int pshared_errno(int code) {
    if (code <= PSHARED_OK) return 0;
    if (code > PSHARED_EOS) return code - PSHARED_EOS;
    return error_category().default_error_condition(code).value();
}

void pshared_last_death(pshared_death_t* who) {
    if (who != nullptr) *who = c::last_death;
}

pshared_deadline_t pshared_deadline_after(int64_t nanoseconds) {
    return nanoseconds <= 0 ? PSHARED_NOW : deadline::from_now(nanoseconds).nanoseconds();
}

const char* pshared_version(void) { return PSHARED_VERSION; }

}  // extern "C"
