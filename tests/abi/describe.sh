#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes down the C ABI of a build: the functions of process_shared.h, and the types that they take. C++ is left out, as
# it may change with every version; so are places in files and on this machine.
#   describe.sh ROOT LIBRARY OUTPUT
set -euo pipefail
root=$1 library=$2 output=$3
suppressed=$(mktemp)
trap 'rm -f "$suppressed"' EXIT
cat >"$suppressed" <<'END'
[suppress_function]
  symbol_name_not_regexp = ^pshared_
  drop = yes
[suppress_variable]
  symbol_name_regexp = .*
  drop = yes
END
abidw --suppressions "$suppressed" --header-file "$root/include/process_shared/process_shared.h" --drop-private-types \
    --exported-interfaces-only --no-corpus-path --no-comp-dir-path --no-show-locs --no-parameter-names --no-elf-needed \
    --type-id-style hash --out-file "$output" "$library"
# Variables that C++ headers use are named here all the same.
sed -i '/<elf-variable-symbols>/,/<\/elf-variable-symbols>/d' "$output"
# Which file of the library a function is in is no part of the ABI, nor is where that file was compiled.
sed -i -E "s/ path='[^']*\/src\/([^']*)'/ path='\1'/; s/ path='\/[^']*'//" "$output"
functions=$(grep -c "<elf-symbol name='pshared_" "$output" || true)
if [[ $functions -lt 100 ]]; then
    echo "only $functions functions are described: was $library compiled with -g?" >&2
    exit 1
fi
