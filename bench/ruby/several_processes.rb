# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# What is between processes: contention, conversations, queues, and the death of an owner.

require_relative 'processes'
require_relative 'run'

module Bench
  module SeveralProcesses
    LIMIT = 30
    SIZE_OF_PIPES = 1 << 20
    SET_PIPE_SIZE = 1031 # F_SETPIPE_SZ
    MESSAGE = [1, -2, 3.5, 'four', :five, nil].freeze

    module_function

    def all(how)
      [contended(how), ping_pong(how), queue(how), takeover(how)]
    end

    # ---- Two processes add to a counter, under a lock

    # How each process gets its lock, and what it does with it. A file is locked by who has opened it: each its own.
    LOCKS = {
      US => [-> { ProcessShared::Mutex.new }, :itself, 'lock.lock', 'lock.unlock'],
      'process_shared_semaphore' => [-> { ProcessShared::Semaphore.new(1) }, :itself, 'lock.wait', 'lock.post'],
      'flock' => [-> { NamelessFile.new }, :open, 'lock.flock(File::LOCK_EX)', 'lock.flock(File::LOCK_UN)']
    }.freeze
    private_constant :LOCKS

    def contended(how)
      what = 'contended.counter_2'
      legs = LOCKS.to_h { |series, _| [series, ->(_round) { contend(what, series, series, 2, how) }] }
      alone = 'process_shared_alone' # the control: one process only
      legs[alone] = ->(_round) { contend(what, alone, US, 1, how) }
      Experiment.new([Quantity.new(what, 'Mops/s', true, false),
                      Quantity.new("#{what}/fairness", 'slowest/fastest', true, false)], legs, how.rounds, LIMIT + how.seconds)
    end

    def contend(what, series, kind, processes, how)
      Kernel.use_cores(CORES)
      make, open, = LOCKS.fetch(kind)
      common = make.call
      counter = ProcessShared::SharedMemory.new(:int64)
      control = ProcessShared::SharedMemory.new(:int64, 64)
      gate = Gate.new
      children = Array.new(processes) do |i|
        Child.new do
          work = worker(kind, open.to_proc.call(common), counter)
          GC.start
          GC.disable
          gate.arrive_and_wait
          done = 0
          done += work.call while control.get_int64(0).zero?
          control.put_int64(8 * (8 + i), done)
        end
      end
      gate.wait_for(processes)
      start = Bench.now
      gate.open
      sleep how.seconds
      control.put_int64(0, 1)
      elapsed = Bench.now - start
      children.each(&:wait)
      done = Array.new(processes) { |i| control.get_int64(8 * (8 + i)) }
      raise Failed, 'the lock let two in at once: updates were lost' unless done.sum == counter.get_int64(0)

      samples = { what => { series => [done.sum * 1e3 / elapsed] } }
      samples["#{what}/fairness"] = { series => [done.min.fdiv(done.max)] } if processes > 1
      samples
    end

    # A hundred turns, so that looking whether it is the end costs little.
    def worker(kind, lock, counter)
      _, _, take, give = LOCKS.fetch(kind)
      scope = binding
      scope.local_variable_set(:lock, lock)
      scope.eval(<<~RUBY)
        lambda do
          i = 0
          while i < 100
            #{take}
            counter.put_int64(0, counter.get_int64(0) + 1)
            #{give}
            i += 1
          end
          100
        end
      RUBY
    end

    # ---- Two processes wait for each other in turn

    def ping_pong(how)
      what = 'ping_pong'
      turns = how.quick ? 10 : 40
      pauses = how.quick ? 30 : 100
      leg = lambda do |round|
        Kernel.use_cores(CORES)
        lines = { US => SemaphoreLine.new, 'pipe' => PipeLine.new }
        schedule = Array.new(turns) { |turn| lines.to_a.rotate(turn + round).map { |series, line| [series, line, 50] } }
        paused = Array.new(pauses) { |turn| lines.to_a.rotate(turn + round).map { |series, line| [series, line, 1] } }
        converse(schedule.flatten(1), paused.flatten(1), what)
      end
      Experiment.new([Quantity.new(what, 'us', false, false), Quantity.new("#{what}/after_a_pause", 'us', false, true)],
                     { what => leg }, how.rounds, LIMIT)
    end

    def converse(batches, paused, what)
      other = Child.new do
        GC.disable
        (batches + paused).each { |_, line, count| count.times { line.answer } }
      end
      GC.disable
      ask = lambda do |line, count|
        start = Bench.now
        count.times { line.ask }
        (Bench.now - start) / 1e3 / count
      end
      samples = { what => Hash.new { |all, series| all[series] = [] } }
      after = "#{what}/after_a_pause"
      samples[after] = Hash.new { |all, series| all[series] = [] }
      batches.each { |series, line, count| samples[what][series] << ask.call(line, count) }
      paused.each do |series, line, count|
        sleep 0.001
        samples[after][series] << ask.call(line, count)
      end
      other.wait
      samples.transform_values { |one| {}.merge(one) }
    end

    # Two semaphores.
    class SemaphoreLine
      def initialize
        @there = ProcessShared::Semaphore.new(0)
        @back = ProcessShared::Semaphore.new(0)
      end

      def ask
        @there.post
        @back.wait
      end

      def answer
        @there.wait
        @back.post
      end
    end

    # Two pipes.
    class PipeLine
      def initialize
        @there = IO.pipe
        @back = IO.pipe
        @buffer = String.new(capacity: 16)
      end

      def ask
        @there.last.syswrite('.')
        @back.first.sysread(1, @buffer)
      end

      def answer
        @there.first.sysread(1, @buffer)
        @back.last.syswrite('.')
      end
    end

    # ---- A small object from one process to another

    def queue(how)
      what = 'queue.between_processes'
      leg = lambda do |round|
        Kernel.use_cores(CORES)
        ours = ProcessShared::Queue.new(nil, bytes: SIZE_OF_PIPES)
        reader, writer = IO.pipe(binmode: true)
        writer.fcntl(SET_PIPE_SIZE, SIZE_OF_PIPES)
        ways = { US => [-> { ours.push(MESSAGE) }, -> { ours.pop }],
                 'pipe_marshal' => [-> { writer.write(Marshal.dump(MESSAGE)) }, -> { Marshal.load(reader) }] }
        { what => send_often(ways, round, how.quick ? 4 : 12) }
      end
      Experiment.new([Quantity.new(what, 'k/s', true, false)], { what => leg }, how.rounds, LIMIT)
    end

    # In thousands a second, from the first push until the last pop.
    def send_often(ways, round, turns)
      count = 2000
      schedule = Array.new(turns + 1) { |turn| ways.keys.rotate(turn + round) }.flatten
      go = IO.pipe
      sender = Child.new do
        schedule.each do |series|
          collect_garbage
          go.first.readchar
          send = ways[series].first
          count.times { send.call }
        end
      end
      seen = ways.transform_values { [] }
      schedule.each do |series|
        collect_garbage
        sender.wait_until_asleep # collected, too
        receive = ways[series].last
        start = Bench.now
        go.last.syswrite('.')
        last = nil
        count.times { last = receive.call }
        seen[series] << count * 1e6 / (Bench.now - start)
        raise Failed, "#{last.inspect} arrived" unless last == MESSAGE
      end
      sender.wait
      seen.transform_values { |values| values.drop(1) } # the first warms up
    end

    def collect_garbage
      GC.enable
      GC.start
      GC.disable
    end

    # ---- The owner is killed; how long until who waits knows

    def takeover(how)
      what = 'takeover'
      times = how.quick ? 10 : 40
      legs = { US => MutexHeir, 'flock' => FileHeir }.to_h do |series, heir|
        [series, ->(_round) { { what => { series => lose_owners(heir.new, times) } } }]
      end
      Experiment.new([Quantity.new(what, 'us', false, true)], legs, how.rounds, LIMIT)
    end

    # One worker lives on while one owner after the other is killed, as in a pool.
    def lose_owners(heir, times)
      Kernel.use_cores(CORES)
      go, begun, known, inside = Array.new(4) { IO.pipe }
      worker = Child.new do
        heir.open
        loop do
          go.first.readchar
          begun.last.syswrite('.')
          at = heir.learn
          known.last.syswrite([at].pack('Q'))
        end
      end
      took = Array.new(times + 1) do
        owner = Child.new do
          heir.open
          heir.hold
          inside.last.syswrite('.')
          sleep
        end
        inside.first.readchar
        go.last.syswrite('.')
        begun.first.readchar
        worker.wait_until_asleep
        owner.wait_until_asleep
        killed = Bench.now
        owner.kill
        known_at = known.first.read(8).unpack1('Q')
        owner.reap
        (known_at - killed) / 1e3
      end
      worker.kill
      worker.reap
      took.drop(1) # the first exception of a process
    end

    # Learns by an exception, without the lock, and repairs.
    class MutexHeir
      def initialize
        @mutex = ProcessShared::Mutex.new
      end

      def open; end

      def hold
        @mutex.lock
      end

      def learn
        @mutex.lock
        raise Failed, 'it was not told that the owner died'
      rescue ProcessShared::OwnerDied
        at = Bench.now
        @mutex.lock(recover: true)
        @mutex.unlock
        at
      end
    end

    # Learns nothing, but gets the lock.
    class FileHeir
      def initialize
        @common = NamelessFile.new
      end

      def open
        @file = @common.open
      end

      def hold
        @file.flock(File::LOCK_EX)
      end

      def learn
        @file.flock(File::LOCK_EX)
        at = Bench.now
        @file.flock(File::LOCK_UN)
        at
      end
    end
  end
end
