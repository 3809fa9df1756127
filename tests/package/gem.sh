#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The gem as a stranger meets it: built from a copy of the source tree, installed without a network, used.
#
#   gem.sh SOURCE_TREE FOLDER
set -euo pipefail
source=$1
folder=$2/gem

rm -rf "$folder"
mkdir -p "$folder/tree"
cp -r "$source/include" "$source/src" "$source/LICENSE" "$folder/tree"
mkdir "$folder/tree/ruby"
# Without what other builds left there.
(cd "$source/ruby" && cp -r Rakefile .yardopts *.gemspec README.md lib ext sig examples "$folder/tree/ruby")
rm -rf "$folder/tree/ruby/ext/process_shared/core" "$folder"/tree/ruby/lib/process_shared/*.so

(cd "$folder/tree/ruby" && rake gem)
# Debian's ffi is not in the folder that it is installed to; whether it is found is seen below.
gem install --local --ignore-dependencies --no-document --install-dir "$folder/home" "$folder/tree/ruby/pkg/process_shared.gem" >"$folder/install.log" 2>&1 ||
    { cat "$folder/install.log"; find "$folder/home" -name gem_make.out -exec cat {} +; exit 1; }
# Nothing of the tree it came from may be needed.
rm -rf "$folder/tree"

export GEM_PATH="$folder/home:$(ruby -e 'puts Gem.path.join(":")')"
cd "$folder/home"
ruby -w -e '
gem "process_shared"
require "process_shared"
raise "not the installed one" unless $LOADED_FEATURES.grep(/process_shared_ext/).all? { |path| path.start_with?(Dir.pwd) }
mutex = ProcessShared::Mutex.new
count = ProcessShared::SharedMemory.new(:int)
4.times.map { fork { 1000.times { mutex.synchronize { count.write_int(count.read_int + 1) } } } }.each { |pid| Process.wait(pid) }
raise "counted to #{count.read_int}" unless count.read_int == 4000
puts "the installed gem #{ProcessShared::VERSION} counted to #{count.read_int}"
'
for example in gems/process_shared-*/examples/counter.rb; do ruby -w "$example"; done
