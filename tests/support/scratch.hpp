// SPDX-License-Identifier: MIT
// A struct that a test and the children it forks from now on share: flags, counters, times.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <type_traits>

namespace support {

/// Outside any segment, and independent of what is tested. T starts value-initialized.
///     struct flags { std::atomic<int> holding; };
///     support::scratch<flags> seen;
///     support::child holder([&] { …; seen->holding = 1; });
/// Forking copies the handle, not the memory; each process unmaps its own view.
template <class T>
class scratch {
    static_assert(std::is_trivially_destructible_v<T>, "nobody knows who would be the last to destroy it");

public:
    scratch() {
        void* memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap of a scratch");
        shared_ = ::new (memory) T();
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() { munmap(shared_, sizeof(T)); }

    T* operator->() const noexcept { return shared_; }
    T& operator*() const noexcept { return *shared_; }
    T* get() const noexcept { return shared_; }

private:
    T* shared_;
};

}  // namespace support
