#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
#   scripts/fuzz.sh SECONDS TARGET...
#
# Fuzzes each target for that long, starting from the committed corpus and what earlier runs found worth keeping. An
# input that breaks something is kept in .build/findings; make it smaller and commit it to Tests/fuzz/corpus.
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
findings=$PWD/.build/findings
mkdir -p "$findings"
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}
passed=0
failed=0
for target in "$@"; do
  grown=.build/corpus/$target
  mkdir -p "$grown"
  echo "fuzz: $target for $seconds s"
  if .build/programs/fuzz/"$target-fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=8192 \
      -print_final_stats=1 -verbosity=0 -artifact_prefix="$findings/$target-" "$grown" "Tests/fuzz/corpus/$target" \
      2>&1 | grep -vE '^(INFO|stat::(new_units|slowest|peak)|"|#)' | tail -n 60; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "fuzz: $target broke; see $findings"
  fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
