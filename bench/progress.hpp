// SPDX-License-Identifier: MIT
// One line on standard error that says what is being measured.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

class progress {
public:
    explicit progress(int experiments);

    void next_experiment() { ++current_; }
    void show(const std::string& what, const std::string& leg, int round, int rounds);
    void clear();

private:
    int experiments_;
    int current_ = 0;
    bool terminal_;
    std::int64_t started_;
    std::string last_;
};

}  // namespace bench
