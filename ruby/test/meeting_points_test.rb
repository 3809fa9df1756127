# frozen_string_literal: true

require_relative 'test_helper'

class BarrierTest < SharedTest
  def test_all_go_on_together
    barrier = PS::Barrier.new(3)
    memory = PS::SharedArray.new(:int, 3)
    children = Array.new(2) do |index|
      start_child do
        memory[index] = 1
        [barrier.wait, memory.to_a.sum]
      end
    end
    memory[2] = 1
    assert_equal true, barrier.wait
    assert_equal [[true, 3]] * 2, children.map(&:value)
  end

  def test_nobody_goes_on_before_the_last
    barrier = PS::Barrier.new(2)
    child = start_child do |me|
      me.ready
      barrier.wait
    end
    child.wait_until_ready
    await_sleep(child)
    assert_predicate child, :alive?
    assert_equal true, barrier.wait
    assert_equal true, child.value
  end

  def test_turn_after_turn
    barrier = PS::Barrier.new(3)
    array = PS::SharedArray.new(:int, 3)
    step = lambda do |index|
      40.times.all? do |turn|
        array[index] += 1
        barrier.wait
        same = array.to_a == [turn + 1] * 3
        barrier.wait
        same
      end
    end
    children = Array.new(2) { |index| start_child { step.call(index) } }
    assert_equal true, step.call(2)
    assert_equal [true, true], children.map(&:value)
  end

  def test_threads_are_members_too
    barrier = PS::Barrier.new(3)
    threads = Array.new(2) { start_thread { 20.times.all? { barrier.wait } } }
    assert_equal true, 20.times.all? { barrier.wait }
    assert_equal [true, true], threads.map { finish(_1) }
  end

  def test_after_a_timeout_the_arrival_stands
    barrier = PS::Barrier.new(2)
    before = Child.now
    assert_equal false, barrier.wait(0.05)
    assert_operator Child.now - before, :>=, 0.05
    [0, -1, 0.0].each { assert_equal false, barrier.wait(_1) }
    # Had it counted as arrivals, the turn would be over.
    child = start_child { barrier.wait }
    assert_equal true, barrier.wait
    assert_equal true, child.value
  end

  def test_a_turn_that_ended_after_a_timeout_is_seen_by_the_next_wait
    barrier = PS::Barrier.new(2)
    assert_equal false, barrier.wait(0)
    child = start_child do |me|
      first = barrier.wait
      me.ready
      me.await_go
      [first, barrier.wait]
    end
    child.wait_until_ready
    # The turn that the timeout left is over; this must not be an arrival at the next one.
    assert_equal true, barrier.wait(30)
    assert_equal false, barrier.wait(0)
    child.go
    assert_equal [true, true], child.value
  end

  def test_its_parties
    assert_equal 4, PS::Barrier.new(4).parties
    assert_equal false, PS::Barrier.new(4).broken?
    barrier = PS::Barrier.new(1)
    assert_equal [true, true], [barrier.wait, barrier.wait]
    assert_equal 65_000, PS::Barrier.new(65_000).parties
    [0, -1, 65_001, 2**40].each do |odd|
      assert_raises(ArgumentError, Errno::EINVAL, RangeError, odd.to_s) { PS::Barrier.new(odd) }
    end
    [nil, '2', :two].each { |odd| assert_raises(TypeError, odd.inspect) { PS::Barrier.new(odd) } }
  end

  def test_more_members_than_parties_are_an_error
    barrier = PS::Barrier.new(1)
    barrier.join
    assert_raises(PS::ProcessError) { finish(start_thread { barrier.join }) }
  end

  def test_who_leaves_is_waited_for_no_more
    barrier = PS::Barrier.new(2)
    assert_equal false, barrier.wait(0)
    in_child do
      barrier.join
      barrier.leave
    end
    assert_equal true, barrier.wait(30)
    assert_equal 1, barrier.parties
    assert_equal true, barrier.wait
  end

  def test_reset_of_a_sound_barrier_changes_nothing
    barrier = PS::Barrier.new(2)
    assert_equal false, barrier.wait(0)
    barrier.reset
    assert_equal [2, false], [barrier.parties, barrier.broken?]
    assert_raises(PS::ProcessError, Errno::EBUSY) { barrier.reset(1) }
    child = start_child { barrier.wait }
    assert_equal [true, true], [barrier.wait, child.value]
    [0, -1, 65_001].each { |odd| assert_raises(ArgumentError, Errno::EINVAL, odd.to_s) { barrier.reset(odd) } }
    assert_raises(TypeError) { barrier.reset('2') }
  end
end

class EventTest < SharedTest
  def test_it_is_set_and_reset
    event = PS::Event.new
    assert_equal false, event.set?
    assert_same event, event.set
    assert_equal true, event.set?
    assert_same event, event.set
    assert_same event, event.reset
    assert_equal false, event.set?
    assert_same event, event.reset
    assert_equal true, PS::Event.new(true).set?
  end

  def test_wait_for_what_is_set_returns_at_once
    event = PS::Event.new(true)
    assert_equal [true, true, true], [event.wait, event.wait(0), event.wait(1)]
    assert_equal true, event.set?
  end

  def test_wait_ends_after_its_time
    event = PS::Event.new
    before = Child.now
    assert_equal false, event.wait(0.05)
    assert_operator Child.now - before, :>=, 0.05
    [0, -1, 0.0, Rational(1, 1000)].each { assert_equal false, event.wait(_1) }
    ['1', :one, []].each { |odd| assert_raises(TypeError, odd.inspect) { event.wait(odd) } }
  end

  def test_set_wakes_everybody
    event = PS::Event.new
    children = Array.new(3) { start_child { |me| me.ready && event.wait } }
    threads = Array.new(2) { start_thread { event.wait } }
    children.each(&:wait_until_ready)
    (children + threads).each { await_sleep(_1) }
    event.set
    assert_equal [true] * 3, children.map(&:value)
    assert_equal [true] * 2, threads.map { finish(_1) }
  end

  def test_a_child_sets_it
    event = PS::Event.new
    in_child { event.set && nil }
    assert_equal true, event.wait
  end

  def test_an_event_that_resets_itself_lets_one_through
    event = PS::Event.new(auto_reset: true)
    event.set
    assert_equal [true, false], [event.wait, event.wait(0)]
    assert_equal false, event.set?
    waiters = Array.new(3) { start_child { |me| me.ready && event.wait } }
    waiters.each(&:wait_until_ready)
    waiters.each { await_sleep(_1) }
    3.times do |ended|
      event.set
      await { waiters.count { |waiter| !waiter.alive? } == ended + 1 }
      assert_equal false, event.set?
    end
    assert_equal [true] * 3, waiters.map(&:value)
    assert_equal true, PS::Event.new(true, auto_reset: true).set?
  end

  def test_a_set_before_anybody_waits_is_kept_for_one
    event = PS::Event.new(auto_reset: true)
    2.times { event.set }
    assert_equal [true, false], [event.wait(0), event.wait(0)]
  end
end
