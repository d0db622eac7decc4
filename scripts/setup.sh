#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Checks that what a make target needs is there and, where it may, installs what is missing.
#
#   scripts/setup.sh build|demo|bench|test|lint|fuzz|ci
#
# System packages come through apt-get when this runs as root or with a password-less sudo; otherwise the one command
# to run is printed. Python test tools go into .build/venv. With nothing missing it changes nothing and is quick.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1:-build}
packages=()

have() { command -v "$1" >/dev/null 2>&1; }
need() { # need PACKAGE CHECK...: adds PACKAGE when the check fails
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || packages+=("$package")
}
has_library() { have pkg-config && pkg-config --exists "$1"; }
has_compiler() { have cc || have gcc || have clang; }
has_venv_module() { python3 -c 'import ensurepip, venv'; }
has_python() { have python3 && python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))'; }

needs_build() {
  need pkg-config have pkg-config
  need libcurl4-openssl-dev has_library libcurl
  need libjansson-dev has_library jansson
  need gcc has_compiler
  need libc6-dev test -e /usr/include/stdio.h
  need binutils have readelf
  need git have git
  need ca-certificates test -d /etc/ssl/certs
}
needs_python() { need python3 has_python; }
needs_lint() {
  needs_build
  needs_python
  need clang-format have clang-format
  need golang-go have gofmt
}
needs_test() {
  needs_build
  needs_python
  need python3-venv has_venv_module
  need gcc have gcc
  need g++ have g++
  need golang-go have go
  need nghttp2-proxy have nghttpx
  need nghttp2-server have nghttpd
  need openssl have openssl
  need prometheus have promtool
  need chromium have chromium
}

case $what in
  build | fuzz) needs_build ;;
  demo | bench) needs_build; needs_python ;;
  lint) needs_lint ;;
  test) needs_test ;;
  ci) needs_lint; needs_test; need valgrind have valgrind ;;
  *) echo "setup: unknown target '$what'" >&2; exit 2 ;;
esac

# Duplicates come from targets that need the same thing.
if [ ${#packages[@]} -gt 0 ]; then
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  command_line="apt-get install -y --no-install-recommends ${packages[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(none); fi
  fi
  if ! have apt-get || [ "${as_root[*]-}" = none ]; then
    echo "setup: missing: ${packages[*]}" >&2
    echo "setup: on Debian or Ubuntu run:  sudo $command_line" >&2
    exit 1
  fi
  echo "setup: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" $command_line >/dev/null
fi

if ! have swift; then
  echo "setup: no Swift toolchain on PATH: install Swift 6.3 or newer from https://www.swift.org/install/linux/" >&2
  exit 1
fi

case $what in
  test | ci)
    venv=.build/venv
    requirements=scripts/test-requirements.txt
    if ! cmp -s "$requirements" "$venv/installed-requirements.txt"; then
      echo "setup: installing Python test tools into $venv"
      mkdir -p .build
      [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
      if ! "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"; then
        echo "setup: pip could not install; with network access run:  $venv/bin/python -m pip install -r $requirements" >&2
        exit 1
      fi
      cp "$requirements" "$venv/installed-requirements.txt"
    fi
    ;;
esac
