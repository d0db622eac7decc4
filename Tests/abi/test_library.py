# SPDX-License-Identifier: Apache-2.0
"""The built library keeps its promises: no Swift at run time, nothing but hr_* exported, small, and loadable."""

import ctypes
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DIST = ROOT / ".build" / "dist"
SONAME = "libhedgerouter.so.0"
LARGEST = 10 * 1000 * 1000
# Debian's libcurl, jansson and C and C++ runtimes; nothing of the Swift toolchain.
ALLOWED = re.compile(r"lib(curl|jansson|c|m|dl|pthread|stdc\+\+|gcc_s)\.so\.\d+|ld-linux-[\w-]+\.so\.\d+")


@pytest.fixture(scope="module")
def library():
    path = DIST / "lib" / SONAME
    assert path.exists(), "run make first"
    return path


def readelf(library, *options):
    return subprocess.run(["readelf", "--wide", *options, str(library)], capture_output=True, text=True,
                          check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def exported(library):
    rows = (line.split() for line in readelf(library, "--dyn-syms").splitlines())
    return {row[7].split("@")[0]: row for row in rows
            if len(row) >= 8 and row[0].rstrip(":").isdigit() and row[6] != "UND"}


def test_needs_no_swift_at_run_time(library):
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf(library, "--dynamic"))
    assert needed
    assert [name for name in needed if not ALLOWED.fullmatch(name)] == []


def test_searches_no_folder_of_the_build_machine(library):
    paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", readelf(library, "--dynamic"))
    assert [part for path in paths for part in path.split(":") if not part.startswith("$ORIGIN")] == []


def test_exports_exactly_what_the_headers_declare(library):
    declared = set()
    for header in ("hedgerouter.h", "hedgerouter_sim.h"):
        text = (ROOT / "include" / header).read_text(encoding="utf-8")
        declared |= set(re.findall(r"^HR_API[^;(]*?\b(hr_\w+)\(", text, re.M))
    symbols = exported(library)
    version_nodes = {name for name, row in symbols.items() if row[3] == "OBJECT" and row[6] == "ABS"}
    assert version_nodes <= {"HEDGEROUTER_0.1"}
    assert set(symbols) - version_nodes == declared


def test_stays_small(library):
    assert library.stat().st_size < LARGEST


def test_is_named_and_linked_for_the_loader(library):
    dynamic = readelf(library, "--dynamic")
    assert f"[{SONAME}]" in dynamic
    assert "NODELETE" in dynamic
    assert os.readlink(DIST / "lib" / "libhedgerouter.so") == SONAME
    assert re.fullmatch(r"libhedgerouter\.so\.0\.\d+\.\d+", os.readlink(library))


def test_asks_for_no_executable_stack(library):
    stack = [line for line in readelf(library, "--program-headers").splitlines() if "GNU_STACK" in line]
    assert len(stack) == 1 and "RWE" not in stack[0]


def test_loads_in_an_empty_environment_and_tells_the_header_version(library):
    code = ("import ctypes, sys; l = ctypes.CDLL(sys.argv[1]); f = l.hr_version; f.restype = ctypes.c_uint32; "
            "print(hex(f()))")
    printed = subprocess.run([sys.executable, "-c", code, str(library)], env={}, capture_output=True, text=True,
                             check=True).stdout
    wanted = re.search(r"#define HR_VERSION (0x\w+)", (ROOT / "include" / "hedgerouter.h").read_text()).group(1)
    assert int(printed, 16) == int(wanted, 16)


def test_says_nothing_when_loaded(library):
    done = subprocess.run([sys.executable, "-c", f"import ctypes; ctypes.CDLL({str(library)!r})"],
                          capture_output=True, check=True)
    assert done.stdout == b"" and done.stderr == b""


def test_changes_no_signal_locale_or_environment_when_used(library):
    code = """
import ctypes, locale, os, signal, sys
before = (locale.setlocale(locale.LC_ALL), dict(os.environ), [signal.getsignal(n) for n in signal.valid_signals()],
          os.umask(0o22))
def masks():
    # Signals 32 and 33 belong to the C library's threads.
    return [int(line.split()[1], 16) & ~(3 << 31) for line in open('/proc/self/status')
            if line.startswith(('SigBlk', 'SigIgn', 'SigCgt'))]
masks_before = masks()
library = ctypes.CDLL(sys.argv[1])
router = ctypes.c_uint64()
config = b'{"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/m", "api_key": "k", ' \\
         b'"api_base": "http://127.0.0.1:9/v1"}}]}'
assert library.hr_router_new(config, ctypes.c_size_t(len(config)), None, ctypes.byref(router), None) == 0
assert library.hr_router_free(ctypes.byref(router)) == 0
after = (locale.setlocale(locale.LC_ALL), dict(os.environ), [signal.getsignal(n) for n in signal.valid_signals()],
         os.umask(0o22))
assert before[:3] == after[:3]
assert masks_before == masks()
"""
    done = subprocess.run([sys.executable, "-c", code, str(library)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pkg_config_file_describes_the_built_tree():
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "hedgerouter"], capture_output=True, text=True,
                           check=True, env={**os.environ, "PKG_CONFIG_PATH": str(DIST / "lib" / "pkgconfig")}).stdout
    folders = {kind: [pathlib.Path(part[2:]) for part in flags.split() if part.startswith(kind)]
               for kind in ("-I", "-L")}
    assert any((folder / "hedgerouter.h").samefile(DIST / "include" / "hedgerouter.h")
               for folder in folders["-I"] if (folder / "hedgerouter.h").exists())
    assert any((folder / "libhedgerouter.so").exists() for folder in folders["-L"])
    assert "-lhedgerouter" in flags


def test_ctypes_finds_every_function(library):
    loaded = ctypes.CDLL(str(library))
    assert all(hasattr(loaded, name) for name, row in exported(library).items() if row[3] == "FUNC")
