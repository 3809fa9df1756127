// SPDX-License-Identifier: MIT
// The error category, made from errors.def.
#include <process_shared/error.hpp>

#include <string>
#include <utility>

namespace process_shared {
namespace {

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "process_shared"; }

    [[nodiscard]] std::string message(int value) const override {
        switch (static_cast<errc>(value)) {
#define PROCESS_SHARED_ERROR(name, number, equals, text) \
    case errc::name:                                     \
        return text;
#include <process_shared/errors.def>
#undef PROCESS_SHARED_ERROR
        }
        return "unknown error " + std::to_string(value);
    }

    [[nodiscard]] std::error_condition default_error_condition(int value) const noexcept override {
        switch (static_cast<errc>(value)) {
#define PROCESS_SHARED_ERROR(name, number, equals, text) \
    case errc::name:                                     \
        return std::make_error_condition(std::errc::equals);
#include <process_shared/errors.def>
#undef PROCESS_SHARED_ERROR
        }
        return {value, *this};
    }
};

// Not inside the function: a fork beside its first call would leave the child's initialization guard locked.
const category only_category;

std::string describe(const participant_name& who) {
    if (who.process == 0) return "a participant that is no longer known";
    std::string text = "process " + std::to_string(who.process) + ", thread " + std::to_string(who.thread);
    if (!who.thread_name.empty()) text += " \"" + who.thread_name + '"';
    return text;
}

}  // namespace

const std::error_category& error_category() noexcept { return only_category; }

owner_died::owner_died(participant_name who)
    : std::system_error(make_error_code(errc::owner_died), describe(who)), who_(std::move(who)) {}

owner_died::~owner_died() = default;

participant_died::participant_died(participant_name who)
    : std::system_error(make_error_code(errc::participant_died), describe(who)), who_(std::move(who)) {}

participant_died::~participant_died() = default;

}  // namespace process_shared
