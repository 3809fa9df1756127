# frozen_string_literal: true

require_relative 'test_helper'

# ConditionVariable, with everything that can be its lock.
module ConditionVariableBehavior
  def test_signal_and_broadcast_need_no_lock_and_return_the_condition
    condition = PS::ConditionVariable.new
    assert_same condition, condition.signal
    assert_same condition, condition.broadcast
  end

  def test_wait_returns_itself_when_signalled
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    waiting = false
    waiter = start_thread do
      mutex.synchronize do
        waiting = true
        condition.wait(mutex).equal?(condition)
      end
    end
    await { mutex.synchronize { waiting } }
    mutex.synchronize { condition.signal }
    assert_equal true, finish(waiter)
  end

  def test_wait_returns_nil_after_its_time_and_holds_the_lock
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    mutex.synchronize do
      before = Child.now
      assert_nil condition.wait(mutex, 0.05)
      assert_operator Child.now - before, :>=, 0.05
      assert_equal true, mutex.locked?
      [0, 0.0, -1, Rational(1, 1000)].each { |timeout| assert_nil condition.wait(mutex, timeout), timeout.inspect }
    end
    assert_equal false, mutex.locked?
  end

  def test_a_signal_before_the_wait_is_not_kept
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    3.times { condition.signal }
    condition.broadcast
    mutex.synchronize { assert_nil condition.wait(mutex, 0.02) }
  end

  def test_a_timeout_is_a_number
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    mutex.synchronize do
      ['1', :one, []].each { |odd| assert_raises(TypeError, odd.inspect) { condition.wait(mutex, odd) } }
      assert_equal true, mutex.locked?
    end
  end
end

# Those locks that other processes see.
module SharedConditionVariableBehavior
  include ConditionVariableBehavior

  def test_a_child_is_signalled
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    memory = counter
    child = start_child do |me|
      mutex.synchronize do
        me.ready
        [condition.wait(mutex).equal?(condition), memory.get_int(0), mutex.locked?]
      end
    end
    child.wait_until_ready
    mutex.synchronize do
      memory.put_int(0, 9)
      condition.signal
    end
    assert_equal [true, 9, true], child.value
  end

  def test_the_lock_is_free_during_a_wait
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    child = start_child { |me| mutex.synchronize { me.ready && condition.wait(mutex).nil? } }
    child.wait_until_ready
    mutex.lock
    await_sleep(child)
    mutex.unlock
    assert_equal true, mutex.try_lock
    condition.signal
    # Notified, but the lock is not its own yet.
    assert_predicate child, :alive?
    mutex.unlock
    assert_equal false, child.value
  end

  def test_broadcast_wakes_everybody
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    children = Array.new(4) { start_child { |me| mutex.synchronize { me.ready && condition.wait(mutex).nil? } } }
    children.each(&:wait_until_ready)
    mutex.synchronize { condition.broadcast }
    assert_equal [false] * 4, children.map(&:value)
  end

  def test_as_many_signals_as_waiters_wake_them_all
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    memory = counter
    children = Array.new(3) do
      start_child do |me|
        mutex.synchronize do
          me.ready
          condition.wait(mutex) until memory.get_int(0).positive?
          memory.put_int(0, memory.get_int(0) - 1)
        end
      end
    end
    children.each(&:wait_until_ready)
    3.times do
      mutex.synchronize { memory.put_int(0, memory.get_int(0) + 1) }
      condition.signal
    end
    children.each(&:value)
    assert_equal 0, memory.get_int(0)
  end

  # The example of the standard library's documentation, with the predicate that it lacks.
  def test_producer_and_consumer_meet
    mutex = new_mutex
    condition = PS::ConditionVariable.new
    memory = counter
    consumer = start_child do
      Array.new(100) do
        mutex.synchronize do
          condition.wait(mutex) while memory.get_int(0).zero?
          value = memory.get_int(0)
          memory.put_int(0, 0)
          condition.broadcast
          value
        end
      end
    end
    (1..100).each do |value|
      mutex.synchronize do
        condition.wait(mutex) until memory.get_int(0).zero?
        memory.put_int(0, value)
        condition.broadcast
      end
    end
    assert_equal (1..100).to_a, consumer.value
  end
end

class ConditionOfMutexTest < SharedTest
  include SharedConditionVariableBehavior

  def new_mutex
    PS::Mutex.new
  end

  def test_wait_without_the_lock_is_an_error
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    assert_raises(PS::ProcessError) { condition.wait(mutex) }
    assert_raises(PS::ProcessError) { condition.wait(mutex, 0.01) }
    mutex.synchronize do
      assert_raises(PS::ProcessError) { finish(start_thread { condition.wait(mutex) }) }
      assert_raises(PS::ProcessError) { in_child { condition.wait(mutex) } }
      assert_raises(PS::ProcessError) { Fiber.new { condition.wait(mutex, 0.01) }.resume }
    end
    assert_equal false, mutex.locked?
  end
end

class ConditionOfMonitorTest < SharedTest
  include SharedConditionVariableBehavior

  def new_mutex
    PS::Monitor.new
  end

  def test_wait_without_the_lock_is_an_error
    assert_raises(PS::ProcessError) { PS::ConditionVariable.new.wait(PS::Monitor.new, 0.01) }
  end

  def test_a_wait_at_any_depth_lets_others_in_and_restores_the_depth
    monitor = PS::Monitor.new
    condition = PS::ConditionVariable.new
    3.times { monitor.lock }
    child = start_child { monitor.synchronize { condition.signal && :was_in } }
    assert_same condition, condition.wait(monitor)
    assert_equal :was_in, child.value
    assert_equal [2, 1], [monitor.unlock, monitor.unlock]
    assert_same monitor, monitor.unlock
    2.times { monitor.lock }
    assert_nil condition.wait(monitor, 0.01)
    assert_equal 1, monitor.unlock
    monitor.unlock
  end
end

class ConditionOfFacadeTest < SharedTest
  include SharedConditionVariableBehavior

  def new_mutex
    PS::Semaphore.new.to_mtx
  end
end

class ConditionOfCoreMutexTest < SharedTest
  include ConditionVariableBehavior

  def new_mutex
    Thread::Mutex.new
  end
end

class ConditionOfAnythingTest < SharedTest
  # Whatever has lock and unlock.
  class Recorder
    attr_reader :calls

    def initialize
      @calls = []
    end

    def lock
      @calls << :lock
    end

    def unlock
      @calls << :unlock
    end
  end

  def test_anything_with_lock_and_unlock_will_do
    lock = Recorder.new
    assert_nil PS::ConditionVariable.new.wait(lock, 0.01)
    assert_equal %i[unlock lock], lock.calls
  end

  def test_nothing_else_will_do
    [nil, 1, 'mutex', Object.new].each do |odd|
      assert_raises(TypeError, NoMethodError, ArgumentError, odd.inspect) do
        PS::ConditionVariable.new.wait(odd, 0.01)
      end
    end
  end

  def test_conditions_are_opened_and_closed
    kept = nil
    assert_equal(:value, PS::ConditionVariable.open { |condition| (kept = condition) && :value })
    assert_raises(PS::ClosedError) { kept.signal }
    assert_raises(PS::ClosedError) { kept.broadcast }
    mutex = PS::Mutex.new
    mutex.synchronize { assert_raises(PS::ClosedError) { kept.wait(mutex, 0.01) } }
  end
end
