# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# Rounds that alternate, and what becomes of their samples. As bench/run.cpp.

require_relative 'processes'

module Bench
  US = 'process_shared'

  # A figure: a case, or a part of one ("case/part"). With tails the median and p99 of single events are told.
  Quantity = Struct.new(:name, :unit, :higher, :tails) do
    def part?
      name.include?('/')
    end

    def case_name
      name[%r{[^/]+}]
    end

    def part_name
      name[%r{/(.*)}, 1]
    end

    def better
      higher ? 'higher' : 'lower'
    end
  end

  # What is measured together. Legs: name => a block that returns {quantity's name => {series => [samples]}}.
  Experiment = Struct.new(:quantities, :legs, :rounds, :limit)

  Series = Struct.new(:name, :value, :p99, :rounds)

  Result = Struct.new(:what, :series, :parts, :failures) do
    def find(name)
      series.find { |one| one.name == name }
    end
  end

  module Statistics
    def self.quantile(values, share)
      values.sort[(share * (values.size - 1)).round]
    end

    def self.median(values)
      sorted = values.sort
      (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2.0
    end
  end

  class Run
    def initialize(experiment, how, progress)
      @experiment = experiment
      @how = how
      @progress = progress
      @failures = {} # by leg; what failed once is not tried again
    end

    def results
      rounds = Array.new(@experiment.rounds) { |round| measure(round) }
      results = []
      @experiment.quantities.select { |one| @how.chosen?(one.case_name) }.each do |one|
        folded = fold(one, rounds)
        whole = results.find { |result| result.what.name == one.case_name }
        one.part? ? whole.parts << folded : results << folded
      end
      results.each { |one| one.failures = @failures }
    end

    private

    # The turn starts elsewhere each time.
    def measure(round)
      together = {}
      @experiment.legs.to_a.rotate(round).each do |name, body|
        next if @failures.key?(name)

        @progress.show(@experiment.quantities.first.name, name, round + 1, @experiment.rounds)
        samples = Leg.run(@experiment.limit) { body.call(round) }
        samples.each { |quantity, series| (together[quantity] ||= {}).merge!(series) }
      rescue Failed => e
        @failures[name] = e.message
      end
      together
    end

    # Each round's samples come down to a median; the rounds' medians, or all events, to the result.
    def fold(what, rounds)
      seen = Hash.new { |all, series| all[series] = [] }
      rounds.each { |round| round.fetch(what.name, {}).each { |series, values| seen[series] << values } }
      series = seen.map do |name, values|
        medians = values.map { |one| Statistics.median(one) }
        Series.new(name, Statistics.median(what.tails ? values.flatten : medians),
                   Statistics.quantile(values.flatten, 0.99), medians)
      end
      Result.new(what, series.sort_by.with_index { |one, i| [rank(one.name), i] }, [], {})
    end

    def rank(series)
      return 0 if series == US
      return 1 if series.start_with?(US)

      series == 'empty_loop' ? 3 : 2
    end
  end

  # On a terminal one line that changes; in a log one for each case.
  class Progress
    def initialize(experiments)
      @experiments = experiments
      @current = 0
      @started = Bench.now
      @last = nil
    end

    def next_experiment
      @current += 1
    end

    def show(what, leg, round, rounds)
      seconds = (Bench.now - @started) / 1_000_000_000
      head = format('%02d:%02d [%d/%d] %s', seconds / 60, seconds % 60, @current, @experiments, what)
      if $stderr.tty?
        $stderr.print "\r\e[K#{head} · round #{round}/#{rounds} · #{leg}"
      elsif what != @last
        warn head
        @last = what
      end
    end

    def clear
      $stderr.print "\r\e[K" if $stderr.tty?
    end
  end
end
