#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks formatting and the house rules; with --fix, formats in place instead. The last line is the count.
set -uo pipefail
cd "$(dirname "$0")/.."

swift_paths=(Sources Tests Package.swift)
# Tracked files of a kind that still exist.
tracked() { git ls-files -- "$@" | while IFS= read -r file; do [ -e "$file" ] && printf '%s\n' "$file"; done; }
mapfile -t c_files < <(tracked '*.c' '*.h' '*.cc' '*.cpp' '*.hpp')
mapfile -t go_files < <(tracked '*.go')
mapfile -t python_files < <(tracked '*.py')
mapfile -t shell_files < <(tracked '*.sh' '.ci/run')

if [ "${1-}" = --fix ]; then
  swift format --in-place --recursive "${swift_paths[@]}"
  [ ${#c_files[@]} -eq 0 ] || clang-format -i "${c_files[@]}"
  [ ${#go_files[@]} -eq 0 ] || gofmt -w "${go_files[@]}"
  exit
fi

passed=0
failed=0
check() { # check NAME COMMAND...
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'lint: %s:\n%s\n' "$name" "$output" | tail -n 60
  fi
}
gofmt_clean() { local list; list=$(gofmt -l "$@") && [ -z "$list" ] || { echo "$list"; return 1; }; }
shell_syntax() { local file; for file in "$@"; do bash -n "$file" || return 1; done; }

check 'swift format' swift format lint --strict --parallel --recursive "${swift_paths[@]}"
check 'clang-format' clang-format --dry-run -Werror "${c_files[@]}"
[ ${#go_files[@]} -eq 0 ] || check gofmt gofmt_clean "${go_files[@]}"
check 'python syntax' python3 -W error -c 'import ast, sys
for path in sys.argv[1:]: ast.parse(open(path, encoding="utf-8").read(), path)' "${python_files[@]}"
check 'shell syntax' shell_syntax "${shell_files[@]}"
if output=$(python3 scripts/house_rules.py); then :; fi
printf '%s\n' "$output" | sed '$d'
read -r house_passed house_failed < <(printf '%s\n' "$output" | tail -1 | sed -E 's/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/')
passed=$((passed + ${house_passed:-0}))
failed=$((failed + ${house_failed:-1}))
echo "lint: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
