// SPDX-License-Identifier: MIT
#include <process_shared/deadline.hpp>

namespace process_shared::detail {

thread_local constinit bool was_interrupted = false;

}  // namespace process_shared::detail
