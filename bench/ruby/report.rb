# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# Text, JSON and Markdown, in the form of bench/report.cpp.

require 'json'
require_relative 'bars'
require_relative 'run'

module Bench
  module Report
    WIDTH_OF_BARS = 24
    PARTS_OF_BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'].freeze
    BEGINNING = "<!-- ruby benchmarks: begin -->\n"
    ENDING = '<!-- ruby benchmarks: end -->'

    module_function

    def print_machine(machine)
      machine.each { |name, value| printf("%-15s %s\n", name, value) }
      puts "\nEach line: median, ratio to process_shared, [lowest .. highest round]."
    end

    def print_result(measured)
      what = measured.what
      puts "\n#{what.name}   #{what.unit}, #{what.better} is better"
      print_series(measured)
      print_old_gem(measured)
      measured.parts.reject { |part| part.series.empty? }.each do |part|
        puts "  #{part.what.part_name}   #{part.what.unit}, #{part.what.better} is better"
        print_series(part)
      end
      measured.failures.each { |leg, text| puts "  FAILED #{leg}: #{text}" }
    end

    def print_bars(bars)
      return if bars.empty?

      puts "\nbars"
      bars.each do |one|
        printf("  %-28s %-42s %8s  wanted %-12s %s\n", one.where, one.what, one.value ? number(one.value) : 'missing',
               one.wanted, one.met ? 'met' : 'NOT MET')
      end
    end

    def to_json(machine, how, results, bars)
      {
        machine: machine,
        options: { rounds: how.rounds, seconds: how.seconds, quick: how.quick },
        results: results.map { |one| entry(one, bars.select { |bar| bar.where == one.what.name }) },
        bars: bars.map { |one| bar_entry(one) }
      }
    end

    def to_markdown(machine, results, bars)
      text = machine.map { |name, value| name == 'command' ? "- #{name}: `#{value}`\n" : "- #{name}: #{value}\n" }.join
      text += "\n| case | unit, better | process_shared | beside it (× process_shared) | old gem, not of this run |\n" \
              "| --- | --- | --- | --- | --- |\n"
      results.each { |one| [one, *one.parts].each { |part| text += row(part) unless part.series.empty? && part.what.part? } }
      return text if bars.empty?

      text += "\n| bar | | measured | wanted | met |\n| --- | --- | --- | --- | --- |\n"
      bars.each do |one|
        text += "| `#{one.where}` | #{one.what} | #{one.value ? number(one.value) : 'missing'} | #{one.wanted} | " \
                "#{one.met ? 'yes' : '**no**'} |\n"
      end
      text
    end

    # Into the marked section of the file, if it has one.
    def write_section(path, text)
      old = File.exist?(path) ? File.read(path, encoding: 'UTF-8') : ''
      first = old.index(BEGINNING)
      last = first && old.index(ENDING, first)
      text = "#{old[0...first + BEGINNING.size]}\n#{text}\n#{old[last..]}" if last
      File.write(path, text)
    end

    def number(value)
      size = value.abs
      format("%.#{size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3}f", value)
    end

    # A line of blocks, in eighths of a character.
    def blocks(share)
      eighths = [1, (share * WIDTH_OF_BARS * 8).round].max
      ('█' * (eighths / 8)) + PARTS_OF_BLOCKS[eighths % 8]
    end

    def ratio(measured, one)
      ours = measured.find(US)
      ours&.value&.positive? ? one.value / ours.value : nil
    end

    def print_series(measured)
      largest = measured.series.map(&:value).max
      measured.series.each do |one|
        beside = ratio(measured, one)
        low, high = one.rounds.minmax
        printf('  %-26s %9s %10s  %s  [%s .. %s]', one.name, number(one.value), beside ? format('%.2f x', beside) : '',
               blocks(one.value / largest), number(low), number(high))
        print "  p99 #{number(one.p99)}" if measured.what.tails
        puts
      end
    end

    def old_gem(measured)
      value = OLD_GEM[measured.what.name]
      note = OLD_GEM_NOTES[measured.what.name]
      value && number(value) + (note ? " (#{note})" : '')
    end

    def print_old_gem(measured)
      text = old_gem(measured)
      printf("  %-26s %9s   measured on this kind of machine, another run\n", '(old gem, not of this run)', text) if text
    end

    def rounded(value)
      value.round(4)
    end

    def bar_entry(one)
      { case: one.where, what: one.what, value: one.value && rounded(one.value), wanted: one.wanted, met: one.met }
    end

    def entry(measured, bars)
      said = {}
      said[:case] = measured.what.name unless measured.what.part?
      said.update(unit: measured.what.unit, better: measured.what.better, series: figures(measured, &:value))
      said.update(median: figures(measured, &:value), p99: figures(measured, &:p99)) if measured.what.tails
      said[:rounds] = measured.series.to_h { |one| [one.name, one.rounds.map { |round| rounded(round) }] }
      measured.parts.each { |part| said[part.what.part_name] = entry(part, []) }
      said[:failed] = measured.failures unless measured.failures.empty?
      said[:bars] = bars.map { |one| bar_entry(one) } unless bars.empty?
      said
    end

    def figures(measured)
      measured.series.to_h { |one| [one.name, rounded(yield(one))] }
    end

    def row(measured)
      shown = ->(one) { number(one.value) + (measured.what.tails ? " (p99 #{number(one.p99)})" : '') }
      ours = measured.find(US)
      beside = measured.series.reject { |one| one == ours }.map do |one|
        times = ratio(measured, one)
        "#{one.name} #{shown[one]}#{format(', %.2f ×', times) if times}"
      end.join(' · ')
      measured.failures.each { |leg, text| beside += " (failed: #{leg}: #{text})" }
      "| `#{measured.what.name}` | #{measured.what.unit}, #{measured.what.better} | #{ours ? "**#{shown[ours]}**" : '–'} | " \
        "#{beside} | #{old_gem(measured) || '–'} |\n"
    end
  end
end
