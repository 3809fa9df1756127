# frozen_string_literal: true

require 'process_shared' unless defined?(ProcessShared::SharedMemory)

module ProcessShared
  # A fixed number of numbers in shared memory. `length` counts elements; `size` bytes, as SharedMemory does. Single
  # elements are read and written whole on this machine; guard more than one with a Mutex.
  class SharedArray < SharedMemory
    include Enumerable
    include Native::ArrayAccess

    # In the extension's order.
    NATIVE = %i[int8 uint8 int16 uint16 int32 uint32 int64 uint64 float double pointer].each_with_index.to_h.freeze
    # As C++ calls them.
    CPP = ['signed char', 'unsigned char', 'short', 'unsigned short', 'int', 'unsigned int', 'long', 'unsigned long',
           'float', 'double', 'unsigned long'].freeze
    private_constant :NATIVE, :CPP

    # @param type_or_count [Symbol, Integer] a number type of FFI, or a number of bytes
    # @param count [Integer] how many of that type
    # @param options name:, segment:, mode:, as Mutex#initialize
    # @raise [ArgumentError] for :bool, :string and :void, [TypeError] for an unknown type, [Errno::EINVAL] for no elements
    def initialize(type_or_count = 1, count = 1, **options)
      super
    end

    # How many elements.
    # @return [Integer]
    def length
      @native.length
    end

    # @!method [](index, count = nil)
    #   One element (negative: from the end), or an Array of them by start and length, or by a range.
    #   @raise [IndexError] outside

    # @!method []=(index, value)
    #   @raise [IndexError] outside, [RangeError] for an integer that the type cannot hold

    # @!method each
    #   @return [self] without a block: an Enumerator

    # @return [self] without a block: an Enumerator
    def reverse_each
      return enum_for(:reverse_each) { length } unless block_given?

      (length - 1).downto(0) { |index| yield self[index] }
      self
    end

    # Sets all elements.
    # @return [self]
    def fill(value)
      @native.fill(value)
      self
    end

    # @return [Array] a copy of the elements
    def to_a
      slice_of(0, length)
    end
    alias entries to_a

    # Enumerable's: elements, not FFI's reading.
    def count(*arguments, &block)
      arguments.empty? && !block ? length : super
    end

    # The first element, or an Array of the first ones.
    def first(number = nil)
      number ? slice_of(0, [number, length].min) : self[0]
    end

    # The last element, or an Array of the last ones.
    def last(number = nil)
      number ? slice_of([length - number, 0].max, [number, length].min) : self[-1]
    end

    private

    def allocate(bytes, options)
      kind = native_type
      Native::Memory.new(bytes, options, kind, CPP[kind])
    end

    def shape(type_or_count, count)
      case FFI.find_type(type_or_count)
      when FFI::Type::BOOL, FFI::Type::STRING, FFI::Type::VOID
        raise ArgumentError, "elements are numbers or pointers, not #{type_or_count.inspect}"
      end if type_or_count.is_a?(Symbol)
      super
    end

    def native_type
      return NATIVE[:uint8] if @type == :uchar
      return NATIVE[:pointer] if @type == :pointer

      builtin = FFI.find_type(@type)
      return NATIVE[:float] if builtin == FFI::Type::FLOAT32
      return NATIVE[:double] if builtin == FFI::Type::FLOAT64

      signed = [FFI::Type::INT8, FFI::Type::INT16, FFI::Type::INT32, FFI::Type::INT64, FFI::Type::LONG]
      unsigned = [FFI::Type::UINT8, FFI::Type::UINT16, FFI::Type::UINT32, FFI::Type::UINT64, FFI::Type::ULONG]
      sign = signed.include?(builtin) ? '' : ('u' if unsigned.include?(builtin))
      raise ArgumentError, "elements are numbers or pointers, not #{@type.inspect}" unless sign

      NATIVE.fetch(:"#{sign}int#{8 * @type_size}")
    end

    def slice_of(index, count)
      if index.is_a?(Range)
        start, count = range_bounds(index)
      else
        start = Whole.of(index)
        start += length if start.negative?
        count = Whole.of(count)
      end
      raise IndexError, "#{count} elements from #{start} of #{length}" unless start.between?(0, length) && count >= 0

      count = [count, length - start].min
      @native.slice(start, count)
    end

    def range_bounds(range)
      start = range.begin || 0
      start += length if start.negative?
      last = range.end || length
      last += length if last.negative?
      last += 1 if range.end && !range.exclude_end?
      [start, [last - start, 0].max]
    end
  end
end
