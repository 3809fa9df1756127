# frozen_string_literal: true

module ProcessShared
  # Makes an object a monitor between processes, as the standard library's MonitorMixin does between threads: `include`
  # it in a class (whose initialize calls super), or `extend` an object with it.
  #
  # The object itself is copied by fork, as everything is: only its monitor is shared.
  module MonitorMixin
    # A condition of one monitor.
    class ConditionVariable
      # @param monitor [Monitor]
      def initialize(monitor)
        @monitor = monitor
        @condition = ProcessShared::ConditionVariable.new
      end

      # @param timeout [Numeric, nil] seconds; nil: for ever
      # @return [Boolean] true if it was signalled, false if the time passed first
      # @raise [ProcessError] if the caller does not hold the monitor
      def wait(timeout = nil)
        @monitor.mon_check_owner
        @monitor.wait_for_cond(@condition, timeout)
      end

      # Waits as long as the block says true.
      def wait_while
        wait while yield
      end

      # Waits until the block says true.
      def wait_until
        wait until yield
      end

      # Wakes one waiter.
      # @raise [ProcessError] if the caller does not hold the monitor
      def signal
        @monitor.mon_check_owner
        @condition.signal
      end

      # Wakes all waiters.
      # @raise [ProcessError] if the caller does not hold the monitor
      def broadcast
        @monitor.mon_check_owner
        @condition.broadcast
      end
    end

    # Gives an object that is extended its monitor.
    def self.extend_object(object)
      super
      object.__send__(:mon_initialize)
    end

    # Locks it; its owner may do so again.
    # @return (see Monitor#lock)
    # @raise [OwnerDied] if the last owner died inside
    def mon_enter
      @mon_data.enter
    end

    # Unlocks it, once.
    # @raise [ProcessError] if the caller does not hold it
    def mon_exit
      @mon_data.exit
    end

    # @return [Boolean] whether it is held now; never waits
    def mon_try_enter
      @mon_data.try_enter
    end
    alias try_mon_enter mon_try_enter

    # @return [Boolean] whether anybody holds it who lives
    def mon_locked?
      @mon_data.mon_locked?
    end

    # @return [Boolean] whether the calling fiber holds it
    def mon_owned?
      @mon_data.mon_owned?
    end

    # Holds it for the time of the block.
    # @return what the block did
    def mon_synchronize(&block)
      @mon_data.synchronize(&block)
    end
    alias synchronize mon_synchronize

    # @return [MonitorMixin::ConditionVariable] a condition of this monitor
    def new_cond
      @mon_data.new_cond
    end

    private

    def initialize(...)
      super
      mon_initialize
    end

    # An object that is copied gets a monitor of its own.
    def mon_initialize
      return if defined?(@mon_data) && @mon_data && @mon_data_owner_object_id == object_id

      @mon_data = Monitor.new
      @mon_data_owner_object_id = object_id
    end
  end
end
