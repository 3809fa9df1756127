# frozen_string_literal: true

require 'io/wait'

# A process of its own that ends a test which hangs, even one that holds the GVL: first by SIGALRM, which raises in the
# test, then by SIGKILL, for the children of the test as well. It says which test that was.
module Watchdog
  # What "for ever" means to a test. Nothing is slow enough to come near it.
  LONG = %w[PROCESS_SHARED_LONG PROCESS_SHARED_ROUNDS].any? { |name| ENV[name].to_i.positive? }
  LIMIT = Integer(ENV.fetch('PROCESS_SHARED_TEST_LIMIT', 90)) * (LONG ? 10 : 1)
  GRACE = 20

  # No StandardError, so that no test takes it for what it wants to see.
  class Hung < Exception; end # rubocop:disable Lint/InheritException

  class << self
    def start
      reader, @writer = IO.pipe
      watched = Process.pid
      # Twice: the watchdog is nobody's child, so a test may ask whether it left one.
      Process.wait(fork { fork { guard(reader, watched) }; exit! })
      reader.close
      trap(:ALRM) { raise Hung, 'the watchdog ended this test' }
    end

    def test(name)
      tell('test', name)
    end

    def started(pid)
      tell('child', pid)
    end

    def reaped(pid)
      tell('reaped', pid)
    end

    private

    def tell(*words)
      @writer.write("#{words.join(' ')}\n")
    rescue Errno::EPIPE
      nil
    end

    def guard(reader, watched)
      @writer.close
      children = []
      name = 'loading'
      patience = LIMIT
      loop do
        unless reader.wait_readable(patience)
          end_it(watched, children, name, patience) && exit!
          patience = GRACE
          next
        end
        case reader.gets
        when nil then exit!
        when /\Atest (.*)/ then name, children, patience = Regexp.last_match(1), [], LIMIT
        when /\Achild (\d+)/ then children << Regexp.last_match(1).to_i
        when /\Areaped (\d+)/ then children.delete(Regexp.last_match(1).to_i)
        end
      end
    ensure
      exit!
    end

    # Whether it is over.
    def end_it(watched, children, name, patience)
      if patience == LIMIT
        warn "watchdog: #{name} hangs"
        Process.kill(:ALRM, watched)
        return false
      end
      warn "watchdog: #{name} cannot be interrupted, killed"
      [*children, watched].each do |pid|
        Process.kill(:KILL, pid)
      rescue Errno::ESRCH
        next
      end
      true
    rescue Errno::ESRCH
      true
    end
  end
end
