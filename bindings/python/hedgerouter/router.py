# SPDX-License-Identifier: Apache-2.0
"""The router: what an application holds on to."""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import json
import time
import weakref
from types import TracebackType
from typing import Any, Callable, Dict, Literal, Mapping, NoReturn, Optional, Sequence, Type, Union, overload

from . import _bindings as b
from . import errors
from ._bridge import EventBridge
from ._ffi import lib, new_error, take_string
from ._logging import Log, callback_for, library_level, record_callback_for
from ._request import Call, encode
from .config import Config, document
from .response import Response
from .streams import SLICE_MS, AsyncStream, Pull, Stream

Messages = Sequence[Mapping[str, Any]]
Answer = Union[Response, Stream]
AsyncAnswer = Union[Response, AsyncStream]

# What a request is, where it is no chat completion; overrides.endpoint.
EMBEDDINGS, RESPONSES, MESSAGES = "/v1/embeddings", "/v1/responses", "/v1/messages"


class Router:
    """Sends chat requests to the deployment that will answer first.

    A router may be used from any number of threads and event loops at once. Make it after forking: in a child
    process every method but `close()` raises ForkedError. Close it when done, or use it in a `with` block.

    :param config: a mapping, JSON text, or the path of a JSON or YAML file.
    :param log: None for silence, True for the logger named "hedgerouter", a logger, or a callable that takes a level
        of the logging module and the record as a dictionary. Records come from the library's own threads
        and from those that wait in it, so whatever receives them must return quickly and must not call the router.
    :param attempt_log: receives the attempt log of each request that ended, as one JSON object without line breaks; the
        same rules hold. `docs/metrics.md` has its members.
    :param log_level: the most detailed level wanted, as the logging module has it.
    """

    def __init__(
        self, config: Config, *, log: Optional[Log] = None, log_level: Union[int, str] = "WARNING",
        attempt_log: Optional[Callable[[bytes], None]] = None,
    ) -> None:
        self._handle = b.hr_router()
        text = document(config)
        options = b.hr_router_options(struct_size=ctypes.sizeof(b.hr_router_options))
        self._log_callback = None
        if log is not None and log is not False:
            self._log_callback = callback_for(log)
            options.log_callback = self._log_callback
            options.log_level = library_level(log_level)
        self._record_callback = None
        if attempt_log is not None:
            self._record_callback = record_callback_for(attempt_log)
            options.record_callback = self._record_callback
        error = new_error()
        errors.check(
            lib.hr_router_new(text, len(text), ctypes.byref(options), ctypes.byref(self._handle), ctypes.byref(error)),
            error,
        )
        self._bridge = EventBridge(self._handle)
        _open_routers.add(self)

    @overload
    def completion(
        self, model: str, messages: Messages, *, stream: Literal[False] = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Response: ...

    @overload
    def completion(
        self, model: str, messages: Messages, *, stream: Literal[True], timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Stream: ...

    @overload
    def completion(
        self, model: str, messages: Messages, *, stream: bool, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Answer: ...

    def completion(
        self, model: str, messages: Messages, *, stream: bool = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Answer:
        """Send a chat completion request and wait for the answer, or for its first token when streaming.

        Ctrl-C works while it waits, and cancels the request.

        :param model: name of a model group of the configuration.
        :param stream: return a Stream, once a deployment has produced its first token.
        :param timeout: seconds for everything done for this request; None: as configured.
        :param overrides: routing settings for this request alone. `hedge_threshold_ms`, `max_parallel_requests`,
            `num_retries`, `fallbacks` (names of model groups), `disable_fallbacks` and `priority` may also be given as
            arguments of their own.
        :param fields: the rest of the OpenAI request body, such as `temperature`; those that are None are left out.
        """
        return self._send(stream, encode(stream, timeout, overrides, {"model": model, "messages": messages, **fields}))

    def embedding(
        self, model: str, input: Any, *, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Response:
        """Send a request for embeddings and wait for the answer, in OpenAI's form whoever gives it.

        :param input: a text, a list of texts, or tokens for OpenAI's models. Lists longer than the provider takes at once
            go out in parts.
        :param fields: `dimensions`, `encoding_format` and what else the provider knows, such as `input_type`.
        """
        fields.update(model=model, input=input)
        answer = self._send(False, encode(False, timeout, overrides, fields, EMBEDDINGS))
        assert isinstance(answer, Response)
        return answer

    def responses(
        self, model: str, input: Any, *, stream: bool = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Answer:
        """Send a request of OpenAI's Responses API to a deployment that speaks it; answer and events come as they are.

        When streaming, each chunk is one event, whose `type` says what it is.
        """
        fields.update(model=model, input=input)
        return self._send(stream, encode(stream, timeout, overrides, fields, RESPONSES))

    def messages(
        self, model: str, messages: Messages, *, max_tokens: int, stream: bool = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Answer:
        """Send a request of Anthropic's Messages API to a deployment that speaks it; answer and events come as they are."""
        fields.update(model=model, messages=messages, max_tokens=max_tokens)
        return self._send(stream, encode(stream, timeout, overrides, fields, MESSAGES))

    def _send(self, stream: bool, call: Call) -> Answer:
        pull = Pull(self, call)
        try:
            while not (pull.inbox.committed if stream else pull.inbox.ended):
                pull.wait()
            if stream and (pull.inbox.error is None or pull.inbox.start is not None):
                return Stream(pull)
            if pull.inbox.error is not None:
                raise pull.inbox.error
            answer = pull.inbox.answer()
        except BaseException:
            pull.free()
            raise
        pull.free()
        return answer

    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: Literal[False] = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Response: ...

    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: Literal[True], timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> AsyncStream: ...

    @overload
    async def acompletion(
        self, model: str, messages: Messages, *, stream: bool, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> AsyncAnswer: ...

    async def acompletion(
        self, model: str, messages: Messages, *, stream: bool = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> AsyncAnswer:
        """As `completion()`, for asyncio: cancelling the task that waits cancels the request."""
        call = encode(stream, timeout, overrides, {"model": model, "messages": messages, **fields})
        return await self._asend(stream, call)

    async def aembedding(
        self, model: str, input: Any, *, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> Response:
        """As `embedding()`, for asyncio."""
        fields.update(model=model, input=input)
        answer = await self._asend(False, encode(False, timeout, overrides, fields, EMBEDDINGS))
        assert isinstance(answer, Response)
        return answer

    async def aresponses(
        self, model: str, input: Any, *, stream: bool = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> AsyncAnswer:
        """As `responses()`, for asyncio."""
        fields.update(model=model, input=input)
        return await self._asend(stream, encode(stream, timeout, overrides, fields, RESPONSES))

    async def amessages(
        self, model: str, messages: Messages, *, max_tokens: int, stream: bool = False, timeout: Optional[float] = None,
        overrides: Optional[Mapping[str, Any]] = None, **fields: Any,
    ) -> AsyncAnswer:
        """As `messages()`, for asyncio."""
        fields.update(model=model, messages=messages, max_tokens=max_tokens)
        return await self._asend(stream, encode(stream, timeout, overrides, fields, MESSAGES))

    async def _asend(self, stream: bool, call: Call) -> AsyncAnswer:
        request = self._bridge.start(call)
        inbox = request.inbox
        while not (inbox.committed if stream else inbox.ended):
            await request.wait()
        if stream and (inbox.error is None or inbox.start is not None):
            return AsyncStream(request)
        return inbox.answer()

    def stats(self) -> Dict[str, Any]:
        """What the router has seen and done so far. Newer libraries add keys."""
        stats: Dict[str, Any] = json.loads(self.stats_json())
        return stats

    def stats_json(self) -> bytes:
        """The same as JSON text, for a host that serves it to the dashboard."""
        out, error = ctypes.c_void_p(), new_error()
        errors.check(lib.hr_stats_json(self._handle, ctypes.byref(out), None, ctypes.byref(error)), error)
        return take_string(out)

    def metrics(self, *, openmetrics: bool = False) -> str:
        """The router's metrics in Prometheus' text format, or in OpenMetrics with exemplars.

        `hedgerouter.hosting` serves them; `docs/metrics.md` lists them.
        """
        out, error = ctypes.c_void_p(), new_error()
        kind = b.HR_METRICS_OPENMETRICS if openmetrics else b.HR_METRICS_PROMETHEUS
        errors.check(lib.hr_metrics_text(self._handle, kind, ctypes.byref(out), None, ctypes.byref(error)), error)
        return take_string(out).decode("utf-8")

    def save_state(self) -> bytes:
        """What the router has learned of its deployments' latency, to give to `load_state()` after a restart.

        Text with a checksum: keep it as it is. It has no keys, prompts or answers in it.
        """
        out, error = ctypes.c_void_p(), new_error()
        errors.check(lib.hr_state_save(self._handle, ctypes.byref(out), None, ctypes.byref(error)), error)
        return take_string(out)

    def load_state(self, state: bytes) -> None:
        """Take over what an earlier router learned, aged by the time since then; call it right after making a router.

        Deployments the configuration does not have are skipped; `stats()["state_loads"]` counts them. A document that
        is damaged or of another version raises InvalidRequestError and changes nothing.
        """
        error = new_error()
        errors.check(lib.hr_state_load(self._handle, state, len(state), ctypes.byref(error)), error)

    def reload(self, config: Config) -> None:
        """Replace the configuration. Deployments that stay keep what was learned of them; requests in flight go on.

        A document that is not valid raises ConfigError and changes nothing.
        """
        text, error = document(config), new_error()
        errors.check(lib.hr_router_reload(self._handle, text, len(text), ctypes.byref(error)), error)

    def drain(self, timeout: Optional[float] = None) -> None:
        """Refuse new requests and wait until those in flight have ended.

        :param timeout: seconds; None for no limit. WaitTimeoutError when they pass; requests still in flight go on.
        """
        error = new_error()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = SLICE_MS if end is None else min(SLICE_MS, max(0, int((end - time.monotonic()) * 1000)))
            code = lib.hr_router_drain(self._handle, left, ctypes.byref(error))
            if code != b.HR_E_TIMEOUT or (end is not None and time.monotonic() >= end):
                errors.check(code, error)
                return

    def close(self) -> None:
        """Cancel what is in flight and release everything; takes some milliseconds. Closing again does nothing.

        Requests that other threads or tasks wait for end with ClosedError.
        """
        if self._handle.id:
            _open_routers.discard(self)
            lib.hr_router_free(ctypes.byref(self._handle))
            self._handle.id = 0
            self._bridge.close()

    async def aclose(self) -> None:
        """As `close()`, without blocking the event loop."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return not self._handle.id

    def __enter__(self) -> "Router":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    async def __aenter__(self) -> "Router":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Router can be neither copied nor pickled: make one in each process and share it between threads")


_open_routers: "weakref.WeakSet[Router]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Stop the library's threads while Python can still receive their log records."""
    for router in list(_open_routers):
        router.close()
