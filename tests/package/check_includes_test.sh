#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# scripts/check-includes passes this tree and a small good one, and refuses each way to break the good one.
#   check_includes_test.sh ROOT
set -euo pipefail
root=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# put FILE LINE...: appends lines to a file of the tree.
put() {
    mkdir -p "$(dirname "$tree/$1")"
    printf '%s\n' "${@:2}" >>"$tree/$1"
}

make_good_tree() {
    rm -rf "${tree:?}"/*
    put src/README.md '# The floors' '' '1. `base` is lowest.' '2. `platform` calls the OS.' '3. `seats` is above.'
    put src/base/error.cpp '#include "base/step.hpp"' '#include <process_shared/error.hpp>' '#include <string>'
    put src/platform/wait.hpp '#include <cstdint>'
    put src/platform/linux/wait.cpp '#include "platform/linux/futex.hpp"' '#include "base/step.hpp"' \
        '#include <linux/futex.h>' '#include <unistd.h>' '#if defined(__linux__)' '#endif'
    put src/seats/claim.cpp '#include "platform/wait.hpp"' '#  include  "seats/claim.hpp"' '#if defined(__GNUC__)' \
        '#endif' '// #include "nowhere.hpp"' '#include <cerrno>'
    put include/process_shared/export.hpp '#if defined(_WIN32)' '#endif'
    put include/process_shared/error.hpp '#include <process_shared/export.hpp>' '#include <system_error>'
    put include/process_shared/object_codec.hpp '#if __has_include(<msgpack.hpp>)' '#include <msgpack.hpp>' '#endif'
    put tools/pshared/main.cpp '#include "list.hpp"' '#include <CLI/CLI.hpp>' '#include <process_shared/segment.hpp>'
}

passes() {
    local what=$1 output
    if output=$("$root/scripts/check-includes" "$2" 2>&1); then
        printf 'ok: %s\n' "$what"
    else
        printf 'FAILED: %s should pass:\n%s\n' "$what" "$output"
        failures=$((failures + 1))
    fi
}

# refuses WHAT FILE LINE TEXT: the good tree with LINE added to FILE; TEXT is part of the rule that it cites.
refuses() {
    local what=$1 file=$2 line=$3 text=$4 output number
    make_good_tree
    put "$file" "$line"
    number=$(($(wc -l <"$tree/$file") - $(printf '%s\n' "$line" | wc -l) + 1))
    if output=$("$root/scripts/check-includes" "$tree" 2>&1); then
        printf 'FAILED: %s should be refused:\n%s\n' "$what" "$output"
    elif [[ $output != *"$file:$number: "* || $output != *"$text"* || $output != *"check-includes: 1 against"* ]]; then
        printf 'FAILED: %s should be refused once, at %s:%s, because "%s":\n%s\n' "$what" "$file" "$number" "$text" "$output"
    else
        printf 'ok: refused: %s\n' "$what"
        return
    fi
    failures=$((failures + 1))
}

make_good_tree
passes 'a good tree' "$tree"
passes 'this tree' "$root"

refuses 'an upward include' src/base/error.cpp '#include "seats/claim.hpp"' 'base (floor 1) stands below seats (floor 3)'
refuses 'an upward include, spaced' src/base/error.cpp ' #  include "platform/wait.hpp"' 'stands below platform'
refuses 'an upward include over two lines' src/base/error.cpp $'#include \\\n"seats/claim.hpp"' 'stands below seats'
refuses 'an upward include after a line of CRLF' src/base/error.cpp $'#include "seats/claim.hpp"\r' 'stands below seats'
refuses 'an include relative to the file' src/seats/claim.cpp '#include "claim.hpp"' 'begins with a room'
refuses 'an include through ..' src/base/error.cpp '#include "base/../seats/claim.hpp"' 'without . and ..'
refuses 'an include by macro' src/seats/claim.cpp '#include CLAIM_HEADER' 'names its file'
refuses 'the folder of an OS seen from above' src/seats/claim.cpp '#include "platform/linux/futex.hpp"' 'only platform itself'
refuses 'an OS header above platform' src/seats/claim.cpp '#include <sys/mman.h>' 'src/platform/<os>/ only'
refuses 'a C header above platform' src/seats/claim.cpp '#include <errno.h>' 'src/platform/<os>/ only'
refuses 'an OS header in the contract of platform' src/platform/wait.hpp '#include <pthread.h>' 'src/platform/<os>/ only'
refuses 'an OS header in a public header' include/process_shared/error.hpp '#include <unistd.h>' 'a public header'
refuses 'another library in a public header' include/process_shared/error.hpp '#include <msgpack.hpp>' 'a public header'
refuses 'a room in a public header' include/process_shared/error.hpp '#include "base/step.hpp"' 'a public header'
refuses 'a way around in a public header' include/process_shared/error.hpp '#include <process_shared/../sys/mman.h>' 'a public header'
refuses 'an OS condition above platform' src/seats/claim.cpp '#ifdef __linux__' 'a condition on the OS'
refuses 'an OS condition in a public header' include/process_shared/error.hpp '#if defined(_WIN32)' 'a condition on the OS'
refuses 'an OS condition in an else branch' src/seats/claim.cpp '#elif !__APPLE__' 'a condition on the OS'
refuses 'a condition on a system call' src/base/error.cpp '#if defined(SYS_futex_waitv)' 'a condition on the OS'
refuses 'a condition on an OS header' src/base/error.cpp '#if __has_include(<sys/mman.h>)' 'a condition on the OS'
refuses 'a room that is not listed' src/attic/old.cpp '#include <string>' 'not in the list'
refuses 'a tool that looks into src' tools/pshared/main.cpp '#include "seats/claim.hpp"' 'never src/'

make_good_tree
put src/README.md.new 'no list'
mv "$tree/src/README.md.new" "$tree/src/README.md"
if "$root/scripts/check-includes" "$tree" >/dev/null 2>&1; then
    printf 'FAILED: without a list of floors nothing can be checked, yet it passed\n'
    failures=$((failures + 1))
fi

[[ $failures -eq 0 ]]
