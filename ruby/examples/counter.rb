# SPDX-License-Identifier: MIT
# Ten processes and one number: half of them add, half of them subtract, and without the mutex they would lose steps of
# each other's. Only what the old gem had is used.
require 'process_shared'

mutex = ProcessShared::Mutex.new
mem = ProcessShared::SharedMemory.new(:int) # an FFI::Pointer
mem.put_int(0, 0)

pids = (1..10).map do |number|
  step = number.even? ? 1 : -1
  fork do
    10.times do
      mutex.synchronize do
        value = mem.get_int(0)
        sleep 0.001
        mem.put_int(0, value + step)
      end
    end
  end
end
pids.each { |pid| Process.wait(pid) }

puts "value should be zero: #{mem.get_int(0)}"
