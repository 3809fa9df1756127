# frozen_string_literal: true

module ProcessShared
  # A piece of shared memory with a name, in which objects have names: process_shared::segment of C++. It stays until it
  # is removed.
  #
  #   segment = ProcessShared::Segment.open('jobs', 1 << 20)
  #   guard = ProcessShared::Mutex.new(segment: segment, name: 'guard')   # C++: memory.find<process_shared::mutex>("guard")
  #   ProcessShared::Segment.remove('jobs')
  class Segment
    include OnlyOne

    # @!method self.open(name, bytes = 65536, mode: 0600, seats: 256, names: 128, directory: '/dev/shm', others: false)
    #   Opens it, or makes it; whoever comes first makes it. One that is there has at least that size (ArgumentError).
    #   @param name [String] a leading slash is ignored
    #   @param bytes [Integer] for objects
    #   @param mode [Integer] permissions, if it is made
    #   @param seats [Integer] how many threads may take part at once, if it is made
    #   @param names [Integer] how many objects may have names, if it is made
    #   @param directory [String] where segments are files
    #   @param others [Boolean] whether to open one that another user has made
    #   @return [Segment]
    #   @raise [ProcessError] if it is none, or damaged, or of another version of the library

    # @!method self.create(name, bytes = 65536, **options)
    #   @return [Segment]
    #   @raise [Errno::EEXIST] if there is one

    # @!method self.anonymous(bytes = 65536, **options)
    #   A segment without a name, for this process and the children that it forks from now on.
    #   @return [Segment]

    # @!method self.remove(name, directory: '/dev/shm', others: false)
    #   Takes its name away. Whoever has it open keeps it.
    #   @return [Boolean] false if there was none

    # @!method name
    #   @return [String, nil] nil if it has none

    # @!method size
    #   @return [Integer] bytes for objects

    # @!method free_bytes
    #   @return [Integer] bytes that are free

    # @!method close
    #   Ends this handle; again is fine. Objects in it that are open stay open.
    #   @return [nil]

    # @!method closed?
    #   @return [Boolean]
  end

  # Takes the name of a segment away. Whoever has it open keeps it.
  # @param options directory:, others:, as Segment.remove
  # @return [Boolean] false if there was none
  def self.remove(name, **options)
    Segment.remove(name, **options)
  end
end
