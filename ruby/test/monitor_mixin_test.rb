# frozen_string_literal: true

require_relative 'test_helper'

# MonitorMixin does what the standard library's does, by include and by extend.
module MonitorMixinBehavior
  def test_it_is_reentrant
    object = new_object
    assert_equal(7, object.mon_synchronize { object.synchronize { 7 } })
    object.mon_enter
    assert_equal [true, true], [object.mon_try_enter, object.try_mon_enter]
    assert_equal [true, true], [object.mon_locked?, object.mon_owned?]
    3.times { object.mon_exit }
    assert_equal [false, false], [object.mon_locked?, object.mon_owned?]
  end

  def test_it_excludes_other_processes
    object = new_object
    object.mon_enter
    assert_equal [false, true, false], in_child { [object.mon_try_enter, object.mon_locked?, object.mon_owned?] }
    child = start_child do |me|
      me.ready
      object.synchronize { :was_in }
    end
    child.wait_until_ready
    await_sleep(child)
    object.mon_exit
    assert_equal :was_in, child.value
  end

  def test_mon_exit_needs_the_lock
    object = new_object
    assert_raises(ThreadError) { object.mon_exit }
    assert_raises(ThreadError) { in_child { object.mon_exit } }
  end

  def test_children_count_without_a_loss
    object = new_object
    memory = counter
    children = Array.new(3) { start_child { 100.times { object.synchronize { increment(memory) } } } }
    assert_equal [100] * 3, children.map(&:value)
    assert_equal 300, memory.get_int(0)
  end

  def test_a_condition_is_signalled_across_processes
    object = new_object
    condition = object.new_cond
    memory = counter
    child = start_child do |me|
      object.synchronize do
        me.ready
        value = condition.wait
        [value, memory.get_int(0)]
      end
    end
    child.wait_until_ready
    object.synchronize do
      memory.put_int(0, 5)
      condition.signal
    end
    assert_equal [true, 5], child.value
  end

  def test_a_condition_times_out
    object = new_object
    condition = object.new_cond
    object.synchronize do
      assert_equal false, condition.wait(0.01)
      assert_equal false, condition.wait(0)
      assert_equal true, object.mon_owned?
    end
  end

  def test_wait_while_and_wait_until
    object = new_object
    condition = object.new_cond
    memory = counter
    child = start_child do
      object.synchronize do
        condition.wait_until { memory.get_int(0) == 1 }
        memory.put_int(0, 2)
        condition.broadcast
        condition.wait_while { memory.get_int(0) < 3 }
        memory.get_int(0)
      end
    end
    object.synchronize do
      memory.put_int(0, 1)
      condition.signal
      condition.wait_until { memory.get_int(0) == 2 }
      memory.put_int(0, 3)
      condition.signal
    end
    assert_equal 3, child.value
  end

  def test_broadcast_wakes_all
    object = new_object
    condition = object.new_cond
    children = Array.new(3) do
      start_child do |me|
        object.synchronize do
          me.ready
          condition.wait
        end
      end
    end
    children.each(&:wait_until_ready)
    object.synchronize { condition.broadcast }
    assert_equal [true] * 3, children.map(&:value)
  end

  def test_a_condition_needs_the_lock
    object = new_object
    condition = object.new_cond
    assert_raises(ThreadError) { condition.wait(0.01) }
    assert_raises(ThreadError) { finish(start_thread { condition.wait(0.01) }) }
  end
end

class IncludedMonitorMixinTest < SharedTest
  include MonitorMixinBehavior

  class Base
    attr_reader :given

    def initialize(first, second: 0)
      @given = [first, second, block_given? ? yield : nil]
    end
  end

  class Account < Base
    include PS::MonitorMixin
  end

  class WithItsOwn
    include PS::MonitorMixin

    attr_reader :total

    def initialize(total)
      super()
      @total = total
    end
  end

  def new_object
    Account.new(1)
  end

  def test_initialize_passes_its_arguments_to_super
    assert_equal [1, 2, 3], Account.new(1, second: 2) { 3 }.given
    account = WithItsOwn.new(10)
    assert_equal(10, account.synchronize { account.total })
  end

  def test_every_object_has_a_monitor_of_its_own
    first = new_object
    second = new_object
    first.synchronize do
      assert_equal false, second.mon_locked?
      assert_equal(true, in_child { second.mon_try_enter })
    end
  end
end

class ExtendedMonitorMixinTest < SharedTest
  include MonitorMixinBehavior

  def new_object
    [1, 2, 3].extend(PS::MonitorMixin)
  end

  def test_an_extended_object_stays_what_it_was
    assert_equal [1, 2, 3], new_object
    assert_kind_of PS::MonitorMixin, new_object
  end
end
