#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fails if a program that was compiled against the baseline might not work with this library. New functions may come.
#   check.sh ROOT LIBRARY FOLDER
set -euo pipefail
root=$1 library=$2 folder=$3
here=$root/tests/abi
if ! command -v abidiff >/dev/null || ! command -v abidw >/dev/null; then
    echo "skipped: abidiff is missing (Debian: abigail-tools)"
    exit 77
fi

# same OLD NEW: whether NEW has all that OLD has, as it was. Anything abidiff reports is a difference; it calls only some
# of them incompatible, and a larger struct is not one of these.
same() { abidiff --no-added-syms "$1" "$2"; }

now=$folder/now.abi
bash "$here/describe.sh" "$root" "$library" "$now"

# That it can fail, shown first: each of these is a change that breaks programs.
broken=$folder/broken.abi
# refuses WHAT SED-EXPRESSION
refuses() {
    sed -E "$2" "$now" >"$broken"
    if cmp --silent "$now" "$broken"; then
        echo "could not make the broken variant: $1" >&2
        exit 1
    fi
    if same "$now" "$broken" >/dev/null 2>&1; then
        echo "not noticed: $1" >&2
        exit 1
    fi
}
refuses 'a function that is gone' \
    "/<elf-symbol name='pshared_mutex_lock'/d; /<function-decl name='pshared_mutex_lock'/,/<\/function-decl>/d"
refuses 'a struct that grew' \
    "s/(<class-decl name='pshared_segment_options' size-in-bits=')[0-9]+/\1448/"
refuses 'a member that moved' \
    "/<class-decl name='pshared_death'/,/<\/class-decl>/s/layout-offset-in-bits='32'/layout-offset-in-bits='64'/"
refuses 'a parameter that is gone' \
    "/<function-decl name='pshared_latch_count_down'/,/<\/function-decl>/{/<parameter/{n;d}}"

if ! same "$here/process_shared.abi" "$now"; then
    echo "The C ABI has changed (see above). If programs that were compiled before still work, scripts/abi-baseline" >&2
    echo "writes it down anew; else it takes another name for the function, or another soname." >&2
    exit 1
fi
abidiff "$here/process_shared.abi" "$now" >"$folder/added.txt" || true
if [[ -s $folder/added.txt ]]; then
    cat "$folder/added.txt"
    echo "only additions: scripts/abi-baseline writes them down"
fi
