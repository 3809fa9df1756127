#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What process_shared.h declares, what the library exports and what the tests in C call are the same functions.
#   every_function.sh NM HEADER LIBRARY TESTS
set -euo pipefail
nm=$1 header=$2 library=$3 tests=$4

declared=$(sed -nE 's/^PSHARED_API [^(]*[ *](pshared_[a-z0-9_]+)\(.*/\1/p' "$header" | sort)
exported=$("$nm" --dynamic --defined-only "$library" | awk '$NF ~ /^pshared_/ { print $NF }' | sort)
called=$("$nm" --undefined-only "$tests" | awk '$NF ~ /^pshared_/ { sub(/@.*/, "", $NF); print $NF }' | sort -u)

status=0
# none WHAT LINES: complains if there are any.
none() {
    [[ -n $2 ]] || return 0
    printf '%s:\n%s\n' "$1" "$2" >&2
    status=1
}
none "declared twice" "$(uniq -d <<<"$declared")"
none "declared, but not exported" "$(comm -23 <(echo "$declared") <(echo "$exported"))"
none "exported, but not declared" "$(comm -13 <(echo "$declared") <(echo "$exported"))"
none "declared, but called by no test in C" "$(comm -23 <(echo "$declared") <(echo "$called"))"
none "PSHARED_API in a place that this script does not understand" \
    "$(grep -n 'PSHARED_API' "$header" | grep -vE '^[0-9]+:(#define PSHARED_API|PSHARED_API [^(]*[ *]pshared_[a-z0-9_]+\()' || true)"
[[ $(wc -l <<<"$declared") -gt 100 ]] || none "fewer functions than there were" "$declared"
[[ $status -eq 0 ]] && echo "$(wc -l <<<"$declared") functions"
exit "$status"
