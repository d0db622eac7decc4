# SPDX-License-Identifier: Apache-2.0
"""A mock upstream that controls every byte, and tells what it saw.

The driver runs it in a thread of its own process: `Mock(script)` opens one 127.0.0.1 port for each upstream of a case's
`server` script. Nothing in it waits for a fixed time unless the script says `delay_ms`; everything else is synchronised
by gates (the server holds until the driver releases) and by waits (the driver holds until the server has seen
something). What a response may consist of is in README.md.
"""

import asyncio
import fcntl
import json
import shutil
import socket
import struct
import subprocess
import tempfile
import termios
import threading
import time

import bytespec

CLOSED = "closed"
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests",
           500: "Internal Server Error", 503: "Service Unavailable"}


class ClientClosed(Exception):
    """The client closed the connection while a response was under way."""


class EndConnection(Exception):
    """The script ended the connection."""


class Mock:
    """The upstreams of one case."""

    def __init__(self, script, http="1.1"):
        self.started = time.monotonic()
        self.changed = threading.Condition()
        self.gates = {}
        self.proxies = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, name="mockd", daemon=True)
        self.thread.start()
        self.upstreams = {}
        try:
            for name, upstream in script.items():
                self.upstreams[name] = self._call(self._open(name, upstream))
            if http != "1.1":
                for upstream in self.upstreams.values():
                    if not upstream.refuses:
                        self.proxies.append(Proxy(upstream, tls=http == "2"))
        except BaseException:
            self.stop()
            raise

    def url(self, name):
        upstream = self.upstreams[name]
        return f"{upstream.scheme}://127.0.0.1:{upstream.public_port}"

    def release(self, gate):
        """Let everything go on that holds at a gate, now and later."""
        self.loop.call_soon_threadsafe(self._gate(gate).set)

    def wait_for(self, condition, timeout):
        """Wait until condition(report()) holds; the last report, or None when the time passed."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                report = self.report()
                if condition(report):
                    return report
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(min(left, 0.25))

    def report(self):
        return {name: upstream.report() for name, upstream in self.upstreams.items()}

    def now_ms(self):
        return (time.monotonic() - self.started) * 1000

    def stop(self):
        """Close everything; the ports refuse from then on."""
        for proxy in self.proxies:
            proxy.stop()
        if self.thread.is_alive():
            self._call(self._close())
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
        if not self.loop.is_running():
            self.loop.close()

    def notify(self):
        with self.changed:
            self.changed.notify_all()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def _gate(self, name):
        return self.gates.setdefault(name, asyncio.Event())

    async def _open(self, name, script):
        upstream = Upstream(self, name, script)
        await upstream.open()
        return upstream

    async def _close(self):
        for upstream in self.upstreams.values():
            upstream.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Upstream:
    """One port: which response the next request gets, and a record of all of them."""

    def __init__(self, mock, name, script):
        self.mock = mock
        self.name = name
        if isinstance(script, list):
            script = {"responses": script}
        self.script = list(script.get("responses", []))
        self.each = script.get("each")
        self.scheme = "http"
        self.refuses = script.get("refuse", False)
        self.accepts = script.get("accept", True)
        self.exchanges = []
        self.connections = set()
        self.opened = 0
        self.closed = 0
        self.unexpected = 0
        self.server = None

    async def open(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.public_port = self.socket.getsockname()[1]
        if self.refuses:
            return
        if not self.accepts:
            self.socket.listen(128)
            return
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Connection(self), sock=self.socket, backlog=512)

    def close(self):
        if self.server:
            self.server.close()
        self.socket.close()
        for connection in list(self.connections):
            connection.transport.abort()

    def next_response(self):
        if self.script:
            return self.script.pop(0)
        if self.each is not None:
            return self.each
        self.unexpected += 1
        return {"status": 500, "json": {"error": {"message": "the mock upstream has no more responses"}}}

    def report(self):
        return {
            "requests": [exchange.report() for exchange in list(self.exchanges)],
            "count": len(self.exchanges),
            "unexpected": self.unexpected,
            "connections": self.opened,
            "open": self.opened - self.closed,
            "blocked": sum(not connection.writable.is_set() for connection in list(self.connections)),
            "busy": sum(exchange.is_open for exchange in list(self.exchanges)),
            "closed_by_client": sum(exchange.closed_by_client_ms is not None for exchange in list(self.exchanges)),
            "finished": sum(exchange.finished_ms is not None for exchange in list(self.exchanges)),
        }


class Exchange:
    """One request and what became of its response. Times are milliseconds since the mock started."""

    def __init__(self, upstream, head, body, connection):
        self.at_ms = upstream.mock.now_ms()
        self.method, self.path, self.headers = head
        self.raw = body
        self.connection = connection
        self.first_byte_ms = None
        self.finished_ms = None
        self.closed_by_client_ms = None
        self.ended_by_script = False
        self.bytes_sent = 0

    @property
    def is_open(self):
        return self.finished_ms is None and self.closed_by_client_ms is None and not self.ended_by_script

    def report(self):
        try:
            body = json.loads(self.raw)
        except ValueError:
            body = None
        return {
            "method": self.method, "path": self.path, "headers": self.headers, "body": body,
            "text": self.raw.decode("utf-8", "replace") if len(self.raw) < 1 << 16 else None,
            "size": len(self.raw), "connection": self.connection, "at_ms": self.at_ms,
            "first_byte_ms": self.first_byte_ms, "finished_ms": self.finished_ms,
            "closed_by_client_ms": self.closed_by_client_ms, "bytes_sent": self.bytes_sent,
        }


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.mock = upstream.mock
        self.buffer = bytearray()
        self.gone = asyncio.Event()
        self.writable = asyncio.Event()
        self.writable.set()
        self.task = None
        self.exchange = None

    def connection_made(self, transport):
        self.transport = transport
        self.upstream.connections.add(self)
        self.upstream.opened += 1
        self.number = self.upstream.opened
        self.more = asyncio.Event()
        self.task = self.mock.loop.create_task(self._serve())
        self.mock.notify()

    def data_received(self, data):
        self.buffer += data
        self.more.set()

    def eof_received(self):
        self._client_gone()
        return False

    def connection_lost(self, error):
        self._client_gone()
        self.upstream.connections.discard(self)
        self.upstream.closed += 1
        self.mock.notify()

    def pause_writing(self):
        """The client does not read what is there."""
        self.writable.clear()
        self.mock.notify()

    def resume_writing(self):
        self.writable.set()

    def _client_gone(self):
        exchange = self.exchange
        if exchange is not None and exchange.is_open:
            exchange.closed_by_client_ms = self.mock.now_ms()
        self.gone.set()
        self.more.set()
        self.writable.set()
        self.mock.notify()

    async def _serve(self):
        try:
            while True:
                head, body = await self._read_request()
                self.exchange = Exchange(self.upstream, head, body, self.number)
                self.upstream.exchanges.append(self.exchange)
                response = self.upstream.next_response()
                self.mock.notify()
                keep = await Responder(self, response).run()
                if self.exchange.is_open:
                    self.exchange.finished_ms = self.mock.now_ms()
                self.mock.notify()
                if not keep:
                    break
        except (ClientClosed, EndConnection):
            pass
        finally:
            self.mock.notify()
            self.transport.close()

    async def _read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            await self._read_more()
        end = self.buffer.index(b"\r\n\r\n")
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        del self.buffer[:end + 4]
        method, path, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._read_chunked()
        else:
            size = int(headers.get("content-length", "0"))
            while len(self.buffer) < size:
                await self._read_more()
            body = bytes(self.buffer[:size])
            del self.buffer[:size]
        return (method, path, headers), body

    async def _read_chunked(self):
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                await self._read_more()
            line, _, _ = bytes(self.buffer).partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            while len(self.buffer) < len(line) + 2 + size + 2:
                await self._read_more()
            body += self.buffer[len(line) + 2:len(line) + 2 + size]
            del self.buffer[:len(line) + 2 + size + 2]
            if size == 0:
                return body

    async def _read_more(self):
        if self.gone.is_set():
            raise ClientClosed
        self.more.clear()
        await self.more.wait()

    async def send(self, data, bytewise=False):
        """Write, waiting for the client to read; ClientClosed when it has gone."""
        for piece in ([data[i:i + 1] for i in range(len(data))] if bytewise else [data]):
            if self.gone.is_set():
                raise ClientClosed
            if not piece:
                continue
            if self.exchange.first_byte_ms is None:
                self.exchange.first_byte_ms = self.mock.now_ms()
            self.exchange.bytes_sent += len(piece)
            self.transport.write(piece)
            if bytewise:
                await asyncio.sleep(0)
            await self.writable.wait()
        if self.gone.is_set():
            raise ClientClosed

    async def hold(self, awaitable):
        """Wait for something or for the client to go, whichever comes first."""
        waiting = asyncio.ensure_future(awaitable)
        leaving = asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if self.gone.is_set():
                raise ClientClosed
        finally:
            waiting.cancel()
            leaving.cancel()

    def reset(self):
        """Close with RST instead of FIN."""
        self.exchange.ended_by_script = True
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
        raise EndConnection


def unacknowledged(connection):
    """Bytes the kernel still holds for the other side."""
    return struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]


class Responder:
    """Sends one response as scripted."""

    def __init__(self, connection, response):
        self.connection = connection
        self.mock = connection.mock
        self.response = expand_say(response, connection.exchange, connection.upstream.name)
        self.bytewise = self.response.get("bytewise", False)
        self.name = connection.upstream.name

    async def run(self):
        """True when the connection can serve another request."""
        response = self.response
        await self._pause(response)
        if response.get("hang"):
            await self.connection.hold(asyncio.Event().wait())
        if response.get("reset"):
            self.connection.reset()
        if response.get("close"):
            self._end()
        for status in response.get("interim", []):
            await self._write(f"HTTP/1.1 {status} Interim\r\nx-interim: yes\r\n\r\n".encode())
        if "raw_response" in response:
            await self._write(bytespec.build(response["raw_response"]))
            self._end()
        if "stream" in response:
            return await self._stream()
        return await self._whole()

    async def _whole(self):
        response = self.response
        body = self._body()
        declared = len(body) + response.get("length_error", 0)
        if response.get("framing") == "close":
            await self._head({"connection": "close"})
        elif response.get("framing") == "chunked":
            await self._head({"transfer-encoding": "chunked"})
            body = (f"{len(body):x}\r\n".encode() + body + b"\r\n" if body else b"") + b"0\r\n\r\n"
        else:
            await self._head({"content-length": str(declared)})
        if "body_delay_ms" in response:
            await self.connection.hold(asyncio.sleep(response["body_delay_ms"] / 1000))
        await self._write(body)
        if response.get("framing") == "close" or declared > len(body):
            self._end(finished=response.get("framing") == "close")
        return response.get("keep_alive", True)

    def _body(self):
        response = self.response
        if "json" in response:
            body = bytespec.compact(response["json"]).encode()
        elif "body" in response:
            body = bytespec.build(response["body"])
        else:
            body = b""
        return bytespec.build({"gzip": {"base64": _b64(body)}}) if response.get("gzip") else body

    async def _stream(self):
        response = self.response
        self.chunked = response.get("framing", "chunked") == "chunked"
        await self._head({"transfer-encoding": "chunked"} if self.chunked else {"connection": "close"})
        await self._items(response["stream"])
        if self.chunked:
            await self._write(b"0\r\n\r\n")
            return response.get("keep_alive", True)
        self._end(finished=True)

    async def _items(self, items):
        for item in items:
            await self._item(item)

    async def _item(self, item):
        await self._pause(item)
        if "repeat" in item and "items" in item["repeat"]:
            for _ in range(item["repeat"]["count"]):
                await self._items(item["repeat"]["items"])
        elif "forever" in item:
            while True:
                await self._items(item["forever"])
                await asyncio.sleep(0)
        elif item.get("stall"):
            await self.connection.hold(asyncio.Event().wait())
        elif item.get("reset"):
            await self._flush()
            self.connection.reset()
        elif item.get("close"):
            self._end()
        elif item.get("half_close"):
            self.connection.exchange.ended_by_script = True
            self.connection.transport.write_eof()
            await self.connection.gone.wait()
            raise EndConnection
        else:
            data = stream_bytes(item, self.name)
            if data:
                await self._data(data)

    async def _data(self, data):
        if self.chunked:
            data = f"{len(data):x}\r\n".encode() + data + b"\r\n"
        await self._write(data)

    async def _head(self, framing):
        response = self.response
        status = response.get("status", 200)
        kind = "text/event-stream" if "stream" in response else "application/json"
        headers = {"content-type": kind, **framing}
        if response.get("gzip"):
            headers["content-encoding"] = "gzip"
        if not response.get("keep_alive", True):
            headers["connection"] = "close"
        for name, value in response.get("headers", {}).items():
            headers.pop(name.lower(), None)
            if value is not None:
                headers[name.lower()] = value
        head = f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await self._write((head + "\r\n").encode("latin-1"))

    async def _pause(self, item):
        if "delay_ms" in item:
            await self.connection.hold(asyncio.sleep(item["delay_ms"] / 1000))
        if "gate" in item:
            await self.connection.hold(self.mock._gate(item["gate"]).wait())

    async def _write(self, data):
        await self.connection.send(data, self.bytewise)

    async def _flush(self):
        """Until the client's side has what was written: an RST discards the rest. Nothing tells when; so look."""
        transport = self.connection.transport
        while not self.connection.gone.is_set():
            if not transport.get_write_buffer_size() and not unacknowledged(transport.get_extra_info("socket")):
                return
            await asyncio.sleep(0.001)
        raise ClientClosed

    def _end(self, finished=False):
        if finished:
            self.connection.exchange.finished_ms = self.mock.now_ms()
        self.connection.exchange.ended_by_script = True
        self.connection.transport.close()
        raise EndConnection


def _b64(data):
    import base64
    return base64.b64encode(data).decode()


def expand_say(response, exchange, name):
    """`say` answers with a text, as a stream or not, whichever was asked for."""
    if "say" not in response:
        return response
    rest = {key: value for key, value in response.items() if key not in ("say", "usage")}
    usage = response.get("usage", {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5})
    try:
        asked = json.loads(exchange.raw)
    except ValueError:
        asked = {}
    if not isinstance(asked, dict):
        asked = {}
    if not asked.get("stream"):
        return {**rest, "json": completion(response["say"], name, usage)}
    items = [{"role": True}, {"text": response["say"]}, {"finish": "stop"}]
    options = asked.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        items.append({"usage": usage})
    return {**rest, "stream": items + [{"done": True}]}


def completion(text, name, usage=None):
    """An OpenAI chat completion."""
    return {
        "id": f"chatcmpl-{name}", "object": "chat.completion", "created": 1700000000, "model": f"{name}-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": usage or {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def chunk(name, delta=None, finish=None, **extra):
    """An OpenAI chat completion chunk."""
    base = {"id": f"chatcmpl-{name}", "object": "chat.completion.chunk", "created": 1700000000, "model": f"{name}-model"}
    base["choices"] = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    base.update(extra)
    return base


def stream_bytes(item, name):
    """The bytes of one stream item; empty for an item that is only a pause."""
    if "raw" in item:
        return bytespec.build(item["raw"])
    if "frame" in item:
        return bytespec.aws_frame(item["frame"])
    if "comment" in item:
        return f": {item['comment']}\n\n".encode()
    if "done" in item:
        return b"data: [DONE]\n\n"
    if "sse" in item:
        return bytespec.sse(item["sse"], item.get("event"))
    if "role" in item:
        return bytespec.sse(chunk(name, {"role": "assistant", "content": ""}))
    if "text" in item:
        return bytespec.sse(chunk(name, {"content": item["text"]}))
    if "delta" in item:
        return bytespec.sse(chunk(name, item["delta"]))
    if "finish" in item:
        return bytespec.sse(chunk(name, {}, item["finish"]))
    if "usage" in item:
        return bytespec.sse(chunk(name, choices=[], usage=item["usage"]))
    if "chunk" in item:
        return bytespec.sse(chunk(name, **item["chunk"]))
    if "error" in item:
        return bytespec.sse({"error": item["error"]})
    return b""


class Proxy:
    """nghttpx in front of an upstream: HTTP/2 towards the client, with or without TLS, HTTP/1.1 towards the mock."""

    def __init__(self, upstream, tls):
        self.upstream = upstream
        self.certificate = certificate() if tls else None
        last = None
        for _ in range(3):
            try:
                self._start()
                return
            except OSError as error:
                last = error
        raise last

    def _start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            nghttpx(), "--conf=/dev/null", f"--frontend=127.0.0.1,{port}{'' if self.certificate else ';no-tls'}",
            f"--backend=127.0.0.1,{self.upstream.port}", "--workers=1", "--log-level=FATAL", "--errorlog-file=/dev/null",
            "--no-add-x-forwarded-proto", "--no-via", "--no-ocsp", "--frontend-http2-read-timeout=600",
            "--backend-read-timeout=600", "--single-process",
        ]
        if self.certificate:
            command += ["--npn-list=h2", self.certificate.key, self.certificate.file]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise OSError("nghttpx ended at once")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.01)
                continue
            self.upstream.public_port = port
            self.upstream.scheme = "https" if self.certificate else "http"
            return
        self.stop()
        raise OSError("nghttpx does not listen")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Certificate:
    """A certificate for 127.0.0.1 that signs itself, made anew for each run of the driver."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="hrconf-")
        self.key = f"{self.folder.name}/key.pem"
        self.file = f"{self.folder.name}/certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.key, "-out", self.file],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


_certificate_lock = threading.Lock()
_certificate = None


def certificate():
    """The one certificate of this process."""
    global _certificate
    with _certificate_lock:
        if _certificate is None:
            _certificate = Certificate()
        return _certificate


def nghttpx():
    """Path of nghttpx, or None."""
    return shutil.which("nghttpx") or shutil.which("nghttpx", path="/usr/sbin:/usr/local/sbin")
