#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write hedgerouter/_bindings.py from the C headers, so that the two cannot drift apart.

clang reads the headers (`-ast-dump=json` for structs, callbacks and functions, `-dM` for constants); nothing is
guessed from their text except the one-line comment of each error code.

    generate.py            rewrite the file
    generate.py --check    exit 1 if the committed file is not what the headers say
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
OUTPUT = HERE / "hedgerouter" / "_bindings.py"
STABLE = "hedgerouter.h"
EXPERIMENTAL = "hedgerouter_sim.h"

SCALARS = {
    "void": "None",
    "int32_t": "C.c_int32",
    "uint32_t": "C.c_uint32",
    "int64_t": "C.c_int64",
    "uint64_t": "C.c_uint64",
    "size_t": "C.c_size_t",
    "void *": "C.c_void_p",
    "char **": "C.POINTER(C.c_void_p)",
    "size_t *": "C.POINTER(C.c_size_t)",
}


class Unsupported(Exception):
    """The header uses something this generator does not know how to express in ctypes."""


def run_clang(*arguments: str) -> str:
    beside_swift = Path(shutil.which("swift") or "/").resolve().parent / "clang"  # every Swift toolchain has one
    clang = str(beside_swift) if beside_swift.exists() else "clang"
    command = [clang, "-std=c99", f"-I{INCLUDE}", *arguments, str(INCLUDE / EXPERIMENTAL)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def declarations() -> Iterator[Dict[str, Any]]:
    """Top-level declarations of the project's own headers, in order, each with its file name under "header"."""
    tree = json.loads(run_clang("-fsyntax-only", "-Xclang", "-ast-dump=json"))
    file = ""
    for item in tree["inner"]:
        location = item.get("loc", {})
        location = location.get("expansionLoc", location)
        file = location.get("file", file)  # clang names a file only where it changes
        name = Path(file).name
        if name in (STABLE, EXPERIMENTAL):
            item["header"] = name
            yield item


def ctype(qualified: str, names: Dict[str, str], text: str) -> str:
    """The ctypes expression for a C type; `text` is what `const char *` becomes in this position."""
    plain = re.sub(r"\bconst\b\s*", "", qualified).strip()
    if plain == "char *":
        return text if "const" in qualified else "C.c_void_p"
    if plain in SCALARS:
        return SCALARS[plain]
    if plain in names:
        return plain
    array = re.fullmatch(r"char\[(\d+)\]", plain)
    if array:
        return f"C.c_char * {array.group(1)}"
    if plain.endswith(" *") and plain[:-2] in names:
        return f"C.POINTER({plain[:-2]})"
    raise Unsupported(f"C type '{qualified}'")


def split_prototype(qualified: str, marker: str) -> Tuple[str, List[str]]:
    """'int32_t (*)(void *, size_t)' and its like, as a result and parameters; no nested function types."""
    result, _, rest = qualified.partition(marker)
    inside = rest.strip().lstrip("(").rstrip(")")
    parameters = [part.strip() for part in inside.split(",")]
    return result.strip(), [] if parameters == ["void"] else parameters


def constants() -> Dict[str, int]:
    found = {}
    for line in run_clang("-E", "-dM").splitlines():
        match = re.fullmatch(r"#define (HR_\w+) \(?(-?(?:0x[0-9A-Fa-f]+|\d+))[uU]?\)?", line)
        if match:
            found[match.group(1)] = int(match.group(2), 0)
    return found


def code_descriptions() -> Dict[str, str]:
    text = (INCLUDE / STABLE).read_text(encoding="utf-8")
    return dict(re.findall(r"^#define (HR_E_\w+)\s.*?/\*\*< (.*?) \*/$", text, re.MULTILINE))


def generate() -> str:
    names: Dict[str, str] = {}
    types: List[str] = []
    functions: List[str] = []
    experimental: List[str] = []
    for item in declarations():
        kind, name = item["kind"], item.get("name", "")
        if kind == "RecordDecl" and item.get("completeDefinition"):
            lines = [f"class {name}(C.Structure):", "    _fields_ = ["]
            for field in item["inner"]:
                if field["kind"] == "FieldDecl":
                    expression = ctype(field["type"]["qualType"], names, "C.c_void_p")
                    lines.append(f'        ("{field["name"]}", {expression}),')
            types.append("\n".join([*lines, "    ]"]))
            names[name] = "struct"
        elif kind == "TypedefDecl" and "(*)" in item["type"]["qualType"]:
            result, parameters = split_prototype(item["type"]["qualType"], "(*)")
            arguments = [ctype(p, names, "C.c_void_p") for p in parameters]
            types.append(f"{name} = C.CFUNCTYPE({', '.join([ctype(result, names, ''), *arguments])})")
            names[name] = "callback"
        elif kind == "FunctionDecl":
            result = item["type"]["qualType"].partition("(")[0].strip()
            parameters = [p["type"]["qualType"] for p in item.get("inner", []) if p["kind"] == "ParmVarDecl"]
            listed = ", ".join(ctype(p, names, "C.c_char_p") for p in parameters)
            entry = f'    "{name}": ({ctype(result, names, "C.c_char_p")}, [{listed}]),'
            (functions if item["header"] == STABLE else experimental).append(entry)

    values = constants()
    descriptions = code_descriptions()
    codes = {n: v for n, v in values.items() if n.startswith("HR_E_") and v < 0}
    missing = sorted(set(codes) - set(descriptions))
    if missing:
        raise Unsupported(f"error codes without a comment: {', '.join(missing)}")
    out = [
        "# SPDX-License-Identifier: Apache-2.0",
        "# Written by generate.py from include/*.h. Do not edit: change the header and run it again.",
        "# ruff: noqa",
        '"""The C interface as ctypes: constants, structs, callback types and prototypes."""',
        "",
        "import ctypes as C",
        "from typing import Any, Dict, Tuple",
        "",
    ]
    out += [f"{n} = {v}" for n, v in sorted(values.items())]
    out += ["", "# Every error code, with its comment in the header.", "CODES: Dict[int, Tuple[str, str]] = {"]
    out += [f"    {v}: ({json.dumps(n)}, {json.dumps(descriptions[n])})," for n, v in sorted(codes.items(), key=lambda c: -c[1])]
    out += ["}", ""]
    for definition in types:
        out += ["", definition, ""]
    out += ["", "# Result and parameter types of each function.", "FUNCTIONS: Dict[str, Tuple[Any, Any]] = {", *functions, "}"]
    out += ["", "# Functions outside the stability promise; a library may lack them.", "EXPERIMENTAL: Dict[str, Tuple[Any, Any]] = {"]
    out += [*experimental, "}", ""]
    return "\n".join(out)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    text = generate()
    if not check:
        OUTPUT.write_text(text, encoding="utf-8")
        return 0
    if OUTPUT.exists() and OUTPUT.read_text(encoding="utf-8") == text:
        return 0
    print(f"{OUTPUT.name} is not what the headers say: run bindings/python/generate.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
