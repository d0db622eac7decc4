#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run one test suite, count what it did, and add the counts up.

    suite.py run NAME [--cwd DIR] [--timeout SECONDS] [--single] -- COMMAND...
    suite.py sum

`run` shows the command's output as it comes, reads the counts out of it, and records them under .build/results. It
fails when the command fails, when a test fails or is skipped, and when nothing ran at all. `--single` counts a command
that reports nothing as one test. `sum` prints every recorded suite and, as its last line, the total; it fails when
any suite did.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / ".build" / "results"
LOGS = ROOT / ".build" / "logs"

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
SWIFT_RUN = re.compile(r"Test run with \d+ tests?\b")
SWIFT_TEST = re.compile(r"^\S*\s*Test (?:\"|\S+\().*?(?: with \d+ test cases?)? (passed|failed) after ")
SWIFT_SKIPPED = re.compile(r"^\S*\s*Test (?:\"|\S+\().* skipped(?:[:.]|$)")
GO_TEST = re.compile(r"^\s*--- (PASS|FAIL|SKIP): ")
SUMMARY_PART = re.compile(r"\b(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected)\b")
KINDS = {"errors": "failed", "error": "failed", "xfailed": "skipped", "xpassed": "failed", "deselected": None}


def count(lines):
    """Return {passed, failed, skipped} of a runner's output, or None when it reports no counts.

    Swift Testing and go test name each test; everything else ends with a line such as "3 passed, 1 failed".
    """
    swift = {"passed": 0, "failed": 0, "skipped": 0}
    go = {"passed": 0, "failed": 0, "skipped": 0}
    summary = None
    is_swift = False
    for raw in lines:
        line = ANSI.sub("", raw).rstrip()
        if SWIFT_RUN.search(line):
            is_swift = True
            continue
        found = SWIFT_TEST.search(line)
        if found:
            swift[found.group(1)] += 1
            continue
        if SWIFT_SKIPPED.search(line):
            swift["skipped"] += 1
            continue
        found = GO_TEST.search(line)
        if found:
            go[{"PASS": "passed", "FAIL": "failed", "SKIP": "skipped"}[found.group(1)]] += 1
            continue
        parts = SUMMARY_PART.findall(line)
        if any(kind in ("passed", "failed", "skipped") for _, kind in parts):
            summary = {"passed": 0, "failed": 0, "skipped": 0}
            for number, kind in parts:
                kind = KINDS.get(kind, kind)
                if kind:
                    summary[kind] += int(number)
    if is_swift:
        return swift
    if any(go.values()):
        return go
    return summary


def stop(process):
    """End the suite's whole process group, which this program started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue


def run(arguments):
    RESULTS.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    name = arguments.name
    print(f"=== {name}: {' '.join(arguments.command)}", flush=True)
    started = time.monotonic()
    lines = []
    timed_out = threading.Event()
    with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log:
        try:
            process = subprocess.Popen(
                arguments.command, cwd=arguments.cwd or ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", start_new_session=True)
        except OSError as error:
            lines.append(f"suite {name}: cannot run: {error}\n")
            print(lines[-1], end="")
            process = None
        if process:
            def expire():
                timed_out.set()
                stop(process)

            timer = threading.Timer(arguments.timeout, expire)
            timer.start()
            try:
                for line in process.stdout:
                    lines.append(line)
                    log.write(line)
                    if not arguments.quiet:
                        print(line, end="", flush=True)
                process.wait()
            except KeyboardInterrupt:
                stop(process)
                raise
            finally:
                timer.cancel()
    status = process.returncode if process else 127
    seconds = time.monotonic() - started

    counts = count(lines)
    why = []
    if timed_out.is_set():
        why.append(f"did not end within {arguments.timeout:.0f} s")
    elif status != 0:
        why.append(f"ended with status {status}")
    if counts is None:
        counts = {"passed": 0, "failed": 0, "skipped": 0}
        if arguments.single:
            counts["passed" if status == 0 else "failed"] = 1
    if status != 0 and counts["failed"] == 0:
        counts["failed"] = 1
    if sum(counts.values()) == 0:
        why.append("ran no tests")
        counts["failed"] = 1
    if counts["failed"] and not why:
        why.append("tests failed")
    if counts["skipped"]:
        why.append("tests were skipped")

    if why and arguments.quiet:
        print("".join(lines[-200:]), end="")
    (RESULTS / f"{name}.json").write_text(
        json.dumps({"name": name, "seconds": round(seconds, 1), "why": why, **counts}) + "\n", encoding="utf-8")
    verdict = f" ({'; '.join(why)})" if why else ""
    print(f"--- {name}: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped, "
          f"{seconds:.1f} s{verdict}", flush=True)
    return 1 if why else 0


def total(_):
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    if not records:
        print("0 passed, 1 failed, 0 skipped")
        return 1
    width = max(len(record["name"]) for record in records)
    print()
    for record in records:
        print(f"{record['name']:<{width}}  {record['passed']:>6} passed {record['failed']:>4} failed "
              f"{record['skipped']:>4} skipped {record['seconds']:>8.1f} s  {'; '.join(record['why'])}".rstrip())
    sums = {kind: sum(record[kind] for record in records) for kind in ("passed", "failed", "skipped")}
    print(f"{sums['passed']} passed, {sums['failed']} failed, {sums['skipped']} skipped")
    return 1 if any(record["why"] for record in records) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("run")
    one.add_argument("name")
    one.add_argument("--cwd")
    one.add_argument("--timeout", type=float, default=1200)
    one.add_argument("--single", action="store_true")
    one.add_argument("--quiet", action="store_true", help="show the output only when the suite fails")
    one.add_argument("command", nargs="+")
    commands.add_parser("sum")
    arguments = parser.parse_args()
    return run(arguments) if arguments.what == "run" else total(arguments)


if __name__ == "__main__":
    sys.exit(main())
