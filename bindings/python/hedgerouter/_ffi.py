# SPDX-License-Identifier: Apache-2.0
"""Finding and loading the shared library, and the few conversions every call needs.

`lib` is the loaded library with a prototype on each function. ctypes releases the GIL for the duration of a call,
so a thread that waits in hr_next() holds up nobody.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import List, Optional

from . import _bindings as b

LIBRARY_ENV = "HEDGEROUTER_LIBRARY"
SONAME = "libhedgerouter.so.0"


def candidates() -> List[str]:
    """Where the library is looked for: the environment alone if it names one, else the package, else the system."""
    named = os.environ.get(LIBRARY_ENV)
    if named:
        return [named]
    here = Path(__file__).resolve().parent
    return [str(here / SONAME), str(here / "libhedgerouter.so"), SONAME]


def load() -> ctypes.CDLL:
    """Load the first candidate that loads and fits; ImportError with the reason each one failed."""
    failures = []
    for name in candidates():
        try:
            library = ctypes.CDLL(name)
            prepare(library)
            return library
        except (OSError, AttributeError, ImportError) as error:
            failures.append(f"  {name}: {error}")
    raise ImportError(
        "libhedgerouter could not be loaded:\n" + "\n".join(failures)
        + f"\nInstall the library, or set {LIBRARY_ENV} to its path."
    )


def prepare(library: ctypes.CDLL) -> None:
    """Give each function its prototype, and refuse a library too old for these bindings."""
    library.hr_version.restype = ctypes.c_uint32
    version = library.hr_version()
    major, minor = version >> 16, (version >> 8) & 0xFF
    if major != b.HR_VERSION_MAJOR or minor < b.HR_VERSION_MINOR:
        raise ImportError(
            f"it is version {major}.{minor}; these bindings need {b.HR_VERSION_MAJOR}.{b.HR_VERSION_MINOR} "
            f"or a later {b.HR_VERSION_MAJOR}.x"
        )
    for name, (result, arguments) in b.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    for name, (result, arguments) in b.EXPERIMENTAL.items():
        function = getattr(library, name, None)
        if function is not None:
            function.restype, function.argtypes = result, arguments


def new_error() -> b.hr_error:
    """An hr_error as HR_ERROR_INIT makes it."""
    return b.hr_error(struct_size=ctypes.sizeof(b.hr_error), retry_after_ms=-1)


def new_events(capacity: int) -> "ctypes.Array[b.hr_event]":
    """An array for hr_poll() or hr_next()."""
    events = (b.hr_event * capacity)()
    events[0].struct_size = ctypes.sizeof(b.hr_event)
    return events


def copy(address: Optional[int], size: int) -> bytes:
    """The bytes the library points to; it may overwrite or release them after the next call."""
    return ctypes.string_at(address, size) if address else b""


def take_string(address: ctypes.c_void_p) -> bytes:
    """Copy a string the library allocated, and release it."""
    try:
        return ctypes.string_at(address.value) if address.value else b""
    finally:
        lib.hr_string_free(address)


lib = load()
