# frozen_string_literal: true

require_relative 'test_helper'
require_relative 'support/lock_behavior'

class MutexAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    PS::Mutex.new
  end
end

class MonitorAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    PS::Monitor.new
  end
end

class SharedMutexAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    PS::SharedMutex.new
  end
end

class SemaphoreFacadeAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    PS::Semaphore.new.to_mtx
  end
end

class BoundedSemaphoreFacadeAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    PS::BoundedSemaphore.new(1).to_mtx
  end
end

class BinarySemaphoreFacadeAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    PS::BinarySemaphore.new.to_mtx
  end
end

# Two handles of one name are one lock.
class NamedMutexAsLockTest < SharedTest
  include LockBehavior

  def new_lock
    kept(PS::Mutex.new(name: unique_name))
  end
end

class RubyLibTest < SharedTest
  # Everything that the standard library does with a lock by its name.
  def test_a_mutex_serves_where_the_standard_library_wants_one
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    woken = false
    waiter = start_thread { mutex.synchronize { condition.wait(mutex) until woken } }
    await_sleep(waiter)
    mutex.synchronize do
      woken = true
      condition.signal
    end
    finish(waiter)
  end

  # As one public program does (original-gem.md, section 5).
  def test_a_subclass_calls_super_and_writes_its_own_synchronize
    subclass = Class.new(PS::Mutex) do
      def initialize
        super
        @memory = PS::SharedMemory.new(:int)
      end

      def synchronize
        lock
        begin
          yield @memory
        ensure
          unlock
        end
      end
    end
    mutex = subclass.new
    Array.new(2) { start_child { 100.times { mutex.synchronize { increment(_1) } } } }.each(&:value)
    assert_equal(200, mutex.synchronize { |memory| memory.get_int(0) })
    refute_predicate mutex, :locked?
  end
end
