#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs every test suite of the project, goes on after a failure, and prints the total as its last line.
set -uo pipefail
cd "$(dirname "$0")/.."

jobs=${JOBS:-$(nproc)}
python=.build/venv/bin/python
dist=$PWD/.build/dist
rm -rf .build/results
status=0
suite() { python3 scripts/suite.py run "$@" || status=1; }

export SWIFT_BACKTRACE=enable=no
suite build --single --quiet -- make all
suite swift -- swift test --jobs "$jobs"

python3 scripts/suite.py sum || status=1
exit $status
