// SPDX-License-Identifier: MIT
// The fuzzer's bytes, taken one after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace fuzz {

/// Takes bytes off the front of the input; zeroes when it is used up.
class input {
public:
    explicit input(std::span<const std::uint8_t> bytes) : left_(bytes) {}
    [[nodiscard]] bool empty() const { return left_.empty(); }
    std::uint64_t take(std::size_t width) {
        std::uint64_t value = 0;
        width = std::min(width, left_.size());
        if (width != 0) std::memcpy(&value, left_.data(), width);
        left_ = left_.subspan(width);
        return value;
    }

private:
    std::span<const std::uint8_t> left_;
};

/// Within bounds, wherever that is.
inline void put(std::vector<std::uint8_t>& bytes, std::size_t offset, std::uint64_t value,
                std::size_t width = sizeof(std::uint64_t)) {
    if (offset < bytes.size()) std::memcpy(bytes.data() + offset, &value, std::min(width, bytes.size() - offset));
}

}  // namespace fuzz
