# frozen_string_literal: true

require_relative 'test_helper'
require 'msgpack'

class ObjectBufferTest < SharedTest
  def setup
    super
    @buffer = PS::ObjectBuffer.new(4096)
  end

  def test_nothing_was_written_yet
    assert_nil @buffer.read
    assert_nil @buffer.read(format: :msgpack)
    assert_nil @buffer.read(format: :bytes)
    assert_operator @buffer.capacity, :>=, 4096
  end

  def test_the_newest_object_is_read
    assert_same @buffer, @buffer.write({ a: [1, 'two'] })
    assert_equal({ a: [1, 'two'] }, @buffer.read)
    assert_equal({ a: [1, 'two'] }, @buffer.read)
    @buffer.write([nil])
    assert_equal [nil], @buffer.read
    [false, 0, '', :sym, 2**70].each { |object| assert_equal object, @buffer.write(object).read }
  end

  def test_other_processes_read_and_write
    in_child { @buffer.write(%w[from child]) && nil }
    assert_equal %w[from child], @buffer.read
    assert_equal %w[from child], in_child { @buffer.read }
  end

  def test_a_read_object_is_a_copy
    @buffer.write(['text'])
    first = @buffer.read
    first[0] << ' changed'
    assert_equal ['text'], @buffer.read
  end

  def test_formats
    object = { 'a' => [1, nil, 2.5, 'é'] }
    assert_equal object, @buffer.write(object, format: :msgpack).read(format: :msgpack)
    assert_equal "\xFF\0b".b, @buffer.write("\xFF\0b".b, format: :bytes).read(format: :bytes)
    assert_equal Encoding::BINARY, @buffer.read(format: :bytes).encoding
    assert_equal '', @buffer.write('', format: :bytes).read(format: :bytes)
    assert_raises(TypeError) { @buffer.write(3, format: :bytes) }
    assert_raises(ArgumentError) { @buffer.write(3, format: :xml) }
    assert_raises(ArgumentError) { @buffer.read(format: :xml) }
    assert_raises(TypeError, NoMethodError) { @buffer.write(Object.new, format: :msgpack) }
    assert_equal '', @buffer.read(format: :bytes)
  end

  def test_an_object_of_another_format_is_an_error
    @buffer.write([1])
    assert_raises(TypeError, ArgumentError, PS::ProcessError) { @buffer.read(format: :msgpack) }
    @buffer.write([1], format: :msgpack)
    assert_raises(TypeError, ArgumentError, PS::ProcessError) { @buffer.read }
  end

  def test_an_object_that_is_too_large_leaves_the_old_one
    @buffer.write('old')
    assert_raises(IndexError) { @buffer.write('x' * 5000) }
    assert_raises(IndexError) { @buffer.write('x' * 5000, format: :msgpack) }
    assert_raises(IndexError) { @buffer.write('x' * (@buffer.capacity + 1), format: :bytes) }
    assert_equal 'old', @buffer.read
    full = 'x' * @buffer.capacity
    assert_equal full, @buffer.write(full, format: :bytes).read(format: :bytes)
  end

  def test_what_marshal_refuses_leaves_the_old_object
    @buffer.write('old')
    [-> {}, $stdout, PS::Mutex.new].each { |odd| assert_raises(TypeError) { @buffer.write(odd) } }
    assert_equal 'old', @buffer.read
  end

  def test_capacities_that_cannot_be_are_errors
    [0, -1].each { |odd| assert_raises(ArgumentError, Errno::EINVAL, odd.to_s) { PS::ObjectBuffer.new(odd) } }
    [nil, '10', :x].each { |odd| assert_raises(TypeError, odd.inspect) { PS::ObjectBuffer.new(odd) } }
  end

  def test_readers_never_see_half_an_object
    writers = Array.new(2) do |id|
      start_child do |me|
        me.ready
        400.times { |number| @buffer.write([id * 1000 + number] * (1 + (number % 300))) }
        true
      end
    end
    writers.each(&:wait_until_ready)
    reads = 0
    while writers.any?(&:alive?) || reads.zero?
      object = @buffer.read
      next if object.nil?

      assert_equal 1, object.uniq.size
      assert_equal 1 + (object[0] % 1000 % 300), object.size
      reads += 1
    end
    writers.each(&:value)
  end
end
