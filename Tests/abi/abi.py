#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Describe the C interface of hedgerouter.h, and compare it with the committed description.

    abi.py --check      the header may have grown since hedgerouter-0.json, and not have changed otherwise
    abi.py --update     write what was added into hedgerouter-0.json; refused when something else changed

The description holds every prototype, the size and the offsets of every struct, every callback type and every
constant: what a program compiled against the header relies on. The experimental hedgerouter_sim.h is not in it.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parent.parent / "include"
HEADER = INCLUDE / "hedgerouter.h"
COMMITTED = HERE / "hedgerouter-0.json"


def find_clang():
    """The compiler that can print what it parsed; one comes with every Swift toolchain."""
    beside_swift = pathlib.Path(shutil.which("swift") or "/").resolve().parent / "clang"
    clang = str(beside_swift) if beside_swift.exists() else shutil.which("clang")
    if not clang:
        raise SystemExit("abi: no clang beside swift or on PATH")
    return clang


def declarations(header):
    """The top-level declarations of the header itself, as clang's syntax tree has them."""
    printed = subprocess.run([find_clang(), "-std=c99", "-x", "c", "-Xclang", "-ast-dump=json", "-fsyntax-only",
                              str(header)], capture_output=True, text=True, check=True).stdout
    return [each for each in json.loads(printed)["inner"]
            if each.get("name", "").startswith("hr_") and "tagUsed" not in each or
            each.get("tagUsed") and each.get("name", "").startswith("hr_") and each.get("inner")]


def constants_of(header):
    """Names of the macros that stand for a number."""
    printed = subprocess.run([find_clang(), "-std=c99", "-x", "c", "-E", "-dM", str(header)], capture_output=True,
                             text=True, check=True).stdout
    names = re.findall(r"^#define (HR_\w+) \(?-?(?:0x[0-9a-fA-F]+|\d+)[uU]?\)?$", printed, re.M)
    # The version is the one number that is meant to change.
    return sorted(name for name in names if not name.startswith("HR_VERSION"))


def measured(header, structs, constants):
    """Sizes, offsets and constant values, asked of a compiled program."""
    lines = ["#include <stddef.h>", "#include <stdio.h>", f'#include "{header}"', "int main(void) {"]
    for name, fields in structs.items():
        lines.append(f'printf("S {name} %zu\\n", sizeof({name}));')
        for field in fields:
            lines.append(f'printf("F {name} {field["name"]} %zu %zu\\n", offsetof({name}, {field["name"]}), '
                         f'sizeof((({name} *)0)->{field["name"]}));')
    for name in constants:
        lines.append(f'printf("C {name} %lld\\n", (long long){name});')
    lines.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder, "measure.c"), pathlib.Path(folder, "measure")
        source.write_text("\n".join(lines) + "\n", encoding="utf-8")
        subprocess.run([find_clang(), "-std=c99", str(source), "-o", str(program)], check=True)
        return [line.split() for line in subprocess.run([program], capture_output=True, text=True,
                                                        check=True).stdout.splitlines()]


def describe(header=HEADER):
    """The interface of a header as plain data."""
    functions, structs, callbacks = {}, {}, {}
    for each in declarations(header):
        if each["kind"] == "FunctionDecl":
            functions[each["name"]] = each["type"]["qualType"]
        elif each["kind"] == "RecordDecl":
            structs[each["name"]] = [{"name": field["name"], "type": field["type"]["qualType"]}
                                     for field in each["inner"] if field["kind"] == "FieldDecl"]
        elif each["kind"] == "TypedefDecl" and "(" in each["type"]["qualType"]:
            callbacks[each["name"]] = each["type"]["qualType"]
    described = {name: {"size": 0, "fields": fields} for name, fields in structs.items()}
    constants = {}
    for row in measured(header, structs, constants_of(header)):
        if row[0] == "S":
            described[row[1]]["size"] = int(row[2])
        elif row[0] == "F":
            field = next(field for field in structs[row[1]] if field["name"] == row[2])
            field.update(offset=int(row[3]), size=int(row[4]))
        else:
            constants[row[1]] = int(row[2])
    return {"functions": functions, "callbacks": callbacks, "structs": described, "constants": constants}


def changes(old, new):
    """What in `new` is not an addition to `old`, as sentences."""
    found = []
    for kind in ("functions", "callbacks", "constants"):
        for name, value in old[kind].items():
            if name not in new[kind]:
                found.append(f"{name} is gone")
            elif new[kind][name] != value:
                found.append(f"{name} was {value} and is {new[kind][name]}")
    for name, struct in old["structs"].items():
        now = new["structs"].get(name)
        if now is None:
            found.append(f"struct {name} is gone")
            continue
        if now["fields"][:len(struct["fields"])] != struct["fields"]:
            found.append(f"the fields of struct {name} changed other than by new ones at its end")
        elif now["fields"] == struct["fields"] and now["size"] != struct["size"]:
            found.append(f"struct {name} had {struct['size']} bytes and has {now['size']}")
        elif now["fields"] != struct["fields"]:
            if struct["fields"][0]["name"] != "struct_size":
                found.append(f"struct {name} grew and has no struct_size to tell")
            # A field in what used to be padding would be read from bytes an old program never set.
            if now["fields"][len(struct["fields"])]["offset"] < struct["size"]:
                found.append(f"the first new field of struct {name} lies inside its old size")
    return found


def additions(old, new):
    """Names of what is new."""
    found = [name for kind in ("functions", "callbacks", "structs", "constants") for name in new[kind]
             if name not in old[kind]]
    for name, struct in old["structs"].items():
        now = new["structs"].get(name, {"fields": []})
        found += [f"{name}.{field['name']}" for field in now["fields"][len(struct["fields"]):]]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true")
    what.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    new = describe()
    old = json.loads(COMMITTED.read_text(encoding="utf-8")) if COMMITTED.exists() else {
        "functions": {}, "callbacks": {}, "structs": {}, "constants": {}}
    broken, added = changes(old, new), additions(old, new)
    for line in broken:
        print(f"abi: {line}")
    if broken:
        return 1
    if arguments.update:
        COMMITTED.write_text(json.dumps(new, indent=1) + "\n", encoding="utf-8")
    elif added:
        print(f"abi: not in {COMMITTED.name} yet, run abi.py --update: {', '.join(added)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
