# frozen_string_literal: true

# What all tests share. A test is a sentence. It waits for conditions, never for a time to pass, and it leaves nothing
# behind: no process, no thread, no name in /dev/shm.
#
#     ruby -Iruby/lib -Iruby/test ruby/test/mutex_test.rb [-n /pattern/]
#     PROCESS_SHARED_LONG=1    ten times as much of what is random (PROCESS_SHARED_LONG=n: n times)
#     PROCESS_SHARED_ROUNDS=n  so many kills in the storms of death_test.rb

$LOAD_PATH.unshift(File.expand_path('../lib', __dir__)) unless $LOAD_PATH.resolve_feature_path('process_shared')

require_relative 'support/watchdog'
Watchdog.start

require 'minitest/autorun'
require 'timeout'
require 'process_shared'
require_relative 'support/child'
require_relative 'support/script'

PS = ProcessShared

class SharedTest < Minitest::Test
  def setup
    Watchdog.test("#{self.class}##{name}")
    @children = []
    @threads = []
    @names = []
    @objects = []
  end

  def teardown
    problems = end_threads + end_children + remove_names
    @objects.each { |object| object.respond_to?(:release) ? object.release : object.close }
    flunk problems.join("\n") if failures.empty? && !problems.empty?
  end

  # ---- Children ----

  def start_child(&block)
    child = Child.new do |me|
      @children = []
      @threads = []
      block.call(me)
    end
    @children << child
    child
  end

  # Runs the block in a child; returns its value, raises what it raised.
  def in_child(&block)
    child = start_child(&block)
    child.value
  ensure
    child&.close
  end

  # A child that does `take`, and then lives until it is killed, or told to go on: then it does `give`.
  def child_that_holds(take, give = -> {})
    child = start_child do |me|
      take.call
      me.ready
      me.await_go
      give.call
      true
    end
    child.wait_until_ready
    child
  end

  # Runs the block while a child holds the lock.
  def while_a_child_holds(lock)
    child = child_that_holds(-> { lock.lock }, -> { lock.unlock })
    yield child
  ensure
    child&.go
    child&.value if child&.alive?
  end

  def start_script(code, *arguments, **options)
    script = Script.new(code, *arguments, **options)
    @children << script
    script
  end

  # The value of a piece of code in a ruby that was started for it.
  def in_new_ruby(code, *arguments)
    script = start_script(Script::EVALUATE, *arguments, env: { 'CODE' => code }).finish
    assert_predicate script.status, :success?, script.err
    fine, value = Marshal.load(script.out)
    raise value unless fine

    value
  end

  # ---- Threads ----

  def start_thread(*arguments, &block)
    thread = Thread.new(*arguments) do |*given|
      Thread.current.report_on_exception = false
      block.call(*given)
    end
    @threads << thread
    thread
  end

  # The value of a thread that is to end now; raises what it raised.
  def finish(thread)
    thread.join(Watchdog::LIMIT / 2) or flunk "a thread hangs: #{thread.backtrace&.first(5)}"
    thread.value
  end

  # A thread that does `take`, and then waits until it is told to end by #go; then it does `give`.
  def thread_that_holds(take, give = -> {})
    ready = Thread::Queue.new
    go = Thread::Queue.new
    thread = start_thread do
      take.call
      ready << true
      go.pop
      give.call
    end
    thread.define_singleton_method(:go) { go << true }
    pop(ready, thread)
    thread
  end

  # ---- Conditions ----

  # Waits until the block is true, and returns its value.
  def await(what = 'a condition', limit = 30)
    deadline = Child.now + limit
    until (value = yield)
      flunk "#{what} never came true" if Child.now > deadline
      sleep 0.001
    end
    value
  end

  # Takes from a queue of the standard library; raises what its thread raised.
  def pop(queue, thread = nil)
    await('an answer of a thread') do
      break queue.pop(true) unless queue.empty?

      thread&.join if thread && !thread.alive? && queue.empty?
      false
    end
  end

  # Whether a thread, or the main thread of another process, sleeps.
  def asleep?(who)
    return who.status == 'sleep' if who.is_a?(Thread)

    pid = who.respond_to?(:pid) ? who.pid : who
    2.times.all? { File.read("/proc/#{pid}/stat")[/\) (\w)/, 1] == 'S' }
  end

  def await_sleep(who)
    await("the sleep of #{who}") { asleep?(who) }
  end

  # ---- What is left behind ----

  # The name of a segment that nobody else uses; it is removed after the test.
  def unique_name
    @names << "/ps-test-#{Process.pid}-#{self.class.serial}"
    @names.last
  end

  def self.serial
    @@serial = (defined?(@@serial) ? @@serial : 0) + 1
  end

  # What is to be closed after the test.
  def kept(object)
    @objects << object
    object
  end

  def open_descriptors
    Dir.children('/proc/self/fd').size
  end

  def shm_entries
    Dir.children('/dev/shm').grep(/ps-test-#{Process.pid}-/)
  end

  # Whether this process has anything of /dev/shm mapped or open, with a name or without.
  def uses_shm_names?
    links = Dir.children('/proc/self/fd').filter_map { |fd| File.readlink("/proc/self/fd/#{fd}") rescue nil }
    (File.readlines('/proc/self/maps') + links).any? { |line| line.include?('/dev/shm') }
  end

  # ---- Small things ----

  # So often; ten times as often in a long run.
  def scaled(count)
    long = ENV['PROCESS_SHARED_LONG'].to_i
    count * (long == 1 ? 10 : [long, 1].max)
  end

  def counter
    PS::SharedMemory.new(:int)
  end

  def increment(memory, index = 0)
    memory.put_int(index * 4, memory.get_int(index * 4) + 1)
  end

  # The pieces of a message that a person has to see.
  def assert_message(pattern, error)
    assert_match(pattern, error.message)
    error
  end

  private

  def end_threads
    left = @threads.select(&:alive?)
    left.each(&:kill).each { |thread| thread.join(5) }
    left.map { |thread| "left a thread: #{thread.inspect}" }
  end

  def end_children
    left = @children.select(&:alive?)
    left.each(&:kill)
    @children.each(&:close)
    problems = left.map { |child| "left a child: #{child.pid}" }
    begin
      pid = Process.wait(-1, Process::WNOHANG)
      problems << "left a child of its own: #{pid || 'running'}"
    rescue Errno::ECHILD
      nil
    end
    problems
  end

  def remove_names
    @names.each { |name| PS.remove(name) }
    shm_entries.map { |entry| "left /dev/shm/#{entry}" }
  end
end
