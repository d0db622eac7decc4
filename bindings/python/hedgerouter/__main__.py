# SPDX-License-Identifier: Apache-2.0
"""Command line: `python -m hedgerouter dashboard --config router.json`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Optional

from . import errors
from .hosting import serve
from .router import Router


def dashboard(arguments: argparse.Namespace) -> int:
    """Serve the dashboard, statistics and metrics of a router made from a configuration."""
    try:
        router = Router(arguments.config, log=print_record)
    except errors.HedgeRouterError as error:
        print(f"hedgerouter: {arguments.config}: {error}", file=sys.stderr)
        return 2
    with router:
        if arguments.state:
            router.load_state(Path(arguments.state).read_bytes())
        host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
        try:
            serve(
                router, arguments.host, arguments.port,
                lambda port: print(f"dashboard at http://{host}:{port}/ (Ctrl-C ends it)", flush=True),
            )
        except KeyboardInterrupt:
            return 0
        except OSError as error:
            print(f"hedgerouter: {arguments.host}:{arguments.port}: {error.strerror}", file=sys.stderr)
            return 1
    return 0


def print_record(level: int, record: object) -> None:
    """Log records of a command line go to its error output."""
    print(f"hedgerouter: {record}", file=sys.stderr)


def main(argv: Optional[List[str]] = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hedgerouter")
    commands = parser.add_subparsers(dest="command", required=True)
    page = commands.add_parser(
        "dashboard",
        help="show a configuration's deployments and what was learned of them",
        description="Serves the dashboard, /stats.json and /metrics for a router made from a configuration. A router that "
        "serves your own traffic lives in your own process: hedgerouter.hosting has applications for its web server.",
    )
    page.add_argument("--config", required=True, help="JSON or YAML file")
    page.add_argument("--state", help="file written from Router.save_state(), to show what was learned")
    page.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    page.add_argument("--port", type=int, default=8077, help="port to listen on, 0 for any (%(default)s)")
    page.set_defaults(run=dashboard)
    arguments = parser.parse_args(argv)
    status: int = arguments.run(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())
