# frozen_string_literal: true

# SPDX-License-Identifier: MIT
# What it was measured on. As bench/machine.cpp.

require 'etc'
require 'rbconfig'
require_relative 'processes'

module Bench
  module Machine
    def self.describe(how)
      {
        'cpu' => processor,
        'cores' => Etc.nprocessors,
        'cores_used' => CORES.size,
        'virtual' => cpuinfo('flags').split.include?('hypervisor'),
        'kernel' => Etc.uname.values_at(:sysname, :release, :machine).join(' '),
        'libc' => `getconf GNU_LIBC_VERSION 2>&1`.strip,
        'compiler' => `#{RbConfig::CONFIG['CXX']} --version 2>&1`.lines.first.to_s.strip,
        'build' => RbConfig::CONFIG['CXXFLAGS'][/-O\S+/] || 'unknown',
        'ruby' => RUBY_DESCRIPTION,
        'jit' => jit,
        'process_shared' => ProcessShared::VERSION,
        'ffi' => FFI::VERSION,
        'date' => Time.now.utc.strftime('%Y-%m-%d %H:%M UTC'),
        'load_average' => load_average,
        'command' => how.command
      }
    end

    def self.load_average
      File.read('/proc/loadavg').split.first(3).join(' ')
    end

    def self.doubts
      found = []
      load = load_average.to_f
      found << format('the machine is not quiet (load average %.2f): expect noise', load) if load > 0.5
      found << 'fewer than two processors: what is between processes says little' if CORES.size < 2
      found
    end

    def self.cpuinfo(field)
      File.foreach('/proc/cpuinfo').find { |line| line.start_with?(field) }.to_s[/: (.*)/, 1].to_s
    end

    def self.processor
      model = cpuinfo('model name')
      return "unknown (implementer #{cpuinfo('CPU implementer')}, part #{cpuinfo('CPU part')})" if model.empty?

      "#{model} (family #{cpuinfo('cpu family')}, model #{cpuinfo("model\t")})"
    end

    def self.jit
      return 'yjit' if defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled?

      RUBY_DESCRIPTION[/\+\w*JIT/] || 'none'
    end
    private_class_method :cpuinfo, :processor, :jit
  end
end
