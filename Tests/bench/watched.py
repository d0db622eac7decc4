#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What being watched costs a router: CPU per request with everything on and off in turns, and the CPU of each document.

Nothing here decides whether anything passes: the figures are for people.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys


def pin(core):
    """Return a function that keeps a child on one core, or None where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cores[core]})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=8000)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    server = subprocess.Popen([arguments.programs / "upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              preexec_fn=pin(1))
    runs = {"off": [], "on": []}
    try:
        port = int(server.stdout.readline())
        for number in range(arguments.rounds):
            # Which goes first changes from round to round, so that what drifts favours neither.
            for mode in sorted(runs, reverse=number % 2 == 0):
                done = subprocess.run(
                    [arguments.programs / "watched", f"http://127.0.0.1:{port}/asked/v1", "stream", "50",
                     str(arguments.requests), mode], capture_output=True, text=True, timeout=300, preexec_fn=pin(0))
                if done.returncode != 0:
                    print(f"watched {mode} failed: {done.stderr}{done.stdout}")
                    return 1
                runs[mode].append(json.loads(done.stdout))
    finally:
        server.stdin.close()
        server.wait(10)
    median = {mode: {key: statistics.median(run[key] for run in of) for key in of[0]} for mode, of in runs.items()}
    on = median["on"]
    cpu = sorted(a["cpu_us"] / b["cpu_us"] for a, b in zip(runs["on"], runs["off"]))
    speed = sorted(a["per_second"] / b["per_second"] for a, b in zip(runs["on"], runs["off"]))
    print(f"streams of 50 callers over 50 deployments, {arguments.rounds} rounds of both in turns, medians")
    for mode, each in median.items():
        print(f"  watched {mode:4}{each['per_second']:>10.0f} requests/s{each['cpu_us']:>10.1f} us CPU per request")
    for what, ratios in (("CPU per request", cpu), ("throughput", speed)):
        print(f"  {what} with everything on, of that without, in pairs: {100 * statistics.median(ratios):.1f} % "
              f"({100 * ratios[0]:.1f} to {100 * ratios[-1]:.1f})")
    print("reading the documents of 50 deployments, CPU time of the reader's thread: median and longest of 201")
    for name in ("stats", "prometheus", "openmetrics"):
        print(f"  {name:12}{on[name + '_cpu_us']:>8.0f} us{on[name + '_most_us']:>8.0f} us{on[name + '_bytes'] / 1024:>8.0f} KB")
    print(f"  the loop is held up for {on['loop_us']:.0f} us, {on['loop_most_us']:.0f} us at most; with what it copies later "
          f"{on['loop_with_copies_us']:.0f} us")
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps({"rounds": runs, "median": median}, indent=1) + "\n", encoding="utf-8")
    print("bench-watched: 1 passed, 0 failed, 0 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
