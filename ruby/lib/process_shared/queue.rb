# frozen_string_literal: true

module ProcessShared
  # Ruby's Queue between processes: objects by Marshal, through a ring in shared memory.
  #
  # Differs from Ruby's: the ring has a size (`bytes:`), and push waits while it is full. `close` means what it means
  # there, to all processes: nothing more is pushed. `release` ends this process's use.
  #
  # On death: an object that a killed process was pushing is there, whole, or not; one that it had taken is gone with it.
  # Nobody is stuck.
  class Queue
    extend OpenWithSelf
    include OnlyOne

    # Bytes in the ring if nothing else is said. Memory is used as it fills.
    BYTES = 64 * 1024 * 1024

    # @param items [#to_a] what is in it at the start
    # @param bytes [Integer] size of the ring: 8 for each object, and its own as Marshal writes it, rounded up to 8
    # @param options name:, segment:, mode:, as Mutex#initialize
    def initialize(items = nil, bytes: BYTES, **options)
      setup(bytes, nil, options)
      unless items.nil?
        raise TypeError, "can't convert #{items.class} into Array" unless items.respond_to?(:to_a)

        items.to_a.each { |item| push(item) }
      end
    end

    # With a block as Ruby's `open`s: releases it at its end.
    def self.open(*arguments, **options)
      made = new(*arguments, **options)
      return made unless block_given?

      begin
        yield made
      ensure
        made.release
      end
    end

    # @param timeout [Numeric, nil] seconds; nil: for ever
    # @return [self, nil] nil if there was no room within that time
    # @raise [ClosedQueueError] if it is closed, [TypeError] for what cannot be marshalled, [IndexError] if it is larger
    #   than the ring
    def push(object, timeout: nil)
      @native.send(Codec.fetch(:marshal).dump(object), timeout) ? self : nil
    end
    alias << push
    alias enq push

    # The oldest object; nil if it is closed and empty, or nothing came within `timeout` seconds.
    # @param non_block [Boolean] not to wait
    # @param timeout [Numeric, nil] seconds; nil: for ever
    # @raise [ThreadError] if it is empty, and non_block is true
    def pop(non_block = false, timeout: nil)
      raise ArgumentError, "can't set a timeout if non_block is enabled" if non_block && timeout

      bytes = @native.receive(non_block ? false : timeout)
      raise ThreadError, 'queue empty' if non_block && !bytes

      bytes ? Marshal.load(bytes) : nil
    end
    alias shift pop
    alias deq pop

    # Nothing more is pushed, by any process; what is in it can still be popped.
    # @return [self]
    def close
      @native.close
      self
    end

    # @return [Boolean] whether any process has closed it
    def closed?
      @native.closed?
    end

    # @return [Integer] objects at the moment
    def size
      @native.size
    end
    alias length size

    # @return [Boolean]
    def empty?
      size.zero?
    end

    # Takes all objects out, unread.
    # @return [self]
    def clear
      @native.clear
      self
    end

    # How many wait in pop, in all processes.
    # @return [Integer]
    def num_waiting
      @native.waiting.first
    end

    # Ends this process's use of it; other processes keep it. Again is fine.
    # @return [nil]
    def release
      @native.release
    end

    # @return [Boolean] whether this process has called release
    def released?
      @native.released?
    end

    private

    def setup(bytes, messages, options)
      @native = Native::Channel.new(Whole.of(bytes), messages, options.empty? ? nil : options)
    end
  end

  # Ruby's SizedQueue between processes: a Queue of at most `max` objects.
  class SizedQueue < Queue
    # @param max [Integer] how many objects
    def initialize(max, bytes: BYTES, **options)
      setup(bytes, checked(max), options)
    end

    # @return [Integer] how many objects it holds at most
    def max
      @native.max
    end

    # For all processes.
    # @raise [ArgumentError] unless it is positive
    def max=(number)
      @native.max = checked(number)
    end

    # Waits while there are `max` objects.
    # @param non_block [Boolean] not to wait
    # @param timeout [Numeric, nil] seconds; nil: for ever
    # @return [self, nil] nil if there was no room within that time
    # @raise [ThreadError] if it is full, and non_block is true
    # @raise (see Queue#push)
    def push(object, non_block = false, timeout: nil)
      raise ArgumentError, "can't set a timeout if non_block is enabled" if non_block && timeout

      sent = @native.send(Codec.fetch(:marshal).dump(object), non_block ? false : timeout)
      raise ThreadError, 'queue full' if non_block && !sent

      sent ? self : nil
    end
    alias << push
    alias enq push

    # How many wait in pop or push, in all processes.
    # @return [Integer]
    def num_waiting
      @native.waiting.sum
    end

    private

    def checked(max)
      max = Whole.of(max)
      raise ArgumentError, 'queue size must be positive' unless max.positive?

      max
    end
  end
end
