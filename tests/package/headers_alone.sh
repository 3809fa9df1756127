#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each installed header compiles as the first and only one of a file, every warning an error.
#   headers_alone.sh COMPILER INCLUDEDIR
set -euo pipefail
compiler=$1 folder=$2

count=0
for header in "$folder"/process_shared/*.hpp; do
    name=${header#"$folder"/}
    printf '#include <%s>\n#include <%s>\nint main() {}\n' "$name" "$name" |
        "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror \
            "-I$folder" -x c++ - || { echo "$name does not stand alone" >&2 && exit 1; }
    count=$((count + 1))
done
[[ -e $folder/process_shared/errors.def ]]
echo "$count headers"
[[ $count -ge 10 ]]
