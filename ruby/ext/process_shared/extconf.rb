# frozen_string_literal: true

# Compiles the core of process_shared (C++20) and the extension into one library. In the repository the core is two
# folders up; in the gem it is in core/, where `rake core` put it.
require 'mkmf'

here = __dir__
core = [File.join(here, 'core'), File.expand_path('../../..', here)].find do |folder|
  File.exist?(File.join(folder, 'include/process_shared/process_shared.h'))
end
abort 'process_shared: the core is missing; in a checkout run this below its root' unless core
abort 'process_shared: only Linux is supported yet' unless RUBY_PLATFORM.include?('linux')

# A static library of the core that is compiled already, position independent: our own build has one.
library = ENV['PROCESS_SHARED_LIBRARY']

# The flags of Ruby's own build are for C, and may ask for what C++ does not know.
flags = '-std=c++20 -fvisibility=hidden -fvisibility-inlines-hidden -Wall -Wextra -Wno-unused-parameter -MMD -MP'
more = ENV['PROCESS_SHARED_CXXFLAGS'].to_s # a sanitizer's, say
$CXXFLAGS = "#{$CXXFLAGS} #{flags} #{more}"
$LDFLAGS = "#{$LDFLAGS} #{more[/-fsanitize=\S+/]}"
$INCFLAGS = "-I#{core}/include -I#{core}/src #{$INCFLAGS}"
# Inside one library: nothing of the core is exported, nor imported.
$defs += ['-DPROCESS_SHARED_STATIC', '-DPROCESS_SHARED_BUILDING']

have_func('rb_thread_lock_native_thread', 'ruby/thread.h')
have_func('rb_internal_thread_add_event_hook', 'ruby/thread.h')
have_func('rb_internal_thread_specific_get', 'ruby/thread.h')

# The core's files have the same names as some of ours (monitor.cpp): each is included from one of a name of its own.
# base, platform/linux, … : all of the library.
own = Dir.glob(File.join(here, '*.cpp')).map { |path| File.basename(path) }.sort
sources = library ? [] : Dir.glob(File.join(core, 'src', '{base,platform/linux,seats,sync,segment,data,c}', '*.cpp')).sort
wrapped = sources.map do |source|
  name = "core_#{source.delete_prefix(File.join(core, 'src/')).tr('/', '_')}"
  text = %(#include "#{source}"\n)
  File.write(name, text) unless File.exist?(name) && File.read(name) == text
  name
end
$srcs = own + wrapped
$VPATH << here << Dir.pwd
# Not by clean, which RubyGems runs before it compiles.
$distcleanfiles += wrapped
# Ruby asks for undefined symbols to be found at load time; ours must be found now, and the library stay: threads end
# through its destructors.
$LDFLAGS += ' -Wl,-z,now -Wl,-z,nodelete'
$libs = "#{library} -lstdc++ -lpthread #{$libs}"

create_makefile('process_shared/process_shared_ext')

# What each file includes, as the compiler found it: so that a change of the core is seen.
File.write('Makefile', "\n-include $(OBJS:.o=.d)\n", mode: 'a')
