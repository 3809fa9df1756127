# frozen_string_literal: true

require_relative 'test_helper'

# The accessors of SharedMemory, all of FFI::Pointer's, by a table.
class SharedMemoryAccessorsTest < SharedTest
  # type => bytes, lowest and highest value (or samples)
  INTEGERS = {
    char: 1, uchar: 1, short: 2, ushort: 2, int: 4, uint: 4, long: 8, ulong: 8, long_long: 8, ulong_long: 8,
    int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, int64: 8, uint64: 8
  }.freeze
  FLOATS = { float: 4, double: 8, float32: 4, float64: 8 }.freeze
  # Other names of put_ and get_, but no types of FFI.
  NAMES_ONLY = %i[float32 float64].freeze

  def self.samples(type, bytes)
    bits = bytes * 8
    return [0.0, 1.5, -0.25, Float::INFINITY] if FLOATS.key?(type)
    return [0, 1, (2**bits) - 1] if type.start_with?('u')

    [0, 1, -1, -(2**(bits - 1)), (2**(bits - 1)) - 1]
  end

  INTEGERS.merge(FLOATS).each do |type, bytes|
    values = samples(type, bytes)

    define_method("test_put_and_get_#{type}") do
      memory = PS::SharedMemory.new(64)
      values.each do |value|
        memory.public_send("put_#{type}", 8, value)
        assert_equal value, memory.public_send("get_#{type}", 8)
        next if NAMES_ONLY.include?(type)

        assert_equal value, memory.get(type, 8)
        memory.put(type, 16, value)
        assert_equal value, memory.public_send("get_#{type}", 16)
      end
      assert_equal 0, memory.get_uchar(7)
      assert_equal values.last, in_child { memory.public_send("get_#{type}", 8) }
    end

    define_method("test_put_and_get_arrays_of_#{type}") do
      memory = PS::SharedMemory.new(bytes * (values.size + 1))
      memory.public_send("put_array_of_#{type}", bytes, values)
      assert_equal values, memory.public_send("get_array_of_#{type}", bytes, values.size)
      assert_equal [values.first], memory.public_send("get_array_of_#{type}", bytes, 1)
      assert_empty memory.public_send("get_array_of_#{type}", 0, 0)
      assert_raises(IndexError) { memory.public_send("put_array_of_#{type}", bytes * 2, values) }
      assert_raises(IndexError) { memory.public_send("get_array_of_#{type}", bytes * 2, values.size) }
    end

    next if NAMES_ONLY.include?(type)

    define_method("test_read_and_write_#{type}") do
      memory = PS::SharedMemory.new(64)
      values.each do |value|
        memory.public_send("write_#{type}", value)
        assert_equal value, memory.public_send("read_#{type}")
        memory.write(type, value)
        assert_equal value, memory.read(type)
      end
      memory.public_send("write_array_of_#{type}", values)
      assert_equal values, memory.public_send("read_array_of_#{type}", values.size)
    end

    define_method("test_bounds_of_#{type}") do
      memory = PS::SharedMemory.new(16)
      memory.public_send("put_#{type}", 16 - bytes, values[1])
      assert_equal values[1], memory.public_send("get_#{type}", 16 - bytes)
      [16 - bytes + 1, 16, 17, 1 << 20, -1, -bytes].each do |offset|
        assert_raises(IndexError, offset.to_s) { memory.public_send("get_#{type}", offset) }
        assert_raises(IndexError, offset.to_s) { memory.public_send("put_#{type}", offset, values[1]) }
      end
    end
  end

  INTEGERS.each do |type, _|
    define_method("test_#{type}_wants_a_number") do
      memory = PS::SharedMemory.new(16)
      assert_raises(TypeError) { memory.public_send("put_#{type}", 0, 'one') }
      assert_raises(TypeError) { memory.public_send("put_#{type}", 0, nil) }
      assert_equal 0, memory.public_send("get_#{type}", 0)
    end
  end

  def test_integers_out_of_range_are_an_error
    memory = PS::SharedMemory.new(16)
    assert_raises(RangeError) { memory.put_int(0, 2**40) }
    assert_raises(RangeError) { memory.put_int64(0, 2**70) }
  end

  def test_bytes_and_strings
    memory = PS::SharedMemory.new(32)
    memory.put_bytes(4, "a\0b")
    assert_equal "a\0b", memory.get_bytes(4, 3)
    memory.put_bytes(4, 'abcdef', 2, 3)
    assert_equal 'cde', memory.get_bytes(4, 3)
    memory.put_string(10, 'text')
    assert_equal 'text', memory.get_string(10)
    assert_equal 'te', memory.get_string(10, 2)
    memory.write_bytes('bytes')
    assert_equal 'bytes', memory.read_bytes(5)
    memory.write_string('héllo')
    assert_equal 'héllo'.b, memory.read_string(6).b
    assert_equal "bytes\xFF".b, memory.write_bytes("bytes\xFF".b) && memory.read_bytes(6).b
    [[30, 'abc'], [-1, 'a'], [33, 'a'], [0, 'x' * 33]].each do |offset, bytes|
      assert_raises(IndexError) { memory.put_bytes(offset, bytes) }
    end
    assert_raises(IndexError) { memory.put_string(29, 'text') }
    assert_raises(IndexError) { memory.get_bytes(30, 3) }
    assert_raises(IndexError) { memory.read_bytes(33) }
    assert_raises(IndexError) { memory.write_bytes('x' * 33) }
  end

  def test_pointers
    memory = PS::SharedMemory.new(:pointer, 4)
    target = FFI::MemoryPointer.new(:int)
    memory.put_pointer(8, target)
    assert_equal target.address, memory.get_pointer(8).address
    memory.write_pointer(target)
    assert_equal target.address, memory.read_pointer.address
    memory.put_array_of_pointer(0, [target, nil])
    assert_equal [target.address, 0], memory.get_array_of_pointer(0, 2).map(&:address)
    memory.write_array_of_pointer([target])
    assert_equal [target.address], memory.read_array_of_pointer(1).map(&:address)
    assert_raises(IndexError) { memory.get_pointer(32) }
    assert_raises(IndexError) { memory.put_pointer(25, target) }
  end

  def test_it_is_a_pointer_into_the_memory
    memory = PS::SharedMemory.new(:int, 4)
    assert_kind_of FFI::Pointer, memory
    refute_predicate memory, :null?
    assert_equal memory.address, memory.to_i
    assert_equal 16, memory.total
    memory.put_int(8, 42)
    assert_equal 42, (memory + 8).get_int(0)
    assert_equal 42, memory.slice(8, 4).get_int(0)
    assert_raises(IndexError) { memory.slice(8, 4).get_int(4) }
    assert_raises(IndexError) { (memory + 8).get_int(8) }
    assert_equal 42, memory[2].get_int(0)
    assert_equal memory, FFI::Pointer.new(memory.address)
    assert_kind_of String, memory.inspect
    assert_includes %i[little big], memory.order
    memory.clear
    assert_equal [0] * 4, memory.get_array_of_int(0, 4)
  end

  def test_a_slice_keeps_the_memory_alive_long_enough
    slice = PS::SharedMemory.new(64).then { |memory| [memory.slice(8, 8), memory] }
    slice.first.put_int(0, 3)
    GC.start
    assert_equal 3, slice.first.get_int(0)
  end
end

class SharedMemoryTest < SharedTest
  def test_a_number_of_bytes_or_a_type_and_a_count
    assert_equal [1, :uchar, 1, 1], shape(PS::SharedMemory.new)
    assert_equal [100, :uchar, 1, 100], shape(PS::SharedMemory.new(100))
    assert_equal [4, :int, 4, 1], shape(PS::SharedMemory.new(:int))
    assert_equal [80, :double, 8, 10], shape(PS::SharedMemory.new(:double, 10))
    assert_equal 16, PS::SharedMemory.new(:pointer, 2).size
  end

  def test_it_starts_as_zeroes
    assert_equal "\0" * 5000, PS::SharedMemory.new(5000).read_bytes(5000)
  end

  def test_sizes_that_cannot_be_are_invalid
    [[0], [-1], [:int, 0], [:int, -2], [-(2**40)]].each do |arguments|
      assert_raises(Errno::EINVAL, arguments.inspect) { PS::SharedMemory.new(*arguments) }
    end
    [[2**62], [:int, 2**61], [2**80]].each do |arguments|
      assert_raises(Errno::ENOMEM, Errno::EINVAL, Errno::ENOSPC, Errno::EFBIG, Errno::EOVERFLOW, RangeError,
                    arguments.inspect) { PS::SharedMemory.new(*arguments) }
    end
  end

  def test_unknown_types_are_type_errors
    [:strange, 'int', nil, [], Object.new].each do |type|
      assert_raises(TypeError, type.inspect) { PS::SharedMemory.new(type) }
    end
    assert_raises(TypeError) { PS::SharedMemory.new(:int, '3') }
    assert_raises(TypeError) { PS::SharedMemory.new(:int, nil) }
  end

  def test_a_child_and_its_parent_see_the_same
    memory = PS::SharedMemory.new(:char)
    memory.put_char(0, 0)
    in_child { memory.put_char(0, 123) }
    assert_equal 123, memory.get_char(0)
    large = PS::SharedMemory.new(3 << 20)
    in_child { large.put_bytes((3 << 20) - 4, 'tail') }
    assert_equal 'tail', large.get_bytes((3 << 20) - 4, 4)
  end

  def test_two_memories_are_two
    first = PS::SharedMemory.new(:int)
    second = PS::SharedMemory.new(:int)
    first.put_int(0, 1)
    assert_equal 0, second.get_int(0)
  end

  def test_objects_come_back_in_another_process
    memory = PS::SharedMemory.new(1 << 16)
    object = { 'a' => [1, 2.5, nil, true, :sym, 2**70, 'é', "\xFF".b], nested: [{ x: 1 }] }
    assert_same memory, memory.write_object(object)
    assert_equal object, memory.read_object
    assert_equal object, in_child { memory.read_object }
    in_child { memory.write_object([:from, 'child']) }
    assert_equal [:from, 'child'], memory.read_object
    assert_same memory, memory.put_object(4096, 'there')
    assert_equal ['there', [:from, 'child']], [memory.get_object(4096), memory.read_object]
    [nil, false, true, 0, '', [], {}].each { |small| assert_equal [small], [memory.write_object(small).read_object] }
  end

  def test_objects_are_the_raw_bytes_of_marshal
    memory = PS::SharedMemory.new(256)
    memory.put_bytes(10, Marshal.dump([1, 'two']))
    assert_equal [1, 'two'], memory.get_object(10)
    memory.write_object(%w[a b])
    bytes = Marshal.dump(%w[a b])
    assert_equal bytes, memory.read_bytes(bytes.bytesize)
  end

  def test_an_object_that_does_not_fit_writes_nothing
    memory = PS::SharedMemory.new(64)
    memory.write_object('old')
    before = memory.read_bytes(64)
    assert_raises(IndexError) { memory.write_object('x' * 64) }
    assert_raises(IndexError) { memory.put_object(60, 'four') }
    assert_raises(IndexError) { memory.put_object(64, nil) }
    assert_raises(IndexError) { memory.put_object(-1, nil) }
    assert_raises(IndexError, RangeError) { memory.put_object(2**70, nil) }
    assert_equal before, memory.read_bytes(64)
    object = +'x'
    object << 'x' until Marshal.dump(object).bytesize == 64
    assert_equal object, memory.write_object(object).read_object
  end

  def test_what_marshal_refuses_is_a_type_error
    memory = PS::SharedMemory.new(256)
    [-> {}, $stdout, Thread.current, Class.new].each { |odd| assert_raises(TypeError) { memory.write_object(odd) } }
    assert_raises(TypeError) { memory.write_object(PS::Mutex.new) }
    assert_equal "\0" * 256, memory.read_bytes(256)
  end

  def test_reading_no_object_is_an_error
    memory = PS::SharedMemory.new(64)
    assert_raises(TypeError) { memory.read_object }
    memory.put_bytes(0, "\x04\x09garbage")
    assert_raises(TypeError) { memory.read_object }
    memory.put_bytes(0, "\x04\x08?")
    assert_raises(ArgumentError, TypeError) { memory.read_object }
    [64, 65, -1].each { |offset| assert_raises(IndexError, offset.to_s) { memory.get_object(offset) } }
  end

  def test_an_object_cut_by_the_end_is_an_error
    memory = PS::SharedMemory.new(20)
    memory.put_bytes(0, Marshal.dump('x' * 100)[0, 20])
    assert_raises(ArgumentError, TypeError) { memory.read_object }
  end

  def test_msgpack_objects_come_back
    require 'msgpack'
    memory = PS::SharedMemory.new(4096)
    object = { 'a' => [1, -2, 2.5, nil, true], 'text' => 'é' }
    assert_same memory, memory.write_object(object, format: :msgpack)
    assert_equal object, memory.read_object(format: :msgpack)
    assert_equal MessagePack.pack(object), memory.read_bytes(MessagePack.pack(object).bytesize)
    memory.put_object(2048, [1], format: :msgpack)
    assert_equal [1], memory.get_object(2048, format: :msgpack)
    assert_raises(IndexError) { memory.put_object(4090, 'x' * 10, format: :msgpack) }
    assert_raises(TypeError, NoMethodError) { memory.write_object(Object.new, format: :msgpack) }
    assert_raises(ArgumentError) { memory.write_object(1, format: :xml) }
    assert_raises(ArgumentError) { memory.read_object(format: :xml) }
  end

  def test_open_closes_after_its_block
    kept = nil
    assert_equal(5, PS::SharedMemory.open(:int, 3) { |memory| (kept = memory).put_int(0, 5).get_int(0) })
    assert_predicate kept, :closed?
    assert_equal 12, kept(PS::SharedMemory.open(:int, 3)).size
  end

  def test_use_after_close_is_an_error_and_no_crash
    in_child do
      memory = PS::SharedMemory.new(:int, 4)
      assert_nil memory.close
      assert_nil memory.close
      assert_predicate memory, :closed?
      errors = [IndexError, FFI::NullPointerError, PS::ClosedError]
      { %i[get_int get_object get_uchar get_pointer get_string] => [0], %i[put_int put_object put_uchar] => [0, 1],
        %i[read_int read_object read_string] => [], %i[write_int write_object] => [1] }.each do |methods, arguments|
        methods.each { |name| assert_raises(*errors, name.to_s) { memory.public_send(name, *arguments) } }
      end
      assert_raises(*errors) { memory.put_bytes(0, 'abc') }
      assert_raises(*errors) { memory.get_bytes(0, 3) }
      assert_raises(*errors) { memory.put_array_of_int(0, [1]) }
    end
  end

  def test_close_here_leaves_it_to_others
    memory = PS::SharedMemory.new(:int)
    child = start_child do |me|
      me.ready
      me.await_go
      memory.put_int(0, 7)
      memory.get_int(0)
    end
    child.wait_until_ready
    memory.close
    child.go
    assert_equal 7, child.value
  end

  private

  def shape(memory)
    [memory.size, memory.type, memory.type_size, memory.count]
  end
end
