// SPDX-License-Identifier: MIT
// What an operation throws, as a code.
#pragma once

#include <functional>
#include <system_error>

namespace contract {

inline std::error_code code_of(const std::function<void()>& operation) {
    try {
        operation();
    } catch (const std::system_error& failure) {
        return failure.code();
    }
    return {};
}

}  // namespace contract
