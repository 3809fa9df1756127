# frozen_string_literal: true

require_relative 'test_helper'
require_relative 'support/classes'

# Everything at once: forks, threads, the garbage collector, and each class. Short by default.
class StressTest < SharedTest
  def test_forks_and_threads_of_all_classes_at_once
    @stop = PS::Event.new
    prepare
    workers = Array.new(3) { start_child { run_threads } }
    scaled(20).times do
      # Short lives, too: each takes a seat, and gives it back.
      assert_equal :done, in_child { turn && :done }
    end
    @stop.set
    totals = workers.map(&:value)
    assert_equal totals.sum + scaled(20), @mutex.synchronize { @count.get_long(0) }
    assert_equal 3, @permits.value
    assert_equal [false, false, false], [@mutex.locked?, @monitor.locked?, @table.locked?]
    @queue.close
    left = 0
    left += 1 while @queue.pop
    assert_operator left, :<=, 8
    assert_equal(*@pair.get_array_of_int(0, 2))
  end

  def test_objects_are_made_and_dropped_by_many_threads_and_processes
    churn = lambda do
      60.times do
        Classes::ALL.each do |sample|
          object = sample.make
          sample.act_on(object)
          raise sample.name unless sample.ask_of(object).inspect == sample.after.inspect

          sample.undo_on(object)
          object.public_send(sample.done) if rand(2).zero?
        end
      end
      :done
    end
    scaled(1).times do
      children = Array.new(2) { start_child { Array.new(2) { start_thread(&churn) }.map { finish(_1) } } }
      assert_equal :done, churn.call
      assert_equal [%i[done done]] * 2, children.map(&:value)
    end
  end

  def test_garbage_is_collected_beside_everything
    mutex = PS::Mutex.new
    condition = PS::ConditionVariable.new
    queue = PS::SizedQueue.new(2, bytes: 4096)
    stop = false
    collector = start_thread do
      until stop
        GC.start
        GC.compact if GC.respond_to?(:compact)
        sleep 0.001
      end
    rescue NotImplementedError
      nil
    end
    consumer = start_thread { Array.new(80) { queue.pop } }
    80.times do |number|
      Array.new(20) { PS::Event.new }
      queue << { number => 'x' * number }
      mutex.synchronize { condition.wait(mutex, 0.0001) }
    end
    assert_equal Array.new(80) { |number| { number => 'x' * number } }, finish(consumer)
    stop = true
    finish(collector)
  end

  # A wait, its interruption, and the collector at every allocation.
  def test_gc_stress_during_waits_and_deaths
    assert_equal [true, nil, 'ProcessShared::OwnerDied', [1, 2], 'Timeout::Error', false], in_new_ruby(<<~'RUBY')
      require 'timeout'
      mutex = ProcessShared::Mutex.new
      condition = ProcessShared::ConditionVariable.new
      queue = ProcessShared::Queue.new(bytes: 4096)
      Process.wait(fork { mutex.lock; exit!(0) })
      thread = Thread.new { Thread.pass until mutex.owned? == false && queue.num_waiting == 1; queue << [1, 2] }
      GC.stress = true
      died = begin
        mutex.lock
      rescue ProcessShared::OwnerDied => e
        e.class.name
      end
      mutex.lock(recover: ->(_) { 'x' * 100 })
      owned = mutex.owned?
      waited = condition.wait(mutex, 0.01)
      item = queue.pop
      GC.stress = false
      thread.join
      timed_out = begin
        Timeout.timeout(0.05) { GC.stress = true; ProcessShared::Semaphore.new(0).wait }
      rescue Timeout::Error => e
        e.class.name
      ensure
        GC.stress = false
      end
      mutex.unlock
      [owned, waited, died, item, timed_out, mutex.locked?]
    RUBY
  end

  def test_threads_come_and_go
    mutex = PS::Mutex.new
    permits = PS::OwnedSemaphore.new(2)
    memory = counter
    scaled(300).times.each_slice(10) do |slice|
      slice.map { start_thread { permits.synchronize { mutex.synchronize { increment(memory) } } } }.each { finish(_1) }
    end
    assert_equal [scaled(300), 2], [memory.get_int(0), permits.value]
  end

  # More threads than seats at once would be an error; one after another they need no more than are alive.
  def test_children_come_and_go
    mutex = PS::Mutex.new
    memory = counter
    scaled(120).times.each_slice(6) do |slice|
      slice.map { start_child { mutex.synchronize { increment(memory) } } }.each { |child| child.value && child.close }
    end
    assert_equal scaled(120), memory.get_int(0)
  end

  def test_many_threads_wait_for_one_lock
    mutex = PS::Mutex.new
    memory = counter
    mutex.lock
    threads = Array.new(60) { start_thread { mutex.synchronize { increment(memory) } } }
    threads.each { await_sleep(_1) }
    mutex.unlock
    threads.each { finish(_1) }
    assert_equal 60, memory.get_int(0)
  end

  def test_more_threads_than_there_is_room_for_get_an_error_or_their_turn
    mutex = PS::Mutex.new
    mutex.lock
    threads = Array.new(300) do
      start_thread do
        mutex.synchronize { :turn }
      rescue StandardError => e
        e.class
      end
    end
    threads.each { |thread| await { asleep?(thread) || !thread.alive? } }
    mutex.unlock
    results = threads.map { finish(_1) }.tally
    assert_operator results[:turn], :>=, 200
    assert_equal(1, mutex.synchronize { 1 })
  end

  private

  def prepare
    @mutex = PS::Mutex.new
    @monitor = PS::Monitor.new
    @changed = PS::ConditionVariable.new
    @table = PS::SharedMutex.new
    @permits = PS::OwnedSemaphore.new(3)
    @plain = PS::Semaphore.new(2)
    @queue = PS::SizedQueue.new(8, bytes: 8192)
    @buffer = PS::ObjectBuffer.new(4096)
    @count = PS::SharedMemory.new(:long)
    @pair = PS::SharedMemory.new(:int, 2)
  end

  # How many turns all threads together have done.
  def run_threads
    threads = Array.new(3) do
      start_thread do
        turns = 0
        turns += 1 while turn && !@stop.set?
        turns + 1
      end
    end
    threads.sum { |thread| finish(thread) }
  end

  def turn
    @permits.synchronize { @plain.synchronize { raise 'no permit' unless @permits.held == 1 } }
    @monitor.synchronize { @monitor.synchronize { @changed.wait(@monitor, 0.0002) && @changed.broadcast } }
    @changed.signal
    @table.synchronize { 2.times { |index| increment(@pair, index) } }
    @table.synchronize_shared { raise 'half a write' unless @pair.get_int(0) == @pair.get_int(4) }
    @queue.push([Process.pid, 'x' * rand(200)], timeout: 0.001)
    @queue.pop(timeout: 0.001)
    @buffer.write([rand(1000)] * rand(1..300))
    raise 'half an object' unless @buffer.read.uniq.size == 1

    @mutex.synchronize { @count.put_long(0, @count.get_long(0) + 1) }
    true
  end
end
