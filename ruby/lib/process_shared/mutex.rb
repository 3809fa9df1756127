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
  end

  # A lock for many readers or one writer. Readers do not slow each other down. On death: a reader's hold is gone with
  # it; a writer's death is told to readers, too, as Mutex does.
  class SharedMutex
  end

  # Waiting for what a lock guards. On death: a waiter that dies owes nothing, and a signal is not lost with it.
  class ConditionVariable
  end
end
