# frozen_string_literal: true

require 'process_shared'

module ProcessShared
  # Lets code that was written for threads coordinate forked processes: its Mutex, ConditionVariable, Monitor, Queue and
  # SizedQueue become those of this library, where it is asked for, and nowhere else:
  #
  #   class Counter
  #     include ProcessShared::CoreExt          # in this class
  #     def initialize; @guard = Mutex.new; end
  #   end
  #
  #   ProcessShared::CoreExt.into(MyLibrary)    # in all code that lies in this module
  #
  #   using ProcessShared::CoreExt::Refinement  # Mutex.new and the others in the rest of this file
  #
  # What cannot cross to another process, a Proc in a queue, say, raises TypeError.
  module CoreExt
    # What Mutex means there.
    Mutex = ProcessShared::Mutex
    # What ConditionVariable means there.
    ConditionVariable = ProcessShared::ConditionVariable
    # What Monitor means there.
    Monitor = ProcessShared::Monitor
    # What Queue means there.
    Queue = ProcessShared::Queue
    # What SizedQueue means there.
    SizedQueue = ProcessShared::SizedQueue

    # Sets the five constants in a module or class, for all code that lies in it lexically.
    # @param target [Module]
    # @return [Module] target
    # @raise [ArgumentError] if it has others of that name already
    def self.into(target)
      constants(false).grep_v(:Refinement).each do |name|
        value = const_get(name)
        next if target.const_defined?(name, false) && target.const_get(name, false).equal?(value)
        raise ArgumentError, "#{target} has a #{name} already" if target.const_defined?(name, false)

        target.const_set(name, value)
      end
      target
    end

    # For `using`.
    module Refinement
      { ::Mutex => CoreExt::Mutex, ::ConditionVariable => CoreExt::ConditionVariable,
        ::Queue => CoreExt::Queue, ::SizedQueue => CoreExt::SizedQueue }.each do |core, shared|
        refine core.singleton_class do
          define_method(:new) { |*arguments, **options, &block| shared.new(*arguments, **options, &block) }
        end
      end

      require 'monitor'
      refine ::Monitor.singleton_class do
        define_method(:new) { |*arguments, **options, &block| CoreExt::Monitor.new(*arguments, **options, &block) }
      end
    end
  end
end
