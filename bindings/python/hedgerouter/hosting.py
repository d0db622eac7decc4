# SPDX-License-Identifier: Apache-2.0
"""The dashboard, the statistics and the metrics of a router, for the web server a program already has.

    app = hedgerouter.hosting.WSGIApp(router)      # Flask, Django, gunicorn: mount it below a prefix
    app = hedgerouter.hosting.ASGIApp(router)      # FastAPI, Starlette, uvicorn

Each answers GET and HEAD for the dashboard (`/`), `/stats.json` and `/metrics`, in OpenMetrics for scrapers that ask for
it. None of them needs a password of its own: put them where your other internal pages are.
"""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ._ffi import lib
from .router import Router

HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# The page is one document with its style and script inside, and talks to nobody but its own host.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class Answer(NamedTuple):
    """An HTTP response."""

    status: int
    reason: str
    headers: List[Tuple[str, str]]
    body: bytes


def dashboard_html() -> bytes:
    """The dashboard: one HTML document that reads `stats.json` beside it."""
    page: bytes = lib.hr_dashboard_html()
    return page


def answer(router: Router, method: str, path: str, accept: str = "") -> Answer:
    """What to respond; for web servers that speak neither WSGI nor ASGI.

    :param path: without the prefix under which this is mounted; "" leads to "/".
    :param accept: the request's Accept header, which chooses between the two formats of metrics.
    """
    if method not in ("GET", "HEAD"):
        return _answer(405, "Method Not Allowed", "text/plain", b"GET or HEAD\n", Allow="GET, HEAD")
    if path == "/":
        return _answer(200, "OK", HTML, dashboard_html(), **{"Content-Security-Policy": PAGE_POLICY})
    if path == "/stats.json":
        return _answer(200, "OK", JSON, router.stats_json())
    if path == "/metrics":
        wants_openmetrics = "application/openmetrics-text" in accept
        text = router.metrics(openmetrics=wants_openmetrics)
        return _answer(200, "OK", OPENMETRICS if wants_openmetrics else PROMETHEUS, text.encode("utf-8"))
    return _answer(404, "Not Found", "text/plain", b"here are /, /stats.json and /metrics\n")


def _answer(status: int, reason: str, kind: str, body: bytes, **headers: str) -> Answer:
    fixed = [
        ("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"), ("Vary", "Accept"),
    ]
    return Answer(status, reason, fixed + list(headers.items()), body)


def _moved(prefix: str) -> Answer:
    """The page asks for what is beside it, so its own address must end with a slash."""
    return _answer(301, "Moved Permanently", "text/plain", b"", Location=prefix + "/")


class WSGIApp:
    """A WSGI application for one router."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "GET")
        if path == "":
            found = _moved(environ.get("SCRIPT_NAME", ""))
        else:
            found = answer(self._router, method, path, environ.get("HTTP_ACCEPT", ""))
        start_response(f"{found.status} {found.reason}", found.headers)
        return [b"" if method == "HEAD" else found.body]


Message = Dict[str, Any]


class ASGIApp:
    """An ASGI application for one router."""

    def __init__(self, router: Router) -> None:
        self._router = router

    async def __call__(
        self, scope: Mapping[str, Any], receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the dashboard speaks http, not {scope['type']}")
        root, path, method = scope.get("root_path", ""), scope["path"], scope["method"]
        if root and path.startswith(root):
            path = path[len(root):]
        accept = b", ".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
        if path == "":
            found = _moved(root)
        else:
            # The router answers within one turn of its loop; the event loop need not wait for that.
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(None, answer, self._router, method, path, accept)
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in found.headers]
        await send({"type": "http.response.start", "status": found.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else found.body})

    @staticmethod
    async def _lifespan(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return


def serve(router: Router, host: str = "127.0.0.1", port: int = 0, ready: Optional[Callable[[int], None]] = None) -> None:
    """Serve one router with the standard library's server until interrupted, each connection on a thread of its own.

    :param ready: called with the port once connections are accepted.
    """
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Handler(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing: a page that polls would fill the terminal."""

    with make_server(host, port, WSGIApp(router), server_class=Server, handler_class=Handler) as server:
        if ready:
            ready(server.server_port)
        server.serve_forever()

