# frozen_string_literal: true

require_relative 'test_helper'
require 'objspace'

# The twelve measured defects of the first gem of this name, each shown absent by what used to show it.
class DefectsTest < SharedTest
  class Stop < StandardError; end

  # ---- 1: an owner that is killed or exits blocks everybody for ever ----

  def test_1_an_owner_that_is_killed_or_exits_blocks_nobody
    { kill: ->(child) { child.kill }, exit: ->(child) { child.go && child.reap } }.each_value do |finish_off|
      mutex = PS::Mutex.new
      victim = child_that_holds(-> { mutex.lock }, -> { exit!(0) })
      waiter = start_child do |me|
        me.ready
        mutex.lock
      rescue PS::OwnerDied => e
        e.pid
      end
      waiter.wait_until_ready
      await_sleep(waiter)
      finish_off.call(victim)
      assert_equal victim.pid, waiter.value
      assert_equal(1, mutex.synchronize(recover: true) { 1 })
      assert_equal(2, mutex.synchronize { 2 })
    end
  end

  # ---- 2: try_lock deadlocks always ----

  def test_2_try_lock_does_not_deadlock
    [PS::Mutex.new, PS::Monitor.new].each do |lock|
      assert_equal [true, true, false], [lock.try_lock, lock.owned?, in_child { lock.try_lock }]
      lock.unlock
      assert_equal false, lock.locked?
    end
  end

  # ---- 3: an asynchronous exception breaks a Mutex ----

  # Each try takes a time slice of Ruby's scheduler, a tenth of a second: hundreds of them in a long run only. Of those
  # that come in a trap handler, which need none, it is 300 always.
  THREAD_RAISES = 15
  TRIES = 300

  { mutex: PS::Mutex, monitor: PS::Monitor, shared_mutex: PS::SharedMutex }.each do |name, type|
    define_method("test_3_thread_raise_leaves_a_#{name}_usable") do
      assert_usable_after_thread_raises(type.new)
    end

    define_method("test_3_exceptions_of_a_trap_leave_a_#{name}_usable") do
      assert_usable_after_signals(type.new)
    end
  end

  def test_3_exceptions_leave_the_readers_side_usable
    assert_usable_after_thread_raises(PS::SharedMutex.new, :synchronize_shared)
    assert_usable_after_signals(PS::SharedMutex.new, :synchronize_shared)
  end

  def test_3_an_exception_of_a_trap_leaves_a_contended_mutex_usable
    mutex = PS::Mutex.new
    stop = PS::Event.new
    rivals = Array.new(2) { start_child { mutex.synchronize { nil } until stop.set? } }
    # The rivals may have it; but it is to be had.
    assert_usable_after_signals(mutex) { mutex.lock_for(30) && mutex.unlock }
    stop.set
    rivals.each(&:value)
    assert_equal [true, mutex], [mutex.try_lock, mutex.unlock]
  end

  def test_3_timeouts_leave_a_mutex_usable
    mutex = PS::Mutex.new
    scaled(10).times do
      Timeout.timeout(0.0005) { loop { mutex.synchronize { nil } } }
    rescue Timeout::Error
      assert_equal [false, true, mutex], [mutex.locked?, mutex.try_lock, mutex.unlock]
    end
  end

  def test_3_exceptions_lose_no_permit
    [PS::Semaphore.new(1), PS::BinarySemaphore.new, PS::OwnedSemaphore.new(1)].each do |semaphore|
      assert_usable_after_signals(semaphore) { semaphore.value == 1 }
    end
  end

  def test_3_exceptions_leave_no_waiter_of_a_condition
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    assert_usable_after_signals(nil, -> { mutex.synchronize { condition.wait(mutex, 0.0001) } }) do
      condition.signal
      !mutex.locked? && mutex.synchronize { condition.wait(mutex, 0).nil? }
    end
  end

  # ---- 4: a trapped signal ends a wait with EINTR, and leaves a phantom waiter ----

  def test_4_trapped_signals_do_not_end_a_wait
    mutex = PS::Mutex.new
    guard = PS::Mutex.new
    condition = PS::ConditionVariable.new
    semaphore = PS::Semaphore.new(0)
    mutex.lock
    waits = [-> { semaphore.wait }, -> { semaphore.try_wait(1000) }, -> { mutex.synchronize { 0 } },
             -> { guard.synchronize { condition.wait(guard) ? 0 : 1 } }]
    children = waits.map do |wait|
      start_child do |me|
        trap(:CHLD) { me.ready('a child has ended') }
        # The grandchild ends while its parent waits.
        fork { me.await_go && exit!(0) }
        me.ready
        wait.call
      end
    end
    children.each(&:wait_until_ready)
    children.each do |child|
      await_sleep(child)
      child.go
      assert_equal 'a child has ended', child.wait_until_ready
      await_sleep(child)
    end
    2.times { semaphore.post }
    mutex.unlock
    guard.synchronize { condition.signal }
    assert_equal [0] * 4, children.map(&:value)
    # No phantom: the next wait is not served by what was meant for the last one.
    guard.synchronize { assert_nil condition.wait(guard, 0.02) }
    assert_equal 0, semaphore.value
  end

  # ---- 5: lost wake-ups ----

  def test_5_no_signal_to_a_waiter_inside_wait_is_lost
    count = 2000
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    state = PS::SharedMemory.new(:int, 2) # is the waiter waiting; how often it was woken
    waiter = start_child do
      mutex.synchronize do
        count.times do
          state.put_int(0, 1)
          raise 'not signalled' unless condition.wait(mutex)

          state.put_int(4, state.get_int(4) + 1)
        end
      end
    end
    count.times do |number|
      loop do
        mutex.lock
        break if state.get_int(0) == 1

        mutex.unlock
        Thread.pass
      end
      state.put_int(0, 0)
      condition.signal
      mutex.unlock
      # One signal must do.
      await("wake-up #{number}") { state.get_int(4) > number } if (number % 50).zero?
    end
    assert_equal count, waiter.value
    assert_equal count, state.get_int(4)
  end

  # ---- 6: two signals for one waiter leave a permit behind ----

  def test_6_two_signals_for_one_waiter_leave_nothing_behind
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    20.times do
      child = start_child { |me| mutex.synchronize { me.ready && condition.wait(mutex).equal?(condition) } }
      child.wait_until_ready
      mutex.synchronize { 2.times { condition.signal } }
      assert_equal true, child.value
      mutex.synchronize { assert_nil condition.wait(mutex, 0.001) }
    end
  end

  def test_6_wait_tells_a_signal_from_a_timeout
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    mutex.synchronize do
      assert_nil condition.wait(mutex, 0.001)
      signaller = start_thread { mutex.synchronize { condition.signal } }
      assert_same condition, condition.wait(mutex, 1000)
      finish(signaller)
    end
  end

  # ---- 7: wrong exceptions outside the main thread ----

  def test_7_exceptions_are_the_same_in_every_thread
    semaphore = PS::Semaphore.new(0)
    full = PS::Semaphore.new(2**30)
    cases = { Errno::EAGAIN => -> { semaphore.try_wait }, Errno::ETIMEDOUT => -> { semaphore.try_wait(0.001) },
              Errno::EOVERFLOW => -> { full.post }, Errno::EINVAL => -> { PS::Semaphore.new(-1) } }
    cases.each do |expected, act|
      20.times { assert_raises(expected) { finish(start_thread(&act)) } }
      assert_raises(expected, &act)
    end
  end

  # ---- 8: use after close crashes ----

  def test_8_use_after_close_is_an_error
    semaphore = PS::Semaphore.new
    memory = PS::SharedMemory.new(:int)
    2.times { [semaphore, memory].each { |object| assert_nil object.close } }
    in_child do
      %i[post wait value try_wait].each { |use| assert_raises(PS::ClosedError) { semaphore.public_send(use) } }
      assert_raises(IndexError, FFI::NullPointerError) { memory.get_int(0) }
    end
  end

  # ---- 9: a descriptor per object, and names ----

  def test_9_ten_thousand_mutexes_need_no_descriptors
    in_child do
      Process.setrlimit(:NOFILE, 256)
      before = open_descriptors
      mutexes = Array.new(10_000) { PS::Mutex.new }
      assert_operator open_descriptors, :<=, before + 2
      mutexes.each_slice(50) { |some| some.each(&:lock).each(&:unlock) }
      assert_equal(true, in_child { mutexes.each_slice(1000).all? { |some| some[0].synchronize { true } } })
      mutexes.each(&:close)
    end
  end

  def test_9_every_class_lives_within_few_descriptors
    in_child do
      Process.setrlimit(:NOFILE, 64)
      objects = Array.new(200) do
        [PS::Mutex.new, PS::ConditionVariable.new, PS::Semaphore.new, PS::SharedMemory.new(100), PS::Event.new,
         PS::SharedArray.new(:int, 4), PS::Queue.new(bytes: 4096), PS::ObjectBuffer.new(100), PS::Barrier.new(2)]
      end
      assert_equal 200, objects.size
    end
  end

  def test_9_nothing_goes_by_a_name_of_its_own
    used = in_new_ruby(<<~'RUBY')
      made = Array.new(50) do
        [ProcessShared::Mutex.new, ProcessShared::SharedMemory.new(:int), ProcessShared::SharedMemory.new(1 << 20),
         ProcessShared::Semaphore.new, ProcessShared::Queue.new(bytes: 4096), ProcessShared::ObjectBuffer.new(10_000)]
      end
      made.flatten.grep(ProcessShared::Mutex).each { |mutex| mutex.synchronize { nil } }
      links = Dir.children('/proc/self/fd').filter_map { |fd| File.readlink("/proc/self/fd/#{fd}") rescue nil }
      (File.readlines('/proc/self/maps') + links).grep(/\/dev\/shm/)
    RUBY
    assert_empty used
  end

  def test_9_many_processes_that_make_objects_never_collide
    children = Array.new(8) { start_child { 500.times { PS::SharedMemory.new(:int) }.to_s && PS::Mutex.new.try_lock } }
    assert_equal [true] * 8, children.map(&:value)
  end

  # ---- 10: noise of finalizers; what cannot be closed ----

  def test_10_nothing_is_said_when_objects_are_collected_or_left_open
    script = start_script(<<~'RUBY', options: ['-w']).finish
      make = lambda do
        [ProcessShared::Semaphore.new, ProcessShared::BinarySemaphore.new, ProcessShared::OwnedSemaphore.new,
         ProcessShared::Mutex.new, ProcessShared::Monitor.new, ProcessShared::ConditionVariable.new,
         ProcessShared::SharedMutex.new, ProcessShared::Barrier.new(2), ProcessShared::Event.new,
         ProcessShared::Queue.new(bytes: 4096), ProcessShared::ObjectBuffer.new(100),
         ProcessShared::SharedMemory.new(:int), ProcessShared::SharedArray.new(:int, 3)]
      end
      20.times { 50.times { make.call }; GC.start }
      left_open = make.call
      ProcessShared::Mutex.new.lock
      Process.wait(fork { 5.times { make.call }; GC.start })
      left_open[3].lock
    RUBY
    assert_equal ['', '', 0], [script.err, script.out, script.status.exitstatus]
  end

  def test_10_collected_objects_give_their_memory_back
    grown = in_new_ruby(<<~'RUBY')
      rss = -> { GC.start; File.read('/proc/self/status')[/VmRSS:\s+(\d+)/, 1].to_i }
      churn = lambda { |*| 50.times { ProcessShared::SharedMemory.new(1 << 20).put_bytes(0, 'x' * (1 << 20)) } }
      churn.call
      before = rss.call
      3.times(&churn)
      rss.call - before
    RUBY
    assert_operator grown, :<, 75_000 # of 150 MiB that were written
  end

  def test_10_mutex_and_condition_are_closed
    [PS::Mutex, PS::Monitor, PS::ConditionVariable].each do |type|
      object = type.new
      assert_equal [nil, true], [object.close, object.closed?]
    end
    assert_equal(:value, PS::Mutex.open { :value })
  end

  # ---- 11: read_object asks for each byte ----

  def test_11_a_large_object_is_read_in_one_go
    memory = PS::SharedMemory.new((1 << 20) + 1000)
    object = 'x' * (1 << 20)
    memory.write_object(object)
    assert_equal object, memory.read_object
    calls = 0
    trace = TracePoint.new(:c_call, :call) { calls += 1 }
    trace.enable(target_thread: Thread.current) { memory.read_object }
    assert_operator calls, :<, 1000
    before = GC.stat(:total_allocated_objects)
    memory.read_object
    assert_operator GC.stat(:total_allocated_objects) - before, :<, 1000
  end

  def test_11_a_large_object_of_many_parts_is_read_in_one_go
    memory = PS::SharedMemory.new(1 << 20)
    object = (0...50_000).to_a
    memory.write_object(object)
    calls = 0
    trace = TracePoint.new(:c_call, :call) { calls += 1 }
    assert_equal(object, trace.enable(target_thread: Thread.current) { memory.read_object })
    assert_operator calls, :<, 1000
  end

  # ---- 12: ProcessError is no StandardError ----

  def test_12_rescue_catches_process_errors
    caught = begin
      PS::Mutex.new.unlock
    rescue => e # rubocop:disable Style/RescueStandardError
      e
    end
    assert_kind_of PS::ProcessError, caught
  end

  private

  def assert_usable_after_thread_raises(lock, synchronize = :synchronize)
    usable = scaled(THREAD_RAISES).times.count do
      inside = 0
      thread = start_thread { loop { lock.public_send(synchronize) { inside += 1 } } }
      await { inside > 3 }
      thread.raise(Stop)
      assert_raises(Stop) { finish(thread) }
      @threads.delete(thread)
      usable?(lock)
    end
    assert_equal scaled(THREAD_RAISES), usable
  end

  # The exception hits a tight loop of synchronize wherever it is; then the block says whether all is well.
  def assert_usable_after_signals(lock, work = -> { lock.synchronize { @inside = true } }, &well)
    well ||= -> { usable?(lock) }
    work = -> { lock.synchronize_shared { @inside = true } } if work == :synchronize_shared
    child = start_child do |me|
      armed = false
      trap(:USR1) { raise Stop if armed }
      TRIES.times.count do
        begin
          armed = true
          me.ready('try')
          loop { work.call }
        rescue Stop
          armed = false
        end
        well.call
      end.tap { me.ready('done') }
    end
    random = Random.new(13)
    until child.wait_until_ready == 'done'
      random.rand(20_000).times { nil }
      child.signal(:USR1)
    end
    assert_equal TRIES, child.value
  end

  def usable?(lock)
    !lock.locked? && lock.try_lock && lock.unlock && !lock.locked?
  end
end
