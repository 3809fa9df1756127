# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# What an operation costs that nobody else wants. One process, one processor, the same loop for all.

require 'monitor'
require_relative 'run'

module Bench
  # Runs the batches of several loops in turn, so that a disturbance meets all of them.
  class Comparison
    BATCH = 60_000 # nanoseconds, at least
    EMPTY = 'empty_loop'

    # @param loops [Hash] series => the body of a loop, as text, in the scope of `scope`
    # @param collect [Boolean] whether each batch leaves much garbage
    def initialize(scope, bodies, collect: false)
      @loops = bodies.transform_values { |body| compile(body, scope) }
      @collect = collect
    end

    # Nanoseconds of an operation: {series => median of the quiet turns}.
    def run(turns)
      collect_garbage
      @counts = @loops.transform_values { |loop| count_for_a_batch(loop) }
      seen = @loops.transform_values { [] }
      turns.times do |turn|
        collect_garbage
        @loops.to_a.rotate(turn).each { |series, loop| seen[series] << batch(loop, @counts[series]) }
      end
      quiet = quiet_turns(seen, turns)
      seen.transform_values { |values| Statistics.median(quiet.map { |turn| values[turn] }) }
    end

    private

    def compile(body, scope)
      scope.eval("lambda do |count|\n i = 0\n while i < count\n #{body}\n i += 1\n end\nend")
    end

    # None is collected within a batch.
    def collect_garbage
      GC.enable
      GC.start
      GC.disable
    end

    # By the best of three: the first call of anything takes long.
    def count_for_a_batch(loop)
      count = 1
      count *= 2 while Array.new(3) { time(loop, count) }.min < BATCH
      count
    end

    def time(loop, count)
      start = Bench.now
      loop.call(count)
      Bench.now - start
    end

    # First some that do not count: the collector, or the other loops, have thrown ours out of the caches.
    def batch(loop, count)
      collect_garbage if @collect
      loop.call(count / 8 + 1)
      time(loop, count).fdiv(count)
    end

    # As pshared_bench does by its floor: a turn in which the empty loop took 3 % more than in its best twentieth was
    # disturbed, and counts for nobody; unless hardly any was quiet.
    def quiet_turns(seen, turns)
      control = seen[EMPTY] or return (0...turns).to_a
      most = Statistics.quantile(control, 0.05) * 1.03
      quiet = (0...turns).select { |turn| control[turn] <= most }
      quiet.size * 20 < turns ? (0...turns).to_a : quiet
    end
  end

  module OneProcess
    LIMIT = 60
    SMALL = [1, -2, 3.5, 'four', :five, nil].freeze
    LARGE_BYTES = 1 << 20
    ELEMENTS = 1000
    private_constant :SMALL

    module_function

    def all(how)
      @how = how
      @all = []
      locks
      semaphores
      objects
      memories
      others
      @all
    end

    # The block returns its binding, and the bodies of loops. Nanoseconds of a turn of the loop are divided by `per`.
    def add(name, unit, per: 1, collect: false, empty: true, &setup)
      per *= 1000 if unit == 'us'
      how = @how
      leg = lambda do |round|
        Kernel.use_cores([CORES.last])
        scope, bodies = setup.call
        bodies = bodies.merge(Comparison::EMPTY => '') if empty
        figures = Comparison.new(scope, bodies.to_a.rotate(round).to_h, collect: collect).run(how.quick ? 15 : 40)
        { name => figures.transform_values { |value| [value.fdiv(per)] } }
      end
      @all << Experiment.new([Quantity.new(name, unit, false, false)], { name => leg }, rounds(how), LIMIT)
    end

    def rounds(how)
      how.quick ? how.rounds : how.rounds * 3
    end

    def locks
      add('mutex.lock_unlock', 'ns/op') do
        ours = ProcessShared::Mutex.new
        core = Thread::Mutex.new
        file = NamelessFile.new.open
        [binding, { US => 'ours.lock; ours.unlock', 'core' => 'core.lock; core.unlock',
                    'flock' => 'file.flock(File::LOCK_EX); file.flock(File::LOCK_UN)' }]
      end
      add('mutex.synchronize', 'ns/op') do
        ours = ProcessShared::Mutex.new
        core = Thread::Mutex.new
        [binding, { US => 'ours.synchronize {}', 'core' => 'core.synchronize {}' }]
      end
      add('mutex.locked', 'ns/op') do
        ours = ProcessShared::Mutex.new
        core = Thread::Mutex.new
        [binding, { US => 'ours.locked?', 'core' => 'core.locked?' }]
      end
      add('monitor.nested', 'ns/op') do
        ours = ProcessShared::Monitor.new
        stdlib = ::Monitor.new
        [binding, { US => 'ours.lock; ours.lock; ours.unlock; ours.unlock',
                    'stdlib_monitor' => 'stdlib.enter; stdlib.enter; stdlib.exit; stdlib.exit' }]
      end
      add('monitor.synchronize', 'ns/op') do
        ours = ProcessShared::Monitor.new
        stdlib = ::Monitor.new
        [binding, { US => 'ours.synchronize {}', 'stdlib_monitor' => 'stdlib.synchronize {}' }]
      end
      add('shared_mutex.read', 'ns/op') do
        ours = ProcessShared::SharedMutex.new
        core = Thread::Mutex.new
        200_000.times { ours.lock_shared.unlock_shared } # as in pshared_bench: it needs no fence then
        [binding, { US => 'ours.lock_shared; ours.unlock_shared', 'core' => 'core.lock; core.unlock' }]
      end
      add('shared_mutex.write', 'ns/op') do
        ours = ProcessShared::SharedMutex.new
        core = Thread::Mutex.new
        [binding, { US => 'ours.lock; ours.unlock', 'core' => 'core.lock; core.unlock' }]
      end
    end

    def semaphores
      {
        'semaphore.wait_post' => 'ours.wait; ours.post',
        'semaphore.try_wait_post' => 'ours.try_wait; ours.post',
        'semaphore.try_wait_1_post' => 'ours.try_wait(1); ours.post'
      }.each do |name, body|
        add(name, 'ns/op') do
          ours = ProcessShared::Semaphore.new(1)
          core = Thread::Mutex.new
          [binding, { US => body, 'core' => 'core.lock; core.unlock' }]
        end
      end
      add('semaphore.synchronize', 'ns/op') do
        ours = ProcessShared::Semaphore.new(1)
        core = Thread::Mutex.new
        [binding, { US => 'ours.synchronize {}', 'core' => 'core.synchronize {}' }]
      end
      add('semaphore.to_mtx', 'ns/op') do
        ours = ProcessShared::Semaphore.new(1).to_mtx
        core = Thread::Mutex.new
        [binding, { US => 'ours.lock; ours.unlock', 'core' => 'core.lock; core.unlock' }]
      end
      { 'binary_semaphore' => :BinarySemaphore, 'owned_semaphore' => :OwnedSemaphore }.each do |name, type|
        add("#{name}.wait_post", 'ns/op') do
          ours = ProcessShared.const_get(type).new(1)
          core = Thread::Mutex.new
          [binding, { US => 'ours.wait; ours.post', 'core' => 'core.lock; core.unlock' }]
        end
      end
    end

    # SharedMemory and ObjectBuffer, small and large, beside Marshal alone.
    def objects
      kinds = { 'object' => [->(bytes) { ProcessShared::SharedMemory.new(bytes) }, 'read_object', 'write_object'],
                'object_buffer' => [->(bytes) { ProcessShared::ObjectBuffer.new(bytes) }, 'read', 'write'] }
      sizes = { 'small' => ['ns/op', -> { SMALL }, 4096], '1MiB' => ['us', -> { 'x' * LARGE_BYTES }, 2 * LARGE_BYTES] }
      kinds.to_a.product(sizes.to_a).each do |(kind, (make, read, write)), (size, (unit, object, bytes))|
        large = size == '1MiB'
        add("#{kind}.read_#{size}", unit, collect: large, empty: !large) do
          ours = make.call(bytes)
          dump = Marshal.dump(object.call)
          ours.public_send(write, object.call)
          [binding, { US => "ours.#{read}", 'marshal' => 'Marshal.load(dump)' }]
        end
        add("#{kind}.write_#{size}", unit, collect: large, empty: !large) do
          ours = make.call(bytes)
          this = object.call
          [binding, { US => "ours.#{write}(this)", 'marshal' => 'Marshal.dump(this)' }]
        end
      end
    end

    def memories
      add('memory.put_int', 'ns/op') do
        ours = ProcessShared::SharedMemory.new(:int, 16)
        ffi = FFI::MemoryPointer.new(:int, 16)
        [binding, { US => 'ours.put_int(0, 7)', 'ffi' => 'ffi.put_int(0, 7)' }]
      end
      add('memory.get_int', 'ns/op') do
        ours = ProcessShared::SharedMemory.new(:int, 16)
        ffi = FFI::MemoryPointer.new(:int, 16)
        [binding, { US => 'ours.get_int(0)', 'ffi' => 'ffi.get_int(0)' }]
      end
      add('array.get', 'ns/op') do
        ours = ProcessShared::SharedArray.new(:int, ELEMENTS)
        core = Array.new(ELEMENTS, 0)
        [binding, { US => 'ours[5]', 'core' => 'core[5]' }]
      end
      add('array.set', 'ns/op') do
        ours = ProcessShared::SharedArray.new(:int, ELEMENTS)
        core = Array.new(ELEMENTS, 0)
        [binding, { US => 'ours[5] = 7', 'core' => 'core[5] = 7' }]
      end
      add('array.each', 'ns/element', per: ELEMENTS, empty: false) do
        ours = ProcessShared::SharedArray.new(:int, ELEMENTS)
        core = Array.new(ELEMENTS, 0)
        [binding, { US => 'ours.each { |one| one }', 'core' => 'core.each { |one| one }' }]
      end
    end

    def others
      add('new_close', 'us') do
        [binding, { US => 'ProcessShared::Mutex.new.close',
                    'process_shared_semaphore' => 'ProcessShared::Semaphore.new.close',
                    'core' => 'Thread::Mutex.new' }]
      end
      add('queue.push_pop', 'ns/op') do
        ours = ProcessShared::Queue.new(nil, bytes: LARGE_BYTES)
        core = Thread::Queue.new
        this = SMALL
        [binding, { US => 'ours.push(this); ours.pop',
                    'core_marshal' => 'core.push(Marshal.dump(this)); Marshal.load(core.pop)' }]
      end
    end
  end
end
