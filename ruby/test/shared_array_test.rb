# frozen_string_literal: true

require_relative 'test_helper'
require 'process_shared/shared_array'

class SharedArrayTest < SharedTest
  TYPES = {
    char: [-128, 127], uchar: [0, 255], short: [-32_768, 32_767], ushort: [0, 65_535],
    int: [-2**31, (2**31) - 1], uint: [0, (2**32) - 1], long: [-2**63, (2**63) - 1], ulong: [0, (2**64) - 1],
    long_long: [-2**63, (2**63) - 1], ulong_long: [0, (2**64) - 1],
    int8: [-128, 127], uint8: [0, 255], int16: [-32_768, 32_767], uint16: [0, 65_535],
    int32: [-2**31, (2**31) - 1], uint32: [0, (2**32) - 1], int64: [-2**63, (2**63) - 1], uint64: [0, (2**64) - 1],
    float: [-1.5, 0.25], double: [-1e300, Math::PI]
  }.freeze

  TYPES.each do |type, (low, high)|
    define_method("test_elements_of_#{type}") do
      array = PS::SharedArray.new(type, 3)
      array[0] = low
      array[2] = high
      assert_equal [low, 0, high], array.to_a
      assert_equal [low, high], in_child { [array[0], array[2]] }
      assert_equal 3 * FFI.type_size(type), array.size
    end

    next if low.is_a?(Float)

    define_method("test_#{type}_has_a_range") do
      array = PS::SharedArray.new(type, 2)
      array[1] = high
      [low - 1, high + 1, 2**100].each { |value| assert_raises(RangeError, value.to_s) { array[0] = value } }
      assert_equal [0, high], array.to_a
    end
  end

  def test_it_is_memory_and_enumerable
    array = PS::SharedArray.new(:int, 10)
    assert_kind_of PS::SharedMemory, array
    assert_kind_of Enumerable, array
    assert_equal [40, :int, 4, 10, 10], [array.size, array.type, array.type_size, array.length, array.count]
    assert_equal [1, 1, 5], [PS::SharedArray.new.size, PS::SharedArray.new.length, PS::SharedArray.new(5).length]
  end

  def test_each_in_order
    array = filled(1, 2, 3)
    seen = []
    assert_same array, array.each { |value| seen << value }
    assert_equal [1, 2, 3], seen
    assert_equal [3, 2, 1], array.reverse_each.to_a
    assert_equal [[1, 0], [2, 1], [3, 2]], array.each_with_index.to_a
    pairs = []
    array.each_with_index { |value, index| pairs << [index, value] }
    assert_equal [[0, 1], [1, 2], [2, 3]], pairs
  end

  def test_each_without_a_block_is_an_enumerator
    array = filled(1, 2, 3)
    assert_kind_of Enumerator, array.each
    assert_equal 1, array.each.next
    assert_equal 3, array.each.size || 3
    assert_equal [[0, 1], [1, 2], [2, 3]], array.each.with_index.map { |value, index| [index, value] }
  end

  def test_enumerable_on_top
    array = filled(3, 1, 2)
    assert_equal [[1, 2, 3], 6, 3, [6, 2, 4]], [array.sort, array.sum, array.max, array.map { _1 * 2 }]
    assert_equal [[3, 1], 1, true, 3], [array.first(2), array.find { _1 < 2 }, array.include?(2), array.first]
    assert_equal [[3, 1, 2], 1, 2], [array.to_a, array.count(2), array.count { _1 > 1 }]
  end

  def test_negative_indexes_count_from_the_end
    array = filled(1, 2, 3)
    assert_equal [3, 1], [array[-1], array[-3]]
    array[-2] = 9
    assert_equal [1, 9, 3], array.to_a
  end

  def test_indexes_outside_are_errors
    array = filled(1, 2, 3)
    [3, -4, 100, -100, 2**40, 2**70].each do |index|
      assert_raises(IndexError, RangeError, index.to_s) { array[index] }
      assert_raises(IndexError, RangeError, index.to_s) { array[index] = 0 }
    end
    ['0', nil, :a, []].each { |odd| assert_raises(TypeError, odd.inspect) { array[odd] } }
    assert_equal [1, 2, 3], array.to_a
  end

  def test_a_fraction_of_an_index_is_cut_off
    array = filled(1, 2, 3)
    assert_equal 2, array[1.9]
    array[0.5] = 7
    assert_equal 7, array[0]
  end

  def test_start_and_length_and_ranges_give_arrays
    array = filled(10, 20, 30, 40)
    plain = array.to_a
    [[1, 2], [0, 4], [-2, 2], [3, 1], [4, 1], [0, 0], [1, 100]].each do |arguments|
      assert_equal plain[*arguments], array[*arguments], arguments.inspect
    end
    [(1..2), (1...3), (-2..), (..1), (1..), (0..-1), (4..5), (2..1)].each do |range|
      assert_equal plain[range], array[range], range.inspect
    end
  end

  def test_fill
    array = PS::SharedArray.new(:double, 5)
    assert_same array, array.fill(1.5)
    assert_equal [1.5] * 5, array.to_a
    assert_raises(TypeError) { array.fill('x') }
    assert_raises(RangeError) { PS::SharedArray.new(:char, 2).fill(1000) }
    assert_equal [1.5] * 5, array.to_a
  end

  def test_values_of_another_type_are_errors
    array = PS::SharedArray.new(:int, 2)
    ['1', nil, :one, [], Object.new].each { |odd| assert_raises(TypeError, odd.inspect) { array[0] = odd } }
    doubles = PS::SharedArray.new(:double, 2)
    ['1', nil, :one, []].each { |odd| assert_raises(TypeError, odd.inspect) { doubles[0] = odd } }
    assert_equal [[0, 0], [0.0, 0.0]], [array.to_a, doubles.to_a]
    doubles[1] = 3
    assert_equal 3.0, doubles[1]
  end

  def test_types_that_cannot_be_are_errors
    [:strange, 'int', nil, Object.new].each do |type|
      assert_raises(TypeError, type.inspect) { PS::SharedArray.new(type, 2) }
    end
    assert_raises(ArgumentError) { PS::SharedArray.new(:bool, 2) }
    [[0], [-1], [:int, 0], [:int, -1]].each do |arguments|
      assert_raises(Errno::EINVAL, arguments.inspect) { PS::SharedArray.new(*arguments) }
    end
  end

  def test_processes_count_in_elements_of_their_own
    array = PS::SharedArray.new(:long, 4)
    children = Array.new(4) { |index| start_child { 500.times { array[index] += 1 } } }
    children.each(&:value)
    assert_equal [500] * 4, array.to_a
  end

  def test_it_opens_and_closes
    assert_equal([7, 0], PS::SharedArray.open(:int, 2) { |array| (array[0] = 7) && array.to_a })
    array = PS::SharedArray.new(:int, 2)
    array.close
    assert_predicate array, :closed?
    errors = [IndexError, FFI::NullPointerError, PS::ClosedError]
    assert_raises(*errors) { array[0] }
    assert_raises(*errors) { array[0] = 1 }
    assert_raises(*errors) { array.to_a }
    assert_raises(*errors) { array.fill(1) }
  end

  def test_pointers_are_elements_too
    array = PS::SharedArray.new(:pointer, 2)
    target = FFI::MemoryPointer.new(:int)
    array[1] = target
    assert_equal target.address, array[1].address
  end

  private

  def filled(*values)
    array = PS::SharedArray.new(:int, values.size)
    values.each_with_index { |value, index| array[index] = value }
    array
  end
end
