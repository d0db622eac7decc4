#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test suite of the project, goes on after a failure, and prints the total as its last line.
set -uo pipefail
cd "$(dirname "$0")/.."

jobs=${JOBS:-$(nproc)}
python=$PWD/.build/venv/bin/python
dist=$PWD/.build/dist
conformance=Tests/conformance
[ -n "${KEEP_RESULTS-}" ] || rm -rf .build/results
status=0
suite() { python3 scripts/suite.py run "$@" || status=1; }

export SWIFT_BACKTRACE=enable=no
export HEDGEROUTER_LIBRARY=$dist/lib/libhedgerouter.so.0
export PKG_CONFIG_PATH=$dist/lib/pkgconfig LD_LIBRARY_PATH=$dist/lib
export PYTHONDONTWRITEBYTECODE=1

suite build --single --quiet -- make all
suite testees --single --quiet -- $conformance/testees/build.sh "$dist/lib"
suite swift -- swift test --jobs "$jobs"
suite interface --quiet -- "$python" -m pytest -q -p no:cacheprovider Tests/abi Tests/c Tests/config
suite runner --quiet -- "$python" -m pytest -q -p no:cacheprovider $conformance/test_runner.py
suite generated --single --quiet -- python3 bindings/python/generate.py --check
suite dashboard --single --quiet -- python3 scripts/embed_dashboard.py --check
# The language-neutral cases run below, once for each language.
suite python --quiet -- "$python" -m pytest -q -p no:cacheprovider bindings/python/tests \
  --ignore=bindings/python/tests/test_conformance.py
suite go-vet --cwd bindings/go --single --quiet -- go vet ./...
suite go --cwd bindings/go --quiet -- go test -race -count=1 -v -run '^Test([^C]|C[^o]|Co[^n]|Con[^f])' ./...
for language in c python go swift; do
  case $language in
    python) testee="$python $conformance/testees/python/testee.py" ;;
    *) testee=.build/testees/testee-$language ;;
  esac
  suite "conformance-$language" --quiet -- "$python" $conformance/hrconf.py --testee "$testee" --only-possible \
    --openai-types -j "$jobs"
done
suite evidence --quiet -- "$python" -m pytest -q -p no:cacheprovider Tests/evidence
suite readme --quiet -- "$python" -m pytest -q -p no:cacheprovider Tests/readme
suite fuzz-replay --quiet -- make --no-print-directory fuzz-replay

python3 scripts/suite.py sum || status=1
exit $status
