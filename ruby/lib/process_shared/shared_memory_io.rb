# frozen_string_literal: true

module ProcessShared
  # A SharedMemory, read and written as a file of fixed length.
  class SharedMemoryIO
    include Enumerable

    # The memory it reads and writes.
    attr_reader :mem
    # The next byte's place.
    attr_reader :pos
    alias tell pos

    # @param mem [SharedMemory]
    def initialize(mem)
      raise TypeError, "shared memory is expected, not #{mem.class}" unless mem.respond_to?(:get_bytes)

      @mem = mem
      @pos = 0
      @closed = false
    end

    # Goes to a place, counted in bytes from the start.
    def pos=(position)
      seek(position)
    end

    # @param whence IO::SEEK_SET, SEEK_CUR, SEEK_END, or :SET, :CUR, :END
    # @return [Integer] the new position
    def seek(amount, whence = IO::SEEK_SET)
      check_open
      base = case whence
             when IO::SEEK_SET, :SET then 0
             when IO::SEEK_CUR, :CUR then @pos
             when IO::SEEK_END, :END then @mem.size
             else raise ArgumentError, "bad seek whence: #{whence.inspect}"
             end
      position = base + Whole.of(amount)
      raise Errno::EINVAL, "position #{position}" if position.negative?

      @pos = position
    end

    # Goes to the start.
    # @return [Integer] 0
    def rewind
      seek(0)
    end

    # As IO#read: all that is left, or up to `length` bytes; binary.
    def read(length = nil, buffer = nil)
      check_open
      length = Whole.of(length) unless length.nil?
      raise ArgumentError, "negative length #{length} given" if length&.negative?

      left = [@mem.size - @pos, 0].max
      if length&.positive? && left.zero?
        buffer&.clear
        return nil
      end
      bytes = take([length || left, left].min)
      buffer ? buffer.replace(bytes) : bytes
    end

    # @return [Integer] the bytes written
    # @raise [IndexError] if they do not all fit; nothing is written then
    def write(*strings)
      check_open
      bytes = strings.map { |one| one.to_s.b }.join
      @mem.put_bytes(@pos, bytes) unless bytes.empty?
      @pos += bytes.bytesize
      bytes.bytesize
    end

    # @return [self]
    def <<(object)
      write(object)
      self
    end

    # @return [nil]
    def print(*objects)
      write(*objects)
      nil
    end

    # Writes the first character of a String, or the byte that an Integer ends in.
    # @return character
    def putc(character)
      write(character.is_a?(Integer) ? (character & 0xff).chr : character.to_s[0])
      character
    end

    # @return [Integer, nil] nil at the end
    def getbyte
      check_open
      return nil if eof?

      byte = @mem.get_uchar(@pos)
      @pos += 1
      byte
    end

    # @return [Integer]
    # @raise [EOFError] at the end
    def readbyte
      getbyte || raise(EOFError, 'end of file reached')
    end

    # As IO's: the byte is what is read next. Nothing is written to the memory, so it must be the one before.
    def ungetbyte(byte)
      check_open
      return nil if byte.nil?
      raise IOError, 'nothing was read yet' if @pos.zero?

      byte = byte.getbyte(0) if byte.is_a?(String)
      raise IOError, 'only the byte that was read last can be put back' unless @mem.get_uchar(@pos - 1) == byte & 0xff

      @pos -= 1
      nil
    end

    # @return [String, nil] a byte; nil at the end
    def getc
      getbyte&.chr
    end

    # @return [String] a byte
    # @raise [EOFError] at the end
    def readchar
      getc || raise(EOFError, 'end of file reached')
    end

    # The bytes from here to the end.
    # @return [self] without a block: an Enumerator
    def each_byte
      return enum_for(:each_byte) unless block_given?

      while (byte = getbyte)
        yield byte
      end
      self
    end
    alias bytes each_byte

    # A line with its end; separator nil: all that is left.
    # @return [String, nil] nil at the end
    def gets(separator = "\n")
      check_open
      return nil if eof?

      line = String.new(encoding: Encoding::BINARY)
      while (byte = getbyte)
        line << byte
        break if separator && line.end_with?(separator)
      end
      line
    end

    # The lines from here to the end.
    # @return [self] without a block: an Enumerator
    def each_line(separator = "\n")
      return enum_for(:each_line, separator) unless block_given?

      while (line = gets(separator))
        yield line
      end
      self
    end
    alias each each_line

    # @return [String]
    # @raise [EOFError] at the end
    def readline(separator = "\n")
      gets(separator) || raise(EOFError, 'end of file reached')
    end

    # @return [Array<String>]
    def readlines(separator = "\n")
      each_line(separator).to_a
    end

    # @return [Boolean] whether there is nothing left to read
    def eof?
      @pos >= @mem.size
    end
    alias eof eof?

    # @return [Integer] bytes of the memory
    def size
      @mem.size
    end

    # Ends this reading and writing; the memory stays open.
    # @return [nil]
    def close
      @closed = true
      nil
    end

    # @return [Boolean]
    def closed?
      @closed
    end

    # Does nothing.
    # @return [nil]
    def advise(*)
      nil
    end

    # Does nothing: it is always binary.
    # @return [self]
    def binmode
      self
    end

    # @return [Boolean] true
    def binmode?
      true
    end

    # Does nothing: what is written is there.
    # @return [self]
    def flush
      self
    end

    # Does nothing.
    # @return [Integer] 0
    def fsync
      0
    end

    # @return [Boolean] true
    def sync
      true
    end

    # Does nothing.
    def sync=(value)
      value
    end

    # @return [Boolean] false
    def tty?
      false
    end
    alias isatty tty?

    # @return [nil] it has no descriptor
    def fileno
      nil
    end

    # @return [Encoding] Encoding::BINARY
    def external_encoding
      Encoding::BINARY
    end

    private

    def take(count)
      return ''.b if count.zero?

      bytes = @mem.get_bytes(@pos, count)
      @pos += count
      bytes
    end

    def check_open
      raise IOError, 'closed stream' if @closed
    end
  end
end
