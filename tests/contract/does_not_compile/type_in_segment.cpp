// SPDX-License-Identifier: MIT
// Compiled by ctest with TYPE set to types that may, and may not, live in shared memory.
#include <process_shared/mutex.hpp>
#include <process_shared/recursive_mutex.hpp>
#include <process_shared/segment.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

struct with_virtual {
    virtual void speak() {}
};
struct with_destructor {
    ~with_destructor() {}
};
struct holds_string {
    int number;
    std::string text;
};
struct counter {
    process_shared::mutex guard;
    process_shared::recursive_mutex tree;
    std::atomic<int> value;
    std::array<double, 8> table;
};

int main() {
    auto memory = process_shared::segment::anonymous(4096);
#if defined(FIND)
    return &memory.find<TYPE>("name") == nullptr;
#else
    return &memory.construct<TYPE>("name") == nullptr;
#endif
}
