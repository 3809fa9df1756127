# SPDX-License-Identifier: MIT
# A buffer of five places between a producer and a consumer, which wait for each other.
require 'process_shared'

PLACES = 5
guard = ProcessShared::Mutex.new
changed = ProcessShared::ConditionVariable.new
ring = ProcessShared::SharedArray.new(:int, PLACES)
ends = ProcessShared::SharedArray.new(:int, 2) # how many were put and taken, under the guard

producer = fork do
  (1..1000).each do |number|
    guard.synchronize do
      changed.wait(guard) while ends[0] - ends[1] == PLACES
      ring[ends[0] % PLACES] = number
      ends[0] += 1
      changed.signal
    end
  end
end

sum = 0
1000.times do
  guard.synchronize do
    changed.wait(guard) while ends[0] == ends[1]
    sum += ring[ends[1] % PLACES]
    ends[1] += 1
    changed.signal
  end
end
Process.wait(producer)

puts "the sum of 1 to 1000 is #{sum}"
