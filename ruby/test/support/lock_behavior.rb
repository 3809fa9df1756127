# frozen_string_literal: true

# What every lock does, whatever its class. Who includes it says what `new_lock` is.
module LockBehavior
  CHILDREN = 4
  ROUNDS = 250

  def test_lock_and_unlock_return_the_lock
    lock = new_lock
    assert_same lock, lock.lock
    assert_same lock, lock.unlock
  end

  def test_synchronize_returns_the_value_of_its_block
    lock = new_lock
    assert_equal :value, lock.synchronize { :value }
    refute_predicate lock, :locked?
  end

  def test_synchronize_unlocks_when_the_block_raises
    lock = new_lock
    assert_equal 'inside', assert_raises(RuntimeError) { lock.synchronize { raise 'inside' } }.message
    refute_predicate lock, :locked?
    assert_equal 1, lock.synchronize { 1 }
  end

  def test_synchronize_unlocks_when_the_block_is_left
    lock = new_lock
    catch(:out) { lock.synchronize { throw :out } }
    refute_predicate lock, :locked?
    [1].each { lock.synchronize { break } }
    refute_predicate lock, :locked?
    assert_equal 7, (-> { lock.synchronize { return 7 } }).call
    refute_predicate lock, :locked?
  end

  def test_synchronize_needs_a_block
    lock = new_lock
    assert_raises(ThreadError, LocalJumpError, ArgumentError) { lock.synchronize }
    refute_predicate lock, :locked?
  end

  def test_try_lock_takes_a_free_lock_only
    lock = new_lock
    assert_equal true, lock.try_lock
    assert_equal false, in_child { lock.try_lock }
    lock.unlock
    assert_equal true, in_child { lock.try_lock.tap { lock.unlock } }
    assert_equal true, lock.try_lock
    lock.unlock
  end

  def test_try_lock_fails_beside_another_process_that_holds
    lock = new_lock
    while_a_child_holds(lock) do
      assert_equal false, lock.try_lock
      assert_equal false, finish(start_thread { lock.try_lock })
    end
    assert_equal true, lock.try_lock
    lock.unlock
  end

  def test_everybody_sees_whether_it_is_locked
    lock = new_lock
    assert_equal false, lock.locked?
    lock.lock
    assert_equal true, lock.locked?
    assert_equal true, in_child { lock.locked? }
    assert_equal true, finish(start_thread { lock.locked? })
    lock.unlock
    assert_equal false, lock.locked?
    while_a_child_holds(lock) { assert_equal true, lock.locked? }
    assert_equal false, lock.locked?
  end

  def test_asking_whether_it_is_locked_takes_nothing
    lock = new_lock
    100.times { lock.locked? }
    while_a_child_holds(lock) { 100.times { lock.locked? } }
    assert_equal true, lock.try_lock
    assert_equal false, in_child { lock.try_lock }
    lock.unlock
  end

  def test_a_child_waits_until_it_is_unlocked
    lock = new_lock
    lock.lock
    child = start_child do |me|
      me.ready
      lock.lock
      lock.unlock
      :had_it
    end
    child.wait_until_ready
    await_sleep(child)
    assert_predicate child, :alive?
    lock.unlock
    assert_equal :had_it, child.value
  end

  def test_a_thread_waits_until_a_thread_unlocks
    lock = new_lock
    holder = thread_that_holds(-> { lock.lock }, -> { lock.unlock })
    waiter = start_thread { lock.synchronize { :had_it } }
    await_sleep(waiter)
    holder.go
    assert_equal :had_it, finish(waiter)
    finish(holder)
  end

  def test_children_count_without_a_loss
    lock = new_lock
    memory = counter
    children = Array.new(CHILDREN) do
      start_child do
        ROUNDS.times do
          lock.lock
          seen = memory.get_int(0)
          Thread.pass
          memory.put_int(0, seen + 1)
          lock.unlock
        end
        :counted
      end
    end
    # A child that crashed would not have said so.
    assert_equal [:counted] * CHILDREN, children.map(&:value)
    assert_equal CHILDREN * ROUNDS, memory.get_int(0)
    refute_predicate lock, :locked?
  end

  def test_children_count_by_synchronize_without_a_loss
    lock = new_lock
    memory = counter
    children = Array.new(CHILDREN) do
      start_child { ROUNDS.times { lock.synchronize { increment(memory) } } }
    end
    assert_equal [ROUNDS] * CHILDREN, children.map(&:value)
    assert_equal CHILDREN * ROUNDS, memory.get_int(0)
  end

  def test_threads_of_several_processes_count_without_a_loss
    lock = new_lock
    memory = counter
    work = lambda do
      Array.new(3) { start_thread { 100.times { lock.synchronize { increment(memory) } } } }.each { finish(_1) }.size
    end
    children = Array.new(2) { start_child { work.call } }
    assert_equal 3, work.call
    assert_equal [3, 3], children.map(&:value)
    assert_equal 900, memory.get_int(0)
  end

  def test_a_child_that_adds_and_a_child_that_subtracts_end_at_zero
    lock = new_lock
    memory = counter
    children = [1, -1].map do |step|
      start_child { 300.times { lock.synchronize { memory.put_int(0, memory.get_int(0) + step) } } }
    end
    children.each(&:value)
    assert_equal 0, memory.get_int(0)
  end

  def test_a_grandchild_uses_it_too
    lock = new_lock
    assert_equal [true, false], in_child { [in_child { lock.synchronize { true } }, lock.locked?] }
  end

  def test_sleep_lets_others_in_and_holds_afterwards
    lock = new_lock
    skip "#{lock.class} does not sleep" unless lock.respond_to?(:sleep)
    lock.lock
    child = start_child { lock.synchronize { :was_in } }
    # The wakeup of a sleeping thread; sleep returns as soon as the child was in.
    waker = start_thread(Thread.current) do |sleeper|
      assert_equal :was_in, child.value
      await { asleep?(sleeper) && !lock.locked? }
      sleeper.wakeup
    end
    assert_kind_of Integer, lock.sleep
    assert_equal true, lock.locked?
    assert_equal false, in_child { lock.try_lock }
    lock.unlock
    finish(waker)
  end

  def test_sleep_ends_after_its_time
    lock = new_lock
    skip "#{lock.class} does not sleep" unless lock.respond_to?(:sleep)
    lock.lock
    before = Child.now
    assert_kind_of Integer, lock.sleep(0.02)
    assert_operator Child.now - before, :>=, 0.02
    assert_equal true, lock.locked?
    assert_equal 0, lock.sleep(0)
    lock.unlock
    refute_predicate lock, :locked?
  end

  def test_open_gives_the_lock_to_a_block_and_closes_it
    lock = new_lock
    skip 'a facade is not opened' unless lock.class.respond_to?(:open)
    kept = nil
    value = lock.class.open do |opened|
      kept = opened
      opened.synchronize { :value }
    end
    assert_equal :value, value
    assert_predicate kept, :closed?
    assert_instance_of lock.class, lock.class.open
  end
end
