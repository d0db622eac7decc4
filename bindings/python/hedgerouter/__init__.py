# SPDX-License-Identifier: Apache-2.0
"""Route LLM chat requests across deployments for the lowest tail latency.

    from hedgerouter import Router

    with Router("router.json") as router:
        answer = router.completion(model="chat", messages=[{"role": "user", "content": "Hello"}])
        print(answer.choices[0].message.content)

        for chunk in router.completion(model="chat", messages=[...], stream=True):
            print(chunk.choices[0].delta.content or "", end="")

`acompletion()` is the same for asyncio. Failures are HedgeRouterError and its subclasses; see `hedgerouter.errors`.
"""

from __future__ import annotations

import json
from typing import Any, Dict

from ._ffi import lib as _lib
from .config import Config, check_config, config_schema
from .errors import (
    AttemptTimeoutError,
    AuthenticationError,
    ClosedError,
    ConfigError,
    ContentPolicyError,
    ContextLengthError,
    DeadlineError,
    ForkedError,
    HedgeRouterError,
    InternalError,
    InterruptedStreamError,
    InvalidRequestError,
    LimitError,
    ModelNotFoundError,
    NoDeploymentError,
    NotFoundError,
    OverloadedError,
    ProtocolError,
    ProviderError,
    QuotaError,
    RateLimitError,
    RequestCancelledError,
    ResourceError,
    TransportError,
    UsageError,
    WaitTimeoutError,
)
from .response import Response
from .router import Router
from .streams import AsyncStream, Stream

__version__ = "0.1.0"

__all__ = [
    "AsyncStream",
    "AttemptTimeoutError",
    "AuthenticationError",
    "ClosedError",
    "Config",
    "ConfigError",
    "ContentPolicyError",
    "ContextLengthError",
    "DeadlineError",
    "ForkedError",
    "HedgeRouterError",
    "InternalError",
    "InterruptedStreamError",
    "InvalidRequestError",
    "LimitError",
    "ModelNotFoundError",
    "NoDeploymentError",
    "NotFoundError",
    "OverloadedError",
    "ProtocolError",
    "ProviderError",
    "QuotaError",
    "RateLimitError",
    "RequestCancelledError",
    "ResourceError",
    "Response",
    "Router",
    "Stream",
    "TransportError",
    "UsageError",
    "WaitTimeoutError",
    "check_config",
    "config_schema",
    "features",
    "library_version",
]


def library_version() -> str:
    """Version of the shared library that is loaded, such as "0.1.0"."""
    return str(_lib.hr_version_string().decode())


def features() -> Dict[str, Any]:
    """What the shared library can do: provider names, HTTP/2, and the versions of what it uses."""
    found: Dict[str, Any] = json.loads(_lib.hr_features())
    return found
