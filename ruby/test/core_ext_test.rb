# frozen_string_literal: true

require_relative 'test_helper'
require 'monitor'
require 'tempfile'
require 'process_shared/core_ext'

class CoreExtTest < SharedTest
  NAMES = %w[Mutex ConditionVariable Monitor Queue SizedQueue].freeze
  OURS = NAMES.map { |name| PS.const_get(name) }.freeze
  CORE = [Thread::Mutex, Thread::ConditionVariable, ::Monitor, Thread::Queue, Thread::SizedQueue].freeze

  class Including
    include PS::CoreExt

    def types
      [Mutex, ConditionVariable, Monitor, Queue, SizedQueue]
    end
  end

  class Heir < Including
    def own_types
      [Mutex, ConditionVariable, Monitor, Queue, SizedQueue]
    end
  end

  class Bystander
    def types
      [Mutex, ConditionVariable, Monitor, Queue, SizedQueue]
    end
  end

  module Chosen
    PS::CoreExt.into(self)

    class Inside
      def types
        [Mutex, ConditionVariable, Monitor, Queue, SizedQueue]
      end
    end
  end

  def test_include_means_the_shared_ones_in_the_class_and_its_heirs
    assert_equal OURS, Including.new.types
    assert_equal OURS, Heir.new.own_types
  end

  def test_into_means_the_shared_ones_for_all_code_inside
    assert_equal OURS, Chosen::Inside.new.types
    assert_equal OURS, NAMES.map { |name| Chosen.const_get(name, false) }
  end

  def test_nothing_else_changes
    assert_equal CORE, Bystander.new.types
    assert_equal CORE, [Mutex, ConditionVariable, Monitor, Queue, SizedQueue]
    assert_equal CORE, NAMES.map { |name| Object.const_get(name) }
    assert_instance_of Thread::Mutex, Mutex.new
    assert_equal [Thread::Mutex, Thread::Queue], [Thread.const_get(:Mutex), Thread.const_get(:Queue)]
  end

  def test_the_constants_work_across_processes
    object = Class.new do
      include PS::CoreExt

      define_method(:count) do |memory|
        @mutex ||= self.class.const_get(:Mutex).new
        pids = Array.new(2) do
          fork do
            100.times { @mutex.synchronize { memory.put_int(0, memory.get_int(0) + 1) } }
            exit!(true)
          end
        end
        pids.each { |pid| Process.wait(pid) }
        memory.get_int(0)
      end
    end.new
    assert_equal 200, object.count(counter)
  end

  REFINING = <<~'RUBY'
    using ProcessShared::CoreExt::Refinement
    made = [Mutex.new, ConditionVariable.new, Monitor.new, Queue.new([1]), SizedQueue.new(3)]
    puts made.map { |object| object.class.name }.join(' ')
    puts [Thread::Mutex.new, ::Mutex.new].map { |object| object.class.name }.uniq.join(' ')
    puts made[3].pop, made[4].max
    mutex = Mutex.new
    mutex.lock
    exit!(1) if fork { exit!(mutex.try_lock) }.then { |pid| Process.wait2(pid)[1].success? }
    load ENV.fetch('OTHER_FILE')
    require 'logger'
    puts Logger.new($stderr).info('').class
    $stdout.flush
  RUBY
  OTHER_FILE = <<~'RUBY'
    made = [Mutex.new, ConditionVariable.new, Monitor.new, Queue.new, SizedQueue.new(1)]
    puts made.map { |object| object.class.name }.join(' ')
  RUBY

  def test_a_refinement_is_for_its_file_only
    other = Tempfile.new(['other', '.rb'])
    other.write(OTHER_FILE)
    other.close
    options = ['-r', 'process_shared/core_ext', '-r', 'monitor']
    script = start_script(REFINING, env: { 'OTHER_FILE' => other.path }, options: options).finish
    assert_predicate script.status, :success?, script.err
    lines = script.out.lines.map(&:chomp)
    assert_equal OURS.map(&:name).join(' '), lines[0]
    assert_equal OURS[0].name, lines[1]
    assert_equal %w[1 3], lines[2, 2]
    assert_equal CORE.map(&:name).join(' '), lines[4]
  ensure
    other&.close!
  end

  def test_without_it_there_is_no_core_ext
    script = start_script('puts ProcessShared.const_defined?(:CoreExt), Mutex.name').finish
    assert_includes %w[false true], script.out.lines.first.chomp
    assert_equal 'Thread::Mutex', script.out.lines.last.chomp
  end
end
