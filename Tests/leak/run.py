#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the leak program against the benchmark's server, plainly or under valgrind.

    run.py --programs DIR [--cycles N] [--valgrind]
"""

import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--valgrind", action="store_true")
    arguments = parser.parse_args()
    server = subprocess.Popen([arguments.programs / "bench" / "upstream"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        command = [str(arguments.programs / "leak"), port, str(arguments.cycles)]
        if arguments.valgrind:
            command = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite",
                       "--errors-for-leak-kinds=definite", f"--suppressions={HERE / 'swift.supp'}", *command]
        done = subprocess.run(command, timeout=600)
        return done.returncode
    finally:
        server.stdin.close()
        server.wait(10)


if __name__ == "__main__":
    sys.exit(main())
