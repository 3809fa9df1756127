# frozen_string_literal: true

module ProcessShared
  # Where a number of threads of any processes wait for each other. `wait` joins by itself. On death: when a member's
  # process dies, all who wait and all who come get MemberDied, until `reset`. A thread that ends leaves: one less is
  # expected then.
  class Barrier
    # @!method initialize(parties, name: nil, segment: nil, mode: 0600)
    #   @param parties [Integer] how many are waited for, 1 to 65 000
    #   @param name [String, nil] `'/segment'` or `'/segment/object'`; with `segment:`, the object's name in it
    #   @param segment [Segment, nil] where the object lies
    #   @param mode [Integer] permissions, if the segment is made

    # @!method wait(timeout = nil)
    #   Arrives, and waits for the others. After a timeout the arrival stands, and the next wait goes on with the same turn.
    #   @param timeout [Numeric, nil] seconds; nil: for ever
    #   @return [Boolean] false if the time passed first
    #   @raise [MemberDied] if a member has died, until reset
    #   @raise [ProcessError] if all parties are there already

    # @!method join
    #   Becomes a member, as the first wait does: from now on its death is noticed.
    #   @return [self]

    # @!method leave
    #   Arrives, and is no member any more: one party less is expected from then on.
    #   @return [self]

    # @!method parties
    #   @return [Integer] how many are waited for

    # @!method broken?
    #   @return [Boolean] whether a member died, and nobody has called reset

    # @!method reset(parties = nil)
    #   Makes a broken barrier sound again. A sound one stays as it is.
    #   @param parties [Integer, nil] how many are waited for from now on (at most as many as there is room for: 64, or as
    #     many as it was made for); nil: as many as before
    #   @return [self]
    #   @raise [ProcessError] if another number is given, and it is not broken
  end

  # Something that has happened, or not yet. With `auto_reset: true` each `set` lets one waiter pass. On death: nothing to
  # recover.
  class Event
    # @!method initialize(set = false, auto_reset: false, name: nil, segment: nil, mode: 0600)
    #   @param set [Boolean] whether it has happened at the start
    #   @param auto_reset [Boolean] whether each `set` lets one waiter pass only
    #   @param name [String, nil] `'/segment'` or `'/segment/object'`; with `segment:`, the object's name in it
    #   @param segment [Segment, nil] where the object lies
    #   @param mode [Integer] permissions, if the segment is made

    # @!method set
    #   @return [self]

    # @!method reset
    #   @return [self]

    # @!method set?
    #   @return [Boolean]

    # @!method wait(timeout = nil)
    #   Until it is set.
    #   @param timeout [Numeric, nil] seconds; nil: for ever
    #   @return [Boolean] false if the time passed first
  end
end
