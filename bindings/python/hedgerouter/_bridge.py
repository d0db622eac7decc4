# SPDX-License-Identifier: Apache-2.0
"""From the router's event queue to asyncio, without threads.

Every event loop that has waited for a request watches its own duplicate of the router's event descriptor. When it
becomes readable, whichever loop comes first takes a batch of events, hands its own requests theirs and passes the
others to their loops. So several loops in several threads, and one loop after another, may share a router; and a
loop that stopped for good leaves nothing behind that another would wait for.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import threading
from typing import Dict, List, Optional

from . import _bindings as b
from . import errors
from ._ffi import lib, new_error, new_events
from ._request import Call, Inbox, submit

BATCH = 64
# Batches per wake-up, so that a flood of events leaves the loop time for its other work.
BATCHES = 8


class AsyncRequest:
    """One request that a task waits for."""

    def __init__(self, router: b.hr_router, bridge: "EventBridge", loop: asyncio.AbstractEventLoop) -> None:
        self.inbox = Inbox()
        self.loop = loop
        self.handle = b.hr_request()
        self._router = router
        self._bridge = bridge
        self._waiter: Optional["asyncio.Future[None]"] = None

    async def wait(self) -> None:
        """Wait until something more has arrived; cancelling this cancels the request."""
        waiter = self.loop.create_future()
        self._waiter = waiter
        try:
            await waiter  # cannot miss a wake-up: wake() runs on this loop, after the caller looked and found nothing
        except asyncio.CancelledError:
            self.cancel()
            raise
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Let wait() return; on the request's own loop only."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def cancel(self) -> None:
        """Cancel the request if it still runs; its END is taken and dropped."""
        if not self.inbox.ended and self.handle.id:
            lib.hr_cancel(self.handle, None)


class EventBridge:
    """The requests of one router that were started from asyncio."""

    def __init__(self, router: b.hr_router) -> None:
        self._router = router
        self._process = os.getpid()
        self._tokens = itertools.count(1)
        self._pending: Dict[int, AsyncRequest] = {}
        self._readers: Dict[asyncio.AbstractEventLoop, int] = {}
        self._reader_lock = threading.Lock()
        self._poll_lock = threading.Lock()
        self._events = new_events(BATCH)
        self._error = new_error()

    def start(self, call: Call) -> AsyncRequest:
        """Submit a request for the running loop."""
        loop = asyncio.get_running_loop()
        request = AsyncRequest(self._router, self, loop)
        token = next(self._tokens)
        self._pending[token] = request  # first, for its events may be taken before submit() returns
        try:
            submit(self._router, call, request.handle, token=token)
            self._watch(loop)
        except BaseException:
            request.cancel()  # it may run already, when it is the descriptor that could not be had
            self._pending.pop(token, None)
            raise
        return request

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._reader_lock:
            for closed in [known for known in self._readers if known.is_closed()]:
                os.close(self._readers.pop(closed))
            if loop in self._readers:
                return
            error = new_error()
            # A duplicate: the library closes its own descriptor when the router is freed, whatever loops still do.
            descriptor = os.dup(errors.check(lib.hr_event_fd(self._router, ctypes.byref(error)), error))
            self._readers[loop] = descriptor
        loop.add_reader(descriptor, self._take, loop)

    def _take(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._poll_lock.acquire(blocking=False):
            return  # another loop is at it; the descriptor stays readable while events wait
        try:
            for _ in range(BATCHES):
                count = lib.hr_poll(self._router, self._events, BATCH, 0, ctypes.byref(self._error))
                for index in range(count):
                    self._deliver(self._events[index], loop)
                if count < BATCH:
                    break
        finally:
            self._poll_lock.release()

    def _deliver(self, event: b.hr_event, loop: asyncio.AbstractEventLoop) -> None:
        token = event.user_data or 0
        request = self._pending.get(token)
        if request is None:
            return
        request.inbox.accept(event)
        if event.type == b.HR_EVENT_END:
            self._pending.pop(token, None)
        self._wake(request, loop)

    @staticmethod
    def _wake(request: AsyncRequest, current: Optional[asyncio.AbstractEventLoop]) -> None:
        if request.loop is current:
            request.wake()
            return
        try:
            request.loop.call_soon_threadsafe(request.wake)
        except RuntimeError:
            pass  # that loop is closed, and its tasks are gone

    def close(self) -> None:
        """End every request with ClosedError and stop watching; the router was freed before."""
        if os.getpid() != self._process:
            return  # the loops, and the pipes that wake them, belong to the parent
        pending: List[AsyncRequest] = []
        while self._pending:
            pending.append(self._pending.popitem()[1])
        for request in pending:
            if not request.inbox.ended:
                request.inbox.fail(errors.make(b.HR_E_CLOSED, "the router was closed"))
            self._wake(request, None)
        with self._reader_lock:
            readers, self._readers = self._readers, {}
        for loop, descriptor in readers.items():
            try:
                loop.call_soon_threadsafe(self._unwatch, loop, descriptor)
            except RuntimeError:
                os.close(descriptor)

    @staticmethod
    def _unwatch(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
