# frozen_string_literal: true

require_relative 'test_helper'
require_relative 'support/classes'
require 'msgpack'

# Whatever comes in, the answer is an exception that says so: never a crash, never a hang. In children, that must end
# normally.
class BadInputTest < SharedTest
  ODD = [nil, true, false, -1, 0, 1, 2, 7, 2**31, 2**32, 2**63, 2**64, -(2**70), 1.5, -0.5, Float::NAN, Float::INFINITY,
         -Float::INFINITY, '', 'text', "nul\0", '/', :symbol, [], [1], {}, { a: 1 }, 1..2, Object.new, Class, -> {},
         Rational(1, 3), Complex(1, 1), $stdout, Time.at(0)].freeze
  # There may be that much memory, and it would take long to make.
  LARGE = [2**31, 2**32].freeze
  # Of FFI: what follows addresses that lie in the memory, or is made to free foreign memory.
  EXCLUDED = %i[free autorelease= get_array_of_string read_array_of_string read_string_to_null __copy_from__].freeze

  Classes::ALL.each do |sample|
    define_method("test_odd_arguments_of_new_#{sample.name}") do
      in_child do
        random = Random.new(17)
        scaled(150).times do
          arguments = Array.new(random.rand(3)) { (ODD - LARGE).sample(random: random) }
          option = %i[name segment mode bytes recover].sample(random: random)
          options = random.rand(3).zero? ? { option => (ODD - LARGE).sample(random: random) } : {}
          patiently("#{sample.name}.new(#{arguments}, #{options})") do
            object = sample.type.new(*arguments, **options)
            object.public_send(sample.done)
            PS.remove(options[:name]) if options[:name].is_a?(String)
          end
        end
      end
    end

    define_method("test_odd_arguments_of_methods_of_#{sample.name}") do
      in_child do
        random = Random.new(19)
        methods = sample.type.public_instance_methods - Object.public_instance_methods - EXCLUDED - %i[close release]
        methods.each do |method|
          object = sample.make
          8.times do
            arguments = Array.new(random.rand(3)) { ODD.sample(random: random) }
            patiently("##{method}(#{arguments})") { object.public_send(method, *arguments) { nil } }
          end
        end
        nil
      end
    end

    define_method("test_every_method_of_a_closed_#{sample.name}") do
      in_child do
        (sample.type.public_instance_methods - Object.public_instance_methods - EXCLUDED).each do |method|
          object = sample.make
          object.public_send(sample.done)
          [[], [0], [0, 1], [1, 'x']].each do |arguments|
            patiently("##{method}(#{arguments})") { object.public_send(method, *arguments) { nil } }
          end
        end
        nil
      end
    end

    define_method("test_uninitialized_#{sample.name}") do
      in_child do
        (sample.type.public_instance_methods - Object.public_instance_methods - EXCLUDED).each do |method|
          object = sample.type.allocate
          [[], [0], [0, 1]].each do |arguments|
            patiently("##{method}(#{arguments})") { object.public_send(method, *arguments) { nil } }
          end
        end
        nil
      end
    end

    define_method("test_initializing_#{sample.name}_again") do
      in_child do
        object = sample.make
        arguments = { 'Barrier' => [3], 'SizedQueue' => [3], 'ObjectBuffer' => [1000] }.fetch(sample.name, [])
        patiently('initialize again') { object.send(:initialize, *arguments) }
        patiently('use') { sample.act_on(object) }
        patiently('undo') { sample.undo_on(object) }
        object.public_send(sample.done)
        GC.start
      end
    end
  end

  TIMEOUTS = {
    'Semaphore#try_wait' => ->(timeout) { PS::Semaphore.new.try_wait(timeout) },
    'OwnedSemaphore#try_wait' => ->(timeout) { PS::OwnedSemaphore.new.try_wait(timeout) },
    'Mutex#lock_for' => ->(timeout) { PS::Mutex.new.lock_for(timeout) },
    'Monitor#lock_for' => ->(timeout) { PS::Monitor.new.lock_for(timeout) },
    'SharedMutex#lock_for' => ->(timeout) { PS::SharedMutex.new.lock_for(timeout) },
    'SharedMutex#lock_shared_for' => ->(timeout) { PS::SharedMutex.new.lock_shared_for(timeout) },
    'Event#wait' => ->(timeout) { PS::Event.new(true).wait(timeout) },
    'Barrier#wait' => ->(timeout) { PS::Barrier.new(1).wait(timeout) },
    'Queue#pop' => ->(timeout) { PS::Queue.new([1], bytes: 4096).pop(timeout: timeout) },
    'SizedQueue#push' => ->(timeout) { PS::SizedQueue.new(1, bytes: 4096).push(1, timeout: timeout) }
  }.freeze

  TIMEOUTS.each do |name, use|
    define_method("test_timeouts_of_#{name.tr('#', '_')}") do
      in_child do
        assert_raises(ArgumentError, RangeError, FloatDomainError) { use.call(Float::NAN) }
        assert_raises(TypeError, RangeError) { use.call(Complex(1, 1)) }
        ['1', :one, [], {}, Object.new].each { |odd| assert_raises(TypeError, odd.inspect) { use.call(odd) } }
        [Float::INFINITY, 2**100, 1e300, 2**63, Rational(1, 3), nil].each { |fine| assert use.call(fine), fine.inspect }
        [-Float::INFINITY, -(2**100), -1, 0, -0.0].each { |none| assert use.call(none), none.inspect }
      end
    end
  end

  def test_infinite_timeouts_wait
    in_child do
      semaphore = PS::Semaphore.new(0)
      [Float::INFINITY, 2**100].each do |timeout|
        thread = start_thread { semaphore.try_wait(timeout) }
        await_sleep(thread)
        semaphore.post
        assert_equal 0, finish(thread)
      end
    end
  end

  # ---- What strangers wrote ----

  def test_marshal_garbage
    in_child do
      memory = PS::SharedMemory.new(4096)
      random = Random.new(23)
      scaled(500).times do
        memory.put_bytes(0, random.bytes(4096))
        assert_raises(TypeError, ArgumentError) { memory.read_object }
        memory.put_bytes(0, "\x04\x08".b + random.bytes(200))
        object_or_error { memory.read_object }
      end
    end
  end

  def test_marshal_cut_anywhere
    in_child do
      dump = Marshal.dump([1, 'text', { a: 2.5, b: [nil, :c, 2**70] }, 1..2])
      (0...dump.bytesize).each do |length|
        memory = PS::SharedMemory.new([length, 1].max)
        memory.put_bytes(0, dump[0, length])
        assert_raises(TypeError, ArgumentError, length.to_s) { memory.read_object }
      end
    end
  end

  def test_marshal_with_flipped_bits
    in_child do
      dump = Marshal.dump(['text', { a: [1, 2.5], 'b' => :c }, 3..4, Time.at(0)])
      random = Random.new(29)
      memory = PS::SharedMemory.new(512)
      scaled(1000).times do
        bytes = dump.dup
        bytes.setbyte(at = random.rand(bytes.size), bytes.getbyte(at) ^ (1 << random.rand(8)))
        memory.put_bytes(0, bytes)
        object_or_error { memory.read_object }
      end
    end
  end

  def test_msgpack_garbage
    in_child do
      memory = PS::SharedMemory.new(4096)
      random = Random.new(31)
      scaled(500).times do
        memory.put_bytes(0, random.bytes(4096))
        object_or_error { memory.read_object(format: :msgpack) }
      end
      # A string, an array and a map of four milliards; nesting without end; a byte that is never used.
      ["\xDB\xFF\xFF\xFF\xFF", "\xDD\xFF\xFF\xFF\xFF", "\xDF\xFF\xFF\xFF\xFF", "\x91" * 4096, "\xC1"].each do |bytes|
        memory.put_bytes(0, bytes.b)
        error = object_or_error { memory.read_object(format: :msgpack) }
        assert_kind_of StandardError, error, bytes[0, 5].inspect unless bytes.start_with?("\xDD", "\xDF")
      end
    end
  end

  def test_msgpack_runs_no_code
    in_child do
      memory = PS::SharedMemory.new(4096)
      memory.put_bytes(0, [0xC7, 5, 0, *'hello'.bytes].pack('C*'))
      result = object_or_error { memory.read_object(format: :msgpack) }
      refute_equal 'hello', result
      memory.write_object(Struct.new(:a).new(1).to_a, format: :msgpack)
      assert_equal [1], memory.read_object(format: :msgpack)
    end
  end

  def test_a_stranger_writes_over_the_items_of_a_queue
    garbage_over('payload-of-the-queue', ->(name) { PS::Queue.new(name: name, bytes: 4096) },
                 ->(queue, payload) { 3.times { queue.push([payload, 1]) } },
                 lambda do |queue|
                   3.times { object_or_error { queue.pop(timeout: 0.02) } }
                   object_or_error { queue.push(:more, timeout: 0.02) }
                   [queue.size, queue.empty?, queue.num_waiting, queue.clear]
                 end)
  end

  def test_a_stranger_writes_over_an_object_buffer
    garbage_over('payload-of-the-buffer', ->(name) { PS::ObjectBuffer.new(1000, name: name) },
                 ->(buffer, payload) { buffer.write([payload, 1]) },
                 lambda do |buffer|
                   %i[marshal msgpack bytes].each { |format| object_or_error { buffer.read(format: format) } }
                   object_or_error { buffer.write(:more) }
                   object_or_error { buffer.read }
                 end)
  end

  def test_a_stranger_writes_over_anything
    random = Random.new(ENV.fetch('PROCESS_SHARED_SEED', 37).to_i)
    scaled(40).times do |round|
      name = unique_name
      kept(PS::Queue.new(name: "#{name}/queue", bytes: 4096)) << 'item'
      kept(PS::ObjectBuffer.new(1000, name: "#{name}/buffer")).write('object')
      path = "/dev/shm/#{shm_entries.last}"
      size = File.size(path)
      File.open(path, 'r+b') do |file|
        (1 + random.rand(20)).times do
          file.pos = random.rand(size)
          file.write(random.bytes(1 + random.rand(8)))
        end
      end
      child = start_child do
        object_or_error do
          queue = PS::Queue.new(name: "#{name}/queue", bytes: 4096)
          [queue.pop(timeout: 0.01), queue.push(1, timeout: 0.01)]
        end
        object_or_error do
          buffer = PS::ObjectBuffer.new(1000, name: "#{name}/buffer")
          [buffer.read, buffer.write(2).read]
        end
        :survived
      end
      assert_equal :survived, child.value, "round #{round}"
      PS.remove(name)
    end
  end

  private

  # An exception of Ruby's is fine, and so is an answer; nothing waits longer than it has to.
  def patiently(what, &block)
    $VERBOSE = nil # odd calls are what is warned of
    Timeout.timeout(0.02, &block)
  rescue StandardError, NotImplementedError, NoMemoryError
    nil
  rescue SystemExit, SecurityError, SystemStackError => e
    raise "#{what}: #{e.inspect}"
  end

  def object_or_error
    $VERBOSE = nil # Marshal warns of what it reads
    yield
  rescue StandardError, NoMemoryError => e
    e
  end

  # Garbage around the place in the segment's file where the payload lies, a few times, and always another.
  def garbage_over(payload, make, fill, use)
    random = Random.new(41)
    scaled(40).times do |round|
      name = unique_name
      object = kept(make.call(name))
      fill.call(object, payload)
      path = "/dev/shm/#{shm_entries.grep(/#{name.delete_prefix('/')}\z/).first}"
      found = File.binread(path).enum_for(:scan, payload).map { Regexp.last_match.begin(0) }
      refute_empty found
      File.open(path, 'r+b') do |file|
        found.each do |at|
          file.pos = [at - 1 - random.rand(64), 0].max
          file.write(random.bytes(1 + random.rand(100)))
        end
      end
      assert_equal :survived, in_child { use.call(object) && :survived }, "round #{round}"
      assert_equal :survived, in_child { use.call(make.call(name)) && :survived }, "round #{round}" if round < 5
      PS.remove(name)
    end
  end
end
