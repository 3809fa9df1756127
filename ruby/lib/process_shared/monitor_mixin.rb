# frozen_string_literal: true

module ProcessShared
  # Makes an object a monitor between processes, as the standard library's MonitorMixin does between threads: `include`
  # it in a class (whose initialize calls super), or `extend` an object with it.
  #
  # The object itself is copied by fork, as everything is: only its monitor is shared.
  module MonitorMixin
    # A condition of one monitor.
    class ConditionVariable
      def initialize(monitor)
        @monitor = monitor
        @condition = ProcessShared::ConditionVariable.new
      end

      # true if it was signalled, false if the time passed first
      def wait(timeout = nil)
        @monitor.mon_check_owner
        @monitor.wait_for_cond(@condition, timeout)
      end

      def wait_while
        wait while yield
      end

      def wait_until
        wait until yield
      end

      def signal
        @monitor.mon_check_owner
        @condition.signal
      end

      def broadcast
        @monitor.mon_check_owner
        @condition.broadcast
      end
    end

    def self.extend_object(object)
      super
      object.__send__(:mon_initialize)
    end

    def mon_enter
      @mon_data.enter
    end

    def mon_exit
      @mon_data.exit
    end

    def mon_try_enter
      @mon_data.try_enter
    end
    alias try_mon_enter mon_try_enter

    def mon_locked?
      @mon_data.mon_locked?
    end

    def mon_owned?
      @mon_data.mon_owned?
    end

    def mon_synchronize(&block)
      @mon_data.synchronize(&block)
    end
    alias synchronize mon_synchronize

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
