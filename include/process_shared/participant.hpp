// SPDX-License-Identifier: MIT
#pragma once

#include <process_shared/export.hpp>
#include <process_shared/segment.hpp>

#include <memory>

namespace process_shared {

/// A participant that is not a thread: for fibers, and for languages whose threads move between native ones.
///
///     process_shared::participant me(memory);             // one seat, kept by a thread of its own
///     void resume(fiber& f) {
///         process_shared::participant::scope as(me);      // until the end of this scope this thread is `me`
///         f.run();                                        // may lock here and unlock in a later resume, on any thread
///     }
///
/// Blocks: the constructor, until its keeper thread sits; the destructor, until that thread has ended.
/// Throws: what the first lock of a thread throws (no_lock_available, operation_not_supported).
/// Synchronizes with: nothing by itself: one thread at a time may be in a scope of one participant, and the caller
///     sees to it (a fiber scheduler and a global interpreter lock do).
/// On death: the participant dies with its process, or with its destructor. Locks that it holds are abandoned then.
///     A forked child does not inherit it: there a scope throws operation_not_permitted; make a new one.
/// Differs from std: there is no such thing; std::mutex belongs to a thread.
class PROCESS_SHARED_API participant {
public:
    explicit participant(const segment& in);
    /// In every segment that it comes to.
    participant();
    participant(participant&&) noexcept;
    participant& operator=(participant&&) noexcept;
    ~participant();

    class PROCESS_SHARED_API scope {
    public:
        explicit scope(const participant& who);
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;
        ~scope();

    private:
        struct previous;
        std::unique_ptr<previous> previous_;
    };

    /// The calling thread is this participant until it is another one, or itself again: for schedulers that cannot end a
    /// scope on the thread where it began. Throws as a scope.
    void act() const;
    static void act_as_self();

private:
    struct keeper;
    struct ender {
        void operator()(keeper* ended) const noexcept;
    };
    std::unique_ptr<keeper, ender> keeper_;
};

/// The calling thread has another name now: tells it to its seats, by which owner_died and inspect name it.
PROCESS_SHARED_API void thread_renamed() noexcept;

/// The calling thread gives up all it holds, as if it had died here: locks are abandoned (the next lock() is told), read
/// locks and the permits of owned semaphores are free. For runtimes whose threads end before the native ones that they
/// run on. A barrier is not told: the thread may go on. What lies in a segment that this process has closed stays held
/// until the thread ends.
PROCESS_SHARED_API void abandon_held() noexcept;

}  // namespace process_shared
