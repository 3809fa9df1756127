# frozen_string_literal: true

require_relative 'test_helper'
require_relative 'support/classes'

# What all shared classes have in common.
class CommonTest < SharedTest
  def teardown
    acts.each do |sample, object|
      sample.undo_on(object)
    rescue PS::ClosedError
      next
    end
    super
  end

  Classes::ALL.each do |sample|
    test = ->(sentence, &block) { define_method("test_#{sample.name}_#{sentence}") { instance_exec(sample, &block) } }

    test.call('is_shared_with_children') do |it|
      object = it.make
      assert_equal it.before.inspect, it.ask_of(object).inspect
      act(it, object)
      assert_equal it.after.inspect, in_child { it.ask_of(object).inspect }
      assert_equal it.before.inspect, it.ask_of(it.make).inspect
    end

    test.call('meets_an_unrelated_process_by_the_name_of_a_segment') do |it|
      name = unique_name
      object = kept(it.make(name: name))
      act(it, object)
      assert_equal [it.after], [in_new_ruby("it = #{it.make_code('name: ARGV[0]')}; #{it.ask}", name)]
      assert_equal [it.after], [it.ask_of(kept(it.make(name: name)))]
    end

    test.call('meets_by_the_name_of_an_object') do |it|
      segment = unique_name
      object = kept(it.make(name: "#{segment}/one"))
      act(it, object)
      assert_equal [it.before], [it.ask_of(kept(it.make(name: "#{segment}/two")))]
      assert_equal [it.after], [in_child { it.ask_of(it.make(name: "#{segment}/one")) }]
      open = kept(PS::Segment.open(segment))
      assert_equal [it.after], [it.ask_of(kept(it.make(segment: open, name: 'one')))]
      assert_equal 1, shm_entries.size
    end

    test.call('closes_once_and_for_all') do |it|
      object = it.make
      assert_nil object.public_send(it.done)
      assert_nil object.public_send(it.done)
      assert_equal true, object.closed? unless it.done == :release
      errors = it.memory? ? [IndexError, FFI::NullPointerError, PS::ClosedError] : [PS::ClosedError]
      assert_raises(*errors) { it.act_on(object) }
      assert_raises(*errors) { it.ask_of(object) }
    end

    test.call('is_not_harmed_when_another_process_closes_it') do |it|
      object = it.make
      named = kept(it.make(name: unique_name))
      in_child { [object, named].each(&it.done) && nil }
      [object, named].each do |ours|
        act(it, ours)
        assert_equal it.after.inspect, it.ask_of(ours).inspect
      end
    end

    test.call('outlives_its_maker') do |it|
      object = it.make
      child = start_child do |me|
        me.ready
        me.await_go
        it.act_on(object)
        it.ask_of(object)
      end
      child.wait_until_ready
      object.public_send(it.done)
      # Had its memory been given to these, the child would disturb them.
      others = Array.new(20) { it.make }
      child.go
      assert_equal it.after.inspect, child.value.inspect
      others.each { |other| assert_equal it.before.inspect, it.ask_of(other).inspect }
    end

    test.call('cannot_be_copied') do |it|
      object = it.make
      assert_raises(TypeError) { object.dup }
      assert_raises(TypeError) { object.clone }
      assert_raises(TypeError) { Marshal.dump(object) }
      assert_raises(TypeError) { Marshal.dump({ a: [object] }) }
      act(it, object)
      assert_equal it.after.inspect, it.ask_of(object).inspect
    end

    test.call('costs_no_descriptor') do |it|
      it.make
      before = open_descriptors
      objects = Array.new(100) { it.make }
      assert_operator open_descriptors, :<=, before + 1
      objects.each(&it.done)
    end

    test.call('is_opened_with_a_block') do |it|
      value = it.open do |object|
        it.act_on(object)
        it.undo_on(object) if it.undo
        [:value]
      end
      assert_equal [:value], value
      name = unique_name
      assert_equal([it.before], it.open(name: name) { |object| [it.ask_of(object)] })
    end

    test.call('is_collected_without_harm') do |it|
      object = it.make
      in_child do
        object = nil
        100.times { it.make }
        GC.start
        nil
      end
      act(it, object)
      assert_equal it.after.inspect, it.ask_of(object).inspect
    end

    test.call('has_a_short_inspect') do |it|
      assert_match(/#{it.name}/, it.make.inspect)
      assert_operator it.make.inspect.size, :<, 300
    end

    test.call('refuses_unknown_keywords') do |it|
      assert_raises(ArgumentError) { it.make(nonsense: 1) }
    end

    test.call('is_uninitialized_when_allocated_only') do |it|
      in_child { assert_raises(StandardError) { it.act_on(it.type.allocate) } }
    end
  end

  def acts
    @acts ||= []
  end

  # What holds something is let go after the test.
  def act(sample, object)
    sample.act_on(object)
    acts << [sample, object]
  end

  def test_errors_are_standard_errors
    assert_operator PS::ProcessError, :<, ThreadError
    [PS::OwnerDied, PS::MemberDied, PS::ClosedError].each { |error| assert_operator error, :<, PS::ProcessError }
    assert_operator PS::ProcessError, :<, StandardError
  end

  def test_a_lock_of_another_process_of_the_same_name_is_waited_for
    name = unique_name
    script = start_script(<<~RUBY, name)
      mutex = ProcessShared::Mutex.new(name: ARGV[0])
      mutex.lock
      puts 'locked'
      $stdout.flush
      $stdin.gets
      mutex.unlock
    RUBY
    assert_equal 'locked', script.gets
    mutex = kept(PS::Mutex.new(name: name))
    assert_equal [false, true], [mutex.try_lock, mutex.locked?]
    waiter = start_thread { mutex.synchronize { :had_it } }
    await_sleep(waiter)
    script.puts
    assert_equal :had_it, finish(waiter)
    assert_predicate script.finish.status, :success?
  end

  def test_a_condition_and_a_queue_reach_an_unrelated_process
    name = unique_name
    script = start_script(<<~RUBY, name)
      mutex = ProcessShared::Mutex.new(name: "\#{ARGV[0]}/mutex")
      condition = ProcessShared::ConditionVariable.new(name: "\#{ARGV[0]}/condition")
      results = ProcessShared::Queue.new(name: "\#{ARGV[0]}/queue", bytes: 4096)
      mutex.synchronize do
        puts 'holds'
        $stdout.flush
        results << [Process.pid, condition.wait(mutex).equal?(condition)]
      end
    RUBY
    segment = kept(PS::Segment.open(name))
    assert_equal 'holds', script.gets
    mutex = kept(PS::Mutex.new(segment: segment, name: 'mutex'))
    condition = kept(PS::ConditionVariable.new(segment: segment, name: 'condition'))
    mutex.synchronize { condition.signal }
    assert_equal [script.pid, true], kept(PS::Queue.new(segment: segment, name: 'queue', bytes: 4096)).pop
    assert_predicate script.finish.status, :success?
  end

  def test_an_unrelated_process_is_told_who_died
    name = unique_name
    script = start_script(<<~RUBY, name)
      ProcessShared::Mutex.new(name: ARGV[0]).lock
      puts 'locked'
      $stdout.flush
      $stdin.gets
    RUBY
    script.gets
    mutex = kept(PS::Mutex.new(name: name))
    script.kill
    assert_equal script.pid, assert_raises(PS::OwnerDied) { mutex.lock }.pid
  end
end
