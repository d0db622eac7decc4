#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run every fuzz target on its committed corpus, each file in a process of its own.

    replay.py --programs DIR
"""

import argparse
import os
import pathlib
import subprocess
import sys

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    programs = parser.parse_args().programs.resolve()
    passed = failed = 0
    for folder in sorted(path for path in CORPUS.iterdir() if path.is_dir()):
        for file in sorted(folder.iterdir()):
            try:
                done = subprocess.run([programs / f"{folder.name}-replay", file], capture_output=True, text=True,
                                      errors="replace", timeout=60, env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
                why = done.stderr.strip()[-2000:] if done.returncode else None
            except subprocess.TimeoutExpired:
                why = "did not end within 60 s"
            if why is None:
                passed += 1
            else:
                failed += 1
                print(f"{folder.name}/{file.name}: {why}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
