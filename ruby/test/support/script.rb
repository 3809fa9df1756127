# frozen_string_literal: true

require 'rbconfig'

# A ruby of its own, no relative of the test: it shares what it can find by name only.
class Script
  LIB = File.dirname($LOADED_FEATURES.grep(%r{/process_shared\.rb\z}).first)
  # The extension may lie in a folder of its own.
  EXTENSION = File.expand_path('../..', $LOADED_FEATURES.grep(%r{/process_shared/process_shared_ext\.so\z}).first)
  # Sends the value of a piece of code, or its exception, back by standard output.
  EVALUATE = <<~'RUBY'
    $stdout.binmode
    reply = begin
      [true, eval(ENV.fetch('CODE'))]
    rescue Exception => e
      [false, e]
    end
    $stdout.write(Marshal.dump(reply))
    $stdout.flush
  RUBY

  attr_reader :pid, :status, :out, :err

  def initialize(code, *arguments, env: {}, require: 'process_shared', options: [])
    stdin, @in = IO.pipe
    @stdout, stdout = IO.pipe(binmode: true)
    @stderr, stderr = IO.pipe(binmode: true)
    load = require ? ['-r', require] : []
    @pid = spawn(env, RbConfig.ruby, '-I', EXTENSION, '-I', LIB, *load, *options, '-e', code, *arguments.map(&:to_s),
                 in: stdin, out: stdout, err: stderr)
    [stdin, stdout, stderr].each(&:close)
    @out = +''.b
    @err = +''.b
    Watchdog.started(@pid)
  end

  def puts(line = 'go')
    @in.puts(line)
  rescue Errno::EPIPE
    nil
  end

  # The next line of its standard output.
  def gets
    read_more until (line = @out.slice!(/\A.*\n/)) || @stdout.closed?
    line&.chomp or raise Minitest::Assertion, "script #{pid} ended: #{finish.status}\n#{err}"
  end

  def signal(name)
    Process.kill(name, pid)
  end

  def kill
    signal(:KILL) unless @status
    finish
  end

  # Reads all it has to say, and waits for its end.
  def finish
    return self if @status

    @in.close unless @in.closed?
    read_more until @stdout.closed? && @stderr.closed?
    _, @status = Process.wait2(pid)
    Watchdog.reaped(pid)
    self
  end

  def alive?
    @status.nil?
  end

  def close
    [@in, @stdout, @stderr].each { |io| io.close unless io.closed? }
  end

  private

  def read_more
    readable, = IO.select([@stdout, @stderr].reject(&:closed?), nil, nil, Watchdog::LIMIT * 2 / 3)
    unless readable
      signal(:KILL)
      raise Minitest::Assertion, "script #{pid} hangs"
    end
    readable.each do |io|
      bytes = io.read_nonblock(1 << 16, exception: false)
      next io.close if bytes.nil?

      (io == @stdout ? @out : @err) << bytes if bytes.is_a?(String)
    end
  end
end
