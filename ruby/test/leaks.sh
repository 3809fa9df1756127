#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs a test of the sanitized extension with the leak detector, and looks in its report for what the extension or the
# core has allocated: Ruby itself frees nothing at its end, so that a report as such says nothing.
#
#   leaks.sh RUNTIME ruby ARGUMENTS...
set -euo pipefail
runtime=$1
shift
report=$(mktemp)
trap 'rm -f "$report"' EXIT
export LSAN_OPTIONS=exitcode=0:max_leaks=0
LD_PRELOAD=$runtime ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=1:fast_unwind_on_malloc=0:malloc_context_size=12 \
    "$@" >"$report" 2>&1 || { tail -n 50 "$report"; exit 1; }
grep -q 'leak of' "$report" || { echo "the leak detector did not report, so it saw nothing"; exit 1; }
# A report's first frame is the allocator's, the next ones say who called it.
awk '
/leak of/ { frames = 0; text = $0; ours = 0; next }
/^    #[0-9]/ && frames < 4 { frames++; text = text "\n" $0; if (/process_shared_ext/) ours = 1; if (frames == 4 && ours) { print text; found++ } }
END { print found + 0 " leaks of the extension"; exit found > 0 }' "$report"
