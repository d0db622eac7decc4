# SPDX-License-Identifier: Apache-2.0
"""Iterators over the chunks of one streamed answer, for threads and for asyncio."""

from __future__ import annotations

import ctypes
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Optional, Type

from . import _bindings as b
from . import errors
from ._ffi import lib, new_error, new_events
from ._request import Call, Inbox, submit
from .response import Response, parse

if TYPE_CHECKING:
    from ._bridge import AsyncRequest
    from .router import Router

# A wait is cut into slices of this length, between which Python runs signal handlers: Ctrl-C works.
SLICE_MS = 200
BATCH = 16


class Pull:
    """One request whose events this thread takes with hr_next()."""

    def __init__(self, router: "Router", call: Call, batch: int = BATCH) -> None:
        self._request = b.hr_request()
        self._router = router  # a router lives as long as its requests
        self._error = new_error()
        self._batch = batch
        self._events = new_events(batch)
        self.inbox = Inbox()
        submit(router._handle, call, self._request, b.HR_SUBMIT_PULL)

    def take(self, timeout_ms: int) -> int:
        """Take what has arrived, waiting for it; how many events there were."""
        count = lib.hr_next(self._request, self._events, self._batch, timeout_ms, ctypes.byref(self._error))
        errors.check(count, self._error)
        for index in range(count):
            self.inbox.accept(self._events[index])
        return int(count)

    def wait(self) -> None:
        """Wait until something has arrived."""
        while not self.take(SLICE_MS) and not self.inbox.ended:
            pass

    def free(self) -> None:
        """Release the request, cancelling it if it still runs."""
        if self._request.id:
            lib.hr_request_free(ctypes.byref(self._request))

    def __del__(self) -> None:
        self.free()


class Stream:
    """The chunks of one answer as they arrive.

    Leaving the `with` block, `close()` and dropping the last reference each cancel what still runs. A stream is for
    one thread at a time.
    """

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._closed = False

    @property
    def start(self) -> Dict[str, Any]:
        """The START event: which deployment won, and in what role."""
        return self._pull.inbox.start or {}

    @property
    def hedgerouter(self) -> Dict[str, Any]:
        """The attempt log of the request; empty until it has ended."""
        return self._pull.inbox.report

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> Response:
        inbox = self._pull.inbox
        while not self._closed:
            if inbox.chunks:
                return parse(inbox.chunks.popleft())
            if inbox.ended:
                self.close()
                if inbox.error is not None:
                    raise inbox.error
                break
            self._pull.wait()
        raise StopIteration

    def close(self) -> None:
        """Cancel the request if it still runs. Closing again does nothing."""
        self._closed = True
        self._pull.free()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class AsyncStream:
    """The chunks of one answer as they arrive, for asyncio.

    Leaving the `async with` block, `aclose()`, cancelling the task that waits for a chunk and dropping the last
    reference each cancel what still runs. Chunks that arrive while nobody asks are kept here without limit, so that
    a slow reader holds up nobody else; an answer is as long as its model allows.
    """

    def __init__(self, request: "AsyncRequest") -> None:
        self._request = request
        self._closed = False

    @property
    def start(self) -> Dict[str, Any]:
        """The START event: which deployment won, and in what role."""
        return self._request.inbox.start or {}

    @property
    def hedgerouter(self) -> Dict[str, Any]:
        """The attempt log of the request; empty until it has ended."""
        return self._request.inbox.report

    def __aiter__(self) -> "AsyncStream":
        return self

    async def __anext__(self) -> Response:
        inbox = self._request.inbox
        while not self._closed:
            if inbox.chunks:
                return parse(inbox.chunks.popleft())
            if inbox.ended:
                self._closed = True
                if inbox.error is not None:
                    raise inbox.error
                break
            await self._request.wait()
        raise StopAsyncIteration

    def close(self) -> None:
        """Cancel the request if it still runs. Closing again does nothing; `aclose()` is the same."""
        self._closed = True
        self._request.cancel()

    async def aclose(self) -> None:
        """Cancel the request if it still runs."""
        self.close()

    async def __aenter__(self) -> "AsyncStream":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not self._closed:
            self._request.cancel()
