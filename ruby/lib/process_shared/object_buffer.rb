# frozen_string_literal: true

module ProcessShared
  # The newest object of many: whoever reads gets a whole one, however many write meanwhile and whoever is killed. No
  # lock is needed. On death: a killed writer leaves the old object.
  #
  # Marshal loads what was written with it, whatever that is: see SharedMemory. With `format: :msgpack` C++ reads and
  # writes the same objects (process_shared::object_buffer).
  class ObjectBuffer
    extend OpenWithSelf
    include OnlyOne

    # @param capacity [Integer] bytes of the largest object, marshalled
    # @param options name:, segment:, mode:, as Mutex#initialize
    def initialize(capacity, **options)
      capacity = Whole.of(capacity)
      raise Errno::EINVAL, "#{capacity} bytes for an object" unless capacity.positive?

      @native = Native::Buffer.new(capacity, options.empty? ? nil : options)
    end

    # @return [Integer] bytes of the largest object, marshalled
    def capacity
      @native.capacity
    end

    # @param format [Symbol] :marshal, :msgpack, or :bytes for a String as it is
    # @return [self]
    # @raise [IndexError] if it is too large; the old one stays then
    # @raise [TypeError] for what cannot be written in that format
    def write(object, format: :marshal)
      codec = Codec.fetch(format)
      @native.store(codec::NUMBER, codec.dump(object))
      self
    end
    alias store write

    # The newest object; nil if none was written.
    # @param format [Symbol] that in which it was written
    # @raise [TypeError] if it was written in another format
    def read(format: :marshal)
      codec = Codec.fetch(format)
      bytes = @native.load(codec::NUMBER)
      bytes && codec.load(bytes)
    end
    alias load read

    # Ends this process's use of it; again is fine.
    # @return [nil]
    def close
      @native.release
    end

    # @return [Boolean]
    def closed?
      @native.released?
    end
  end
end
