# SPDX-License-Identifier: MIT
# An object and an array that one process writes and another reads. Only what the old gem had is used.
require 'process_shared'
require 'process_shared/shared_array'

mem = ProcessShared::SharedMemory.new(1024) # bytes
squares = ProcessShared::SharedArray.new(:int, 5)

pid = fork do
  mem.write_object(%w[a b])
  5.times { |i| squares[i] = i * i }
end
Process.wait(pid)

puts mem.read_object.inspect
puts squares.map(&:to_s).join(' ')
