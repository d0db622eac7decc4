#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
#   scripts/fuzz.sh SECONDS TARGET...
#
# Fuzzes each target for that long, starting from the committed corpus, the conformance suite's answers and what earlier
# runs found worth keeping. TARGET/NAME,NAME makes inputs for these decoders of TARGET alone. An input that breaks
# something is kept in .build/findings; make it smaller and commit it to Tests/fuzz/corpus.
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
findings=$PWD/.build/findings
mkdir -p "$findings"
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:abort_on_error=1}
rm -rf .build/seeds
python3 Tests/fuzz/seeds.py .build/seeds || exit 1
passed=0
failed=0
for target in "$@"; do
  program=${target%%/*}
  only=${target#"$program"}
  only=${only#/}
  seeds=()
  for folder in .build/seeds/"$program" .build/seeds/"$program"/*/; do
    # Without names all of them, else those whose name one of the given names begins.
    for name in ${only//,/ }; do [[ $(basename "$folder") == "$name"* ]] && seeds+=("$folder"); done
    [ -z "$only" ] && [ "$folder" = ".build/seeds/$program" ] && [ -d "$folder" ] && seeds+=("$folder")
  done
  words=()
  [ -d ".build/seeds/$program" ] && words=(-dict=.build/seeds/words.dict)
  grown=.build/corpus/${target//[\/,]/-}
  mkdir -p "$grown"
  echo "fuzz: $target for $seconds s"
  if HR_FUZZ_DECODER=$only .build/programs/fuzz/"$program-fuzz" -max_total_time="$seconds" -timeout=20 \
      -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 -verbosity=0 "${words[@]}" \
      -artifact_prefix="$findings/$program-" "$grown" "Tests/fuzz/corpus/$program" "${seeds[@]}" \
      2>&1 | grep -vE '^(INFO|[[:space:]]+NEW_FUNC|stat::(new_units|slowest|peak)|"|#|Dictionary)' | tail -n 60; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "fuzz: $target broke; see $findings"
  fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
