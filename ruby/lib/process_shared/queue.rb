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

    # Memory is used as the ring fills.
    BYTES = 64 * 1024 * 1024

    # @param items [#to_a] what is in it at the start
    def initialize(items = nil, bytes: BYTES, **options)
      setup(bytes, nil, options)
      unless items.nil?
        raise TypeError, "can't convert #{items.class} into Array" unless items.respond_to?(:to_a)

        items.to_a.each { |item| push(item) }
      end
    end

    # With a block as Ruby's `open`s: releases it at its end.
    def self.open(...)
      made = new(...)
      return made unless block_given?

      begin
        yield made
      ensure
        made.release
      end
    end

    # @return self; nil if there was no room within `timeout` seconds
    # @raise [ClosedQueueError] if it is closed, [TypeError] for what cannot be marshalled, [IndexError] if it is larger
    #   than the ring
    def push(object, timeout: nil)
      @native.send(Codec.fetch(:marshal).dump(object), timeout) ? self : nil
    end
    alias << push
    alias enq push

    # The oldest object; nil if it is closed and empty, or nothing came within `timeout` seconds.
    # @raise [ThreadError] if it is empty, and non_block is true
    def pop(non_block = false, timeout: nil)
      raise ArgumentError, "can't set a timeout if non_block is enabled" if non_block && timeout

      bytes = @native.receive(non_block ? false : timeout)
      raise ThreadError, 'queue empty' if non_block && !bytes

      bytes ? Marshal.load(bytes) : nil
    end
    alias shift pop
    alias deq pop

    def close
      @native.close
      self
    end

    def closed?
      @native.closed?
    end

    def size
      @native.size
    end
    alias length size

    def empty?
      size.zero?
    end

    def clear
      @native.clear
      self
    end

    # How many wait in pop, in all processes.
    def num_waiting
      @native.waiting.first
    end

    # Ends this process's use of it; other processes keep it.
    def release
      @native.release
    end

    def released?
      @native.released?
    end

    def initialize_copy(_other)
      raise TypeError, "#{self.class} cannot be copied: make another one, or open it by its name"
    end

    def marshal_dump
      raise TypeError, "#{self.class} cannot be marshalled: inherit it by fork, or open it by its name"
    end

    private

    def setup(bytes, messages, options)
      @native = Native::Channel.new(Integer(bytes), messages, options.empty? ? nil : options)
    end
  end

  # Ruby's SizedQueue between processes: a Queue of at most `max` objects.
  class SizedQueue < Queue
    # @param max [Integer] how many objects
    def initialize(max, bytes: BYTES, **options)
      setup(bytes, checked(max), options)
    end

    def max
      @native.max
    end

    def max=(number)
      @native.max = checked(number)
    end

    # @raise [ThreadError] if it is full, and non_block is true
    def push(object, non_block = false, timeout: nil)
      raise ArgumentError, "can't set a timeout if non_block is enabled" if non_block && timeout

      sent = @native.send(Codec.fetch(:marshal).dump(object), non_block ? false : timeout)
      raise ThreadError, 'queue full' if non_block && !sent

      sent ? self : nil
    end
    alias << push
    alias enq push

    # How many wait in pop or push, in all processes.
    def num_waiting
      @native.waiting.sum
    end

    private

    def checked(max)
      max = Integer(max)
      raise ArgumentError, 'queue size must be positive' unless max.positive?

      max
    end
  end
end
