# SPDX-License-Identifier: MIT
# Ruby and C++ in one segment: a mutex, numbers and objects. Takes the path of the other half, with_cpp.cpp, compiled.
require 'process_shared'

program = ARGV.fetch(0) { abort "usage: #{$PROGRAM_NAME} PATH_OF_THE_COMPILED_WITH_CPP" }
name = "with-cpp-#{Process.pid}"
cpp = ->(task) { spawn(program, name, task) }
finish = ->(pid) { Process.wait2(pid)[1].success? or abort 'the C++ half failed' }

segment = ProcessShared::Segment.create(name)
begin
  guard = ProcessShared::Mutex.new(segment: segment, name: 'guard')
  numbers = ProcessShared::SharedMemory.new(:int, 10, segment: segment, name: 'numbers')
  box = ProcessShared::ObjectBuffer.new(1024, segment: segment, name: 'box')

  other = cpp.call('count')
  1000.times { guard.synchronize { numbers.put_int(0, numbers.get_int(0) + 1) } }
  finish.call(other)
  puts "together they counted to #{numbers.get_int(0)}"

  guard.synchronize { numbers.put_array_of_int(0, [5, 3, 9, 1, 7, 2, 8, 0, 6, 4]) }
  finish.call(cpp.call('sort'))
  puts "sorted in C++: #{numbers.get_array_of_int(0, 10).join(' ')}"

  box.write({ 'numbers' => [0.5, 1.5, 2.25] }, format: :msgpack)
  finish.call(cpp.call('answer'))
  puts "an answer from C++: #{box.read(format: :msgpack)}"

  victim = cpp.call('die')
  Process.wait(victim)
  begin
    guard.lock
  rescue ProcessShared::OwnerDied => death
    puts "told of the dead one: #{death.pid == victim}"
  end
ensure
  ProcessShared.remove(name)
end
