#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library shows its public interface, and nothing of the rooms behind it.
#   symbols.sh NM LIBRARY
set -euo pipefail
nm=$1 library=$2

# Type letter and name. Functions, data, type descriptions and tables, as compilers spell them.
symbols=$("$nm" --dynamic --defined-only "$library" | awk '{ print $(NF - 1), $NF }')
kind='_Z(T[ISV]|GV|Z)?N?[KVRO]*'
public=" ${kind}14process_shared"
rooms="${public}(6detail|8platform|5seats|4sync|8segments|4data)"
# What templates in public headers call; marked PROCESS_SHARED_API there.
needed="${public}6detail(12barrier_core|14condition_word|14semaphore_word|20owned_semaphore_core|12my_last_read|15anonymous_array|11named_array|12remove_array|15no_such_element|15was_interrupted|17last_abandoned_by)"
# The C interface: all of it, and nothing else, is in process_shared.h (tests/c/every_function.sh).
c='^T pshared_'
# Templates of the standard library that this one happens to use: weak, any program has the same.
standard="^[WVu] ${kind}St"

strangers=$(grep -v -E "$public|$standard|$c" <<<"$symbols" || true)
inner=$(grep -E "$rooms" <<<"$symbols" | grep -v -E "$needed" || true)
if [[ -n $strangers$inner ]]; then
    echo "these should be hidden:" >&2
    printf '%s\n' "$strangers" "$inner" | c++filt >&2
    exit 1
fi
for expected in 5mutex4lockEv 5mutex6unlockEv 7segment4openE 13object_buffer12load_encodedE; do
    if ! grep -q "$expected" <<<"$symbols"; then
        echo "no public symbol has $expected in it" >&2
        exit 1
    fi
done
echo "$(grep -c -E "$public" <<<"$symbols") public symbols"
