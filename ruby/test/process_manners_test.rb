# frozen_string_literal: true

require_relative 'test_helper'
require_relative 'support/classes'
require_relative 'support/waits'

# Forks, daemons, ractors, trap handlers, threads that end, and the garbage collector.
class ProcessMannersTest < SharedTest
  include Waits

  def setup
    super
    @mutex = PS::Mutex.new
  end

  # ---- Forks ----

  def test_a_child_leaves_the_block_of_its_parent_silently
    [PS::Mutex.new, PS::Monitor.new, PS::SharedMutex.new].each do |lock|
      assert_silent_for_a_child(lock, :synchronize)
    end
    assert_silent_for_a_child(PS::SharedMutex.new, :synchronize_shared)
    assert_silent_for_a_child(PS::OwnedSemaphore.new(1), :synchronize)
  end

  def test_a_child_is_not_the_owner_of_what_its_parent_holds
    @mutex.synchronize do
      in_child do
        assert_equal [false, true, false], [@mutex.owned?, @mutex.locked?, @mutex.try_lock]
        assert_raises(PS::ProcessError) { @mutex.unlock }
        assert_raises(PS::ProcessError) { PS::ConditionVariable.new.wait(@mutex, 0.01) }
      end
      assert_equal [true, true], [@mutex.owned?, @mutex.locked?]
    end
    assert_equal false, @mutex.locked?
  end

  def test_a_child_takes_the_lock_once_its_parent_lets_go
    child = nil
    @mutex.synchronize do
      child = start_child do |me|
        me.ready
        [@mutex.synchronize { @mutex.owned? }, @mutex.locked?]
      end
      child.wait_until_ready
      await_sleep(child)
    end
    assert_equal [true, false], child.value
  end

  def test_a_fork_beside_busy_threads_has_sound_locks
    busy = true
    threads = Array.new(2) { start_thread { @mutex.synchronize { nil } while busy } }
    others = Array.new(2) { PS::Mutex.new }
    30.times do
      # The thread that holds it at that moment is not there in the child.
      assert_equal([true, @mutex.class], in_child do
        [others.all? { |lock| lock.synchronize { true } }, @mutex.lock.unlock.class]
      end)
    end
    busy = false
    threads.each { finish(_1) }
  end

  def test_a_child_that_never_uses_it_leaves_everything_alone
    event = PS::Event.new
    @mutex.synchronize do
      in_child { nil }
      assert_equal true, @mutex.owned?
    end
    in_child { GC.start }
    assert_equal [true, false], [event.set.set?, @mutex.locked?]
  end

  def test_a_daemon_is_another_process
    reader, writer = IO.pipe
    child = start_child do
      @mutex.lock
      Process.daemon(true, true)
      # Its parent has ended, who held the lock.
      error = (@mutex.lock rescue $!)
      @mutex.synchronize(recover: true) { nil }
      event = PS::Event.new
      waiter = Thread.new { event.wait }
      event.set
      writer.syswrite(Marshal.dump([error.class.name, @mutex.locked?, waiter.value]))
      exit!(true)
    end
    writer.close
    child.reap
    assert reader.wait_readable(30), 'the daemon does not answer'
    assert_equal ['ProcessShared::OwnerDied', false, true], Marshal.load(reader)
  ensure
    reader&.close
  end

  def test_popen_with_a_dash_forks_as_well
    memory = counter
    @mutex.lock
    IO.popen('-') do |io|
      if io.nil?
        $stdout.syswrite([@mutex.owned?, @mutex.try_lock].inspect)
        @mutex.synchronize { increment(memory) }
        exit!(true)
      end
      await { io.wait_readable(0) }
      assert_equal '[false, false]', io.readpartial(100)
      @mutex.unlock
    end
    assert_predicate $?, :success?
    assert_equal [1, false], [memory.get_int(0), @mutex.locked?]
  end

  def test_a_lock_held_across_exec_is_abandoned
    child = Process.spawn(RbConfig.ruby, '-e', 'exit!(true)')
    Process.wait(child)
    pid = fork do
      @mutex.lock
      exec('true')
    end
    Process.wait(pid)
    assert_equal pid, assert_raises(PS::OwnerDied) { @mutex.lock }.pid
  end

  # ---- Threads that end ----

  def test_a_thread_that_ends_while_it_holds_is_a_dead_owner
    [PS::Mutex.new, PS::Monitor.new, PS::SharedMutex.new].each do |lock|
      finish(start_thread { lock.lock })
      assert_equal false, lock.locked?
      assert_equal Process.pid, assert_raises(PS::OwnerDied) { lock.lock }.pid
      assert_raises(PS::OwnerDied) { in_child { lock.lock } }
      assert_same lock, lock.lock(recover: true)
      lock.unlock
    end
  end

  # Ruby gives a new thread the native thread of one that has ended; and a thread may get its name late.
  def test_a_thread_that_ended_is_told_by_its_own_name
    other = PS::Mutex.new
    finish(start_thread { other.synchronize { nil } })
    finish(start_thread { (Thread.current.name = 'careless') && @mutex.lock })
    assert_equal 'careless', assert_raises(PS::OwnerDied) { @mutex.lock }.thread_name
    @mutex.lock(recover: true).unlock
    finish(start_thread { other.synchronize { Thread.current.name = 'renamed' } && @mutex.lock })
    assert_equal 'renamed', assert_raises(PS::OwnerDied) { @mutex.lock }.thread_name
  end

  def test_the_next_thread_is_not_taken_for_the_one_that_ended
    finish(start_thread { @mutex.lock })
    threads = Array.new(5) do
      start_thread { [@mutex.owned?, (@mutex.unlock rescue $!.class), (@mutex.lock rescue $!.class)] }
    end
    assert_equal [[false, PS::ProcessError, PS::OwnerDied]] * 5, threads.map { finish(_1) }
  end

  def test_a_killed_thread_lets_go_in_synchronize
    thread = thread_that_holds(-> {}, -> { @mutex.synchronize { sleep } })
    thread.go
    await { @mutex.locked? && asleep?(thread) }
    thread.kill
    finish(thread)
    assert_equal(1, @mutex.synchronize { 1 })
  end

  # ---- Ractors ----

  def test_ractors_are_refused
    script = start_script(<<~'RUBY', options: ['-W:no-experimental']).finish
      classes = %i[Semaphore BoundedSemaphore BinarySemaphore OwnedSemaphore Mutex Monitor ConditionVariable SharedMutex
                   Barrier Event Queue SizedQueue ObjectBuffer SharedMemory SharedArray]
      Thread.report_on_exception = false
      classes.each do |name|
        ractor = Ractor.new(name) do |given|
          begin
            ProcessShared.const_get(given).new(*(%i[Barrier SizedQueue ObjectBuffer].include?(given) ? [2] : []))
            'made'
          rescue Exception => e
            e.class.name
          end
        end
        puts "#{name} #{ractor.take}"
      end
      puts ProcessShared::Mutex.new.synchronize { 'sound' }
    RUBY
    assert_predicate script.status, :success?, script.err
    lines = script.out.lines.map(&:chomp)
    assert_equal 'sound', lines.pop
    lines.each { |line| assert_match(/ Ractor::UnsafeError\z/, line) }
    assert_equal 15, lines.size
  end

  # ---- Trap handlers ----

  def test_a_trap_handler_that_posts_ends_the_wait_of_its_own_thread
    semaphore = PS::Semaphore.new(0)
    event = PS::Event.new
    child = start_child do |me|
      trap(:USR1) { semaphore.post }
      trap(:USR2) { event.set }
      me.ready
      [semaphore.wait, me.ready, event.wait]
    end
    child.wait_until_ready
    await_sleep(child)
    child.signal(:USR1)
    child.wait_until_ready
    await_sleep(child)
    child.signal(:USR2)
    assert_equal true, child.value.last
  end

  def test_a_trap_handler_of_the_owner_does_not_deadlock
    child = start_child do |me|
      result = nil
      trap(:USR1) do
        result = begin
          @mutex.synchronize { :entered }
        rescue ThreadError => e
          e.class.name
        end
        result = [result, (@mutex.try_lock rescue $!.class.name)]
      end
      @mutex.synchronize do
        Process.kill(:USR1, Process.pid)
        await { result }
        assert_equal true, @mutex.owned?
      end
      me.ready
      [*result, @mutex.locked?]
    end
    first, second, locked = child.value
    assert_includes ['ProcessShared::ProcessError', 'ThreadError'], first
    assert_includes [false, 'ThreadError'], second
    assert_equal false, locked
  end

  def test_a_trap_handler_may_use_a_free_lock
    memory = counter
    child = start_child do |me|
      trap(:USR1) do
        @mutex.synchronize { increment(memory) }
      rescue ThreadError
        nil
      ensure
        me.ready('handled')
      end
      me.ready
      me.await_go
      @mutex.locked?
    end
    child.wait_until_ready
    5.times { child.signal(:USR1) && child.wait_until_ready }
    child.go
    assert_equal false, child.value
  end

  # ---- Closing ----

  def test_close_while_another_thread_waits_ends_no_process
    [[PS::Semaphore, [0], :wait, :post], [PS::Event, [], :wait, :set], [PS::Queue, [], :pop, :push]].each do |row|
      type, arguments, wait, wake = row
      name = unique_name
      options = type == PS::Queue ? { bytes: 4096 } : {}
      closing = type.new(*arguments, name: name, **options)
      other = kept(type.new(*arguments, name: name, **options))
      thread = start_thread do
        closing.public_send(wait)
        :woken
      rescue PS::ClosedError
        :closed
      end
      await_sleep(thread)
      type == PS::Queue ? closing.release : closing.close
      other.public_send(wake, *(wake == :push ? [1] : []))
      assert_includes %i[woken closed], finish(thread)
    end
  end

  def test_close_of_a_lock_that_another_thread_waits_for
    name = unique_name
    closing = PS::Mutex.new(name: name)
    other = kept(PS::Mutex.new(name: name))
    holder = thread_that_holds(-> { other.lock }, -> { other.unlock })
    thread = start_thread do
      closing.lock
      closing.unlock
      :woken
    rescue PS::ClosedError
      :closed
    end
    await_sleep(thread)
    closing.close
    holder.go
    finish(holder)
    assert_includes %i[woken closed], finish(thread)
    # Whatever the waiter did, the lock is not left behind with a thread that cannot unlock it.
    assert_equal [true, true], [other.try_lock, other.owned?]
    other.unlock
  end

  # What the standard library's Mutex does: a lock that nobody can unlock any more is nobody's.
  def test_a_lock_that_is_closed_while_held_does_not_stay_with_its_process
    [PS::Mutex, PS::Monitor, PS::SharedMutex].each do |type|
      name = unique_name
      closing = type.new(name: name)
      other = kept(type.new(name: name))
      closing.lock
      begin
        closing.close
      rescue PS::ProcessError
        closing.unlock # refused: fine
        closing.close
      end
      taken = in_child do
        other.lock_for(0.5)
      rescue PS::OwnerDied
        true
      end
      assert_equal true, taken, type.name
    end
  end

  def test_locks_dropped_while_held_do_not_use_up_the_room
    in_child do
      200.times do |number|
        PS::Mutex.new.lock
        GC.start if (number % 10).zero?
      end
      assert_equal(1, PS::Mutex.new.synchronize { 1 })
    end
  end

  # ---- Garbage collection ----

  # In a ruby of its own, whose heap is small.
  def test_gc_stress_does_no_harm
    code = Classes::ALL.map do |it|
      codes = [it.act, it.ask, it.undo].map { |code| "->(it) { #{code} }" }
      "[#{it.name.inspect}, -> { #{it.make_code} }, #{codes.join(', ')}, :#{it.done}]"
    end
    seen = in_new_ruby(<<~RUBY)
      [#{code.join(",\n")}].to_h do |name, make, act, ask, undo, done|
        GC.stress = true
        object = make.call
        act.call(object)
        value = ask.call(object)
        GC.stress = false
        undo.call(object)
        object.public_send(done)
        [name, value]
      end
    RUBY
    assert_equal Classes::ALL.to_h { |it| [it.name, it.after] }, seen
  end

  Classes::ALL.each do |sample|
    define_method("test_compaction_does_no_harm_to_#{sample.name}") do
      skip 'no compaction here' unless GC.respond_to?(:compact)
      in_child do
        objects = Array.new(10) { [sample.make, 'garbage' * 5][0] }
        begin
          GC.compact
        rescue NotImplementedError
          skip 'no compaction here'
        end
        objects.each { |object| sample.act_on(object) }
        GC.compact
        assert_equal [sample.after.inspect] * 10, objects.map { |object| sample.ask_of(object).inspect }
        objects.each { |object| sample.undo_on(object) }
      end
    end
  end

  def test_compaction_while_a_fiber_owns_and_a_thread_waits
    in_child do
      waiter = start_thread { @mutex.synchronize { :had_it } }
      fiber = Fiber.new do
        @mutex.lock
        Fiber.yield
        [@mutex.owned?, @mutex.unlock]
      end
      fiber.resume
      GC.compact rescue nil
      await_sleep(waiter)
      GC.compact rescue nil
      assert_equal [true, @mutex], fiber.resume
      assert_equal :had_it, finish(waiter)
    end
  end

  private

  # The child leaves the block as its parent does, by its end; whoever holds it then is still the parent.
  def assert_silent_for_a_child(lock, synchronize)
    pid = :unknown
    begin
      lock.public_send(synchronize) do
        pid = Process.fork
        if pid
          assert_equal [0, 'held'], [Process.wait2(pid)[1].exitstatus, held_by_us(lock, synchronize)], lock.class.name
        end
      end
    rescue Exception # rubocop:disable Lint/RescueException
      raise unless pid.nil?

      exit!(9)
    end
    exit!(0) if pid.nil?
  end

  def held_by_us(lock, synchronize)
    return (lock.held == 1 && lock.value.zero? ? 'held' : 'lost') if lock.is_a?(PS::OwnedSemaphore)
    return in_child { lock.try_lock } ? 'lost' : 'held' if synchronize == :synchronize_shared

    lock.owned? ? 'held' : 'lost'
  end
end
