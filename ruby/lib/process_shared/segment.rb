# frozen_string_literal: true

module ProcessShared
  # A piece of shared memory with a name, in which objects have names: process_shared::segment of C++. It stays until it
  # is removed.
  #
  #   segment = ProcessShared::Segment.open('jobs', 1 << 20)
  #   guard = ProcessShared::Mutex.new(segment: segment, name: 'guard')   # C++: memory.find<process_shared::mutex>("guard")
  #   ProcessShared::Segment.remove('jobs')
  class Segment
    def marshal_dump
      raise TypeError, "#{self.class} cannot be marshalled: open it by its name"
    end
  end

  # Takes the name of a segment away. Whoever has it open keeps it. False if there was none.
  def self.remove(name, **options)
    Segment.remove(name, **options)
  end
end
