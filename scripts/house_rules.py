#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Check rules no formatter knows: what Sources may import and use, file sizes, and what the header must state.

Each rule is one check. Prints what breaks a rule, then `N passed, N failed` as the last line.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What each module may import besides the Swift standard library. Imports point down only.
IMPORTS = {
    "HedgeCore": {"HeapModule", "DequeModule"},
    "HedgeJSON": {"CJansson", "Glibc", "Synchronization"},
    "HedgeProviders": {"HedgeJSON", "HedgeCore", "Synchronization"},
    "HedgeTransport": {"CCurl", "CLinux", "HedgeJSON", "HedgeCore", "Glibc", "Synchronization", "DequeModule"},
    "HedgeRouter": {"CLinux", "HedgeCore", "HedgeJSON", "HedgeProviders", "HedgeTransport", "DequeModule", "Glibc",
                    "Synchronization"},
    "HedgeABI": {"CHedgeRouter", "HedgeRouter", "HedgeCore", "HedgeJSON", "HedgeProviders", "Glibc",
                 "Synchronization"},
    "HedgeExport": {"HedgeABI"},
    "HedgeSimulation": {"HedgeCore", "HedgeJSON", "HeapModule", "DequeModule", "Glibc"},
}
PROGRAMS = {"hedgesim"}
# Each of these can end the program that hosts the library, or speak on its terminals.
TRAPS = re.compile(r"\b(fatalError|precondition|preconditionFailure|print|debugPrint|dump|exit|abort)\s*\(|"
                   r"\btry!|\bas!")
STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//.*$')
LONGEST_FILE = 1000
# Places where the tools that wrote a file, or the machine it was written on, show through.
FOREIGN = re.compile(r"/root/|/work/|/home/[a-z]+/")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
                            cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


def where(path, number):
    return f"{path.relative_to(ROOT)}:{number}"


def code_lines(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield number, STRING_OR_COMMENT.sub('""', line)


def library_sources():
    return [path for path in tracked("Sources/*.swift") if path.relative_to(ROOT).parts[1] not in PROGRAMS]


def imports_point_down():
    for path in library_sources():
        module = path.relative_to(ROOT).parts[1]
        for number, line in code_lines(path):
            found = re.match(r"\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:\w+\s+)?import\s+(?:(?:struct|class|enum|func|protocol)\s+)?"
                             r"(\w+)", line)
            if found and found.group(1) not in IMPORTS.get(module, set()):
                yield f"{where(path, number)}: {module} may not import {found.group(1)}"


def nothing_traps():
    for path in library_sources():
        for number, line in code_lines(path):
            found = TRAPS.search(line)
            if found and not re.search(r"func\s+" + re.escape(found.group(1) or "?") + r"\s*\(", line):
                yield f"{where(path, number)}: {found.group(0).strip()} can end or disturb the host program"


def files_stay_short():
    for path in tracked("Sources/*.swift", "bindings/*.py", "bindings/*.go", "Tests/*.swift", "Tests/*.py"):
        length = len(path.read_text(encoding="utf-8").splitlines())
        if length > LONGEST_FILE:
            yield f"{path.relative_to(ROOT)}: {length} lines; split it, the limit is {LONGEST_FILE}"


def header_functions():
    for name in ("include/hedgerouter.h", "include/hedgerouter_sim.h"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for found in re.finditer(r"/\*\*((?:(?!\*/).)*)\*/\s*HR_API\s+([^;]*?\b(hr_\w+)\([^;]*);", text, re.S):
            yield name, found.group(3), found.group(1), found.group(2)


def header_states_its_rules():
    declared = sum(len(re.findall(r"^HR_API\b", (ROOT / name).read_text(encoding="utf-8"), re.M))
                   for name in ("include/hedgerouter.h", "include/hedgerouter_sim.h"))
    functions = list(header_functions())
    if len(functions) != declared:
        yield f"include: {declared} functions are declared, {len(functions)} have a comment"
    codes = set(re.findall(r"#define (HR_E_\w+)", (ROOT / "include/hedgerouter.h").read_text(encoding="utf-8")))
    for name, function, comment, prototype in functions:
        for word in ("Thread:", "Since:") + (() if prototype.startswith("void ") else ("Returns:",)):
            if word not in comment:
                yield f"{name}: the comment of {function} lacks {word}"
        for code in set(re.findall(r"(?<!\")\bHR_E_[A-Z_]+[A-Z]", comment)) - codes:
            yield f"{name}: {function} names {code}, which does not exist"
        first = re.sub(r"\s*\n\s*\*\s?", " ", comment.strip().lstrip("* ")).strip()
        sentence = re.match(r".*?\.(?=\s|$)", first)
        if not sentence or len(sentence.group(0)) > 150:
            yield f"{name}: {function} starts with no sentence of at most 150 characters"


def error_codes_are_distinct():
    text = (ROOT / "include/hedgerouter.h").read_text(encoding="utf-8")
    seen = {}
    for code, value in re.findall(r"#define (HR_E_\w+) \((-\d+)\)", text):
        if value in seen:
            yield f"include/hedgerouter.h: {code} and {seen[value]} are both {value}"
        seen[value] = code


def files_name_only_the_project():
    for path in tracked():
        if path.suffix in {".json", ".jsonl", ".bin", ".csv"} or path == pathlib.Path(__file__).resolve():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if FOREIGN.search(line):
                yield f"{where(path, number)}: names a path of one machine"


RULES = (imports_point_down, nothing_traps, files_stay_short, header_states_its_rules, error_codes_are_distinct,
         files_name_only_the_project)


def main():
    failed = 0
    for rule in RULES:
        broken = list(rule())
        if broken:
            failed += 1
            print(f"house rule broken: {rule.__name__.replace('_', ' ')}")
            for line in broken[:40]:
                print(f"  {line}")
    print(f"{len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
