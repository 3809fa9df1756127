# frozen_string_literal: true

module ProcessShared
  # A mutex between processes; within one, between its threads and fibers, as Ruby's own.
  #
  # On death: when the process that holds it is killed, or its thread ends, what it guards may be half-written. So the
  # next `lock` or `synchronize` raises OwnerDied, which says who it was, and does not hold the mutex; and so on, for
  # everybody, until it is told what to do:
  #
  #   mutex.synchronize(recover: ->(death) { repair }) { … }   # runs under the lock; then the mutex is sound again
  #   mutex.synchronize(recover: true) { … }                   # the data is fine as it is
  #   ProcessShared::Mutex.new(recover: true)                  # always
  #
  # A recovery that raises leaves it abandoned, and the next one is told.
  class Mutex
    # @!method initialize(recover: nil, name: nil, segment: nil, mode: 0600)
    #   @param recover [#call, true, nil] what to do when the owner died; nil: raise OwnerDied
    #   @param name [String, nil] `'/segment'` or `'/segment/object'`; with `segment:`, the object's name in it
    #   @param segment [Segment, nil] where the object lies
    #   @param mode [Integer] permissions, if the segment is made

    # @!method lock(recover: nil)
    #   Waits for it, without the GVL.
    #   @param recover [#call, true, nil] for this time; nil: as `new` was told
    #   @return [self] (a Monitor that was held already: Integer, the depth)
    #   @raise [OwnerDied] if the last owner died inside, and there is no `recover`; it is not held then
    #   @raise [ProcessError] if the calling fiber, or another one of this thread, holds it

    # @!method try_lock(recover: nil)
    #   @return [Boolean] whether it is held now; never waits
    #   @raise [OwnerDied] as lock

    # @!method lock_for(timeout, recover: nil)
    #   @param timeout [Numeric, nil] seconds; nil: for ever
    #   @return [Boolean] whether it is held now
    #   @raise [OwnerDied] as lock

    # @!method unlock
    #   @return [self] (a Monitor that is still held: Integer, the depth that is left)
    #   @raise [ProcessError] if the calling fiber does not hold it

    # @!method synchronize(recover: nil)
    #   Holds it for the time of the block.
    #   @yield
    #   @return what the block did
    #   @raise [OwnerDied] as lock; the block is not called then
    #   @raise [ProcessError] as lock; and at the end, if the block let go of it

    # @!method locked?
    #   @return [Boolean] whether anybody holds it who lives

    # @!method owned?
    #   @return [Boolean] whether the calling fiber holds it

    # @!method sleep(timeout = nil)
    #   Lets go of it, sleeps, and locks it again.
    #   @param timeout [Numeric, nil] seconds; nil: until the thread is woken
    #   @return [Integer] seconds slept, rounded
    #   @raise [ProcessError] if the calling fiber does not hold it
  end

  # A lock for many readers or one writer. Readers do not slow each other down. On death: a reader's hold is gone with
  # it; a writer's death is told to readers, too, as Mutex does.
  class SharedMutex
    # @!method initialize(recover: nil, name: nil, segment: nil, mode: 0600)
    #   @param (see Mutex#initialize)

    # @!method lock(recover: nil)
    #   For writing: alone.
    #   @return [self]
    #   @raise (see Mutex#lock)

    # @!method try_lock(recover: nil)
    #   For writing.
    #   @return [Boolean] whether it is held now; never waits
    #   @raise [OwnerDied] as lock

    # @!method lock_for(timeout, recover: nil)
    #   For writing.
    #   @param timeout [Numeric, nil] seconds; nil: for ever
    #   @return [Boolean] whether it is held now
    #   @raise [OwnerDied] as lock

    # @!method unlock
    #   Ends writing.
    #   @return [self]
    #   @raise [ProcessError] if the calling fiber does not hold it for writing

    # @!method synchronize(recover: nil)
    #   Holds it for writing for the time of the block.
    #   @yield
    #   @return what the block did
    #   @raise (see Mutex#synchronize)

    # @!method locked?
    #   @return [Boolean] whether a writer holds it who lives

    # @!method owned?
    #   @return [Boolean] whether the calling fiber holds it for writing

    # @!method lock_shared
    #   For reading: with any number of other readers. A reader that finds a writer dead inside is told, as a writer is.
    #   @return [self]
    #   @raise [OwnerDied] if the last writer died inside, and `new` was given no `recover`
    #   @raise [ProcessError] if the calling fiber holds it for writing

    # @!method try_lock_shared
    #   For reading.
    #   @return [Boolean] whether it is held now; never waits
    #   @raise [OwnerDied] as lock_shared

    # @!method lock_shared_for(timeout)
    #   For reading.
    #   @param timeout [Numeric, nil] seconds; nil: for ever
    #   @return [Boolean] whether it is held now
    #   @raise [OwnerDied] as lock_shared

    # @!method unlock_shared
    #   Ends reading.
    #   @return [self]
    #   @raise [ProcessError] if the calling thread does not read

    # @!method synchronize_shared
    #   Holds it for reading for the time of the block.
    #   @yield
    #   @return what the block did
    #   @raise (see #lock_shared)
  end

  # Waiting for what a lock guards. On death: a waiter that dies owes nothing, and a signal is not lost with it.
  class ConditionVariable
    # @!method initialize(name: nil, segment: nil, mode: 0600)
    #   @param name [String, nil] `'/segment'` or `'/segment/object'`; with `segment:`, the object's name in it
    #   @param segment [Segment, nil] where the object lies
    #   @param mode [Integer] permissions, if the segment is made

    # @!method wait(mutex, timeout = nil)
    #   Lets go of the mutex, sleeps until it is told, and locks the mutex again. A waiter may be told without a signal:
    #   look at the condition again.
    #   @param mutex [#lock, #unlock] one of this library's, at any depth, or Ruby's own; held by the caller
    #   @param timeout [Numeric, nil] seconds; nil: for ever
    #   @return [self, nil] nil if the time passed first
    #   @raise [ProcessError] if the mutex is one of this library's, and the calling fiber does not hold it
    #   @raise [OwnerDied] if another one died while it held the mutex meanwhile; it is not held then

    # @!method signal
    #   Wakes one waiter, if there is one. No lock is needed.
    #   @return [self]

    # @!method broadcast
    #   Wakes all waiters. No lock is needed.
    #   @return [self]
  end
end
