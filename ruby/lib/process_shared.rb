# frozen_string_literal: true

# Locks, conditions, queues and shared memory between processes, which survive kill -9 of any of them.
#
#   require 'process_shared'
#
#   mutex = ProcessShared::Mutex.new
#   count = ProcessShared::SharedMemory.new(:int)
#   pids = 10.times.map { fork { 1000.times { mutex.synchronize { count.write_int(count.read_int + 1) } } } }
#   pids.each { |pid| Process.wait(pid) }
#   count.read_int # => 10000
#
# Objects made before a fork are shared with the children. Unrelated processes, and programs in C++, meet by name:
#
#   ProcessShared::Mutex.open(name: '/jobs') { |mutex| mutex.synchronize { … } }
#
# See ProcessShared::Mutex for what happens when a process dies inside.
module ProcessShared
end

require 'process_shared/version'
require 'process_shared/process_shared_ext'
require 'process_shared/errors'
require 'process_shared/shared'
require 'process_shared/semaphore'
require 'process_shared/mutex'
require 'process_shared/monitor'
require 'process_shared/monitor_mixin'
require 'process_shared/meeting_points'
require 'process_shared/shared_memory'
require 'process_shared/shared_memory_io'
require 'process_shared/shared_array'
require 'process_shared/object_buffer'
require 'process_shared/queue'
require 'process_shared/segment'
