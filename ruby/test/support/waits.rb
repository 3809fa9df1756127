# frozen_string_literal: true

# Every way to wait in this library, already blocked by the time that it is asked for. For a SharedTest.
#
#     enter    waits; then gives back what it got
#     release  lets a wait that goes on come to its end
#     undo     instead, after the wait was ended from outside: whoever kept it waiting lets go
#     intact   after either: asserts that the wait left nothing behind
Blocked = Struct.new(:enter, :release, :undo, :intact, keyword_init: true)

module Waits
  KINDS = %w[
    mutex_lock mutex_synchronize mutex_lock_for monitor_lock facade_lock
    semaphore_wait semaphore_try_wait owned_semaphore_wait
    condition_wait condition_wait_with_timeout condition_wait_of_monitor
    shared_mutex_lock_behind_writer shared_mutex_lock_behind_reader shared_mutex_lock_shared
    barrier_wait event_wait auto_event_wait queue_pop queue_pop_with_timeout sized_queue_push queue_push
  ].freeze

  private

  def blocked(kind)
    send("blocked_#{kind}")
  end

  # ---- Locks ----

  def blocked_mutex_lock
    lock_held_by_a_thread(PS::Mutex.new) { |lock| lock.lock.unlock }
  end

  def blocked_mutex_synchronize
    lock_held_by_a_thread(PS::Mutex.new) { |lock| lock.synchronize { :inside } }
  end

  def blocked_mutex_lock_for
    lock_held_by_a_thread(PS::Mutex.new) { |lock| lock.lock_for(1000) && lock.unlock }
  end

  def blocked_monitor_lock
    lock_held_by_a_thread(PS::Monitor.new) { |lock| lock.lock.unlock }
  end

  def blocked_facade_lock
    lock_held_by_a_thread(PS::Semaphore.new.to_mtx) { |lock| lock.lock.unlock }
  end

  def blocked_shared_mutex_lock_behind_writer
    lock_held_by_a_thread(PS::SharedMutex.new) { |lock| lock.lock.unlock }
  end

  def blocked_shared_mutex_lock_behind_reader
    lock_held_by_a_thread(PS::SharedMutex.new, :lock_shared, :unlock_shared) { |lock| lock.lock.unlock }
  end

  def blocked_shared_mutex_lock_shared
    lock_held_by_a_thread(PS::SharedMutex.new) { |lock| lock.lock_shared.unlock_shared }
  end

  def lock_held_by_a_thread(lock, take = :lock, give = :unlock)
    holder = thread_that_holds(-> { lock.public_send(take) }, -> { lock.public_send(give) })
    release = lambda do
      holder.go
      finish(holder)
    end
    intact = lambda do
      assert_equal false, lock.locked?
      assert_equal [true, true], [lock.try_lock, lock.locked?]
      lock.unlock
      assert_equal true, in_child { lock.try_lock }
    end
    Blocked.new(enter: -> { yield lock }, release: release, undo: release, intact: intact)
  end

  # ---- Semaphores ----

  def blocked_semaphore_wait
    empty_semaphore(&:wait)
  end

  def blocked_semaphore_try_wait
    empty_semaphore { |semaphore| semaphore.try_wait(1000) }
  end

  def empty_semaphore
    semaphore = PS::Semaphore.new(0)
    enter = lambda do
      yield semaphore
      semaphore.post
    end
    intact = lambda do
      assert_equal [1, 0], [semaphore.value, semaphore.try_wait]
      assert_raises(Errno::EAGAIN) { semaphore.try_wait }
    end
    Blocked.new(enter: enter, release: -> { semaphore.post }, undo: -> { semaphore.post }, intact: intact)
  end

  def blocked_owned_semaphore_wait
    semaphore = PS::OwnedSemaphore.new(1)
    holder = thread_that_holds(-> { semaphore.wait }, -> { semaphore.post })
    release = lambda do
      holder.go
      finish(holder)
    end
    intact = lambda do
      assert_equal [1, 0, 0], [semaphore.value, semaphore.held, semaphore.wait]
      semaphore.post
    end
    Blocked.new(enter: -> { semaphore.synchronize { :inside } }, release: release, undo: release, intact: intact)
  end

  # ---- Conditions ----

  def blocked_condition_wait
    condition_with(PS::Mutex.new)
  end

  def blocked_condition_wait_with_timeout
    condition_with(PS::Mutex.new, 1000)
  end

  def blocked_condition_wait_of_monitor
    condition_with(PS::Monitor.new)
  end

  def condition_with(lock, *timeout)
    condition = PS::ConditionVariable.new
    enter = -> { lock.synchronize { condition.wait(lock, *timeout).equal?(condition) } }
    # Whoever waits has let go of the lock.
    release = -> { lock.synchronize { condition.signal } }
    intact = lambda do
      assert_equal false, lock.locked?
      condition.signal
      # A waiter that is left would have a permit for this one.
      lock.synchronize { assert_nil condition.wait(lock, 0.01) }
    end
    Blocked.new(enter: enter, release: release, undo: -> {}, intact: intact)
  end

  # ---- Meeting points ----

  def blocked_barrier_wait
    barrier = PS::Barrier.new(2)
    # A thread that has ended has left; a process that has ended was a member that died.
    intact = lambda do
      unless barrier.wait(0)
        child = start_child { barrier.wait }
        assert_equal [true, true, false], [barrier.wait, child.value, barrier.broken?]
      end
    rescue PS::MemberDied
      child&.kill
      barrier.reset
      retry
    end
    release = -> { assert_equal true, barrier.wait }
    Blocked.new(enter: -> { barrier.wait }, release: release, undo: -> {}, intact: intact)
  end

  def blocked_event_wait
    event_that_is_not_set(false)
  end

  def blocked_auto_event_wait
    event_that_is_not_set(true)
  end

  def event_that_is_not_set(auto_reset)
    event = PS::Event.new(auto_reset: auto_reset)
    intact = lambda do
      event.reset
      assert_equal [false, true], [event.wait(0), event.set.wait]
      assert_equal !auto_reset, event.set?
    end
    Blocked.new(enter: -> { event.wait }, release: -> { event.set }, undo: -> {}, intact: intact)
  end

  # ---- Queues ----

  def blocked_queue_pop
    empty_queue(&:pop)
  end

  def blocked_queue_pop_with_timeout
    empty_queue { |queue| queue.pop(timeout: 1000) }
  end

  def empty_queue
    queue = PS::Queue.new(bytes: 4096)
    intact = lambda do
      assert_equal [0, 0], [queue.num_waiting, queue.size]
      assert_equal [:item, true], [queue.push(:item).pop(true), queue.empty?]
    end
    Blocked.new(enter: -> { yield queue }, release: -> { queue.push(:item) }, undo: -> {}, intact: intact)
  end

  def blocked_sized_queue_push
    full_queue(PS::SizedQueue.new(1, bytes: 4096), 'small')
  end

  def blocked_queue_push
    full_queue(PS::Queue.new(bytes: 4096), 'x' * 3000)
  end

  def full_queue(queue, item)
    queue.push(item)
    intact = lambda do
      assert_equal [0, 1], [queue.num_waiting, queue.size]
      assert_equal [item, true], [queue.pop, queue.empty?]
      assert_equal item, queue.push(item).pop
    end
    Blocked.new(enter: -> { queue.push(item) && true }, release: -> { queue.pop }, undo: -> {}, intact: intact)
  end
end
