# frozen_string_literal: true

require_relative 'test_helper'
require 'stringio'

class SharedMemoryIOTest < SharedTest
  def setup
    super
    @memory = PS::SharedMemory.new(10)
    @io = PS::SharedMemoryIO.new(@memory)
  end

  def test_it_reads_what_was_written
    assert_equal 5, @io.write('hello')
    assert_equal [5, 5], [@io.pos, @io.tell]
    @io.rewind
    assert_equal 'hello', @io.read(5)
    assert_equal "\0" * 5, @io.read
    assert_equal ['', nil, ''], [@io.read, @io.read(1), @io.read(0)]
    assert_equal "hello\0\0\0\0\0", @memory.read_bytes(10)
  end

  def test_write_counts_bytes
    assert_equal 6, @io.write('héllo')
    @io.rewind
    assert_equal 'héllo'.b, @io.read(6)
    assert_equal Encoding::BINARY, @io.tap(&:rewind).read.encoding
  end

  def test_read_reads_into_a_buffer
    @io.write('0123456789')
    @io.pos = 2
    buffer = +'old contents'
    assert_same buffer, @io.read(3, buffer)
    assert_equal '234', buffer
    assert_same buffer, @io.read(nil, buffer)
    assert_equal '56789', buffer
    assert_nil @io.read(1, buffer)
    assert_empty buffer
    assert_raises(ArgumentError) { @io.read(-1) }
  end

  def test_what_does_not_fit_is_not_written
    assert_raises(IndexError) { @io.write('x' * 11) }
    assert_equal "\0" * 10, @memory.read_bytes(10)
    @io.write('12345678')
    assert_raises(IndexError) { @io.write('abc') }
    assert_equal "12345678\0\0", @memory.read_bytes(10)
    assert_equal 8, @io.pos
    assert_equal 2, @io.write('90')
    assert_raises(IndexError) { @io.write('!') }
  end

  def test_positions
    @io.write('0123456789')
    assert_equal 3, @io.pos = 3
    assert_equal '3', @io.getc
    @io.seek(2)
    assert_equal 2, @io.pos
    @io.seek(2, IO::SEEK_CUR)
    assert_equal 4, @io.tell
    @io.seek(-1, IO::SEEK_END)
    assert_equal '9', @io.read
    @io.seek(0, :SET)
    assert_equal 0, @io.pos
    @io.rewind
    assert_equal 0, @io.pos
    assert_raises(ArgumentError, Errno::EINVAL) { @io.seek(0, 99) }
    assert_raises(ArgumentError, Errno::EINVAL, IndexError) { @io.pos = -1 }
    assert_raises(ArgumentError, Errno::EINVAL, IndexError) { @io.seek(-20, IO::SEEK_END) }
    assert_equal 0, @io.pos
  end

  def test_single_bytes
    @io.write("\xFFab")
    @io.rewind
    assert_equal [255, 97], [@io.getbyte, @io.readbyte]
    @io.ungetbyte(97)
    assert_equal 97, @io.getbyte
    assert_equal 'b', @io.getc
    @io.pos = 10
    assert_nil @io.getbyte
    assert_nil @io.getc
    assert_raises(EOFError) { @io.readbyte }
  end

  def test_each_byte
    @io.write('abcdefghij')
    @io.pos = 7
    seen = []
    @io.each_byte { |byte| seen << byte.chr }
    assert_equal %w[h i j], seen
    @io.rewind
    assert_equal 10, @io.each_byte.count
  end

  def test_the_end
    refute_predicate @io, :eof?
    @io.read
    assert_predicate @io, :eof?
    @io.pos = 9
    refute_predicate @io, :eof?
  end

  def test_it_closes_without_the_memory
    assert_equal false, @io.closed?
    @io.close
    assert_equal true, @io.closed?
    @io.close
    assert_raises(IOError) { @io.read }
    assert_raises(IOError) { @io.write('x') }
    assert_equal false, @memory.closed?
    assert_same @memory, @io.mem
  end

  def test_marshal_writes_and_reads_through_it
    memory = PS::SharedMemory.new(1000)
    Marshal.dump({ a: [1, 'two'] }, PS::SharedMemoryIO.new(memory))
    assert_equal({ a: [1, 'two'] }, Marshal.load(PS::SharedMemoryIO.new(memory)))
    io = PS::SharedMemoryIO.new(memory)
    Marshal.dump(1, io)
    Marshal.dump(2, io)
    io.rewind
    assert_equal [1, 2], [Marshal.load(io), Marshal.load(io)]
  end

  def test_other_processes_read_what_was_written
    in_child { @io.write('child') }
    assert_equal 0, @io.pos
    assert_equal 'child', @io.read(5)
  end

  def test_it_has_the_manners_of_a_stream
    @io.flush
    @io.binmode
    @io.sync = true if @io.respond_to?(:sync=)
    assert_equal true, @io.sync
    assert_equal false, @io.tty?
    assert_equal true, @io.binmode?
  end

  def test_numbers_are_numbers
    ['3', :a, []].each do |odd|
      assert_raises(TypeError, odd.inspect) { @io.read(odd) }
      assert_raises(TypeError, odd.inspect) { @io.seek(odd) }
      assert_raises(TypeError, odd.inspect) { @io.pos = odd }
    end
    assert_equal 0, @io.pos
  end

  def test_it_is_made_of_memory_only
    [nil, 'text', 3, StringIO.new].each { |odd| assert_raises(TypeError, odd.inspect) { PS::SharedMemoryIO.new(odd) } }
  end
end
