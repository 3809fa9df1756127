#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each installed header compiles as the first and only one of a file, every warning an error; that for C in C, too.
#   headers_alone.sh CXX-COMPILER C-COMPILER INCLUDEDIR
set -euo pipefail
compiler=$1 c_compiler=$2 folder=$3
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)

count=0
for header in "$folder"/process_shared/*.{hpp,h}; do
    name=${header#"$folder"/}
    printf '#include <%s>\n#include <%s>\nint main() {}\n' "$name" "$name" |
        "$compiler" -std=c++20 -fsyntax-only "${warnings[@]}" -Wold-style-cast "-I$folder" -x c++ - || { echo "$name does not stand alone" >&2 && exit 1; }
    count=$((count + 1))
done
header=process_shared/process_shared.h
for standard in c99 c11 c17; do
    printf '#include <%s>\n#include <%s>\nint main(void) { return PSHARED_OK; }\n' "$header" "$header" |
        "$c_compiler" "-std=$standard" -fsyntax-only "${warnings[@]}" -Wstrict-prototypes "-I$folder" -x c - ||
        { echo "$header does not stand alone in $standard" >&2 && exit 1; }
done
[[ -e $folder/process_shared/errors.def ]]
echo "$count headers"
[[ $count -ge 10 ]]
