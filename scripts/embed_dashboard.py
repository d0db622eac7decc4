#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the dashboard page into the Swift source that the library carries it in.

    embed_dashboard.py            rewrite the file
    embed_dashboard.py --check    exit 1 if the committed file is not what the page says
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "bindings/shared/dashboard.html"
OUTPUT = ROOT / "Sources/HedgeRouter/Evidence/DashboardPage.swift"

HEAD = '''// swift-format-ignore-file
// Written by scripts/embed_dashboard.py from bindings/shared/dashboard.html; change that file instead.

/// The dashboard, a page that stands alone.
public enum Dashboard {
    /// HTML that draws what it finds at `stats.json`, relative to its own address.
    public static let page: StaticString = ##"""
'''


def source() -> str:
    page = PAGE.read_text(encoding="utf-8")
    if '"""##' in page or "\\##" in page or "\0" in page:
        raise SystemExit("embed_dashboard: the page holds what would end or escape the Swift literal")
    return HEAD + page + '"""##\n}\n'


def main() -> int:
    if "--check" in sys.argv[1:]:
        if not OUTPUT.is_file() or OUTPUT.read_text(encoding="utf-8") != source():
            print("embed_dashboard: the committed Swift file is not what the page says; run scripts/embed_dashboard.py")
            return 1
        return 0
    OUTPUT.write_text(source(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
