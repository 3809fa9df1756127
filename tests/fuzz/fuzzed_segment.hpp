// SPDX-License-Identifier: MIT
// A file with the bytes of a segment, some of which the fuzzer has chosen; and what a program does with a segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fuzz {

/// The bytes of a small sound segment: objects, a free block between used ones, a dead participant with an abandoned
/// lock. The same in every run but for uuid, boot and times.
const std::vector<std::uint8_t>& sound_segment();

/// One file for all runs: its inode and uuid stay the same, so this process does not collect mappings.
class file {
public:
    file();
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file();
    void write(std::span<const std::uint8_t> bytes);
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

/// Opens and looks: what `pshared show` does. Takes no seat.
void look(int descriptor);

/// Opens and uses it: finds, makes, locks, gives back. In a thread of its own, whose seat ends with it.
void use(int descriptor);

}  // namespace fuzz
