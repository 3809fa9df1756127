# frozen_string_literal: true

require 'process_shared' unless defined?(ProcessShared::SharedMemory)

module ProcessShared
  # A fixed number of numbers in shared memory. `length` counts elements; `size` bytes, as SharedMemory does. Single
  # elements are read and written whole on this machine; guard more than one with a Mutex.
  class SharedArray < SharedMemory
    include Enumerable

    # In the extension's order.
    NATIVE = %i[int8 uint8 int16 uint16 int32 uint32 int64 uint64 float double].each_with_index.to_h.freeze
    private_constant :NATIVE

    # @param type_or_count [Symbol, Integer] a number type of FFI, or a number of bytes
    # @param count [Integer] how many of that type
    def initialize(type_or_count = 1, count = 1, **options)
      super
      @element = native_type
    end

    # How many elements.
    def length
      @native.size / @type_size
    end

    # One element (negative: from the end), or an Array of them by start and length, or by a range.
    # @raise [IndexError] outside
    def [](index, count = nil)
      return slice_of(index, count) if count || index.is_a?(Range)

      index = checked_index(index)
      @element ? @native.get(@element, index) : get_pointer(index * @type_size)
    end

    # @raise [IndexError] outside, [RangeError] for an integer that the type cannot hold
    def []=(index, value)
      index = checked_index(index)
      @element ? @native.put(@element, index, value) : put_pointer(index * @type_size, value)
    end

    def each
      return enum_for(:each) { length } unless block_given?

      if @element
        @native.each(@element, length) { |value| yield value }
      else
        length.times { |index| yield self[index] }
      end
      self
    end

    def reverse_each
      return enum_for(:reverse_each) { length } unless block_given?

      (length - 1).downto(0) { |index| yield self[index] }
      self
    end

    def fill(value)
      @element ? @native.fill(@element, value, length) : length.times { |index| self[index] = value }
      self
    end

    def to_a
      slice_of(0, length)
    end
    alias entries to_a

    # Enumerable's: elements, not FFI's reading.
    def count(*arguments, &block)
      arguments.empty? && !block ? length : super
    end

    def first(number = nil)
      number ? slice_of(0, [number, length].min) : self[0]
    end

    def last(number = nil)
      number ? slice_of([length - number, 0].max, [number, length].min) : self[-1]
    end

    private

    def shape(type_or_count, count)
      case FFI.find_type(type_or_count)
      when FFI::Type::BOOL, FFI::Type::STRING, FFI::Type::VOID
        raise ArgumentError, "elements are numbers or pointers, not #{type_or_count.inspect}"
      end if type_or_count.is_a?(Symbol)
      super
    end

    def native_type
      return NATIVE[:uint8] if @type == :uchar
      return nil if @type == :pointer

      builtin = FFI.find_type(@type)
      return NATIVE[:float] if builtin == FFI::Type::FLOAT32
      return NATIVE[:double] if builtin == FFI::Type::FLOAT64

      signed = [FFI::Type::INT8, FFI::Type::INT16, FFI::Type::INT32, FFI::Type::INT64, FFI::Type::LONG]
      unsigned = [FFI::Type::UINT8, FFI::Type::UINT16, FFI::Type::UINT32, FFI::Type::UINT64, FFI::Type::ULONG]
      sign = signed.include?(builtin) ? '' : ('u' if unsigned.include?(builtin))
      raise ArgumentError, "elements are numbers or pointers, not #{@type.inspect}" unless sign

      NATIVE.fetch(:"#{sign}int#{8 * @type_size}")
    end

    def checked_index(index)
      index = index.is_a?(Numeric) ? index.to_i : Integer(index)
      index += length if index.negative?
      raise IndexError, "index #{index} is outside of the array, which has #{length}" unless index.between?(0, length - 1)

      index
    end

    def slice_of(index, count)
      if index.is_a?(Range)
        start, count = range_bounds(index)
      else
        start = Integer(index)
        start += length if start.negative?
        count = Integer(count)
      end
      raise IndexError, "#{count} elements from #{start} of #{length}" unless start.between?(0, length) && count >= 0

      count = [count, length - start].min
      @element ? @native.slice(@element, start, count) : Array.new(count) { |i| self[start + i] }
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
