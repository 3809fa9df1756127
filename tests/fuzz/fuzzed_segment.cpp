// SPDX-License-Identifier: MIT
#include "fuzz/fuzzed_segment.hpp"

#include <process_shared/inspect.hpp>
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <system_error>
#include <thread>

namespace fuzz {
namespace {

using process_shared::mutex;
using process_shared::recursive_mutex;
using process_shared::segment;

struct account {
    mutex guard;
    recursive_mutex tree;
    std::array<std::uint64_t, 4> parts;
};
using text = std::array<char, 100>;

/// Errors are what damaged bytes should give. Anything else ends the program, and the fuzzer shows it.
template <class Operation>
void try_to(Operation&& operation) {
    try {
        operation();
    } catch (const std::system_error&) {}
}

/// Reads all of an object, as its user would.
template <class T>
void touch(T& object) {
    volatile unsigned char sum = 0;
    const auto* bytes = reinterpret_cast<const volatile unsigned char*>(&object);
    for (std::size_t i = 0; i < sizeof object; ++i) sum = static_cast<unsigned char>(sum + bytes[i]);
}

/// Never without a time limit: whoever holds it may be said to live.
template <class Lock>
void lock_once(Lock& lock) {
    try_to([&] {
        if (lock.try_lock()) lock.unlock();
    });
    try_to([&] {
        if (lock.try_lock([] {})) lock.unlock();
    });
    try_to([&] { lock.unlock(); });
}

void use_objects(segment& memory) {
    try_to([&] { touch(memory.find<account>("account")); });
    try_to([&] { touch(memory.find<text>("text")); });
    try_to([&] { touch(memory.find<int>("text")); });
    try_to([&] {
        auto& found = memory.find<account>("account");
        lock_once(found.guard);
        lock_once(found.tree);
    });
    try_to([&] { touch(memory.construct<account>("another")); });
    try_to([&] { touch(memory.find_or_construct<text>("text")); });
    try_to([&] { memory.destroy<text>("text"); });
    try_to([&] { memory.destroy<account>("account"); });
    try_to([&] { touch(memory.construct<int>("one more")); });
}

void use_blocks(segment& memory) {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, std::size_t{1000}})
        try_to([&] {
            auto* block = static_cast<unsigned char*>(memory.allocate(bytes, 64));
            for (std::size_t i = 0; i < bytes; ++i) block[i] = 0xee;
            // What is not there to be given back (an exception each, so not many), and what is.
            for (std::uint64_t before = 16; before < 512; before += 112)
                try_to([&] { memory.deallocate(memory.at(memory.offset_of(block) - before)); });
            if (bytes != 100) memory.deallocate(block);
        });
}

}  // namespace

const std::vector<std::uint8_t>& sound_segment() {
    static const std::vector<std::uint8_t> bytes = [] {
        process_shared::segment_options small;
        small.seats = 3;
        small.names = 4;
        segment memory = segment::anonymous(1500, small);
        // By a thread that ends: nobody in it lives.
        std::thread([&] {
            memory.construct<account>("account").guard.lock();
            void* hole = memory.allocate(200);
            memory.construct<text>("text");
            memory.deallocate(hole);
        }).join();
        std::thread([&] { try_to([&] { memory.find<account>("account").guard.lock(); }); }).join();
        struct stat status{};
        fstat(memory.fd(), &status);
        std::vector<std::uint8_t> all(static_cast<std::size_t>(status.st_size));
        if (pread(memory.fd(), all.data(), all.size(), 0) != status.st_size) std::abort();
        return all;
    }();
    return bytes;
}

file::file() : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (descriptor_ < 0) std::abort();
}

file::~file() { close(descriptor_); }

void file::write(std::span<const std::uint8_t> bytes) {
    if (ftruncate(descriptor_, static_cast<off_t>(bytes.size())) != 0) std::abort();
    if (pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
}

void look(int descriptor) {
    try_to([&] {
        const segment memory = segment::from_fd(descriptor);
        const auto seen = process_shared::inspect::look(memory);
        if (seen.participants.size() > seen.seats || seen.objects.size() > seen.names) std::abort();
        for (const auto& object : seen.objects) try_to([&] { (void)memory.at(object.offset, object.size); });
    });
}

void use(int descriptor) {
    std::thread([&] {
        try_to([&] {
            segment memory = segment::from_fd(descriptor);
            try_to([&] { (void)memory.size(); });
            try_to([&] { (void)memory.free_bytes(); });
            use_objects(memory);
            use_blocks(memory);
            try_to([&] { process_shared::inspect::look(memory); });
        });
    }).join();
}

}  // namespace fuzz
