#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the conformance cases of the C interface against a library built with a sanitizer, or the built library under
# valgrind.
#
#   scripts/sanitize.sh thread|address|valgrind [ARGUMENTS OF hrconf.py ...]
#
# A report ends the testee, and so fails the case that was running.
set -euo pipefail
cd "$(dirname "$0")/.."

sanitizer=$1
shift
export SWIFT_BACKTRACE=enable=no
conformance() { exec "${PYTHON:-python3}" Tests/conformance/hrconf.py --patience 4 "$@"; }

if [ "$sanitizer" = valgrind ]; then
  # What is lost is the leak program's matter; here every read and write is looked at.
  Tests/conformance/testees/build.sh c
  make --no-print-directory .build/valgrind/libhedgerouter.so.0
  export LD_LIBRARY_PATH=.build/valgrind
  checker="valgrind --quiet --error-exitcode=66 --exit-on-first-error=yes --suppressions=Tests/leak/swift.supp"
  conformance --testee "$checker .build/testees/testee-c" "$@"
fi

build=.build/sanitize-$sanitizer
clang=$(dirname "$(readlink -f "$(command -v swift)")")/clang
swift build --product hedgerouter --scratch-path "$build" --sanitize="$sanitizer" --jobs "${JOBS:-$(nproc)}"
# The runtime of the thread sanitizer refers to libdispatch, whether a program uses it or not.
runtime=$(dirname "$clang")/../lib/swift/linux
library=$(cd "$build/debug" && pwd)
ln -sf libhedgerouter.so "$library/libhedgerouter.so.0"
"$clang" -std=c99 -D_POSIX_C_SOURCE=200809L -g -O1 -fsanitize="$sanitizer" -fuse-ld=lld -Iinclude \
  Tests/conformance/testees/c/*.c -o "$build/testee-c" -L"$library" -Wl,-rpath,"$library" -lhedgerouter -ljansson -pthread \
  -L"$runtime" -Wl,-rpath,"$runtime" -ldispatch -lBlocksRuntime

# Leaks are valgrind's matter: the Swift runtime's own memory for types is never freed, and is no leak.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=66
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:suppressions=$PWD/Tests/leak/thread.supp
conformance --testee "$build/testee-c" "$@"
