// SPDX-License-Identifier: MIT
// Named points of the protocols. In a release they are nothing; in the test library each tells a hook its name,
// so that a death test knows after which step it killed, and a switch can break one rule on purpose.
#pragma once

#if defined(PROCESS_SHARED_STEPS)
#include <atomic>
#include <string_view>
#endif

namespace process_shared::detail {

#if defined(PROCESS_SHARED_STEPS)
inline std::atomic<void (*)(const char*)> step_hook{nullptr};
inline std::atomic<const char*> broken_rule{""};

inline void step(const char* name) noexcept {
    if (auto* hook = step_hook.load(std::memory_order_relaxed)) hook(name);
}
/// True when a test has asked for this rule to be broken.
inline bool broken(std::string_view rule) noexcept { return rule == broken_rule.load(std::memory_order_relaxed); }
#else
constexpr void step(const char*) noexcept {}
constexpr bool broken(const char*) noexcept { return false; }
#endif

}  // namespace process_shared::detail
