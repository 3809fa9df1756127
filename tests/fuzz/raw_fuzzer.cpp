// SPDX-License-Identifier: MIT
// The input is the file. If its first byte is odd, what no fuzzer can guess (magic, layout, boot) is put right first.
#include "fuzz/fuzzed_segment.hpp"
#include "seats/layout.hpp"

#include <cstring>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static fuzz::file file;
    std::vector<std::uint8_t> bytes(data, data + size);
    if (size >= sizeof(process_shared::seats::header) && data[0] % 2 == 1) {
        const auto& sound = fuzz::sound_segment();
        const auto put_right = [&](std::size_t offset, std::size_t count) {
            std::memcpy(bytes.data() + offset, sound.data() + offset, count);
        };
        put_right(offsetof(process_shared::seats::header, magic), 24);  // magic, layout, byte order, features
        put_right(offsetof(process_shared::seats::header, boot), 16);
    }
    file.write(bytes);
    fuzz::look(file.descriptor());
    return 0;
}
