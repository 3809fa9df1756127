// SPDX-License-Identifier: MIT
#include "contract/company.hpp"

namespace contract {

void play(const std::string& name, process_shared::segment& own, unsigned index) {
    part_list::all().at(name)(own, index);
}

}  // namespace contract
