# frozen_string_literal: true

module ProcessShared
  # Where a number of threads of any processes wait for each other. `wait` joins by itself. On death: when a member's
  # process dies, all who wait and all who come get MemberDied, until `reset`. A thread that ends leaves: one less is
  # expected then.
  class Barrier
  end

  # Something that has happened, or not yet. With `auto_reset: true` each `set` lets one waiter pass. On death: nothing to
  # recover.
  class Event
  end
end
