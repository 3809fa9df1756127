# frozen_string_literal: true

require_relative 'test_helper'

# What the next one is told when the owner of a lock dies, and how it repairs. Mutex, Monitor and SharedMutex alike.
module OwnerDeathBehavior
  def test_next_locker_is_told_when_owner_dies
    lock = new_lock
    pid = die_holding(lock)
    error = assert_raises(PS::OwnerDied) { lock.lock }
    assert_equal pid, error.pid
    assert_kind_of Integer, error.thread_id
    assert_kind_of String, error.thread_name
    assert_message(/#{pid}/, error)
    assert_kind_of PS::ProcessError, error
  end

  def test_the_name_of_the_dead_thread_is_told
    lock = new_lock
    child = start_child do |me|
      Thread.new do
        Thread.current.name = 'the-victim'
        lock.lock
        me.ready
        sleep
      end.join
    end
    child.wait_until_ready
    child.kill
    assert_equal 'the-victim', assert_raises(PS::OwnerDied) { lock.lock }.thread_name
  end

  def test_an_owner_that_exits_is_dead_as_well
    lock = new_lock
    in_child { lock.lock && nil }
    assert_raises(PS::OwnerDied) { lock.lock }
    other = new_lock
    pid = fork do
      other.lock
      exit!(0)
    end
    Process.wait(pid)
    assert_equal pid, assert_raises(PS::OwnerDied) { other.lock }.pid
  end

  def test_everybody_is_told_again_and_again
    lock = new_lock
    pid = die_holding(lock)
    2.times do
      assert_raises(PS::OwnerDied) { lock.lock }
      assert_raises(PS::OwnerDied) { lock.try_lock }
      assert_raises(PS::OwnerDied) { lock.lock_for(10) }
      assert_raises(PS::OwnerDied) { lock.synchronize { flunk } }
      assert_equal pid, assert_raises(PS::OwnerDied) { in_child { lock.lock } }.pid
      assert_raises(PS::OwnerDied) { finish(start_thread { lock.lock }) }
    end
    assert_equal [false, false], [lock.locked?, lock.owned?]
  end

  def test_those_who_wait_are_told
    lock = new_lock
    victim = child_that_holds(-> { lock.lock })
    waiters = Array.new(3) do
      start_child do |me|
        me.ready
        lock.lock
      rescue PS::OwnerDied => e
        e.pid
      end
    end
    thread = start_thread { lock.synchronize { flunk } }
    waiters.each(&:wait_until_ready)
    (waiters + [thread]).each { await_sleep(_1) }
    victim.kill
    assert_equal [victim.pid] * 3, waiters.map(&:value)
    assert_raises(PS::OwnerDied) { finish(thread) }
  end

  def test_a_dead_owner_does_not_make_it_locked
    lock = new_lock
    die_holding(lock)
    assert_equal false, lock.locked?
    assert_raises(PS::ProcessError) { lock.unlock }
  end

  def test_recover_repairs_while_the_lock_is_held
    lock = new_lock
    pid = die_holding(lock)
    given = nil
    assert_same(lock, lock.lock(recover: ->(death) { given = [death.class, death.pid, in_child { lock.locked? }] }))
    assert_equal [PS::OwnerDied, pid, true], given
    assert_equal [true, true], [lock.owned?, lock.locked?]
    lock.unlock
    assert_equal true, lock.try_lock
    lock.unlock
    assert_equal(1, in_child { lock.synchronize { 1 } })
  end

  def test_recover_that_raises_leaves_it_abandoned
    lock = new_lock
    die_holding(lock)
    assert_raises(IOError) { lock.lock(recover: ->(_) { raise IOError }) }
    assert_equal [false, false], [lock.owned?, lock.locked?]
    assert_raises(PS::OwnerDied) { lock.lock }
    assert_raises(PS::OwnerDied) { in_child { lock.lock } }
    catch(:out) { lock.lock(recover: ->(_) { throw :out }) }
    assert_raises(PS::OwnerDied) { lock.lock }
    assert_equal(2, lock.synchronize(recover: ->(_) {}) { 2 })
    assert_same lock, lock.lock
    lock.unlock
  end

  def test_recover_by_nothing_that_can_be_called_is_an_error
    lock = new_lock
    die_holding(lock)
    [1, 'yes', Object.new].each { |odd| assert_raises(TypeError, odd.inspect) { lock.lock(recover: odd) } }
    assert_raises(PS::OwnerDied) { lock.lock(recover: nil) }
    assert_equal [false, false], [lock.owned?, lock.locked?]
  end

  # Another process has its seat by then.
  def test_the_dead_is_known_long_after
    lock = new_lock
    others = Array.new(3) { new_lock }
    pid = die_holding(lock)
    others.each { |other| in_child { other.synchronize { nil } } }
    assert_equal pid, assert_raises(PS::OwnerDied) { lock.lock }.pid
  end

  def test_recover_true_takes_it_as_it_is
    lock = new_lock
    die_holding(lock)
    assert_equal([true], lock.synchronize(recover: true) { [lock.owned?] })
    assert_equal true, lock.try_lock
    lock.unlock
  end

  def test_recover_of_new_is_for_every_way_in
    calls = 0
    lock = new_lock(recover: ->(_) { calls += 1 })
    [-> { lock.lock }, -> { lock.try_lock }, -> { lock.lock_for(10) }].each do |take|
      die_holding(lock)
      assert take.call
      assert_equal true, lock.owned?
      lock.unlock
    end
    die_holding(lock)
    assert_equal(5, lock.synchronize { 5 })
    assert_equal 4, calls
    taken = new_lock(recover: true)
    die_holding(taken)
    assert_equal(6, taken.synchronize { 6 })
  end

  def test_recover_of_the_call_goes_before_that_of_new
    lock = new_lock(recover: ->(_) { flunk })
    die_holding(lock)
    assert_equal(1, lock.synchronize(recover: ->(_) {}) { 1 })
  end

  def test_a_repairer_that_dies_leaves_it_abandoned
    lock = new_lock
    die_holding(lock)
    repairer = start_child do |me|
      lock.lock(recover: lambda do |_|
        me.ready
        me.await_go
      end)
    end
    repairer.wait_until_ready
    repairer.kill
    assert_equal repairer.pid, assert_raises(PS::OwnerDied) { lock.lock }.pid
    assert_equal(1, lock.synchronize(recover: true) { 1 })
  end

  def test_one_of_many_waiters_repairs_for_all
    lock = new_lock
    memory = counter
    victim = child_that_holds(-> { lock.lock })
    repair = ->(_) { increment(memory) }
    waiters = Array.new(4) { start_child { |me| me.ready && lock.synchronize(recover: repair) { :in } } }
    waiters.each(&:wait_until_ready)
    waiters.each { await_sleep(_1) }
    victim.kill
    assert_equal [:in] * 4, waiters.map(&:value)
    assert_equal 1, memory.get_int(0)
  end

  private

  def die_holding(lock)
    child = child_that_holds(-> { lock.lock(recover: true) })
    child.kill
    child.pid
  end
end

class MutexDeathTest < SharedTest
  include OwnerDeathBehavior

  def new_lock(**options)
    PS::Mutex.new(**options)
  end
end

class MonitorDeathTest < SharedTest
  include OwnerDeathBehavior

  def new_lock(**options)
    PS::Monitor.new(**options)
  end

  def test_a_death_at_any_depth_is_told
    monitor = new_lock
    child = child_that_holds(-> { 3.times { monitor.lock } })
    child.kill
    assert_raises(PS::OwnerDied) { monitor.lock }
    assert_same monitor, monitor.lock(recover: true)
    assert_equal 2, monitor.lock
    assert_equal 1, monitor.unlock
    monitor.unlock
    refute_predicate monitor, :locked?
  end

  def test_monitor_mixin_tells_as_well
    object = Object.new.extend(PS::MonitorMixin)
    child = child_that_holds(-> { object.mon_enter })
    child.kill
    assert_raises(PS::OwnerDied) { object.mon_enter }
    assert_raises(PS::OwnerDied) { object.synchronize { flunk } }
  end
end

class SharedMutexDeathTest < SharedTest
  include OwnerDeathBehavior

  def new_lock(**options)
    PS::SharedMutex.new(**options)
  end

  def test_a_dead_readers_hold_vanishes
    mutex = new_lock
    child = child_that_holds(-> { mutex.lock_shared })
    assert_equal false, mutex.try_lock
    writer = start_thread { mutex.synchronize { :wrote } }
    await_sleep(writer)
    child.kill
    assert_equal :wrote, finish(writer)
    assert_equal true, mutex.try_lock
    mutex.unlock
    in_child { mutex.lock_shared && nil }
    assert_same mutex, mutex.lock
    mutex.unlock
    finish(start_thread { mutex.lock_shared })
    assert_same mutex, mutex.lock
    mutex.unlock
  end

  def test_readers_are_told_of_a_dead_writer
    mutex = new_lock
    pid = die_holding(mutex)
    assert_equal pid, assert_raises(PS::OwnerDied) { mutex.lock_shared }.pid
    assert_raises(PS::OwnerDied) { mutex.try_lock_shared }
    assert_raises(PS::OwnerDied) { mutex.synchronize_shared { flunk } }
    mutex.synchronize(recover: true) { nil }
    assert_equal(1, mutex.synchronize_shared { 1 })
  end

  def test_recover_of_new_is_for_readers_too
    repaired = 0
    mutex = new_lock(recover: ->(_) { repaired += 1 })
    die_holding(mutex)
    assert_equal([1, false], mutex.synchronize_shared { [repaired, mutex.owned?] })
    assert_equal true, mutex.try_lock
    mutex.unlock
  end
end
