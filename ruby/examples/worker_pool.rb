# SPDX-License-Identifier: MIT
# A pre-forked pool: four workers take jobs from a queue and write results to a hash that all of them share. One is
# killed midway. Its supervisor starts another one, and has done again what the dead one took along.
require 'process_shared'

WANTED = (1..200).to_a
jobs = ProcessShared::Queue.new(WANTED)
results = ProcessShared::ObjectBuffer.new(64 * 1024)
results.write({})

# Whoever is killed between read and write leaves the old hash, whole: so the next one may just go on.
guard = ProcessShared::Mutex.new(recover: true)

worker = lambda do
  while (job = jobs.pop) # nil: closed and empty
    square = job * job
    sleep 0.002
    guard.synchronize { results.write(results.read.merge(job => square)) }
  end
end
pool = Array.new(4) { fork(&worker) }

sleep 0.001 until results.read.size > WANTED.size / 4
victim = pool.first
Process.kill(:KILL, victim)

someone_died = false
until (missing = WANTED - results.read.keys).empty?
  pool.map! do |pid|
    next pid unless Process.wait(pid, Process::WNOHANG)

    puts "a worker was killed, and is replaced: #{pid == victim}"
    someone_died = true
    fork(&worker)
  end
  if someone_died && jobs.empty?
    # Some of these may just be in work: a job may be done twice, its result is the same.
    missing.each { |job| jobs << job }
    someone_died = false
  end
  sleep 0.001
end
jobs.close
pool.each { |pid| Process.wait(pid) }

puts "#{results.read.size} jobs done, the sum is right: #{results.read.values.sum == WANTED.sum { |n| n * n }}"
