# frozen_string_literal: true

require_relative 'test_helper'

# What Semaphore, BoundedSemaphore, BinarySemaphore and OwnedSemaphore do alike. They start with one permit.
module SemaphoreBehavior
  def test_wait_and_post_return_zero
    semaphore = new_semaphore
    assert_equal 0, semaphore.wait
    assert_equal 0, semaphore.value
    assert_equal 0, semaphore.post
    assert_equal 1, semaphore.value
  end

  def test_try_wait_takes_a_permit
    semaphore = new_semaphore
    assert_equal 0, semaphore.try_wait
    assert_equal 0, semaphore.value
    semaphore.post
    assert_equal 0, semaphore.try_wait(1)
    semaphore.post
    assert_equal 0, semaphore.try_wait(0)
    semaphore.post
  end

  def test_try_wait_without_a_permit_tells_at_once_or_after_its_time
    semaphore = new_semaphore
    semaphore.wait
    in_child do
      assert_raises(Errno::EAGAIN) { semaphore.try_wait }
      assert_raises(Errno::EAGAIN) { semaphore.try_wait(nil) }
      [0, 0.0, -1, 1e-10, -0.5, 0.01, Rational(1, 100)].each do |timeout|
        assert_raises(Errno::ETIMEDOUT, timeout.inspect) { semaphore.try_wait(timeout) }
      end
    end
    assert_equal 0, semaphore.value
    semaphore.post
  end

  def test_try_wait_waits_as_long_as_it_says
    semaphore = new_semaphore
    semaphore.wait
    in_child do
      before = Child.now
      assert_raises(Errno::ETIMEDOUT) { semaphore.try_wait(0.05) }
      assert_operator Child.now - before, :>=, 0.05
    end
    semaphore.post
  end

  def test_a_timeout_is_a_number
    semaphore = new_semaphore
    ['1', :one, [], Object.new].each { |odd| assert_raises(TypeError, odd.inspect) { semaphore.try_wait(odd) } }
    assert_equal 1, semaphore.value
  end

  def test_synchronize_gives_the_permit_back
    semaphore = new_semaphore
    assert_equal [:value, 0], semaphore.synchronize { [:value, semaphore.value] }
    assert_equal 1, semaphore.value
    assert_raises(IOError) { semaphore.synchronize { raise IOError } }
    assert_equal 1, semaphore.value
  end

  def test_a_process_waits_until_a_permit_comes
    semaphore = new_semaphore
    semaphore.wait
    child = start_child do |me|
      me.ready
      [semaphore.wait, semaphore.post]
    end
    child.wait_until_ready
    await_sleep(child)
    semaphore.post
    assert_equal [0, 0], child.value
    assert_equal 1, semaphore.value
  end

  def test_open_closes_after_its_block
    kept = nil
    assert_equal(1, new_semaphore.class.open { |opened| (kept = opened).value })
    assert_predicate kept, :closed?
    assert_raises(PS::ClosedError) { kept.value }
    assert_raises(RuntimeError) { new_semaphore.class.open { |opened| (kept = opened) && raise } }
    assert_predicate kept, :closed?
    assert_equal 1, new_semaphore.class.open.value
  end

  def test_it_excludes_like_a_mutex
    semaphore = new_semaphore
    memory = counter
    Array.new(3) { start_child { 200.times { semaphore.synchronize { increment(memory) } } } }.each(&:value)
    assert_equal 600, memory.get_int(0)
  end

  def test_garbage_is_no_number_of_permits
    [nil, '1', :one, [], Object.new].each do |odd|
      assert_raises(TypeError, odd.inspect) { new_semaphore.class.new(odd) }
    end
  end
end

class SemaphoreTest < SharedTest
  include SemaphoreBehavior

  HIGHEST = 2**30

  def new_semaphore
    PS::Semaphore.new
  end

  def test_the_number_of_permits_is_given
    assert_equal 1, PS::Semaphore.new.value
    assert_equal 0, PS::Semaphore.new(0).value
    assert_equal 17, PS::Semaphore.new(17).value
    assert_equal 1, PS::Semaphore.new(1.7).value
    assert_equal HIGHEST, PS::Semaphore.new(HIGHEST).value
  end

  def test_a_number_that_cannot_be_is_invalid
    [-1, HIGHEST + 1, -(2**40), 2**31].each do |count|
      assert_raises(Errno::EINVAL, count.to_s) { PS::Semaphore.new(count) }
    end
    assert_raises(Errno::EINVAL, RangeError) { PS::Semaphore.new(2**80) }
  end

  def test_post_stops_at_the_highest_number
    semaphore = PS::Semaphore.new(HIGHEST)
    assert_raises(Errno::EOVERFLOW) { semaphore.post }
    assert_equal HIGHEST, semaphore.value
    semaphore.wait
    assert_equal 0, semaphore.post
  end

  def test_anybody_may_post
    semaphore = PS::Semaphore.new(0)
    in_child { 3.times { semaphore.post } }
    assert_equal 3, semaphore.value
    4.times { semaphore.post }
    assert_equal 7, semaphore.value
  end

  def test_two_processes_play_ping_pong
    ping = PS::Semaphore.new(0)
    pong = PS::Semaphore.new(0)
    child = start_child { 200.times { ping.wait && pong.post } }
    200.times { ping.post && pong.wait }
    assert_equal 200, child.value
    assert_equal [0, 0], [ping.value, pong.value]
  end

  def test_every_post_wakes_one
    semaphore = PS::Semaphore.new(0)
    children = Array.new(4) { start_child { |me| me.ready && semaphore.wait } }
    children.each(&:wait_until_ready)
    children.each { await_sleep(_1) }
    4.times { semaphore.post }
    assert_equal [0] * 4, children.map(&:value)
    assert_equal 0, semaphore.value
  end

  def test_no_permit_is_lost_or_made_by_many_processes
    semaphore = PS::Semaphore.new(3)
    inside = PS::Semaphore.new(0)
    children = Array.new(5) do
      start_child do
        150.times do
          semaphore.synchronize do
            inside.post
            raise "#{inside.value} inside" if inside.value > 3

            inside.wait
          end
        end
      end
    end
    children.each(&:value)
    assert_equal 3, semaphore.value
  end

  def test_the_facade_is_not_checked
    semaphore = PS::Semaphore.new
    facade = semaphore.to_mtx
    2.times { facade.unlock }
    assert_equal 3, semaphore.value
    3.times { facade.lock }
    assert_equal true, facade.locked?
    assert_equal false, facade.try_lock
  end

  def test_the_facade_closes
    facade = PS::Semaphore.new.to_mtx
    facade.close
    assert_raises(PS::ClosedError) { facade.lock }
  end
end

class BoundedSemaphoreTest < SharedTest
  include SemaphoreBehavior

  def new_semaphore
    PS::BoundedSemaphore.new
  end

  def test_it_is_a_semaphore
    assert_operator PS::BoundedSemaphore, :<, PS::Semaphore
  end

  def test_the_bound_is_the_value_unless_given
    assert_equal 3, PS::BoundedSemaphore.new(3).max
    semaphore = PS::BoundedSemaphore.new(1, 5)
    assert_equal [1, 5], [semaphore.value, semaphore.max]
    assert_equal 0, PS::BoundedSemaphore.new(0, 5).value
  end

  def test_post_over_the_bound_is_an_error
    semaphore = PS::BoundedSemaphore.new(1, 2)
    semaphore.post
    assert_message(/post would raise value over bound/, assert_raises(PS::ProcessError) { semaphore.post })
    assert_equal 2, semaphore.value
  end

  def test_a_bound_that_cannot_be_is_an_error
    assert_raises(ArgumentError) { PS::BoundedSemaphore.new(0) }
    assert_raises(ArgumentError) { PS::BoundedSemaphore.new(0, 0) }
    assert_raises(ArgumentError) { PS::BoundedSemaphore.new(3, 2) }
    assert_raises(ArgumentError) { PS::BoundedSemaphore.new(1, -1) }
    assert_raises(ArgumentError, Errno::EINVAL) { PS::BoundedSemaphore.new(-1, 2) }
    assert_raises(TypeError) { PS::BoundedSemaphore.new(1, '2') }
  end

  # The old gem's check was two steps.
  def test_racing_posts_never_pass_the_bound
    semaphore = PS::BoundedSemaphore.new(0, 1)
    children = Array.new(4) do
      start_child do
        300.times.count do
          raise 'over the bound' if semaphore.value > 1

          semaphore.post
        rescue PS::ProcessError
          semaphore.try_wait rescue Errno::EAGAIN
          nil
        end
      end
    end
    children.each(&:value)
    assert_operator semaphore.value, :<=, 1
  end
end

class BinarySemaphoreTest < SharedTest
  include SemaphoreBehavior

  def new_semaphore
    PS::BinarySemaphore.new
  end

  def test_it_is_a_bounded_semaphore_of_one
    assert_operator PS::BinarySemaphore, :<, PS::BoundedSemaphore
    assert_equal 1, PS::BinarySemaphore.new.max
    assert_equal 1, PS::BinarySemaphore.new(0).max
    assert_equal [0, 1], [PS::BinarySemaphore.new(0).value, PS::BinarySemaphore.new(1).value]
  end

  def test_other_values_are_an_error
    [-1, 2, 100].each { |value| assert_raises(ArgumentError, value.to_s) { PS::BinarySemaphore.new(value) } }
  end

  def test_a_second_post_is_an_error
    semaphore = PS::BinarySemaphore.new
    error = assert_raises(PS::ProcessError) { semaphore.post }
    assert_message(/post would raise value over bound/, error)
    semaphore.wait
    in_child { assert_equal 0, semaphore.post }
    assert_raises(PS::ProcessError) { semaphore.post }
    assert_equal 1, semaphore.value
  end
end

class OwnedSemaphoreTest < SharedTest
  include SemaphoreBehavior

  def new_semaphore
    PS::OwnedSemaphore.new
  end

  def test_it_counts_what_the_caller_holds
    semaphore = PS::OwnedSemaphore.new(3)
    assert_equal 0, semaphore.held
    2.times { semaphore.wait }
    assert_equal [2, 1], [semaphore.held, semaphore.value]
    assert_equal 0, finish(start_thread { semaphore.held })
    assert_equal [0, 1], in_child { [semaphore.held, semaphore.value] }
    2.times { semaphore.post }
    assert_equal [0, 3], [semaphore.held, semaphore.value]
  end

  def test_post_without_holding_is_an_error
    semaphore = PS::OwnedSemaphore.new(2)
    assert_raises(PS::ProcessError) { semaphore.post }
    semaphore.wait
    assert_raises(PS::ProcessError) { finish(start_thread { semaphore.post }) }
    assert_raises(PS::ProcessError) { in_child { semaphore.post } }
    assert_equal [1, 1], [semaphore.value, semaphore.held]
    semaphore.post
    assert_raises(PS::ProcessError) { semaphore.post }
  end

  def test_wait_for_what_only_the_caller_holds_is_an_error
    semaphore = PS::OwnedSemaphore.new(2)
    2.times { semaphore.wait }
    assert_raises(PS::ProcessError) { semaphore.wait }
    assert_equal 2, semaphore.held
    2.times { semaphore.post }
    assert_equal 2, semaphore.value
  end

  def test_try_wait_never_fails_for_holding_all
    semaphore = PS::OwnedSemaphore.new(1)
    semaphore.wait
    assert_raises(Errno::EAGAIN, PS::ProcessError) { semaphore.try_wait }
    assert_raises(Errno::ETIMEDOUT, PS::ProcessError) { semaphore.try_wait(0.01) }
    semaphore.post
  end

  def test_it_has_up_to_4096_permits
    semaphore = PS::OwnedSemaphore.new(4096)
    assert_equal 4096, semaphore.value
    semaphore.synchronize { assert_equal 4095, semaphore.value }
    assert_equal 2, PS::OwnedSemaphore.new(2, 8).value
    [[0, 0], [1, 4097], [-1, 2], [3, 2], [5000]].each do |numbers|
      assert_raises(ArgumentError, Errno::EINVAL, numbers.inspect) { PS::OwnedSemaphore.new(*numbers) }
    end
  end

  def test_permits_come_back_when_a_thread_ends
    semaphore = PS::OwnedSemaphore.new(2)
    finish(start_thread { 2.times { semaphore.wait } })
    await { semaphore.value == 2 }
    2.times { semaphore.wait }
    2.times { semaphore.post }
  end

  def test_permits_come_back_when_a_process_ends
    semaphore = PS::OwnedSemaphore.new(2)
    in_child { 2.times { semaphore.wait } }
    assert_equal 0, semaphore.wait
    assert_equal 0, semaphore.wait
    2.times { semaphore.post }
    assert_equal 2, semaphore.value
  end
end
