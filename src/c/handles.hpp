// SPDX-License-Identifier: MIT
// What the handles of the C interface point to.
#pragma once

#include <process_shared/process_shared.h>
#include <process_shared/segment.hpp>

struct pshared_segment {
    process_shared::segment own;
    process_shared::segment* used = &own;  // or the default segment of the process
};
