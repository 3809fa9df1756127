# frozen_string_literal: true

# A forked child of a test. Its block gets this object, and its value or exception comes back by #value.
class Child
  attr_reader :pid, :status

  def initialize
    @result, result = IO.pipe(binmode: true)
    @ready, ready = IO.pipe
    go, @go = IO.pipe
    @pid = fork do
      [@result, @ready, @go].each(&:close)
      @ready = ready
      @go = go
      run(result) { yield self }
    end
    [result, ready, go].each(&:close)
    Watchdog.started(@pid)
  end

  # In the child.

  def ready(word = 'ready')
    # Not `puts`: that is not allowed in a trap handler.
    @ready.syswrite("#{word}\n")
  end

  def await_go
    @go.getc
  end

  # In the parent. What #ready said.
  def wait_until_ready
    raise Minitest::Assertion, "child #{pid} never became ready" unless @ready.wait_readable(limit)

    word = @ready.gets
    # It ended before: say why, if it can.
    value if word.nil?
    raise Minitest::Assertion, "child #{pid} ended before it was ready: #{status}" if word.nil?

    word.chomp
  end

  def go
    @go.putc('!')
  rescue Errno::EPIPE
    nil
  end

  # The value of its block; raises what that raised. The child has ended, and normally, when this returns.
  def value
    bytes = read_result
    reap
    raise Minitest::Assertion, "child #{pid} ended without a result: #{status}" if bytes.nil?

    fine, result = Marshal.load(bytes)
    raise result unless fine

    raise Minitest::Assertion, "child #{pid} ended by #{status}" unless status.success?

    result
  end

  def signal(name)
    Process.kill(name, pid)
  end

  def kill
    signal(:KILL) if alive?
    reap
  end

  def alive?
    @status.nil? && !try_reap
  end

  # Waits for its end.
  def reap
    deadline = Child.now + limit
    until try_reap
      if Child.now > deadline
        signal(:KILL)
        Process.wait(pid)
        Watchdog.reaped(pid)
        raise Minitest::Assertion, "child #{pid} hangs"
      end
      sleep 0.001
    end
    status
  end

  def close
    [@result, @ready, @go].each { |io| io.close unless io.closed? }
  end

  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  private

  def limit
    Watchdog::LIMIT * 2 / 3
  end

  def run(result)
    outcome =
      begin
        [true, yield]
      rescue Exception => e # rubocop:disable Lint/RescueException
        [false, e]
      end
    bytes = dump(outcome)
    result.write([bytes.bytesize].pack('Q') + bytes)
    result.flush
    exit!(true)
  ensure
    exit!(false)
  end

  def dump(outcome)
    Marshal.dump(outcome)
  rescue TypeError
    told = outcome[1]
    told = told.full_message(highlight: false) if told.is_a?(Exception)
    Marshal.dump([outcome[0], outcome[0] ? told.inspect : RuntimeError.new(told)])
  end

  # Not "until the end of file": a grandchild may have the pipe, too.
  def read_result
    bytes = +''.b
    deadline = Child.now + limit
    loop do
      return bytes.byteslice(8..) if bytes.bytesize >= 8 && bytes.bytesize - 8 == bytes.unpack1('Q')

      ended = !alive?
      if @result.wait_readable(ended ? 0 : 0.02)
        more = @result.read_nonblock(1 << 20, exception: false)
        return nil if more.nil?

        bytes << more if more.is_a?(String)
      elsif ended || Child.now > deadline
        return nil
      end
    end
  end

  def try_reap
    return true if @status

    _, @status = Process.wait2(pid, Process::WNOHANG)
    Watchdog.reaped(pid) if @status
    !@status.nil?
  end
end
