# frozen_string_literal: true

module ProcessShared
  # A count of permits; anyone may post. On death: the permits that a dead process took are gone (use OwnedSemaphore
  # where they must come back); whoever waits is not stuck for more than that.
  class Semaphore
    # The most permits there can be.
    MAX = 2**30
    TYPE = 'process_shared::counting_semaphore<1073741824>'
    private_constant :TYPE

    # @param value [Integer] permits at the start
    # @raise [Errno::EINVAL] for a negative value, or one above MAX
    def initialize(value = 1, **options)
      setup(integer(value), MAX, TYPE, options.empty? ? nil : options)
    end

    # @!method wait
    #   Takes a permit; waits for one without the GVL.
    #   @return [Integer] 0

    # @!method try_wait(timeout = nil)
    #   @param timeout [Numeric, nil] seconds; nil: does not wait
    #   @return [Integer] 0
    #   @raise [Errno::EAGAIN] if there is no permit, and timeout is nil
    #   @raise [Errno::ETIMEDOUT] if there was none within that time

    # @!method post
    #   Gives a permit.
    #   @return [Integer] 0
    #   @raise [Errno::EOVERFLOW] above MAX
    #   @raise [ProcessError] above max, if it is bounded

    # @!method value
    #   @return [Integer] permits at the moment

    # @!method max
    #   @return [Integer] the most permits there can be

    # @!method synchronize
    #   Has a permit for the time of the block.
    #   @yield
    #   @return what the block did

    # This semaphore with a mutex's methods, unchecked: who unlocks need not have locked.
    # @return [UncheckedMutex]
    def to_mtx
      UncheckedMutex.new(self)
    end

    private

    def integer(value)
      raise TypeError, "a number of permits is expected, not #{value.inspect}" unless value.is_a?(Numeric)

      value.to_int
    end
  end

  # A semaphore with a mutex's methods. It has no owner.
  class UncheckedMutex
    # @param semaphore [Semaphore]
    def initialize(semaphore)
      @semaphore = semaphore
    end

    # Takes a permit.
    # @return [self]
    def lock
      @semaphore.wait
      self
    end

    # Gives a permit.
    # @return [self]
    def unlock
      @semaphore.post
      self
    end

    # @return [Boolean] whether there was a permit
    def try_lock
      @semaphore.try_wait
      true
    rescue Errno::EAGAIN
      false
    end

    # Whether there is no permit at the moment.
    def locked?
      @semaphore.value.zero?
    end

    # Lets it go, sleeps, and locks again. Returns the seconds slept, rounded.
    def sleep(timeout = nil)
      unlock
      begin
        timeout ? Kernel.sleep(timeout) : Kernel.sleep
      ensure
        lock
      end
    end

    # Has a permit for the time of the block.
    # @return what the block did
    def synchronize(&block)
      @semaphore.synchronize(&block)
    end

    # Closes the semaphore.
    def close
      @semaphore.close
    end

    def closed?
      @semaphore.closed?
    end
  end
  # By its old name: SynchronizableSemaphore::FasterUncheckedMutex.
  SynchronizableSemaphore = Module.new
  SynchronizableSemaphore.const_set(:FasterUncheckedMutex, UncheckedMutex)

  # A semaphore whose `post` raises ProcessError when that would make more permits than `max`.
  class BoundedSemaphore < Semaphore
    # @raise [ArgumentError] for a max below 1 or above MAX, or a value that is not between 0 and max
    def initialize(value = 1, max = nil, **options)
      value = integer(value)
      max = max.nil? ? value : integer(max)
      raise ArgumentError, "max is 1 to #{MAX}, not #{max}" unless max.between?(1, MAX)
      raise ArgumentError, "the value is 0 to #{max}, not #{value}" unless value.between?(0, max)

      setup(value, max, "process_shared::counting_semaphore<#{max}>", options.empty? ? nil : options)
    end
  end

  # A semaphore of one permit, there or not.
  class BinarySemaphore < BoundedSemaphore
    # @raise [ArgumentError] for a value other than 0 and 1
    def initialize(value = 1, **options)
      super(value, 1, **options)
    end
  end

  # A semaphore whose permits belong to the Ruby thread that took them. On death: they come back, also with kill -9.
  class OwnedSemaphore
    # @param value [Integer] permits, 1 to 4096
    # @param max [Integer] as many as there is room for
    def initialize(value = 1, max = nil, **options)
      raise TypeError, "a number of permits is expected, not #{value.inspect}" unless value.is_a?(Numeric)

      setup(value.to_int, (max || value).to_int, options.empty? ? nil : options)
    end

    # @!method wait
    #   Takes a permit; waits for one without the GVL.
    #   @return [Integer] 0

    # @!method try_wait(timeout = nil)
    #   @param timeout [Numeric, nil] seconds; nil: does not wait
    #   @return [Integer] 0
    #   @raise [Errno::EAGAIN] if there is no permit, and timeout is nil
    #   @raise [Errno::ETIMEDOUT] if there was none within that time
    #   @raise [ProcessError] if the calling thread has all permits already

    # @!method post
    #   Gives back one that the calling thread has.
    #   @return [Integer] 0
    #   @raise [ProcessError] if it has none

    # @!method value
    #   @return [Integer] free permits at the moment

    # @!method held
    #   @return [Integer] permits that the calling thread has

    # @!method max
    #   @return [Integer] room for permits

    # @!method synchronize
    #   Has a permit for the time of the block.
    #   @yield
    #   @return what the block did
  end
end
