# frozen_string_literal: true

# Every class that is shared: how it is made, something done to it, and what another process then sees.
module Classes
  Sample = Struct.new(:name, :arguments, :act, :ask, :before, :after, :undo) do
    def type
      ProcessShared.const_get(name)
    end

    # With keywords as code, for a ruby of its own as well.
    def make_code(keywords = '', method = 'new')
      "ProcessShared::#{name}.#{method}(#{[arguments, keywords].reject(&:empty?).join(', ')})"
    end

    def make(**keywords)
      eval(make_code(keywords.empty? ? '' : '**keywords'), binding, __FILE__, __LINE__)
    end

    def open(**keywords, &block)
      eval(make_code('**keywords, &block', 'open'), binding, __FILE__, __LINE__)
    end

    # The object goes by the name of `it` in the codes.
    def act_on(it)
      eval(act, binding, __FILE__, __LINE__)
    end

    def ask_of(it)
      eval(ask, binding, __FILE__, __LINE__)
    end

    # Lets go again what the act took.
    def undo_on(it)
      eval(undo, binding, __FILE__, __LINE__) if undo
    end

    # What ends a handle of this process.
    def done
      %w[Queue SizedQueue].include?(name) ? :release : :close
    end

    def memory?
      %w[SharedMemory SharedArray].include?(name)
    end
  end

  ALL = [
    ['Semaphore', '0', 'it.post', 'it.value', 0, 1],
    ['BoundedSemaphore', '0, 3', 'it.post', 'it.value', 0, 1],
    ['BinarySemaphore', '0', 'it.post', 'it.value', 0, 1],
    ['OwnedSemaphore', '3', 'it.wait', 'it.value', 3, 2, 'it.post'],
    ['Mutex', '', 'it.lock', 'it.locked?', false, true, 'it.unlock'],
    ['Monitor', '', 'it.lock', 'it.locked?', false, true, 'it.unlock'],
    ['SharedMutex', '', 'it.lock', 'it.locked?', false, true, 'it.unlock'],
    ['Barrier', '3', 'it.join; it.leave', 'it.parties', 3, 2],
    ['Event', '', 'it.set', 'it.set?', false, true],
    ['Queue', 'bytes: 4096', 'it << 7', 'it.size', 0, 1],
    ['SizedQueue', '3, bytes: 4096', 'it << 7', 'it.size', 0, 1],
    ['ObjectBuffer', '1000', 'it.write(7)', 'it.read', nil, 7],
    ['SharedMemory', ':int', 'it.put_int(0, 7)', 'it.get_int(0)', 0, 7],
    ['SharedArray', ':int, 2', 'it[1] = 7', 'it[1]', 0, 7],
    # Nothing of it can be seen; condition_variable_test.rb waits for its signals.
    ['ConditionVariable', '', 'it.signal', 'it.signal.class.name && 1', 1, 1]
  ].map { |row| Sample.new(*row).freeze }.freeze
end
