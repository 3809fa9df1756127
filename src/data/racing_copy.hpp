// SPDX-License-Identifier: MIT
// Copies between private memory and shared memory that another process may be reading or writing at the same time.
// What a reader copies while a writer writes is a mix: the protocol around it finds out, and throws it away.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace process_shared::detail {

using shared_word = std::atomic<std::uint64_t>;
inline constexpr std::size_t word_size = sizeof(shared_word);

/// Up to here by words: relaxed atomic loads and stores, which may race by the rules of the language. Beyond, by
/// memcpy, which is twice as fast, and of which the language says nothing when it races; the call is opaque to the
/// compiler, and each byte is still read from or written to memory between the fences around it. The thread sanitizer
/// sees through the call, so with it everything goes by words.
#if defined(__SANITIZE_THREAD__)
inline constexpr std::size_t longest_by_words = SIZE_MAX;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr std::size_t longest_by_words = SIZE_MAX;
#else
inline constexpr std::size_t longest_by_words = 64;
#endif
#else
inline constexpr std::size_t longest_by_words = 64;
#endif

/// The shared side is aligned to a word, and may be touched up to the next whole word.
inline void copy_out(std::byte* shared, const std::byte* source, std::size_t size) noexcept {
    if (size > longest_by_words) {
        std::memcpy(shared, source, size);
        return;
    }
    auto* words = reinterpret_cast<shared_word*>(shared);
    for (; size >= word_size; size -= word_size, source += word_size, ++words) {
        std::uint64_t word;
        std::memcpy(&word, source, word_size);
        words->store(word, std::memory_order_relaxed);  // relaxed: published by the caller
    }
    if (size == 0) return;
    std::uint64_t word = 0;
    std::memcpy(&word, source, size);
    words->store(word, std::memory_order_relaxed);  // relaxed: as above
}

inline void copy_in(std::byte* target, const std::byte* shared, std::size_t size) noexcept {
    if (size > longest_by_words) {
        std::memcpy(target, shared, size);
        return;
    }
    const auto* words = reinterpret_cast<const shared_word*>(shared);
    for (; size >= word_size; size -= word_size, target += word_size, ++words) {
        const std::uint64_t word = words->load(std::memory_order_relaxed);  // relaxed: the caller's fence follows
        std::memcpy(target, &word, word_size);
    }
    if (size == 0) return;
    const std::uint64_t word = words->load(std::memory_order_relaxed);  // relaxed: as above
    std::memcpy(target, &word, size);
}

}  // namespace process_shared::detail
