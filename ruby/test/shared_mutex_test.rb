# frozen_string_literal: true

require_relative 'test_helper'

class SharedMutexTest < SharedTest
  def setup
    super
    @mutex = PS::SharedMutex.new
  end

  def test_readers_return_the_lock
    assert_same @mutex, @mutex.lock_shared
    assert_same @mutex, @mutex.unlock_shared
    assert_equal true, @mutex.try_lock_shared
    @mutex.unlock_shared
    assert_equal true, @mutex.lock_shared_for(0)
    @mutex.unlock_shared
    assert_equal :value, @mutex.synchronize_shared { :value }
    assert_equal true, @mutex.try_lock
    @mutex.unlock
  end

  def test_synchronize_shared_lets_go_when_the_block_raises
    assert_raises(IOError) { @mutex.synchronize_shared { raise IOError } }
    assert_equal true, in_child { @mutex.try_lock }
  end

  def test_readers_read_together
    while_a_child_reads do
      assert_equal true, @mutex.try_lock_shared
      assert_equal true, finish(start_thread { @mutex.synchronize_shared { true } })
      assert_equal true, in_child { @mutex.synchronize_shared { true } }
      @mutex.unlock_shared
    end
  end

  def test_a_reader_keeps_writers_out
    while_a_child_reads do
      assert_equal false, @mutex.try_lock
      assert_equal false, @mutex.lock_for(0.02)
      assert_equal false, finish(start_thread { @mutex.try_lock })
    end
    assert_equal true, @mutex.try_lock
    @mutex.unlock
  end

  def test_a_writer_keeps_readers_out
    while_a_child_holds(@mutex) do
      assert_equal false, @mutex.try_lock_shared
      before = Child.now
      assert_equal false, @mutex.lock_shared_for(0.05)
      assert_operator Child.now - before, :>=, 0.05
      [0, -1, 0.0].each { assert_equal false, @mutex.lock_shared_for(_1) }
    end
    assert_equal true, @mutex.lock_shared_for(10)
    @mutex.unlock_shared
  end

  def test_a_writer_waits_for_the_last_reader
    readers = Array.new(2) { child_that_holds(-> { @mutex.lock_shared }, -> { @mutex.unlock_shared }) }
    writer = start_child { |me| me.ready && @mutex.synchronize { :wrote } }
    writer.wait_until_ready
    await_sleep(writer)
    readers[0].go
    readers[0].value
    assert_predicate writer, :alive?
    readers[1].go
    readers[1].value
    assert_equal :wrote, writer.value
  end

  def test_a_reader_waits_for_the_writer
    @mutex.lock
    reader = start_child { |me| me.ready && @mutex.synchronize_shared { :read } }
    reader.wait_until_ready
    await_sleep(reader)
    @mutex.unlock
    assert_equal :read, reader.value
  end

  def test_only_a_writer_owns_it
    assert_equal [false, false], [@mutex.owned?, @mutex.locked?]
    @mutex.synchronize_shared { assert_equal false, @mutex.owned? }
    @mutex.synchronize do
      assert_equal [true, true], [@mutex.owned?, @mutex.locked?]
      assert_equal [false, true], in_child { [@mutex.owned?, @mutex.locked?] }
    end
  end

  def test_stray_unlocks_are_errors
    assert_raises(PS::ProcessError) { @mutex.unlock }
    assert_raises(PS::ProcessError) { @mutex.unlock_shared }
    @mutex.synchronize_shared do
      assert_raises(PS::ProcessError) { @mutex.unlock }
      assert_raises(PS::ProcessError) { finish(start_thread { @mutex.unlock_shared }) }
      assert_raises(PS::ProcessError) { in_child { @mutex.unlock_shared } }
    end
    @mutex.synchronize do
      assert_raises(PS::ProcessError) { @mutex.unlock_shared }
      assert_raises(PS::ProcessError) { finish(start_thread { @mutex.unlock }) }
      assert_raises(PS::ProcessError) { in_child { @mutex.unlock } }
    end
    assert_equal true, @mutex.try_lock
    @mutex.unlock
  end

  def test_what_would_wait_for_itself_is_an_error
    @mutex.synchronize do
      assert_raises(PS::ProcessError) { @mutex.lock }
      assert_raises(PS::ProcessError) { @mutex.lock_shared }
      assert_equal false, @mutex.try_lock
    end
    @mutex.synchronize_shared { assert_raises(PS::ProcessError) { @mutex.lock } }
    assert_equal true, @mutex.try_lock
    @mutex.unlock
  end

  def test_another_fiber_of_the_thread_is_another_owner
    @mutex.synchronize do
      Fiber.new do
        assert_equal false, @mutex.owned?
        assert_equal false, @mutex.try_lock
        assert_raises(PS::ProcessError) { @mutex.unlock }
        assert_raises(PS::ProcessError) { @mutex.lock }
      end.resume
      assert_equal true, @mutex.owned?
    end
  end

  def test_readers_never_see_half_of_a_write
    pair = PS::SharedMemory.new(:int, 2)
    writers = Array.new(2) do
      start_child { 200.times { @mutex.synchronize { increment(pair, 0) && increment(pair, 1) } } }
    end
    readers = Array.new(2) do
      start_child do
        300.times do
          first, second = @mutex.synchronize_shared { pair.get_array_of_int(0, 2) }
          raise "#{first} is not #{second}" unless first == second
        end
      end
    end
    (writers + readers).each(&:value)
    assert_equal [400, 400], pair.get_array_of_int(0, 2)
  end

  private

  def while_a_child_reads
    child = child_that_holds(-> { @mutex.lock_shared }, -> { @mutex.unlock_shared })
    yield child
  ensure
    child&.go
    child&.value if child&.alive?
  end
end
