// SPDX-License-Identifier: MIT
// The programs of `pshared demo`. Each says what happens, line by line, and returns whether all was as promised.
#pragma once

#include "text.hpp"

#include <string_view>

namespace pshared {

bool demo_counter();
bool demo_objects();
bool demo_crash();

/// One line of the story, printed at once.
void say(std::string_view line, tone how = tone::plain);
void title(std::string_view name, std::string_view subject);

}  // namespace pshared
