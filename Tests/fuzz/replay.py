#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run every fuzz target on its committed corpus, each file in a process of its own, and on the conformance suite's
answers, one process for all those of a decoder.

    replay.py --programs DIR
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import seeds

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def run(program, files):
    """What went wrong, or None."""
    try:
        done = subprocess.run([program, *files], capture_output=True, text=True, errors="replace", timeout=60,
                              env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
    except subprocess.TimeoutExpired:
        return "did not end within 60 s"
    return done.stderr.strip()[-2000:] if done.returncode else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    programs = parser.parse_args().programs.resolve()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name:
        made = pathlib.Path(name)
        seeds.make(made)
        runs = [(folder.name, file.name, [file]) for folder in sorted(CORPUS.iterdir()) if folder.is_dir()
                for file in sorted(folder.iterdir())]
        runs.append(("frames", "recorded answers", sorted((made / "frames").iterdir())))
        runs += [("codec", f"recorded answers of {folder.name}", sorted(folder.iterdir()))
                 for folder in sorted((made / "codec").iterdir())]
        for target, name, files in runs:
            why = run(programs / f"{target}-replay", files)
            if why is None:
                passed += 1
            else:
                failed += 1
                print(f"{target}/{name}: {why}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
