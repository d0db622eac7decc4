# SPDX-License-Identifier: Apache-2.0
"""The language-neutral cases through the Python testee: one test for each run this binding can express."""

import sys

import hrconf
import loader
import pytest
from conftest import ROOT
import testee

CONFORMANCE = ROOT / "Tests" / "conformance"
TESTEE = f"{sys.executable} {CONFORMANCE / 'testees' / 'python' / 'testee.py'}"



def runs():
    """The runs whose features the testee has, and which are not listed as failing for a known reason."""
    probe = testee.Testee(TESTEE)
    features = set(probe.features) | ({"nghttpx"} if hrconf.mockd.nghttpx() else set())
    probe.stop()
    known = CONFORMANCE / "known" / "python.json"
    expectations = hrconf.Expectations(loader.read(known) if known.exists() else None)
    return [run for run in loader.load_tree(CONFORMANCE / "cases")
            if features.issuperset(run.requires) and not expectations._reason(run.id)]


@pytest.fixture(scope="module")
def worker():
    worker = hrconf.Worker(lambda: testee.Testee(TESTEE))
    yield worker
    assert worker.close() is None


@pytest.mark.parametrize("run", runs(), ids=lambda run: run.id)
def test_case(run, worker):
    result = worker.run(run)
    assert result.outcome == "passed", f"{run.document['description']}\n{result.detail}"
