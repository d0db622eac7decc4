#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the testees that are compiled, into .build/testees, against an installed or a built library.
#
#   build.sh [LIBDIR] [c|go|swift ...]      LIBDIR holds libhedgerouter.so; default .build/dist/lib
#
# CC, CFLAGS and OUT (the folder to write to) are honoured.
set -euo pipefail
cd "$(dirname "$0")/../../.."

libdir=.build/dist/lib
if [ $# -gt 0 ] && [ -d "$1" ]; then
  libdir=$1
  shift
fi
[ -e "$libdir/libhedgerouter.so" ] || { echo "build.sh: $libdir has no libhedgerouter.so; run make first" >&2; exit 1; }
libdir=$(cd "$libdir" && pwd)
include=$PWD/include
out=${OUT:-$PWD/.build/testees}
here=$PWD/Tests/conformance/testees
mkdir -p "$out"
[ $# -gt 0 ] || set -- c go swift

for language in "$@"; do
  case $language in
    c)
      ${CC:-cc} -std=c99 -D_POSIX_C_SOURCE=200809L ${CFLAGS:--O1 -g} -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
        -Wstrict-prototypes -Werror -I"$include" "$here"/c/*.c -o "$out/testee-c" \
        -L"$libdir" -Wl,-rpath,"$libdir" -lhedgerouter -ljansson -pthread
      ;;
    go)
      (cd "$here/go" && CGO_CFLAGS="-I$include" CGO_LDFLAGS="-L$libdir -Wl,-rpath,$libdir -lhedgerouter" \
        go build -tags hedgerouter_nopkgconfig -o "$out/testee-go" .)
      ;;
    swift)
      swiftc -swift-version 6 -warnings-as-errors -O -I "$include" "$here"/swift/*.swift -o "$out/testee-swift" \
        -L "$libdir" -Xlinker -rpath -Xlinker "$libdir" -lhedgerouter
      ;;
    *)
      echo "build.sh: unknown testee '$language'" >&2
      exit 1
      ;;
  esac
  echo "built $out/testee-$language"
done
