# frozen_string_literal: true

module ProcessShared
  # Wrong use: a lock that is locked twice, or unlocked by somebody else, a post above the bound, a segment that is none.
  # Ruby's own locks raise its superclass, ThreadError, for such things.
  class ProcessError < ThreadError
  end

  # Use after `close`, or before `initialize`.
  class ClosedError < ProcessError
  end

  # The last owner of a lock died while it held it, and nobody has repaired what it guards. The lock is not held.
  class OwnerDied < ProcessError
    # @!attribute [r] pid
    #   @return [Integer, nil] the process of the dead one, as its own PID namespace knows it; nil: no longer known
    # @!attribute [r] thread_id
    #   @return [Integer, nil] its native thread; nil: no longer known
    # @!attribute [r] thread_name
    #   @return [String, nil] that thread's name, as the system knows it
  end

  # A member of a barrier died.
  class MemberDied < ProcessError
    # @!attribute [r] pid
    #   @return [Integer, nil] the process of the dead one, as its own PID namespace knows it; nil: no longer known
    # @!attribute [r] thread_id
    #   @return [Integer, nil] its native thread; nil: no longer known
    # @!attribute [r] thread_name
    #   @return [String, nil] that thread's name, as the system knows it
  end
end
