# frozen_string_literal: true

require 'ffi'

module ProcessShared
  # Shared memory as an FFI::Pointer: put_int, get_array_of_double, write_bytes and the rest of its methods, within
  # bounds; and whole objects. Nothing here is synchronized: guard it with a Mutex, or use ObjectBuffer, which needs none,
  # and of which the old object stays when a writer is killed. On death: the bytes stay as they are.
  #
  # Objects are written by Marshal. Loading what a stranger may have written runs what that stranger likes: between
  # processes that do not trust each other use `format: :msgpack`, which also C++ reads.
  class SharedMemory < FFI::Pointer
    extend OpenWithSelf
    include OnlyOne

    # The type of FFI that it was made for; :uchar if for a number of bytes.
    attr_reader :type
    # Bytes of one of that type.
    attr_reader :type_size
    # How many of that type.
    attr_reader :count

    # @param type_or_count [Symbol, Integer] a type of FFI, or a number of bytes
    # @param count [Integer] how many of that type
    # @param options name:, segment:, mode:, as Mutex#initialize
    # @raise [Errno::EINVAL] for no bytes, [TypeError] for an unknown type
    def initialize(type_or_count = 1, count = 1, **options)
      @type, @type_size, @count = shape(type_or_count, count)
      bytes = @type_size * @count
      raise Errno::EINVAL, "#{bytes} bytes of shared memory" unless bytes.positive?

      @native = allocate(bytes, options.empty? ? nil : options)
      @count = @native.size / @type_size
      # A slice knows its size, and so its bounds.
      super(FFI::Pointer.new(@type_size, @native.address).slice(0, @native.size))
    end

    # Marshals the object, or packs it, into the memory at `offset`. A kill meanwhile may leave half of it: see ObjectBuffer.
    # @param format [Symbol] :marshal, :msgpack, or :bytes for a String as it is
    # @return [self]
    # @raise [IndexError] if it does not fit; nothing is written then
    def put_object(offset, object, format: :marshal)
      @native.write(checked_offset(offset), Codec.fetch(format).dump(object))
      self
    end

    # The object at `offset`.
    # @param format [Symbol] that in which it was written; :bytes: all bytes from there on
    # @raise [TypeError, ArgumentError] if there is none
    def get_object(offset, format: :marshal)
      offset = checked_offset(offset)
      return @native.load(offset) if format == :marshal

      Codec.fetch(format).load_from(@native, offset)
    end

    # put_object at the start.
    # @return [self]
    def write_object(object, format: :marshal)
      put_object(0, object, format: format)
    end

    # get_object at the start.
    def read_object(format: :marshal)
      get_object(0, format: format)
    end

    # A pointer to the element of that number.
    # @return [FFI::Pointer]
    def [](index)
      self + Whole.of(index) * @type_size
    end

    # @!visibility private
    def slice(...)
      @derived = true
      super
    end

    # @!visibility private
    def +(other)
      @derived = true
      super
    end

    # @!visibility private
    def order(...)
      @derived = true
      super
    end

    # Ends this process's use of it; other processes keep it. Accesses raise from then on. Where pointers were derived
    # from it (slice, +), the memory stays until they are gone, too.
    def close
      @native.close(@derived)
      FFI::Pointer.instance_method(:initialize).bind_call(self, FFI::Pointer::NULL.slice(0, 0))
      nil
    end

    # @return [Boolean]
    def closed?
      @native.closed?
    end

    private

    def allocate(bytes, options)
      Native::Memory.new(bytes, options, nil, nil)
    end

    def shape(type_or_count, count)
      case type_or_count
      when Symbol
        [type_or_count, FFI.type_size(type_or_count), Whole.of(count)]
      when Integer
        raise Errno::EINVAL, "#{type_or_count} bytes of shared memory" if type_or_count.negative?

        [:uchar, 1, type_or_count * Whole.of(count)]
      when FFI::Type
        [type_or_count, type_or_count.size, Whole.of(count)]
      else
        raise TypeError, "a type of FFI or a number of bytes is expected, not #{type_or_count.inspect}"
      end
    end

    def checked_offset(offset)
      offset = Whole.of(offset)
      raise IndexError, "offset #{offset} is before the memory" if offset.negative?

      offset
    end
  end

  # How objects become bytes.
  # @private
  module Codec
    # Ruby's own: any object that is no Proc, IO, Thread, …
    # @private
    module Marshal
      NUMBER = 4

      def self.dump(object)
        ::Marshal.dump(object)
      rescue TypeError => e
        raise TypeError, "#{object.class} cannot be shared between processes: #{e.message}"
      end

      def self.load(bytes)
        ::Marshal.load(bytes)
      end
    end

    # MessagePack: nil, booleans, numbers, strings, arrays and hashes, in any language.
    # @private
    module MessagePack
      NUMBER = 3

      def self.library
        require 'msgpack'
        ::MessagePack
      rescue LoadError
        raise LoadError, 'format: :msgpack needs the gem msgpack (Debian: ruby-msgpack)'
      end

      def self.dump(object)
        library.pack(object)
      rescue NoMethodError
        raise TypeError, "#{object.class} cannot be packed by MessagePack"
      end

      def self.load(bytes)
        library.unpack(bytes)
      rescue ::MessagePack::UnpackError, EOFError => e
        raise TypeError, "the bytes are no MessagePack: #{e.message}"
      end

      # Its length is known only when it has been read: so by pieces.
      def self.load_from(memory, offset)
        unpacker = library::Unpacker.new
        piece = 1024
        while offset < memory.size
          length = [piece, memory.size - offset].min
          unpacker.feed(memory.read(offset, length))
          begin
            return unpacker.read
          rescue EOFError
            offset += length
            piece *= 2
          end
        end
        raise TypeError, 'the bytes are no MessagePack: they end too early'
      rescue ::MessagePack::UnpackError => e
        raise TypeError, "the bytes are no MessagePack: #{e.message}"
      end
    end

    # Strings as they are.
    # @private
    module Bytes
      NUMBER = 1

      def self.dump(object)
        raise TypeError, "format: :bytes takes a String, not #{object.class}" unless object.is_a?(String)

        object
      end

      def self.load(bytes)
        bytes
      end

      def self.load_from(memory, offset)
        memory.read(offset, memory.size - offset)
      end
    end

    ALL = { marshal: Marshal, msgpack: MessagePack, bytes: Bytes }.freeze

    def self.fetch(format)
      ALL.fetch(format) { raise ArgumentError, "there is no format #{format.inspect}; there are #{ALL.keys.inspect}" }
    end
  end
  private_constant :Codec
end
