# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# Processes. Two ways to be sure that none stays: every child asks the kernel to be killed with its parent, and every
# leg is a process group that is killed as a whole at its end.

require 'ffi'
require 'io/wait'
require 'tempfile'

module Bench
  # Something that could not be measured.
  class Failed < StandardError
  end

  # Nanoseconds of the clock that all processes of a machine share.
  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  end

  # What Ruby has no method for.
  module Kernel
    extend FFI::Library
    ffi_lib FFI::Library::LIBC
    attach_function :prctl, %i[int ulong ulong ulong ulong], :int
    attach_function :sched_getaffinity, %i[int size_t pointer], :int
    attach_function :sched_setaffinity, %i[int size_t pointer], :int

    SET_DEATH_SIGNAL = 1
    MASK_BYTES = 128

    def self.die_with(parent)
      prctl(SET_DEATH_SIGNAL, Signal.list['KILL'], 0, 0, 0)
      exit!(1) unless Process.ppid == parent # it ended before prctl
    end

    def self.allowed_cores
      mask = FFI::MemoryPointer.new(:uchar, MASK_BYTES)
      raise Failed, 'sched_getaffinity' if sched_getaffinity(0, MASK_BYTES, mask).negative?

      (0...MASK_BYTES * 8).select { |core| mask.get_uchar(core / 8)[core % 8] == 1 }
    end

    def self.use_cores(cores)
      mask = FFI::MemoryPointer.new(:uchar, MASK_BYTES)
      cores.each { |core| mask.put_uchar(core / 8, mask.get_uchar(core / 8) | (1 << core % 8)) }
      raise Failed, 'sched_setaffinity' if sched_setaffinity(0, MASK_BYTES, mask).negative?
    end
  end

  # At most two, as pshared_bench.
  CORES = Kernel.allowed_cores.first(2)

  # A process of a leg.
  class Child
    attr_reader :pid

    def initialize
      parent = Process.pid
      @pid = fork do
        Kernel.die_with(parent)
        yield
        exit!(0)
      rescue StandardError => e
        $stderr.puts "\nruby_bench: process #{Process.pid}: #{e.class}: #{e.message} (#{e.backtrace.first})"
        Process.kill(:KILL, 0) # the leg, which might wait for us
      end
    end

    def kill
      Process.kill(:KILL, pid)
    end

    def reap
      Process.wait(pid)
    end

    def wait
      reap
      raise Failed, 'a measured process failed' unless $?.success?
    end

    # It sleeps if it is seen to four times in a row.
    def wait_until_asleep
      asleep = 0
      while asleep < 4
        state = File.read("/proc/#{pid}/stat")[/\) (.)/, 1]
        raise Failed, 'a measured process ended too soon' if state == 'Z'

        asleep = state == 'S' ? asleep + 1 : 0
        sleep 0.0002
      end
    end
  end

  # Nothing of it stays. A file is locked by who has opened it: so each process opens it for itself.
  class NamelessFile
    def initialize
      @file = Tempfile.create('process_shared_bench')
      File.unlink(@file.path)
    end

    def open
      File.open("/proc/self/fd/#{@file.fileno}")
    end
  end

  # Several processes start at once.
  class Gate
    def initialize
      @arrived = IO.pipe
      @opened = IO.pipe
    end

    def arrive_and_wait
      @opened.last.close # the last writer's close opens the gate: it must be the parent's
      @arrived.last.syswrite('.')
      @opened.first.read
    end

    def wait_for(processes)
      @arrived.last.close # or the end of all children would go unnoticed here
      processes.times { @arrived.first.readchar }
    rescue EOFError
      raise Failed, 'a measured process ended before it began'
    end

    def open
      @opened.last.close
    end
  end

  # Runs the block in a process, and group, of its own.
  class Leg
    # @return what the block did; raises Failed if it raised, died, or took longer than `limit` seconds
    def self.run(limit, &body)
      new(&body).answer(limit)
    end

    def initialize(&body)
      @reader, writer = IO.pipe(binmode: true)
      parent = Process.pid
      @pid = fork { work(parent, writer, &body) }
      writer.close
      begin
        Process.setpgid(@pid, @pid) # the child does the same: whoever comes first
      rescue SystemCallError
        nil
      end
    end

    def answer(limit)
      how, what = Marshal.load(whole_answer(Bench.now + limit * 1_000_000_000))
      raise Failed, what if how == :failed

      what
    ensure
      kill_group
      @reader.close
    end

    private

    def work(parent, writer)
      Process.setpgid(0, 0)
      Kernel.die_with(parent)
      %i[INT TERM].each { |signal| trap(signal, 'DEFAULT') }
      @reader.close
      answer = begin
        [:ok, yield]
      rescue StandardError => e
        [:failed, "#{e.class}: #{e.message} (#{e.backtrace.first})"]
      end
      bytes = Marshal.dump(answer)
      writer.write([bytes.bytesize].pack('Q') + bytes)
      exit!(0)
    ensure
      exit!(1)
    end

    def whole_answer(deadline)
      bytes = String.new
      until bytes.bytesize >= 8 && bytes.bytesize - 8 >= bytes.unpack1('Q')
        left = deadline - Bench.now
        raise Failed, 'took too long, and was killed' unless left.positive? && @reader.wait_readable(left / 1e9)

        bytes << @reader.readpartial(65_536)
      end
      bytes.byteslice(8..)
    rescue EOFError
      raise Failed, 'one of its processes failed'
    end

    def kill_group
      Process.kill(:KILL, -@pid)
    rescue Errno::ESRCH
      nil
    ensure
      Process.wait(@pid)
    end
  end
end
