# frozen_string_literal: true

module ProcessShared
  # A mutex that its owner may lock again. On death: as Mutex.
  class Monitor < Mutex
    # As deep as it goes: nested calls return the depth, the outermost one self.
    alias enter lock
    alias exit unlock
    alias try_enter try_lock
    alias mon_enter lock
    alias mon_exit unlock
    alias mon_try_enter try_lock
    alias try_mon_enter try_lock
    alias mon_synchronize synchronize
    alias mon_locked? locked?
    alias mon_owned? owned?

    # A condition that waits with this monitor.
    # @return [MonitorMixin::ConditionVariable]
    def new_cond
      MonitorMixin::ConditionVariable.new(self)
    end

    # As the standard library's: waits for a ConditionVariable with this monitor.
    # @return [Boolean] false if the time passed first
    def wait_for_cond(condition, timeout)
      !condition.wait(self, timeout).nil?
    end

    # @raise [ProcessError] unless the caller holds it
    def mon_check_owner
      raise ProcessError, 'current fiber does not hold the monitor' unless owned?
    end
  end
end
