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

    def initialize(mem)
      @mem = mem
      @pos = 0
      @closed = false
    end

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
      position = base + Integer(amount)
      raise Errno::EINVAL, "position #{position}" if position.negative?

      @pos = position
    end

    def rewind
      seek(0)
    end

    # As IO#read: all that is left, or up to `length` bytes; binary.
    def read(length = nil, buffer = nil)
      check_open
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

    def <<(object)
      write(object)
      self
    end

    def print(*objects)
      write(*objects)
      nil
    end

    def putc(character)
      write(character.is_a?(Integer) ? (character & 0xff).chr : character.to_s[0])
      character
    end

    def getbyte
      check_open
      return nil if eof?

      byte = @mem.get_uchar(@pos)
      @pos += 1
      byte
    end

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

    def getc
      getbyte&.chr
    end

    def readchar
      getc || raise(EOFError, 'end of file reached')
    end

    def each_byte
      return enum_for(:each_byte) unless block_given?

      while (byte = getbyte)
        yield byte
      end
      self
    end
    alias bytes each_byte

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

    def each_line(separator = "\n")
      return enum_for(:each_line, separator) unless block_given?

      while (line = gets(separator))
        yield line
      end
      self
    end
    alias each each_line

    def readline(separator = "\n")
      gets(separator) || raise(EOFError, 'end of file reached')
    end

    def readlines(separator = "\n")
      each_line(separator).to_a
    end

    def eof?
      @pos >= @mem.size
    end
    alias eof eof?

    def size
      @mem.size
    end

    def close
      @closed = true
      nil
    end

    def closed?
      @closed
    end

    def advise(*)
      nil
    end

    def binmode
      self
    end

    def binmode?
      true
    end

    def flush
      self
    end

    def fsync
      0
    end

    def sync
      true
    end

    def sync=(value)
      value
    end

    def tty?
      false
    end
    alias isatty tty?

    def fileno
      nil
    end

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
