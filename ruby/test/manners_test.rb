# frozen_string_literal: true

require_relative 'test_helper'
require_relative 'support/waits'

# Whatever ends a wait, or comes in between, ends every kind of wait alike.
class WaitMannersTest < SharedTest
  include Waits

  class Stop < StandardError; end

  def self.for_every_wait(sentence, &block)
    Waits::KINDS.each { |kind| define_method("test_#{sentence}_#{kind}") { instance_exec(blocked(kind), &block) } }
  end

  for_every_wait('thread_kill_ends') do |wait|
    thread = start_thread { wait.enter.call }
    await_sleep(thread)
    thread.kill
    finish(thread)
    wait.undo.call
    wait.intact.call
  end

  for_every_wait('thread_raise_ends') do |wait|
    thread = start_thread do
      wait.enter.call
    rescue Stop
      :stopped
    end
    await_sleep(thread)
    thread.raise(Stop)
    assert_equal :stopped, finish(thread)
    wait.undo.call
    wait.intact.call
  end

  for_every_wait('a_timeout_ends') do |wait|
    assert_raises(Timeout::Error) { Timeout.timeout(0.03) { wait.enter.call } }
    wait.undo.call
    wait.intact.call
  end

  for_every_wait('an_interrupt_ends') do |wait|
    child = start_child do |me|
      me.ready
      wait.enter.call
    rescue Interrupt
      :interrupted
    end
    child.wait_until_ready
    await_sleep(child)
    child.signal(:INT)
    assert_equal :interrupted, child.value
    wait.undo.call
    wait.intact.call
  end

  for_every_wait('sigkill_ends') do |wait|
    child = start_child { |me| me.ready && wait.enter.call }
    child.wait_until_ready
    await_sleep(child)
    child.kill
    wait.undo.call
    wait.intact.call
  end

  for_every_wait('trap_handlers_run_during') do |wait|
    child = start_child do |me|
      trap(:USR1) { me.ready('handled') }
      trap(:CHLD) { me.ready('handled') }
      me.ready
      wait.enter.call
    end
    child.wait_until_ready
    %i[USR1 CHLD USR1].each do |signal|
      await_sleep(child)
      child.signal(signal)
      assert_equal 'handled', child.wait_until_ready
    end
    await_sleep(child)
    assert_predicate child, :alive?
    wait.release.call
    assert child.value
    wait.intact.call
  end

  for_every_wait('other_threads_go_on_during') do |wait|
    thread = start_thread { wait.enter.call }
    await_sleep(thread)
    results = Array.new(2) { |id| start_thread { (1..1000).sum + id } }.map { finish(_1) }
    assert_equal [500_500, 500_501], results
    assert_equal 'sleep', thread.status
    wait.release.call
    assert finish(thread)
    wait.intact.call
  end

  for_every_wait('masked_interrupts_do_not_end') do |wait|
    entered = nil
    thread = start_thread do
      Thread.handle_interrupt(Stop => :never) { entered = wait.enter.call }
    rescue Stop
      :stopped_afterwards
    end
    await_sleep(thread)
    thread.raise(Stop)
    await_sleep(thread)
    wait.release.call
    assert_equal :stopped_afterwards, finish(thread)
    assert entered
    wait.intact.call
  end

  for_every_wait('interrupts_that_may_come_when_blocking_end') do |wait|
    thread = start_thread do
      Thread.handle_interrupt(Stop => :on_blocking) { wait.enter.call }
    rescue Stop
      :stopped
    end
    await_sleep(thread)
    thread.raise(Stop)
    assert_equal :stopped, finish(thread)
    wait.undo.call
    wait.intact.call
  end

  for_every_wait('a_woken_thread_goes_on_with') do |wait|
    thread = start_thread { wait.enter.call }
    await_sleep(thread)
    3.times { thread.wakeup }
    await_sleep(thread)
    wait.release.call
    assert finish(thread)
    wait.intact.call
  end

  # The exception arrives on the way into the wait, or in it.
  def test_exceptions_at_random_moments_leave_every_wait_intact
    random = Random.new(7)
    Waits::KINDS.each do |kind|
      scaled(5).times do
        wait = blocked(kind)
        begun = false
        thread = start_thread do
          begun = true
          wait.enter.call
        rescue Stop
          :stopped
        end
        await { begun }
        random.rand(20).times { Thread.pass }
        thread.raise(Stop)
        assert_equal :stopped, finish(thread), kind
        wait.undo.call
        wait.intact.call
      end
    end
  end

  # Ctrl-C in a ruby of its own, without anybody who rescues.
  def test_ctrl_c_ends_a_program_that_waits
    ['Semaphore.new(0).wait', 'Event.new.wait', 'Queue.new.pop', 'Barrier.new(2).wait',
     'm = Mutex.new; Thread.new { m.lock; sleep }; Thread.pass until m.locked?; m.lock',
     'm = Mutex.new; m.synchronize { ConditionVariable.new.wait(m) }'].each do |wait|
      script = start_script("$stdout.sync = true; puts 'ready'; module ProcessShared; #{wait}; end; puts 'went on'")
      script.gets
      await_sleep(script)
      script.signal(:INT)
      script.finish
      assert_equal [Signal.list['INT'], ''], [script.status.termsig, script.out], "#{wait}: #{script.err}"
      assert_match(/Interrupt/, script.err)
    end
  end

  def test_an_interrupted_sleep_of_a_lock_leaves_it_free
    [PS::Mutex.new, PS::Monitor.new].each do |lock|
      thread = start_thread { lock.synchronize { lock.sleep } }
      await { asleep?(thread) && !lock.locked? }
      thread.raise(Stop)
      assert_raises(Stop) { finish(thread) }
      assert_equal false, lock.locked?
      thread = start_thread { lock.synchronize { lock.sleep } }
      await { asleep?(thread) && !lock.locked? }
      thread.kill
      finish(thread)
      assert_equal [true, lock], [lock.try_lock, lock.unlock]
    end
  end

  def test_a_condition_that_is_interrupted_holds_its_lock_in_ensure
    lock = PS::Mutex.new
    condition = PS::ConditionVariable.new
    owned = nil
    thread = start_thread do
      lock.synchronize do
        condition.wait(lock)
      ensure
        owned = lock.owned?
      end
    end
    await_sleep(thread)
    thread.kill
    finish(thread)
    assert_equal [true, false], [owned, lock.locked?]
  end

  def test_an_interrupted_condition_waits_for_its_lock_first
    lock = PS::Mutex.new
    condition = PS::ConditionVariable.new
    thread = start_thread { lock.synchronize { condition.wait(lock) } }
    await_sleep(thread)
    lock.synchronize do
      thread.raise(Stop)
      await_sleep(thread)
      assert_equal true, lock.owned?
    end
    assert_raises(Stop) { finish(thread) }
    assert_equal false, lock.locked?
  end
end
