# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# What is wanted of the figures, and what the gem of 2015 had.

require_relative 'run'

module Bench
  Bar = Struct.new(:where, :what, :value, :wanted, :met)

  module Bars
    # `of` must be at most, or at least, `bound` times `beside`; `bound` itself if that is nil.
    RULES = [
      ['mutex.lock_unlock', US, :<=, 1.5, 'core'],
      ['mutex.synchronize', US, :<=, 1.5, 'core'],
      ['semaphore.wait_post', US, :<=, 1.5, 'core'],
      ['object.read_1MiB', US, :<=, 3, 'marshal'],
      ['array.each', US, :<=, 40, nil],
      ['contended.counter_2', US, :>=, 2, nil],
      ['contended.counter_2', 'process_shared_semaphore', :>=, 2, nil],
      ['new_close', US, :<=, 2, nil]
    ].freeze
    UNITS = { 'us' => ' us', 'ns/element' => ' ns' }.freeze

    def self.judge(results)
      results.flat_map do |result|
        RULES.select { |rule| rule.first == result.what.name }.map { |rule| apply(rule, result) }
      end
    end

    def self.apply(rule, result)
      _, of, relation, bound, beside = rule
      value = result.find(of)&.value
      if beside
        other = result.find(beside)&.value
        value = value && other && value / other
      end
      Bar.new(result.what.name, beside ? "#{of} / #{beside}" : of, value,
              "#{relation} #{bound}#{UNITS[result.what.unit] unless beside}", !value.nil? && value.public_send(relation, bound))
    end
    private_class_method :apply
  end

  # The gem process_shared 0.2.1 of 2015, in each case's unit: medians of five runs of 1 s, measured on this kind of
  # machine, another run, by loops that took 31 ns empty. So they say how much, and are nobody's ratio.
  OLD_GEM = {
    'mutex.lock_unlock' => 8125,
    'mutex.synchronize' => 8292,
    'mutex.locked' => 1615,
    'semaphore.wait_post' => 907,
    'semaphore.try_wait_post' => 923,
    'semaphore.try_wait_1_post' => 3033,
    'semaphore.synchronize' => 969,
    'semaphore.to_mtx' => 1230,
    'binary_semaphore.wait_post' => 4593,
    'monitor.nested' => 16_129,
    'memory.put_int' => 57,
    'memory.get_int' => 53,
    'object.read_small' => 13_595,
    'object.write_small' => 3048,
    'object.read_1MiB' => 161_880,
    'object.write_1MiB' => 60.2,
    'array.set' => 118,
    'array.get' => 105,
    'array.each' => 125,
    'new_close' => 47.3,
    'contended.counter_2' => 0.086,
    'ping_pong' => 74.5
  }.freeze
  OLD_GEM_NOTES = { 'new_close' => 'Semaphore', 'contended.counter_2' => 'Semaphore: 0.674' }.freeze
end
