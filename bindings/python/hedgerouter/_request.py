# SPDX-License-Identifier: Apache-2.0
"""From a caller's arguments to what hr_submit() takes, and from events to what the caller gets."""

from __future__ import annotations

import ctypes
import json
import math
from collections import deque
from typing import Any, Deque, Dict, Mapping, NamedTuple, Optional

from . import _bindings as b
from . import errors
from ._ffi import copy, lib, new_error
from .response import Response, parse, parse_report

# Keyword arguments that steer the routing of one request; everything else is part of the request itself.
ROUTING_ARGUMENTS = (
    "hedge_threshold_ms", "max_parallel_requests", "num_retries", "fallbacks", "disable_fallbacks", "priority",
)

# The library counts in 64 bits, and what is longer than thousands of years need not be told apart.
LONGEST_MS = 1e15


class Call(NamedTuple):
    """A request, ready to submit."""

    body: bytes
    overrides: Optional[bytes]
    timeout_ms: int


def encode(
    stream: bool, timeout: Optional[float], overrides: Optional[Mapping[str, Any]], fields: Dict[str, Any],
    endpoint: Optional[str] = None,
) -> Call:
    """Split `fields` into routing and request, and write both as JSON; a field that is None is left out.

    `endpoint` says what the request is, where it is no chat completion.
    """
    routing = dict(overrides or {})
    if endpoint is not None:
        routing["endpoint"] = endpoint
    for name in ROUTING_ARGUMENTS:
        value = fields.pop(name, None)
        if value is not None:
            routing[name] = value
    body = {name: value for name, value in fields.items() if value is not None}
    if stream:
        body["stream"] = True
    return Call(to_json(body), to_json(routing) if routing else None, milliseconds(timeout))


def to_json(document: Any) -> bytes:
    """JSON text; NaN and infinities are refused because JSON has none."""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise errors.make(b.HR_E_INVAL, f"the document cannot be written as JSON: {error}") from None


def milliseconds(seconds: Optional[float]) -> int:
    """A timeout as the library wants it: 0 for None, which means as configured."""
    if seconds is None:
        return 0
    if not math.isfinite(seconds) or seconds <= 0:
        raise errors.make(b.HR_E_INVAL, f"timeout must be a positive number of seconds, not {seconds}")
    return max(1, math.ceil(min(seconds * 1000, LONGEST_MS)))


def submit(router: b.hr_router, call: Call, request: b.hr_request, flags: int = 0, token: int = 0) -> None:
    """Start a request; `token` comes back as the user_data of its events.

    The library writes the handle into `request`, whose owner releases it: an interrupt that comes as soon as the request
    has started loses no handle.
    """
    options = b.hr_submit_options(
        struct_size=ctypes.sizeof(b.hr_submit_options), flags=flags, timeout_ms=call.timeout_ms, user_data=token or None
    )
    if call.overrides is not None:
        options.overrides = ctypes.cast(ctypes.c_char_p(call.overrides), ctypes.c_void_p)
        options.overrides_size = len(call.overrides)
    error = new_error()
    errors.check(
        lib.hr_submit(router, call.body, len(call.body), ctypes.byref(options), ctypes.byref(request), ctypes.byref(error)),
        error,
    )


class Inbox:
    """What has arrived for one request and was not handed out yet."""

    def __init__(self) -> None:
        self.start: Optional[Dict[str, Any]] = None
        self.chunks: Deque[bytes] = deque()
        self.report: Dict[str, Any] = {}
        self.error: Optional[errors.HedgeRouterError] = None
        self.ended = False

    def accept(self, event: b.hr_event) -> None:
        """Copy an event; its data dies with the next call."""
        if event.type == b.HR_EVENT_CHUNK:
            self.chunks.append(copy(event.data, event.data_size))
        elif event.type == b.HR_EVENT_START:
            self.start = parse_report(copy(event.data, event.data_size))
        elif event.type == b.HR_EVENT_END:
            self.report = parse_report(copy(event.data, event.data_size))
            self.fail(errors.from_end(event, self.report))

    def fail(self, error: Optional[errors.HedgeRouterError]) -> None:
        """End, with an error or without; `ended` comes last because other threads look at it first."""
        self.error = error
        self.ended = True

    @property
    def committed(self) -> bool:
        """Whether a deployment has won, or nothing more can come."""
        return self.start is not None or bool(self.chunks) or self.ended

    def answer(self) -> Response:
        """The whole answer of a request that did not stream; call it after the end."""
        if self.error is not None:
            raise self.error
        if not self.chunks:
            raise errors.make(b.HR_E_INTERNAL, "the request ended without an answer")
        response = parse(self.chunks.popleft())
        response.hedgerouter = self.report
        return response
