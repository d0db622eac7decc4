#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare the library's CPU cost per request with bare libcurl's, in one run, against one server.

    run.py --programs DIR [--rounds N] [--scale F] [--core PROGRAM] [--output FILE]

With --core the program `hedgesim` tells what the core's decisions cost by themselves. What encoding a request and
decoding a chunk cost by themselves, for each wire format, is measured in any case.

Each scenario runs the clients by turns and reports medians over the rounds. CPU time is that of the client process
only, all its threads; the server has the other core to itself. "thread" is the same libcurl loop on a thread of its
own: what any library pays that makes progress while the program does something else. No figure here decides whether anything passes: the
program fails only when a request fails or a client does not deliver the answer.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import samples

# Name, what the server sends, what the request asks for, requests in flight, requests of one run.
SCENARIOS = (
    ("json, 1 at a time", "json", "json", 1, 10000),
    ("json, 64 at a time", "json", "json", 64, 12000),
    ("20-chunk stream, 1 at a time", "paced", "stream", 1, 250),
    ("20-chunk stream, 64 at a time", "paced", "stream", 64, 4000),
    ("20 chunks in one piece, 64 at a time", "burst", "stream", 64, 8000),
)
CLIENTS = (("libcurl", "floor", ()), ("its own thread", "floor", ("thread",)), ("one deployment", "routed", ()), ("two, hedging", "routed", ("pair",)))


def pin(core):
    """Return a function that keeps a child on one core, or None where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cores[core]})


def core_cost(program, rounds):
    """Return the medians of what `hedgesim cost` measures, or None when it fails."""
    runs = []
    for _ in range(rounds):
        done = subprocess.run([program, "cost", "--json", "-"], capture_output=True, text=True, timeout=300,
                              preexec_fn=pin(0))
        if done.returncode != 0:
            print(f"hedgesim cost failed: {done.stderr.strip()}")
            return None
        runs.append(json.loads(done.stdout))
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def codec_cost(program, rounds, times):
    """Return the medians of what encoding a request and decoding a chunk cost, by provider; None when it fails."""
    runs = {}
    for _ in range(rounds):
        done = subprocess.run([program], input="".join(samples.lines(times)), capture_output=True, text=True,
                              timeout=300, preexec_fn=pin(0))
        if done.returncode != 0:
            print(f"codec failed: {done.stderr.strip()}")
            return None
        results = iter([json.loads(line) for line in done.stdout.splitlines()])
        for provider in samples.ENDPOINTS:
            for work in ("encode", "decode"):
                once, often = next(results), next(results)
                units = 1
                if work == "decode":
                    events = often["result"]["events"]
                    units = sum("chunk" in event for event in events)
                    if units < samples.CHUNKS or events[-1] != {"completed": True}:
                        print(f"{provider} did not decode the whole answer")
                        return None
                elif "body" not in often["result"]:
                    print(f"{provider} did not encode the request: {often['result']}")
                    return None
                for key in ("cpu_us", "allocations"):
                    each = (often[key] - once[key]) / times / units
                    runs.setdefault(provider, {}).setdefault(f"{work}_{key}", []).append(each)
    return {provider: {key: statistics.median(values) for key, values in of.items()} for provider, of in runs.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of requests")
    parser.add_argument("--core", type=pathlib.Path, help="the program hedgesim")
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()

    server = subprocess.Popen([arguments.programs / "upstream"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, preexec_fn=pin(1))
    results = []
    try:
        port = int(server.stdout.readline())
        print(f"{'':38}{'CPU per request, us':>44}{'ratio to libcurl':>24}{'requests/s':>36}{'peak RSS, MB':>32}")
        header = "".join(f"{name:>{width}}" for width, names in (
            (11, ("libcurl", "thread", "one", "two")), (8, ("thread", "one", "two")),
            (9, ("libcurl", "thread", "one", "two")), (8, ("libcurl", "thread", "one", "two"))) for name in names)
        print(f"{'':38}{header}")
        for name, path, kind, concurrency, requests in SCENARIOS:
            requests = max(10, int(requests * arguments.scale))
            runs = {client: [] for client, _, _ in CLIENTS}
            for _ in range(arguments.rounds):
                for client, program, extra in CLIENTS:
                    done = subprocess.run(
                        [arguments.programs / program, f"http://127.0.0.1:{port}/{path}/v1", kind, str(concurrency),
                         str(requests), *extra], capture_output=True, text=True, timeout=300, preexec_fn=pin(0))
                    if done.returncode != 0:
                        print(f"{client} failed in '{name}': {done.stderr.strip()}{done.stdout.strip()}")
                        return 1
                    runs[client].append(json.loads(done.stdout))
            medians = {client: {key: statistics.median(run[key] for run in of)
                                for key in ("cpu_us", "per_second", "peak_rss_kb", "bytes")}
                       for client, of in runs.items()}
            if not all(each["bytes"] for each in medians.values()):
                print(f"a client delivered nothing in '{name}'")
                return 1
            floor = medians["libcurl"]["cpu_us"]
            ratios = {client: each["cpu_us"] / floor for client, each in medians.items()}
            results.append({"scenario": name, "concurrency": concurrency, "requests": requests,
                            "clients": medians, "ratio": ratios})
            each = list(medians.values())
            print(f"{name:38}" + "".join(f"{one['cpu_us']:>11.1f}" for one in each) +
                  "".join(f"{ratios[client]:>8.2f}" for client, _, _ in CLIENTS[1:]) +
                  "".join(f"{one['per_second']:>9.0f}" for one in each) +
                  "".join(f"{one['peak_rss_kb'] / 1024:>8.1f}" for one in each), flush=True)
    finally:
        server.stdin.close()
        server.wait(10)
    core = None
    if arguments.core:
        core = core_cost(arguments.core, arguments.rounds)
        if core is None:
            return 1
        print(f"decisions alone: {core['events_per_second']:,.0f} events/s, {core['nanoseconds_per_event']:.0f} ns each, "
              f"{core['bytes_per_deployment']:,.0f} bytes per deployment")
    codec = codec_cost(arguments.programs / "codec", arguments.rounds, max(10, int(300 * arguments.scale)))
    if codec is None:
        return 1
    print(f"{'':12}{'encode a request':>28}{'decode a chunk':>28}")
    print(f"{'':12}" + f"{'us':>14}{'allocations':>14}" * 2)
    for provider, of in codec.items():
        print(f"{provider:12}" + "".join(f"{of[f'{work}_cpu_us']:>14.2f}{of[f'{work}_allocations']:>14.2f}"
                                         for work in ("encode", "decode")))
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(
            {"machine": platform.machine(), "cores": os.cpu_count(), "rounds": arguments.rounds,
             "results": results, "core": core, "codec": codec}, indent=1) + "\n", encoding="utf-8")
        print(f"written to {arguments.output}")
    print(f"bench: {len(results)} passed, 0 failed, 0 skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
