#!/usr/bin/env ruby
# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# Measures the Ruby gem beside its peers, in one run. `scripts/bench --ruby` builds the extension and runs this;
# docs/benchmarks.md says how it measures.

require 'optparse'
require 'process_shared'
require_relative 'bars'
require_relative 'machine'
require_relative 'one_process'
require_relative 'report'
require_relative 'run'
require_relative 'several_processes'

module Bench
  Options = Struct.new(:rounds, :seconds, :quick, :prefixes, :json, :markdown, :command, :list, keyword_init: true) do
    def chosen?(name)
      prefixes.empty? || prefixes.any? { |prefix| name.start_with?(prefix) }
    end
  end

  def self.options(arguments)
    how = Options.new(quick: false, prefixes: [], command: "ruby_bench.rb #{arguments.join(' ')}".strip, list: false)
    OptionParser.new do |parser|
      parser.banner = 'Measures the Ruby gem process_shared beside its peers: Ruby, pipes, flock.'
      parser.on('--case PREFIX', 'only cases whose names start so; may be repeated') { |text| how.prefixes << text }
      parser.on('--list', 'print the names of the cases and stop') { how.list = true }
      parser.on('--rounds N', Integer, 'rounds of each case (short ones take three times as many)') { |n| how.rounds = n }
      parser.on('--seconds S', Float, 'how long contended processes run in each round') { |s| how.seconds = s }
      parser.on('--quick', 'fewer rounds, shorter ones: a glance, not a result') { how.quick = true }
      parser.on('--json FILE', 'also write the results to this file') { |file| how.json = file }
      parser.on('--markdown FILE', 'also write them into the marked section of this file') { |file| how.markdown = file }
      parser.on('--command TEXT', 'the command to report instead of this one') { |text| how.command = text.strip }
    end.parse!(arguments)
    raise OptionParser::InvalidArgument, arguments.join(' ') unless arguments.empty?

    how.rounds ||= how.quick ? 2 : 5
    how.seconds ||= how.quick ? 0.3 : 1.0
    raise OptionParser::InvalidArgument, 'rounds and seconds are positive' unless how.rounds.positive? && how.seconds.positive?

    how
  end

  def self.main(arguments)
    how = options(arguments)
    experiments = (OneProcess.all(how) + SeveralProcesses.all(how)).select do |one|
      one.quantities.any? { |quantity| how.chosen?(quantity.case_name) }
    end
    if experiments.empty?
      warn 'ruby_bench: no such case; --list shows them'
      return 2
    end
    return list(experiments, how) if how.list

    measure(experiments, how)
  rescue OptionParser::ParseError => e
    warn "ruby_bench: #{e.message}; see --help"
    2
  rescue Interrupt, SignalException
    warn "\nruby_bench: interrupted; nothing is written"
    130
  end

  def self.list(experiments, how)
    experiments.flat_map(&:quantities).each do |one|
      next if one.part? || !how.chosen?(one.name)

      printf("%-30s %s, %s is better\n", one.name, one.unit, one.better)
    end
    0
  end

  def self.measure(experiments, how)
    $stdout.sync = true
    trap(:TERM) { raise Interrupt }
    machine = Machine.describe(how)
    Report.print_machine(machine)
    Machine.doubts.each { |doubt| warn "note: #{doubt}" }
    progress = Progress.new(experiments.size)
    results = experiments.flat_map do |experiment|
      progress.next_experiment
      measured = Run.new(experiment, how, progress).results
      progress.clear
      measured.each { |one| Report.print_result(one) }
    end
    machine['load_average_after'] = Machine.load_average
    bars = Bars.judge(results)
    Report.print_bars(bars)
    File.write(how.json, "#{JSON.pretty_generate(Report.to_json(machine, how, results, bars))}\n") if how.json
    Report.write_section(how.markdown, Report.to_markdown(machine, results, bars)) if how.markdown
    results.any? { |one| !one.failures.empty? || one.series.empty? } ? 1 : 0
  end
end

exit Bench.main(ARGV)
