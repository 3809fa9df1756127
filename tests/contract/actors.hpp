// SPDX-License-Identifier: MIT
// Who plays a part in a test of locks: a thread, a forked process, or an unrelated process; and where the segment is.
#pragma once

#include "contract/stage.hpp"
#include "support/child.hpp"
#include "support/names.hpp"

#include <process_shared/segment.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

namespace contract {

using process_shared::segment;
using process_shared::segment_options;

enum class home_kind { anonymous, named };
enum class actor_kind { thread, forked, unrelated };

/// A segment that others get by its descriptor (anonymous) or open by its name.
class home {
public:
    explicit home(home_kind kind, const segment_options& how = {});

    segment& memory() noexcept { return memory_; }
    /// Another mapping of it in this process.
    [[nodiscard]] segment again() const;
    /// What a process that is started by exec needs to know to find it. The descriptor must be open there.
    [[nodiscard]] std::string word(int descriptor) const;
    static segment found(const std::string& word);

private:
    home_kind kind_;
    support::segment_name name_;
    segment memory_;
};

/// A thread or process that plays a part. Its destructor ends it.
class performer {
public:
    virtual ~performer() = default;
    /// Ends it with whatever it holds: SIGKILL for a process, for a thread the end of its part.
    virtual void die() = 0;
    /// Waits until it has ended by itself, with nothing to complain about.
    [[nodiscard]] virtual testing::AssertionResult finished() = 0;
    /// As owner_died would name it.
    [[nodiscard]] virtual std::uint32_t process() const = 0;
    virtual void signal(int number) = 0;
};

/// Starts a part of the program's play(). Each actor has a mapping of its own, but for threads under ThreadSanitizer,
/// which knows words by their address. `mine` is where the actor with this index is told to leave.
std::unique_ptr<performer> start(actor_kind kind, home& at, actor_state& mine, const std::string& part, unsigned index);

}  // namespace contract
