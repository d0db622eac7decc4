# SPDX-License-Identifier: Apache-2.0
"""Where the package, the library and the mock upstream are, and routers that use them."""

import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILT = ROOT / ".build" / "dist" / "lib" / "libhedgerouter.so.0"

sys.path[:0] = [str(ROOT / "bindings" / "python"), str(ROOT / "Tests" / "conformance")]
if "HEDGEROUTER_LIBRARY" not in os.environ and BUILT.exists():
    os.environ["HEDGEROUTER_LIBRARY"] = str(BUILT)

import mockd  # noqa: E402

import hedgerouter  # noqa: E402

HELLO = [{"role": "user", "content": "hi"}]


def config_for(mock, **settings):
    """A configuration with one deployment for each upstream of the mock."""
    return {
        "model_list": [
            {"model_name": "chat", "model_info": {"id": name},
             "litellm_params": {"model": f"openai/{name}", "api_base": mock.url(name) + "/v1", "api_key": "sk-test"}}
            for name in mock.upstreams
        ],
        "router_settings": {"num_retries": 0, **settings},
    }


@pytest.fixture
def upstream():
    """Start a mock upstream with one port for each keyword; stopped when the test ends."""
    started = []

    def start(**script):
        started.append(mockd.Mock(script))
        return started[-1]

    yield start
    for mock in started:
        mock.stop()


@pytest.fixture
def route(upstream):
    """Start a mock upstream and a router in front of it; both are closed when the test ends."""
    routers = []

    def start(settings=None, **script):
        mock = upstream(**script)
        router = hedgerouter.Router(config_for(mock, **(settings or {})))
        router.mock = mock
        routers.append(router)
        return router

    yield start
    for router in routers:
        router.close()


def closed_by_client(mock, name="a", count=1):
    """Whether the upstream saw that many requests cancelled; waits for it."""
    return mock.wait_for(lambda report: report[name]["closed_by_client"] >= count, 5) is not None
