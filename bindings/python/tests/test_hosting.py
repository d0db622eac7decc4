# SPDX-License-Identifier: Apache-2.0
"""The dashboard, statistics and metrics under WSGI, ASGI and the command line."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from conftest import HELLO, ROOT, config_for

import hedgerouter
from hedgerouter import hosting

OPENMETRICS = "application/openmetrics-text; version=1.0.0,text/plain;q=0.5"


def wsgi(app, path, method="GET", accept="", prefix=""):
    started = []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_ACCEPT": accept, "SCRIPT_NAME": prefix}
    body = b"".join(app(environ, lambda status, headers: started.append((status, dict(headers)))))
    (status, headers), = started
    return int(status.split()[0]), headers, body


def asgi(app, path, method="GET", accept="", prefix=""):
    sent = []

    async def run():
        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "path": prefix + path, "root_path": prefix, "method": method,
                 "headers": [(b"accept", accept.encode())]}
        await app(scope, receive, send)

    asyncio.run(run())
    start, body = sent
    headers = {name.decode().title(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, body["body"]


@pytest.fixture(params=[(hosting.WSGIApp, wsgi), (hosting.ASGIApp, asgi)], ids=["wsgi", "asgi"])
def get(request, route):
    app_class, ask = request.param
    router = route(a={"each": {"say": "hi"}})
    router.completion("chat", HELLO)
    app = app_class(router)

    def call(path, **given):
        return ask(app, path, **given)

    call.router = router
    return call


def test_every_path_has_its_type(get):
    status, headers, page = get("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.startswith(b"<!doctype html>") and b"stats.json" in page
    assert "default-src 'none'" in next(v for k, v in headers.items() if k.lower() == "content-security-policy")
    status, headers, stats = get("/stats.json")
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "application/json", "no-store")
    assert json.loads(stats)["requests"]["succeeded"] == 1
    assert get("/nothing")[0] == 404
    assert get("/", method="POST")[0] == 405


def test_metrics_come_in_the_format_that_is_asked_for(get):
    status, headers, text = get("/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"hedgerouter_requests_total{" in text and b"# EOF" not in text
    status, headers, text = get("/metrics", accept=OPENMETRICS)
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n") and b'request_id="req-' in text


def test_head_has_no_body_and_the_prefix_gets_its_slash(get):
    status, headers, body = get("/stats.json", method="HEAD")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 100
    status, headers, _ = get("", prefix="/router")
    assert (status, headers["Location"]) == (301, "/router/")
    assert get("/stats.json", prefix="/router")[0] == 200


def test_asgi_application_takes_part_in_its_servers_life():
    async def run():
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        sent = []

        async def receive():
            return next(messages)

        async def send(message):
            sent.append(message["type"])

        await hosting.ASGIApp(None)({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(run()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_attempt_logs_are_json_lines_without_the_providers_words(upstream):
    lines, ended = [], threading.Event()

    def take(line):
        lines.append(line)
        ended.set()

    words = "a message of the provider"
    error = {"status": 400, "json": {"error": {"message": words, "type": "invalid_request_error"}}}
    mock = upstream(a=[error])
    with hedgerouter.Router(config_for(mock), attempt_log=take) as router:
        with pytest.raises(hedgerouter.HedgeRouterError):
            router.completion("chat", HELLO, overrides={
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "tracestate": "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE"})
        assert ended.wait(5)
    record = json.loads(lines[0])
    assert b"\n" not in lines[0] and words.encode() not in lines[0]
    assert record["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    attempt, = record["attempts"]
    assert attempt["attributes"]["gen_ai.operation.name"] == "chat"
    assert attempt["attributes"]["error.type"] == "bad_request"
    sent = mock.report()["a"]["requests"][0]["headers"]
    assert sent["traceparent"] == f"00-0af7651916cd43dd8448eb211c80319c-{attempt['span_id']}-01"
    assert sent["tracestate"] == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"


@pytest.mark.parametrize("parent, state, ignored", [
    ("00-nonsense", None, ["traceparent_ignored"]),
    ("00-nonsense", "rojo=1", ["traceparent_ignored", "tracestate_ignored"]),
    ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "rojo=1,rojo=2", ["tracestate_ignored"]),
    (None, "rojo=1", ["tracestate_ignored"]),
])
def test_malformed_trace_context_is_not_sent_and_says_so(upstream, parent, state, ignored):
    records = []
    mock = upstream(a={"each": {"say": "hi"}})
    overrides = {name: value for name, value in (("traceparent", parent), ("tracestate", state)) if value is not None}
    with hedgerouter.Router(config_for(mock), log=lambda level, record: records.append(record["event"])) as router:
        router.completion("chat", HELLO, overrides=overrides)
    assert [event for event in records if event.endswith("_ignored")] == ignored
    sent = mock.report()["a"]["requests"][0]["headers"]
    assert "tracestate" not in sent and ("traceparent" in sent) == ("traceparent_ignored" not in ignored and parent is not None)


def test_command_line_serves_until_it_is_interrupted(upstream, tmp_path):
    path = tmp_path / "router.json"
    path.write_text(json.dumps(config_for(upstream(a=[]))), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "hedgerouter", "dashboard", "--config", str(path), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")})
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline()).group()
        with urllib.request.urlopen(url + "stats.json", timeout=10) as response:
            assert [d["id"] for d in json.load(response)["deployments"]] == ["a"]
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(url + "nothing", timeout=10)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_command_line_says_what_is_wrong(tmp_path):
    path = tmp_path / "router.json"
    path.write_text('{"model_lst": []}', encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "hedgerouter", "dashboard", "--config", str(path)],
                          capture_output=True, text=True, timeout=30,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "bindings" / "python")})
    assert done.returncode == 2 and "model_lst" in done.stderr
