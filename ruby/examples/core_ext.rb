# SPDX-License-Identifier: MIT
# A class that was written for threads coordinates forked processes, unchanged.
require 'process_shared/core_ext'

# As somebody wrote it: it knows Mutex, ConditionVariable and Queue only.
module Bakery
  class Counter
    def initialize(bakers)
      @orders = Queue.new
      @served = Queue.new
      @guard = Mutex.new
      @opened = ConditionVariable.new
      @waiting = bakers
    end

    def open
      @guard.synchronize { @opened.broadcast }
    end

    def work
      while (order = @orders.pop)
        @served << "#{order}, still warm"
      end
    end

    def order(*things)
      things.each { |thing| @orders << thing }
      @orders.close
    end

    def served
      Array.new(@served.size) { @served.pop }
    end
  end
end

# From here on these are the ones between processes, for all code inside Bakery and nowhere else.
ProcessShared::CoreExt.into(Bakery)

counter = Bakery::Counter.new(2)
bakers = Array.new(2) { fork { counter.work } }
counter.order('bread', 'rolls', 'cake')
bakers.each { |pid| Process.wait(pid) }

puts counter.served.sort
puts "elsewhere Mutex is #{Mutex}"
