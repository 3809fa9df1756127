# frozen_string_literal: true

require_relative 'test_helper'

class SegmentTest < SharedTest
  def test_open_makes_or_finds
    name = unique_name
    segment = PS::Segment.open(name)
    assert_operator segment.size, :>=, 65_536
    assert_includes [name, name.delete_prefix('/')], segment.name
    again = PS::Segment.open(name)
    assert_equal segment.size, again.size
    [segment, again].each { assert_nil _1.close }
    segment.close
  end

  def test_create_is_the_first_or_an_error
    name = unique_name
    kept(PS::Segment.create(name))
    assert_raises(Errno::EEXIST) { PS::Segment.create(name) }
    assert_raises(Errno::EEXIST) { in_child { PS::Segment.create(name) } }
  end

  def test_remove_takes_the_name_away
    name = unique_name
    assert_equal false, PS::Segment.remove(name)
    segment = kept(PS::Segment.open(name))
    event = kept(PS::Event.new(segment: segment, name: 'event'))
    refute_empty shm_entries
    assert_equal true, PS::Segment.remove(name)
    assert_empty shm_entries
    assert_equal false, PS.remove(name)
    # Whoever has it keeps it; who comes later gets another.
    event.set
    assert_equal true, kept(PS::Event.new(segment: segment, name: 'event')).set?
    assert_equal false, kept(PS::Event.new(name: "#{name}/event")).set?
    assert_equal true, PS.remove(name)
  end

  def test_the_size_and_the_mode_are_given
    name = unique_name
    segment = kept(PS::Segment.open(name, 1 << 20))
    assert_operator segment.size, :>=, 1 << 20
    assert_equal 0o600, File.stat("/dev/shm/#{shm_entries.first}").mode & 0o777
    other = unique_name
    kept(PS::Segment.open(other, mode: 0o660))
    assert_includes shm_entries.map { File.stat("/dev/shm/#{_1}").mode & 0o777 }, 0o660
    third = unique_name
    kept(PS::Event.new(name: third, mode: 0o640))
    assert_includes shm_entries.map { File.stat("/dev/shm/#{_1}").mode & 0o777 }, 0o640
  end

  def test_an_anonymous_segment_is_shared_with_children
    segment = kept(PS::Segment.anonymous(1 << 16))
    event = kept(PS::Event.new(segment: segment, name: 'event'))
    in_child { kept(PS::Event.new(segment: segment, name: 'event')).set && nil }
    assert_equal true, event.set?
    assert_empty shm_entries
  end

  def test_names_that_cannot_be_are_errors
    ['', '/', "#{unique_name}/b/c", "/nul\0inside", "/#{'x' * 300}", '/..', '/.', '//'].each do |bad|
      assert_raises(ArgumentError, Errno::EINVAL, Errno::ENAMETOOLONG, bad[0, 20]) { PS::Segment.open(bad) }
      assert_raises(ArgumentError, Errno::EINVAL, Errno::ENAMETOOLONG, bad[0, 20]) { PS::Mutex.new(name: bad) }
    end
    [3, :name, [], Object.new].each do |odd|
      assert_raises(TypeError, odd.inspect) { PS::Segment.open(odd) }
      assert_raises(TypeError, odd.inspect) { PS::Mutex.new(name: odd) }
    end
    assert_raises(TypeError) { PS::Segment.remove(3) }
    assert_raises(TypeError, ArgumentError) { PS::Mutex.new(segment: 'text', name: 'x') }
    assert_empty shm_entries
  end

  def test_sizes_that_cannot_be_are_errors
    [0, -1, 2**62].each do |odd|
      assert_raises(ArgumentError, SystemCallError, odd.to_s) { PS::Segment.create(unique_name, odd) }
      assert_raises(ArgumentError, SystemCallError, odd.to_s) { PS::Segment.anonymous(odd) }
    end
    ['10', nil, :x].each { |odd| assert_raises(TypeError, odd.inspect) { PS::Segment.anonymous(odd) } }
    assert_empty shm_entries
  end

  def test_a_file_that_is_no_segment_is_an_error
    name = unique_name
    kept(PS::Segment.create(name))
    path = "/dev/shm/#{shm_entries.first}"
    PS.remove(name)
    File.write(path, 'no segment' * 1000)
    [-> { PS::Segment.open(name) }, -> { PS::Mutex.new(name: name) }].each do |open|
      in_child { assert_raises(SystemCallError, ArgumentError, TypeError, PS::ProcessError, &open) }
    end
  ensure
    File.delete(path) if path && File.exist?(path)
  end

  def test_a_segment_too_small_for_its_object_is_an_error
    segment = kept(PS::Segment.anonymous(65_536))
    assert_raises(Errno::ENOMEM, Errno::ENOSPC) { PS::SharedMemory.new(1 << 24, segment: segment, name: 'large') }
    kept(PS::SharedMemory.new(1000, segment: segment, name: 'small'))
  end

  def test_an_object_of_another_class_is_an_error
    segment = kept(PS::Segment.anonymous(1 << 16))
    kept(PS::Mutex.new(segment: segment, name: 'thing'))
    [-> { PS::Event.new(segment: segment, name: 'thing') }, -> { PS::Semaphore.new(segment: segment, name: 'thing') },
     -> { PS::SharedMemory.new(8, segment: segment, name: 'thing') },
     -> { PS::Queue.new(segment: segment, name: 'thing', bytes: 4096) }].each do |make|
      assert_raises(TypeError, ArgumentError, SystemCallError, PS::ProcessError) { make.call }
    end
  end

  def test_a_second_handle_ignores_initial_values
    segment = kept(PS::Segment.anonymous(1 << 18))
    first = kept(PS::Semaphore.new(5, segment: segment, name: 'permits'))
    first.wait
    assert_equal 4, kept(PS::Semaphore.new(5, segment: segment, name: 'permits')).value
    kept(PS::Event.new(true, segment: segment, name: 'event')).reset
    assert_equal false, kept(PS::Event.new(true, segment: segment, name: 'event')).set?
  end

  def test_a_closed_segment_makes_nothing_more
    segment = PS::Segment.anonymous(1 << 16)
    mutex = kept(PS::Mutex.new(segment: segment, name: 'mutex'))
    segment.close
    segment.close
    assert_raises(PS::ClosedError, IOError, ArgumentError) { PS::Mutex.new(segment: segment, name: 'other') }
    assert_equal(1, mutex.synchronize { 1 })
  end

  def test_many_processes_make_the_same_one_at_once
    name = unique_name
    gate = PS::Barrier.new(6)
    children = Array.new(6) do
      start_child do
        gate.wait
        semaphore = PS::Semaphore.new(0, name: name)
        semaphore.post
        :made
      end
    end
    assert_equal [:made] * 6, children.map(&:value)
    assert_equal 6, kept(PS::Semaphore.new(0, name: name)).value
    assert_equal 1, shm_entries.size
  end
end
