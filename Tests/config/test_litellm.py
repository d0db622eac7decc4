# SPDX-License-Identifier: Apache-2.0
"""Every case that docs/litellm-behaviour.md names exists, and every row names one."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "Tests" / "conformance" / "cases"
ROWS = [
    line for line in (ROOT / "docs" / "litellm-behaviour.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| LiteLLM asserts"))
]


def test_the_page_has_its_tables():
    assert len(ROWS) > 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_row_names_cases_that_exist(row):
    cells = row.strip("|").split("|")
    assert len(cells) == 3
    named = re.findall(r"`((?:core|wire|abi|codec)/[a-z0-9-]+)`", cells[2])
    assert named
    for case in named:
        assert (CASES / f"{case}.json").is_file(), case
