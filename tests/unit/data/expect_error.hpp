// SPDX-License-Identifier: MIT
// Which error a call throws.
#pragma once

#include <process_shared/error.hpp>

#include <system_error>

/// The code of the system_error that `operation` throws; no error if it throws none.
template <class Operation>
std::error_code error_of(Operation&& operation) {
    try {
        operation();
    } catch (const std::system_error& failure) {
        return failure.code();
    }
    return {};
}
