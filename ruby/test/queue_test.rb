# frozen_string_literal: true

require_relative 'test_helper'

# What Queue and SizedQueue do alike.
module QueueBehavior
  def test_first_in_first_out
    queue = new_queue
    assert_same queue, queue.push(1)
    assert_same queue, queue << 'two'
    assert_same queue, queue.enq([3])
    assert_equal [3, 3, false], [queue.size, queue.length, queue.empty?]
    assert_equal [1, 'two', [3]], [queue.pop, queue.shift, queue.deq]
    assert_equal [0, true], [queue.size, queue.empty?]
  end

  def test_objects_cross_whole
    queue = new_queue
    objects = [nil, false, true, 1, 2.5, 2**70, :sym, 'é', "\xFF\0".b, '', [1, [2]], { a: { 'b' => nil } }, 1..3]
    in_child { objects.each { |object| queue.push(object) } }
    assert_equal objects, objects.map { queue.pop }
  end

  def test_what_cannot_cross_is_named
    queue = new_queue
    odds = { 'Proc' => -> {}, 'IO' => $stdout, 'Thread' => Thread.current, 'ProcessShared::Mutex' => PS::Mutex.new }
    odds.each do |name, odd|
      assert_message(/#{name}/, assert_raises(TypeError) { queue.push(odd) })
      assert_message(/#{name}/, assert_raises(TypeError) { queue.push([1, { a: odd }]) })
    end
    assert_predicate queue, :empty?
  end

  def test_pop_that_may_not_wait_raises
    queue = new_queue
    assert_message(/queue empty/, assert_raises(ThreadError) { queue.pop(true) })
    assert_raises(ThreadError) { queue.shift(true) }
    queue << 1
    assert_equal 1, queue.deq(true)
    assert_raises(ArgumentError) { queue.pop(true, timeout: 1) }
  end

  def test_pop_ends_after_its_time
    queue = new_queue
    before = Child.now
    assert_nil queue.pop(timeout: 0.05)
    assert_operator Child.now - before, :>=, 0.05
    [0, -1, 0.0].each { |timeout| assert_nil queue.pop(timeout: timeout) }
    queue << :there
    assert_equal :there, queue.pop(timeout: 0)
    ['1', :one].each { |odd| assert_raises(TypeError, odd.inspect) { queue.pop(timeout: odd) } }
  end

  def test_pop_waits_for_a_push
    queue = new_queue
    child = start_child { |me| me.ready && queue.pop }
    thread = start_thread { queue.pop }
    child.wait_until_ready
    [child, thread].each { await_sleep(_1) }
    await { queue.num_waiting == 2 }
    2.times { queue.push(:job) }
    assert_equal [:job, :job], [child.value, finish(thread)]
    assert_equal 0, queue.num_waiting
  end

  def test_close_ends_all_waits_for_what_will_never_come
    queue = new_queue
    child = start_child { |me| me.ready && [queue.pop, queue.closed?] }
    thread = start_thread { [queue.pop] }
    child.wait_until_ready
    [child, thread].each { await_sleep(_1) }
    assert_same queue, queue.close
    assert_equal [nil, true], child.value
    assert_equal [nil], finish(thread)
    assert_equal true, queue.closed?
    assert_same queue, queue.close
  end

  def test_a_closed_queue_is_emptied_first
    queue = new_queue
    queue << 1 << 2
    in_child { queue.close && nil }
    assert_raises(ClosedQueueError) { queue.push(3) }
    assert_raises(ClosedQueueError) { queue << 3 }
    assert_raises(ClosedQueueError) { in_child { queue.push(3) } }
    assert_equal [1, 2, nil, nil], Array.new(4) { queue.pop }
    assert_nil queue.pop(timeout: 1)
    assert_raises(ThreadError) { queue.pop(true) }
  end

  def test_clear_empties_it
    queue = new_queue
    queue << 1 << 2
    assert_same queue, queue.clear
    assert_predicate queue, :empty?
    queue << 3
    assert_equal 3, queue.pop
  end

  def test_every_item_goes_to_one_consumer_and_in_order
    queue = new_queue
    producers = Array.new(2) { |id| start_child { 150.times { |number| queue << [id, number] } } }
    consumers = Array.new(2) do
      start_child do
        got = []
        while (item = queue.pop)
          got << item
        end
        got
      end
    end
    producers.each(&:value)
    queue.close
    got = consumers.map(&:value)
    assert_equal 2.times.to_a.product(150.times.to_a), got.flatten(1).sort
    got.each { |items| items.group_by(&:first).each_value { |mine| assert_equal mine.sort, mine } }
  end

  def test_release_ends_the_handle_only
    queue = new_queue
    child = start_child do |me|
      me.ready
      me.await_go
      queue.push(1) && [queue.pop, queue.closed?]
    end
    child.wait_until_ready
    assert_nil queue.release
    assert_nil queue.release
    assert_raises(PS::ClosedError) { queue.push(1) }
    assert_raises(PS::ClosedError) { queue.pop(true) }
    assert_raises(PS::ClosedError) { queue.size }
    child.go
    assert_equal [1, false], child.value
  end

  def test_open_gives_it_to_a_block
    kept = nil
    assert_equal 3, queue_class.open(*arguments) { |queue| (kept = queue << 3).pop }
    assert_raises(PS::ClosedError, ClosedQueueError) { kept.push(1) }
  end
end

class QueueTest < SharedTest
  include QueueBehavior

  def queue_class
    PS::Queue
  end

  def arguments
    []
  end

  def new_queue
    PS::Queue.new
  end

  def test_it_starts_with_what_is_given
    assert_equal [1, 2], PS::Queue.new([1, 2]).then { [_1.pop, _1.pop] }
    assert_equal 3, PS::Queue.new(1..3).size
    assert_raises(TypeError) { PS::Queue.new(3) }
  end

  def test_an_object_larger_than_the_ring_is_an_error
    queue = PS::Queue.new(bytes: 65_536)
    assert_raises(IndexError) { queue.push('x' * 200_000) }
    assert_predicate queue, :empty?
    large = 'x' * 30_000
    queue << large
    assert_equal large, queue.pop
  end

  def test_the_ring_is_used_over_and_over
    queue = PS::Queue.new(bytes: 65_536)
    child = start_child { 60.times.all? { |number| queue.pop == number.to_s * 10_000 } }
    60.times { |number| queue << (number.to_s * 10_000) }
    assert_equal true, child.value
  end

  def test_push_waits_for_room_and_ends_after_its_time
    queue = PS::Queue.new(bytes: 65_536)
    pushed = 0
    pushed += 1 while queue.push('x' * 20_000, timeout: 0.01)
    assert_operator pushed, :>=, 1
    assert_equal pushed, queue.size
    child = start_child { |me| me.ready && queue.push('x' * 20_000).equal?(queue) }
    child.wait_until_ready
    await_sleep(child)
    queue.pop
    assert_equal true, child.value
    assert_equal pushed, queue.size
  end

  def test_large_objects_cross_many_rings
    queue = PS::Queue.new
    object = Random.new(1).bytes(5 << 20)
    child = start_child { queue.pop.hash == object.hash }
    queue << object
    # hash is seeded per process; a forked child has its parent's.
    assert_equal true, child.value
  end
end

class SizedQueueTest < SharedTest
  include QueueBehavior

  def queue_class
    PS::SizedQueue
  end

  def arguments
    [100]
  end

  def new_queue
    PS::SizedQueue.new(100)
  end

  def test_it_is_a_queue_with_a_maximum
    assert_operator PS::SizedQueue, :<, PS::Queue
    assert_equal 3, PS::SizedQueue.new(3).max
    [0, -1].each { |max| assert_raises(ArgumentError) { PS::SizedQueue.new(max) } }
    [nil, 'x', :a].each { |odd| assert_raises(TypeError, odd.inspect) { PS::SizedQueue.new(odd) } }
  end

  def test_push_that_may_not_wait_raises
    queue = PS::SizedQueue.new(1)
    queue.push(1)
    assert_message(/queue full/, assert_raises(ThreadError) { queue.push(2, true) })
    assert_nil queue.push(2, timeout: 0.01)
    assert_nil queue.push(2, timeout: 0)
    assert_equal [1, 1], [queue.size, queue.pop]
    assert_same queue, queue.push(2, true)
  end

  def test_push_waits_for_a_pop
    queue = PS::SizedQueue.new(2)
    2.times { queue << _1 }
    child = start_child { |me| me.ready && queue.push(2).equal?(queue) }
    child.wait_until_ready
    await_sleep(child)
    assert_equal 2, queue.size
    await { queue.num_waiting == 1 }
    assert_equal 0, queue.pop
    assert_equal true, child.value
    assert_equal [1, 2], [queue.pop, queue.pop]
  end

  def test_a_larger_maximum_lets_those_in_who_wait
    queue = PS::SizedQueue.new(1)
    queue << 0
    child = start_child { |me| me.ready && queue.push(1).equal?(queue) }
    child.wait_until_ready
    await_sleep(child)
    assert_equal 2, queue.max = 2
    assert_equal true, child.value
    assert_equal [2, 2, 2], [queue.max, in_child { queue.max }, queue.size]
    [0, -1].each { |max| assert_raises(ArgumentError) { queue.max = max } }
  end

  def test_close_ends_a_push_that_waits
    queue = PS::SizedQueue.new(1)
    queue << 0
    thread = start_thread { queue << 1 }
    await_sleep(thread)
    queue.close
    assert_raises(ClosedQueueError) { finish(thread) }
    assert_equal [0, nil], [queue.pop, queue.pop]
  end

  def test_it_never_holds_more_than_its_maximum
    queue = PS::SizedQueue.new(3)
    producers = Array.new(3) { start_child { 100.times { queue << 'x' } } }
    got = 0
    until got == 300
      assert_operator queue.size, :<=, 3
      queue.pop
      got += 1
    end
    producers.each(&:value)
    assert_predicate queue, :empty?
  end
end
