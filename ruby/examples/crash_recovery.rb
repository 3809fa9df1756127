# SPDX-License-Identifier: MIT
# A process is killed with the lock in its hands, half-way through. The next one is told who it was, and repairs.
require 'process_shared'

account = ProcessShared::SharedArray.new(:long, 3) # two parts and their sum, under the guard
guard = ProcessShared::Mutex.new

deposit = lambda do |part, amount, killed: false|
  account[part] += amount
  Process.kill(:KILL, Process.pid) if killed # the sum does not fit the parts any more
  account[2] += amount
end

guard.synchronize { deposit.call(0, 100) }
victim = fork { guard.synchronize { deposit.call(1, 100, killed: true) } }
Process.wait(victim)

begin
  guard.synchronize { deposit.call(1, 50) }
rescue ProcessShared::OwnerDied => death
  puts "told of the right one: #{death.pid == victim}, and nothing was done: #{account.to_a}"
end

repair = lambda do |death|
  puts "process #{death.pid} died inside, repairing"
  account[2] = account[0] + account[1]
end
guard.synchronize(recover: repair) { puts "total #{account[2]}" }
guard.synchronize { deposit.call(0, 50) }
puts "total #{account[2]}, and all goes on"
