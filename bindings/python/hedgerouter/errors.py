# SPDX-License-Identifier: Apache-2.0
"""Every exception this package raises, one class for each thing a caller may want to tell apart.

HedgeRouterError
    ConfigError                     the configuration document is not valid (also ValueError)
    InvalidRequestError             the request is not valid, says this library or the provider (also ValueError)
        ContextLengthError          the prompt exceeds the model's context window
        ContentPolicyError          the provider's content policy refused it
    ModelNotFoundError              the configuration has no such model group (also LookupError)
    NoDeploymentError               no deployment can take the request now
    DeadlineError                   the request's deadline passed (also TimeoutError)
    WaitTimeoutError                a wait ended before what it waited for happened (also TimeoutError)
    RequestCancelledError           the request was cancelled; never asyncio.CancelledError
    LimitError                      a local limit was reached
    UsageError                      the library was called in a way it does not allow (also RuntimeError)
        ClosedError                 the router is closed
        ForkedError                 the router belongs to the parent process
    TransportError                  the network failed
        AttemptTimeoutError         a timeout of an attempt passed (also TimeoutError)
        InterruptedStreamError      a stream broke after its first token was delivered
    ProviderError                   the provider failed
        RateLimitError              its rate limit was reached
        QuotaError                  the account's quota or balance is exhausted
        OverloadedError             it is overloaded
        AuthenticationError         it refused the credentials or the permission
        NotFoundError               it knows no such model or path
        ProtocolError               its answer was malformed or ended early
    ResourceError                   a system resource could not be had
    InternalError                   a defect in the library
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Type

from . import _bindings as b
from ._ffi import copy

ORIGINS = {b.HR_ORIGIN_LOCAL: "local", b.HR_ORIGIN_TRANSPORT: "transport", b.HR_ORIGIN_PROVIDER: "provider"}


class HedgeRouterError(Exception):
    """Something failed. `str()` of it is one line of text, without keys, prompts or answers."""

    code: int
    """HR_E_* number, negative."""
    name: str
    """Symbolic name of the code, such as "HR_E_DEADLINE"."""
    origin: str
    """Who failed: "local", "transport" or "provider"."""
    http_status: Optional[int]
    """Status the deployment answered with, if one did."""
    retriable: bool
    """Whether sending the same request again later may succeed."""
    retry_after_ms: Optional[int]
    """How long the deployment asked to wait, if it said."""
    path: Optional[str]
    """JSON path of the offending value of a document, if there is one."""
    report: Dict[str, Any]
    """What the END event of the request told: the attempt log. Empty if the request was never sent."""

    def __init__(
        self,
        message: str,
        *,
        code: int,
        origin: int = b.HR_ORIGIN_LOCAL,
        http_status: int = 0,
        retriable: bool = False,
        retry_after_ms: int = -1,
        path: str = "",
        report: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.name = b.CODES[code][0] if code in b.CODES else "HR_E_UNKNOWN"
        self.origin = ORIGINS.get(origin, "local")
        self.http_status = http_status or None
        self.retriable = retriable
        self.retry_after_ms = retry_after_ms if retry_after_ms >= 0 else None
        self.path = path or None
        self.report = report if report is not None else {}

    @property
    def message(self) -> str:
        """The text, as `str()` gives it."""
        return str(self.args[0])

    @property
    def status_code(self) -> Optional[int]:
        """`http_status`, under the name OpenAI's and LiteLLM's exceptions give it."""
        return self.http_status

    @property
    def attempts(self) -> List[Any]:
        """What was tried, in order, and how each attempt ended."""
        attempts = self.report.get("attempts", [])
        return attempts if isinstance(attempts, list) else []

    def __reduce__(self) -> Any:
        # The default would call the class with the message alone, and so fail for the required `code`.
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: Type[HedgeRouterError], arguments: Any, state: Dict[str, Any]) -> HedgeRouterError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class ConfigError(HedgeRouterError, ValueError):
    """The configuration document is not valid; `path` names the first place, the message all of them."""


class InvalidRequestError(HedgeRouterError, ValueError):
    """The request is not valid: `origin` says whether this library or the provider found out."""


class ContextLengthError(InvalidRequestError):
    """The prompt exceeds the model's context window."""


class ContentPolicyError(InvalidRequestError):
    """The provider's content policy refused the request."""


class ModelNotFoundError(HedgeRouterError, LookupError):
    """The configuration has no model group of the requested name."""


class NoDeploymentError(HedgeRouterError):
    """No deployment of the model group can take the request now."""


class DeadlineError(HedgeRouterError, TimeoutError):
    """The request's deadline passed."""


class WaitTimeoutError(HedgeRouterError, TimeoutError):
    """A wait with a time limit ended before the awaited thing happened."""


class RequestCancelledError(HedgeRouterError):
    """The request was cancelled while someone still waited for it."""


class LimitError(HedgeRouterError):
    """A local limit was reached: document size, nesting, queued requests."""


class UsageError(HedgeRouterError, RuntimeError):
    """The library was called in a way it does not allow."""


class ClosedError(UsageError):
    """The router is closing or closed."""


class ForkedError(UsageError):
    """The router belongs to the parent process; make routers after forking."""


class TransportError(HedgeRouterError):
    """Connecting, TLS or the transfer failed."""


class AttemptTimeoutError(TransportError, TimeoutError):
    """A connect, first-token, gap or total timeout of an attempt passed."""


class InterruptedStreamError(TransportError):
    """A stream broke after its first token was delivered; what was received is good, and incomplete."""


class ProviderError(HedgeRouterError):
    """The provider answered with a server error, or with one of the subclasses."""


class RateLimitError(ProviderError):
    """The provider's rate limit was reached."""


class QuotaError(ProviderError):
    """The account's quota or balance is exhausted."""


class OverloadedError(ProviderError):
    """The provider is overloaded."""


class AuthenticationError(ProviderError):
    """The provider refused the credentials or the permission."""


class NotFoundError(ProviderError):
    """The provider knows no such model or path."""


class ProtocolError(ProviderError):
    """The provider's answer was malformed or ended early."""


class ResourceError(HedgeRouterError):
    """A system resource (memory, thread, descriptor) could not be had."""


class InternalError(HedgeRouterError):
    """A defect in the library; it was counted, and the request ended safely."""


CLASSES: Dict[int, Type[HedgeRouterError]] = {
    b.HR_E_INVAL: InvalidRequestError,
    b.HR_E_NOMEM: ResourceError,
    b.HR_E_BADHANDLE: ClosedError,
    b.HR_E_CLOSED: ClosedError,
    b.HR_E_REENTRANT: UsageError,
    b.HR_E_FORKED: ForkedError,
    b.HR_E_VERSION: UsageError,
    b.HR_E_CONFIG: ConfigError,
    b.HR_E_CANCELLED: RequestCancelledError,
    b.HR_E_DEADLINE: DeadlineError,
    b.HR_E_NO_DEPLOYMENT: NoDeploymentError,
    b.HR_E_LIMIT: LimitError,
    b.HR_E_BUSY: UsageError,
    b.HR_E_TIMEOUT: WaitTimeoutError,
    b.HR_E_NO_MODEL: ModelNotFoundError,
    b.HR_E_TRANSPORT: TransportError,
    b.HR_E_PROVIDER: ProviderError,
    b.HR_E_PROTOCOL: ProtocolError,
    b.HR_E_RATE_LIMITED: RateLimitError,
    b.HR_E_AUTH: AuthenticationError,
    b.HR_E_BAD_REQUEST: InvalidRequestError,
    b.HR_E_CONTEXT_LENGTH: ContextLengthError,
    b.HR_E_CONTENT_POLICY: ContentPolicyError,
    b.HR_E_NOT_FOUND: NotFoundError,
    b.HR_E_QUOTA: QuotaError,
    b.HR_E_OVERLOADED: OverloadedError,
    b.HR_E_ATTEMPT_TIMEOUT: AttemptTimeoutError,
    b.HR_E_INTERRUPTED: InterruptedStreamError,
    b.HR_E_CALLBACK: RequestCancelledError,
    b.HR_E_INTERNAL: InternalError,
}


def make(code: int, message: str, **details: Any) -> HedgeRouterError:
    """The exception for a code; a code newer than these bindings gives the base class."""
    text = message or (b.CODES[code][1] if code in b.CODES else f"error {code}")
    return CLASSES.get(code, HedgeRouterError)(text, code=code, **details)


def from_struct(code: int, error: b.hr_error) -> HedgeRouterError:
    """The exception for a call that returned `code` and filled in `error`."""
    if error.code != code:  # the library had no details to give
        return make(code, "")
    return make(
        code,
        error.message.decode("utf-8", "replace"),
        origin=error.origin,
        http_status=error.http_status,
        retriable=bool(error.retriable),
        retry_after_ms=error.retry_after_ms,
        path=error.path.decode("utf-8", "replace"),
    )


def check(code: int, error: b.hr_error) -> int:
    """`code` if it is no failure; otherwise raise."""
    if code < 0:
        raise from_struct(code, error)
    return code


def from_end(event: b.hr_event, report: Dict[str, Any]) -> Optional[HedgeRouterError]:
    """The exception for an END event, or None if the request succeeded."""
    if event.code >= 0:
        return None
    return make(
        event.code,
        copy(event.message, event.message_size).decode("utf-8", "replace"),
        origin=event.origin,
        http_status=event.http_status,
        retriable=bool(event.retriable),
        retry_after_ms=event.retry_after_ms,
        report=report,
    )


