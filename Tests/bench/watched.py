#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What being watched costs a router: throughput with everything on and off in turns, and the time of each document.

Nothing here decides whether anything passes: the figures are for people.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=8000)
    arguments = parser.parse_args()
    server = subprocess.Popen([arguments.programs / "upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    runs = {"off": [], "on": []}
    try:
        port = int(server.stdout.readline())
        for _ in range(arguments.rounds):
            for mode in runs:
                done = subprocess.run(
                    [arguments.programs / "watched", f"http://127.0.0.1:{port}/stream/v1", "stream", "50",
                     str(arguments.requests), mode], capture_output=True, text=True, timeout=300)
                if done.returncode != 0:
                    print(f"watched {mode} failed: {done.stderr}{done.stdout}")
                    return 1
                runs[mode].append(json.loads(done.stdout))
    finally:
        server.stdin.close()
        server.wait(10)
    median = {mode: {key: statistics.median(run[key] for run in of) for key in of[0]} for mode, of in runs.items()}
    on, off = median["on"], median["off"]
    print(f"streams of 50 callers over 50 deployments, median of {arguments.rounds} rounds in turns")
    for mode, each in median.items():
        print(f"  watched {mode:4}{each['per_second']:>10.0f} requests/s{each['cpu_us']:>10.1f} us CPU per request")
    print(f"  throughput with everything on: {100 * on['per_second'] / off['per_second']:.1f} % of that without")
    print("reading the documents of 50 deployments, median")
    for name, size in (("stats", "stats_bytes"), ("prometheus", "prometheus_bytes"), ("openmetrics", "prometheus_bytes")):
        print(f"  {name:12}{on[name + '_us']:>8.0f} us{on[size] / 1024:>8.0f} KB")
    print("bench-watched: 1 passed, 0 failed, 0 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
