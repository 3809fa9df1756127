// SPDX-License-Identifier: MIT
// The input is a list of changes to a sound segment, so that deep states are reached.
//
//   byte 0: bit 0: the guard's last owner died inside; bit 1: the file is cut or lengthened by the next two bytes
//   then, again and again: offset (2 bytes), width (1 byte: 1, 2, 4 or 8 bytes), value (that many bytes)
#include "fuzz/fuzzed_segment.hpp"
#include "fuzz/input.hpp"
#include "seats/layout.hpp"

#include <algorithm>
#include <vector>

namespace {

namespace seats = process_shared::seats;
using fuzz::input;
using fuzz::put;

void change(std::vector<std::uint8_t>& bytes, input& from) {
    while (!from.empty()) {
        const std::size_t offset = from.take(2) % bytes.size();
        const std::size_t width = std::size_t{1} << from.take(1) % 4;
        const std::uint64_t value = from.take(width);
        put(bytes, offset, value, width);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::file file;
    input from({data, size});
    std::vector<std::uint8_t> bytes = fuzz::sound_segment();
    const std::uint64_t flags = from.take(1);
    const std::size_t length = (flags & 2) != 0 ? from.take(2) : bytes.size();
    change(bytes, from);

    // The same segment each time, see fuzz::file; and a guard that nobody alive seems to hold: that would be waited
    // for.
    const auto& sound = fuzz::sound_segment();
    constexpr std::size_t uuid = offsetof(seats::header, uuid), guard = offsetof(seats::header, guard);
    std::copy_n(sound.data() + uuid, sizeof(seats::header::uuid), bytes.data() + uuid);
    put(bytes, guard, (flags & 1) != 0 ? seats::make_id(0, 1) | seats::abandoned : 0);

    bytes.resize(std::max<std::size_t>(length, 1));
    file.write(bytes);
    fuzz::look(file.descriptor());
    fuzz::use(file.descriptor());
    return 0;
}
