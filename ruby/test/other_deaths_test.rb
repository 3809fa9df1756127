# frozen_string_literal: true

require_relative 'test_helper'

# Deaths inside everything that is no plain lock.
class OtherDeathsTest < SharedTest
  # ---- Conditions ----

  def test_a_waiter_is_told_when_the_owner_of_its_mutex_dies
    [PS::Mutex.new, PS::Monitor.new].each do |lock|
      condition = PS::ConditionVariable.new
      waiter = start_child do |me|
        lock.synchronize do
          me.ready
          condition.wait(lock)
        end
      rescue PS::OwnerDied => e
        [e.pid, lock.owned?]
      end
      waiter.wait_until_ready
      victim = start_child do |me|
        lock.lock
        condition.signal
        me.ready
        me.await_go
      end
      victim.wait_until_ready
      await_sleep(waiter)
      victim.kill
      assert_equal [victim.pid, false], waiter.value
      assert_equal(1, lock.synchronize(recover: true) { 1 })
    end
  end

  def test_a_condition_recovers_as_its_mutex_does
    lock = PS::Mutex.new(recover: true)
    condition = PS::ConditionVariable.new
    waiter = start_child { |me| lock.synchronize { me.ready && [condition.wait(lock).equal?(condition), lock.owned?] } }
    waiter.wait_until_ready
    victim = start_child do |me|
      lock.lock
      condition.signal
      me.ready
      me.await_go
    end
    victim.wait_until_ready
    victim.kill
    assert_equal [true, true], waiter.value
    assert_equal true, lock.try_lock
    lock.unlock
  end

  def test_killed_waiters_cost_no_signal
    lock = PS::Mutex.new
    condition = PS::ConditionVariable.new
    wait = ->(me) { lock.synchronize { me.ready && condition.wait(lock).equal?(condition) } }
    victims = Array.new(3) { start_child(&wait) }
    victims.each(&:wait_until_ready)
    lock.synchronize { nil }
    victims.each { await_sleep(_1) }
    survivor = start_child(&wait)
    survivor.wait_until_ready
    lock.synchronize { nil }
    victims.each(&:kill)
    lock.synchronize { condition.signal }
    assert_equal true, survivor.value
  end

  # ---- Semaphores ----

  def test_permits_come_back_from_the_dead
    semaphore = PS::OwnedSemaphore.new(3)
    victims = Array.new(3) { child_that_holds(-> { semaphore.wait }) }
    assert_raises(Errno::EAGAIN) { semaphore.try_wait }
    waiter = start_child { |me| me.ready && semaphore.synchronize { semaphore.held } }
    waiter.wait_until_ready
    await_sleep(waiter)
    victims[0].kill
    assert_equal 1, waiter.value
    victims[1..].each(&:kill)
    3.times { assert_equal 0, semaphore.wait }
    3.times { semaphore.post }
    assert_equal 3, semaphore.value
  end

  def test_a_plain_semaphore_goes_on_without_the_permits_of_the_dead
    semaphore = PS::Semaphore.new(2)
    child_that_holds(-> { semaphore.wait }).kill
    assert_equal [1, 0, 0], [semaphore.value, semaphore.wait, semaphore.post]
  end

  # ---- Barriers ----

  def test_everyone_is_told_when_a_member_dies
    barrier = PS::Barrier.new(4)
    victim = start_child { |me| me.ready && barrier.wait }
    waiter = start_child do |me|
      me.ready
      barrier.wait
    rescue PS::MemberDied => e
      e.pid
    end
    thread = start_thread { barrier.wait }
    [victim, waiter].each(&:wait_until_ready)
    [victim, waiter, thread].each { await_sleep(_1) }
    victim.kill
    assert_equal victim.pid, waiter.value
    assert_equal victim.pid, assert_raises(PS::MemberDied) { finish(thread) }.pid
    error = assert_raises(PS::MemberDied) { barrier.wait }
    assert_kind_of PS::ProcessError, error
    assert_equal true, barrier.broken?
  end

  def test_a_member_that_dies_before_it_arrives_is_told_as_well
    barrier = PS::Barrier.new(2)
    victim = child_that_holds(-> { barrier.join })
    thread = start_thread { barrier.wait }
    await_sleep(thread)
    victim.kill
    error = assert_raises(PS::MemberDied) { finish(thread) }
    assert_equal victim.pid, error.pid
    assert_kind_of String, error.thread_name
  end

  # Another process has its seat by then: who it was may be forgotten, as it held nothing that has an owner.
  def test_the_dead_member_is_told_long_after
    barrier = PS::Barrier.new(2)
    other = PS::Mutex.new
    victim = child_that_holds(-> { barrier.join })
    victim.kill
    in_child { other.synchronize { nil } }
    assert_includes [victim.pid, nil], assert_raises(PS::MemberDied) { barrier.wait(30) }.pid
  end

  def test_a_broken_barrier_is_reset
    barrier = PS::Barrier.new(2)
    3.times do
      child_that_holds(-> { barrier.join }).kill
      2.times { assert_raises(PS::MemberDied) { barrier.wait(30) } }
      assert_equal true, barrier.broken?
      barrier.reset
      assert_equal [false, 2], [barrier.broken?, barrier.parties]
    end
    child = start_child { barrier.wait }
    assert_equal [true, true], [barrier.wait, child.value]
  end

  def test_a_broken_barrier_is_reset_to_fewer
    barrier = PS::Barrier.new(3)
    child_that_holds(-> { barrier.join }).kill
    assert_raises(PS::MemberDied) { barrier.wait(30) }
    barrier.reset(2)
    child = start_child { barrier.wait }
    assert_equal [true, true, 2], [barrier.wait, child.value, barrier.parties]
  end

  # ---- Events, queues, buffers ----

  def test_a_killed_waiter_takes_no_set_along
    event = PS::Event.new(auto_reset: true)
    victim = start_child { |me| me.ready && event.wait }
    survivor = start_child { |me| me.ready && event.wait }
    [victim, survivor].each { |child| child.wait_until_ready && await_sleep(child) }
    victim.kill
    event.set
    assert_equal true, survivor.value
  end

  def test_a_killed_consumer_costs_no_item
    queue = PS::Queue.new
    victims = Array.new(2) { start_child { |me| me.ready && queue.pop } }
    survivor = start_child { |me| me.ready && Array.new(3) { queue.pop } }
    [*victims, survivor].each { |child| child.wait_until_ready && await_sleep(child) }
    victims.each(&:kill)
    3.times { queue << _1 }
    assert_equal [0, 1, 2], survivor.value
    await { queue.num_waiting.zero? }
  end

  def test_a_producer_killed_at_any_moment_leaves_whole_items_in_order
    queue = PS::Queue.new(bytes: 65_536)
    random = Random.new(3)
    scaled(20).times do |round|
      victim = start_child do |me|
        me.ready
        (0..).each { |number| queue << [round, number, 'x' * (number % 3000), number] }
      end
      victim.wait_until_ready
      expected = 0
      random.rand(30).times do
        got = queue.pop
        assert_equal [round, expected, 'x' * (expected % 3000), expected], got
        expected += 1
      end
      victim.kill
      while (got = queue.pop(timeout: 0))
        assert_equal [round, expected, 'x' * (expected % 3000), expected], got
        expected += 1
      end
      assert_predicate queue, :empty?
    end
    assert_equal :sound, queue.push(:sound).pop
  end

  def test_a_consumer_killed_at_any_moment_takes_one_item_at_most
    queue = PS::Queue.new(bytes: 65_536)
    random = Random.new(5)
    scaled(20).times do
      victim = start_child { |me| me.ready && loop { queue.pop } }
      victim.wait_until_ready
      pushed = random.rand(200).times { |number| queue << [number, 'y' * (number * 7), number] }
      victim.kill
      queue << :last
      rest = []
      rest << queue.pop until rest.last == :last
      whole = ->(number, text, again) { text == 'y' * (number * 7) && number == again }
      numbers = rest[0...-1].map { |item| whole.call(*item) ? item[0] : :torn }
      assert_equal ((pushed - numbers.size)...pushed).to_a, numbers
    end
  end

  def test_a_writer_killed_at_any_moment_leaves_an_object_that_is_whole
    buffer = PS::ObjectBuffer.new(1 << 16)
    random = Random.new(9)
    buffer.write([0] * 1000)
    scaled(25).times do |round|
      victim = start_child do |me|
        me.ready
        (0..).each { |number| buffer.write([(round * 100_000) + number] * (1 + (number * 37 % 5000))) }
      end
      victim.wait_until_ready
      (1 + random.rand(20)).times { assert_equal 1, buffer.read.uniq.size }
      victim.kill
      assert_equal 1, buffer.read.uniq.size
      assert_equal buffer.read, in_child { buffer.read }
    end
    assert_equal :sound, buffer.write(:sound).read
  end
end

class KillStormTest < SharedTest
  WORKERS = 6

  # Two numbers under a lock, that must agree; permits that must come back; and who is killed, whenever it may be.
  def test_a_pool_of_workers_survives_random_kills
    @permits = PS::OwnedSemaphore.new(3)
    @lock = PS::Mutex.new(recover: ->(_) { @numbers.put_long(8, @numbers.get_long(0)) })
    @numbers = PS::SharedMemory.new(:long, 2)
    @stop = PS::Event.new
    storm(-> { work }) { @numbers.get_long(0) }
    assert_equal 3, @permits.value
    3.times { assert_equal 0, @permits.wait }
    3.times { @permits.post }
    first, second = @lock.synchronize { @numbers.get_array_of_long(0, 2) }
    assert_equal first, second
    assert_operator first, :>, 0
  end

  # The same with conditions, a queue and readers, which have more to lose.
  def test_a_pool_of_workers_that_wait_for_each_other_survives_random_kills
    @lock = PS::Monitor.new(recover: true)
    @changed = PS::ConditionVariable.new
    @table = PS::SharedMutex.new(recover: ->(_) { @numbers.put_long(16, @numbers.get_long(8)) })
    @numbers = PS::SharedMemory.new(:long, 3)
    @jobs = PS::SizedQueue.new(4, bytes: 4096)
    @stop = PS::Event.new
    storm(-> { pass_on }) { @numbers.get_long(0) }
    first, second = @table.synchronize_shared { [@numbers.get_long(8), @numbers.get_long(16)] }
    assert_equal first, second
    @lock.synchronize { assert_nil @changed.wait(@lock, 0) }
    @jobs.clear
    assert_equal :job, @jobs.push(:job).pop
    assert_equal 0, @jobs.num_waiting
  end

  private

  def rounds
    Integer(ENV.fetch('PROCESS_SHARED_ROUNDS', scaled(100)))
  end

  def storm(work, &progress)
    random = Random.new(ENV.fetch('PROCESS_SHARED_SEED', 11).to_i)
    pool = Array.new(WORKERS) { start_worker(work) }
    rounds.times do
      before = progress.call
      random.rand(60).times { Thread.pass }
      sleep(random.rand * 0.002) # a random moment, not a time to wait for anything
      victim = pool.delete_at(random.rand(pool.size))
      victim.kill
      victim.close
      @children.delete(victim)
      pool << start_worker(work)
      await('progress after a kill') { progress.call != before }
    end
    @stop.set
    assert_equal [:stopped] * WORKERS, pool.map(&:value)
  end

  def start_worker(work)
    start_child do
      work.call until @stop.set?
      :stopped
    end
  end

  def work
    @permits.synchronize do
      raise "#{@permits.held} held" unless @permits.held == 1

      @lock.synchronize do
        first, second = @numbers.get_array_of_long(0, 2)
        raise "#{first} is not #{second}" unless first == second

        @numbers.put_long(0, first + 1)
        @numbers.put_long(8, second + 1)
      end
    end
  end

  def pass_on
    @jobs.push(:job, timeout: 0.001)
    @jobs.pop(timeout: 0.001)
    @lock.synchronize do
      @lock.synchronize { @numbers.put_long(0, @numbers.get_long(0) + 1) }
      @changed.wait(@lock, 0.0005)
      @changed.broadcast
    end
    @table.synchronize { [8, 16].each { |at| @numbers.put_long(at, @numbers.get_long(at) + 1) } }
    @table.synchronize_shared do
      first, second = @numbers.get_long(8), @numbers.get_long(16)
      raise "#{first} is not #{second}" unless first == second
    end
  end
end
