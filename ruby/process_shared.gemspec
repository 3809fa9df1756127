# frozen_string_literal: true

require_relative 'lib/process_shared/version'

Gem::Specification.new do |gem|
  gem.name = 'process_shared'
  gem.version = ProcessShared::VERSION
  gem.summary = 'Locks, conditions, queues and shared memory between processes, which survive kill -9'
  gem.description = <<~TEXT
    Semaphore, Mutex, Monitor, ConditionVariable, SharedMutex, Barrier, Event, Queue, SharedMemory, SharedArray and
    ObjectBuffer between forked or unrelated processes. Any process may be killed with kill -9 at any instruction; the
    others go on, and are told. The uncontended paths cost about what Ruby's own thread primitives cost.
  TEXT
  gem.authors = ['The process_shared authors']
  gem.license = 'MIT'
  gem.required_ruby_version = '>= 3.0'
  gem.extensions = ['ext/process_shared/extconf.rb']
  gem.files = Dir.chdir(__dir__) do
    Dir['lib/**/*.rb', 'ext/process_shared/*.{rb,cpp,hpp}', 'ext/process_shared/core/**/*', 'sig/*.rbs', 'examples/*',
        'README.md', 'LICENSE', '.yardopts'].select { |path| File.file?(path) }
  end
  gem.add_runtime_dependency 'ffi', '~> 1.0'
  gem.add_development_dependency 'minitest', '~> 5.0'
  gem.add_development_dependency 'msgpack', '~> 1.4'
  gem.add_development_dependency 'rake', '~> 13.0'
  gem.metadata['rubygems_mfa_required'] = 'true'
end
