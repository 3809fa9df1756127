# frozen_string_literal: true

require_relative 'test_helper'

# What an owner may do and nobody else. Mutex and Monitor alike.
module OwnershipBehavior
  def test_the_owner_is_known
    mutex = new_mutex
    assert_equal false, mutex.owned?
    mutex.lock
    assert_equal true, mutex.owned?
    assert_equal false, finish(start_thread { mutex.owned? })
    assert_equal false, in_child { mutex.owned? }
    mutex.unlock
    assert_equal false, mutex.owned?
    while_a_child_holds(mutex) { assert_equal false, mutex.owned? }
  end

  def test_unlock_of_a_free_lock_is_an_error
    mutex = new_mutex
    assert_raises(PS::ProcessError) { mutex.unlock }
    mutex.synchronize { nil }
    assert_raises(PS::ProcessError) { mutex.unlock }
    assert_equal true, mutex.try_lock
    mutex.unlock
  end

  def test_only_the_owner_unlocks
    mutex = new_mutex
    mutex.lock
    assert_raises(PS::ProcessError) { finish(start_thread { mutex.unlock }) }
    assert_raises(PS::ProcessError) { in_child { mutex.unlock } }
    assert_equal true, mutex.owned?
    mutex.unlock
    while_a_child_holds(mutex) do
      assert_raises(PS::ProcessError) { mutex.unlock }
      assert_equal true, mutex.locked?
    end
  end

  def test_another_fiber_of_the_thread_is_another_owner
    mutex = new_mutex
    mutex.lock
    Fiber.new do
      assert_equal false, mutex.owned?
      assert_equal true, mutex.locked?
      assert_equal false, mutex.try_lock
      assert_raises(PS::ProcessError) { mutex.lock }
      assert_raises(PS::ProcessError) { mutex.unlock }
      assert_raises(PS::ProcessError) { mutex.synchronize { flunk } }
    end.resume
    assert_equal true, mutex.owned?
    mutex.unlock
  end

  def test_a_fiber_that_ended_has_what_it_locked
    mutex = new_mutex
    fiber = Fiber.new do
      mutex.lock
      Fiber.yield mutex.owned?
      mutex.unlock
    end
    assert_equal true, fiber.resume
    assert_equal [false, true], [mutex.owned?, mutex.locked?]
    assert_raises(PS::ProcessError) { mutex.unlock }
    fiber.resume
    assert_equal true, mutex.try_lock
    mutex.unlock
  end

  def test_a_block_that_unlocks_itself_is_told_at_its_end
    mutex = new_mutex
    assert_raises(PS::ProcessError) { mutex.synchronize { mutex.unlock } }
    assert_equal false, mutex.locked?
    mutex.synchronize do
      mutex.unlock
      mutex.lock
    end
    assert_equal false, mutex.locked?
  end

  def test_an_error_of_the_block_goes_before_a_missing_lock
    mutex = new_mutex
    error = assert_raises(IOError, PS::ProcessError) do
      mutex.synchronize do
        mutex.unlock
        raise IOError, 'mine'
      end
    end
    assert_includes [error, error.cause].compact.map(&:class), IOError
    assert_equal false, mutex.locked?
  end

  def test_sleep_needs_the_lock
    mutex = new_mutex
    assert_raises(PS::ProcessError) { mutex.sleep(0) }
    mutex.synchronize { assert_raises(PS::ProcessError) { finish(start_thread { mutex.sleep(0) }) } }
  end

  def test_lock_for_waits_so_long
    mutex = new_mutex
    assert_equal true, mutex.lock_for(0)
    mutex.unlock
    while_a_child_holds(mutex) do
      before = Child.now
      assert_equal false, mutex.lock_for(0.05)
      assert_operator Child.now - before, :>=, 0.05
      [0, 0.0, -1, -0.1, 1e-10, Rational(1, 1000)].each { assert_equal false, mutex.lock_for(_1), _1.inspect }
    end
    assert_equal true, mutex.lock_for(10)
    assert_equal true, mutex.owned?
    mutex.unlock
    assert_equal true, mutex.lock_for(nil)
    mutex.unlock
  end

  def test_lock_for_gets_what_is_unlocked_meanwhile
    mutex = new_mutex
    mutex.lock
    child = start_child do |me|
      me.ready
      mutex.lock_for(1000).tap { mutex.unlock }
    end
    child.wait_until_ready
    await_sleep(child)
    mutex.unlock
    assert_equal true, child.value
  end

  def test_a_timeout_is_a_number
    mutex = new_mutex
    ['1', :one, [], Object.new].each { |odd| assert_raises(TypeError, odd.inspect) { mutex.lock_for(odd) } }
    assert_equal false, mutex.locked?
  end

  def test_recover_is_not_called_without_a_death
    mutex = new_mutex
    assert_same(mutex, mutex.lock(recover: ->(_) { flunk }))
    mutex.unlock
    assert_equal(1, mutex.synchronize(recover: ->(_) { flunk }) { 1 })
    assert_same mutex, mutex.lock(recover: true)
    mutex.unlock
    assert_equal false, mutex.locked?
  end

  def test_every_lock_is_its_own
    first = new_mutex
    second = new_mutex
    first.synchronize do
      assert_equal false, second.locked?
      second.synchronize { assert_equal [true, true], [first.owned?, second.owned?] }
    end
  end

  def test_locks_are_let_go_in_any_order
    locks = Array.new(20) { new_mutex }
    locks.each(&:lock)
    locks.shuffle(random: Random.new(1)).each do |lock|
      lock.unlock
      assert_equal false, lock.locked?
    end
    locks.each { |lock| lock.synchronize { nil } }
  end

  # Sixty is what a seat has room for (docs).
  def test_more_locks_at_once_than_there_is_room_for_is_an_error_that_changes_nothing
    locks = Array.new(100) { new_mutex }
    taken = locks.take_while do |lock|
      lock.lock
    rescue StandardError
      refute_predicate lock, :locked?
      false
    end
    assert_operator taken.size, :>=, 50
    taken.each(&:unlock)
    locks.each { |lock| lock.synchronize { nil } }
  end
end

class MutexTest < SharedTest
  include OwnershipBehavior

  def new_mutex
    PS::Mutex.new
  end

  def test_relock_by_the_owner_is_an_error
    mutex = PS::Mutex.new
    mutex.lock
    assert_raises(PS::ProcessError) { mutex.lock }
    assert_raises(PS::ProcessError) { mutex.synchronize { flunk } }
    assert_equal false, mutex.try_lock
    assert_raises(PS::ProcessError) { mutex.lock_for(1) }
    assert_equal true, mutex.owned?
    mutex.unlock
    assert_equal false, mutex.locked?
  end

  def test_an_error_is_a_thread_error_with_a_message
    error = assert_raises(ThreadError) { PS::Mutex.new.unlock }
    assert_instance_of PS::ProcessError, error
    assert_kind_of StandardError, error
    refute_empty error.message
  end
end

class MonitorTest < SharedTest
  include OwnershipBehavior

  def new_mutex
    PS::Monitor.new
  end

  def test_it_is_a_mutex
    assert_operator PS::Monitor, :<, PS::Mutex
  end

  def test_nested_locks_return_the_depth
    monitor = PS::Monitor.new
    assert_same monitor, monitor.lock
    assert_equal 2, monitor.lock
    assert_equal 3, monitor.lock
    assert_equal 2, monitor.unlock
    assert_equal true, monitor.owned?
    assert_equal 1, monitor.unlock
    assert_same monitor, monitor.unlock
    assert_equal [false, false], [monitor.owned?, monitor.locked?]
    assert_raises(PS::ProcessError) { monitor.unlock }
  end

  def test_every_way_in_is_reentrant
    monitor = PS::Monitor.new
    depth = monitor.synchronize do
      assert_equal true, monitor.try_lock
      assert_equal true, monitor.lock_for(0)
      assert_equal(4, monitor.synchronize { monitor.synchronize { monitor.lock - 2 } })
      3.times { monitor.unlock }
      monitor.lock.tap { monitor.unlock }
    end
    assert_equal 2, depth
    assert_equal false, monitor.locked?
  end

  def test_others_wait_until_the_outermost_unlock
    monitor = PS::Monitor.new
    2.times { monitor.lock }
    child = start_child do |me|
      me.ready
      monitor.synchronize { :had_it }
    end
    child.wait_until_ready
    await_sleep(child)
    monitor.unlock
    assert_equal [true, false], in_child { [monitor.locked?, monitor.try_lock] }
    assert_predicate child, :alive?
    monitor.unlock
    assert_equal :had_it, child.value
  end

  def test_it_has_the_names_of_the_standard_library
    monitor = PS::Monitor.new
    monitor.enter
    monitor.mon_enter
    assert_equal [true, true], [monitor.mon_locked?, monitor.mon_owned?]
    assert_equal [true, true, true], [monitor.try_enter, monitor.mon_try_enter, monitor.try_mon_enter]
    3.times { monitor.exit }
    2.times { monitor.mon_exit }
    assert_equal [false, false], [monitor.mon_locked?, monitor.mon_owned?]
    assert_equal 5, monitor.mon_synchronize { 5 }
    assert_raises(PS::ProcessError) { monitor.exit }
    while_a_child_holds(monitor) do
      assert_equal [false, false], [monitor.try_enter, monitor.mon_try_enter]
      assert_equal [true, false], [monitor.mon_locked?, monitor.mon_owned?]
    end
  end

  def test_a_condition_of_a_monitor_waits_at_any_depth
    monitor = PS::Monitor.new
    condition = monitor.new_cond
    memory = counter
    child = start_child do |me|
      monitor.synchronize do
        monitor.synchronize do
          me.ready
          condition.wait_while { memory.get_int(0).zero? }
          [monitor.owned?, monitor.unlock, monitor.lock]
        end
      end
    end
    child.wait_until_ready
    monitor.synchronize do
      memory.put_int(0, 1)
      condition.signal
    end
    assert_equal [true, 1, 2], child.value
    assert_equal false, monitor.locked?
  end
end
