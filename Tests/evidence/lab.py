# SPDX-License-Identifier: Apache-2.0
"""Upstreams that know the truth, and callers that make load: what the evidence is held against."""

import asyncio
import contextlib
import json
import os
import pathlib
import random
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = ROOT / ".build" / "dist" / "lib" / "libhedgerouter.so.0"
sys.path[:0] = [str(ROOT / "bindings" / "python")]
if "HEDGEROUTER_LIBRARY" not in os.environ and BUILT.exists():
    os.environ["HEDGEROUTER_LIBRARY"] = str(BUILT)

import hedgerouter  # noqa: E402

PATIENCE = 30


class Upstream:
    """An OpenAI-compatible server on a port of its own that counts every token it makes and every one it sends.

    :param first_token: seconds until the first token of each answer, as a function of a random generator.
    :param tokens: how many tokens each answer has, likewise.
    :param gap: seconds between two tokens.
    :param status: anything but 200 is what every request gets.
    :param stops: whether it notices that its client has left and stops generating.
    :param bytes_per_prompt_token: its tokenizer.
    """

    def __init__(self, name, first_token=lambda rng: .05, tokens=lambda rng: 20, gap=.004, status=200, stops=True,
                 bytes_per_prompt_token=4.0, seed=1, word="tok"):
        self.name, self.first_token, self.tokens, self.gap, self.status = name, first_token, tokens, gap, status
        self.stops, self.bytes_per_prompt_token, self.word = stops, bytes_per_prompt_token, word
        self.rng = random.Random(seed)
        self.requests = []
        self.headers = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=512), self._loop).result(PATIENCE)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}/v1"

    def close(self):
        async def stop():
            self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)

    async def _connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                self.headers.append(headers)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                await self._answer(json.loads(body), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, body, reader, writer):
        if self.status != 200:
            text = json.dumps({"error": {"message": "down", "type": "server_error", "code": "down"}}).encode()
            writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" %
                         (self.status, len(text)) + text)
            await writer.drain()
            return
        size = len(json.dumps(body["messages"], separators=(",", ":")).encode())
        record = {"prompt": round(size / self.bytes_per_prompt_token), "made": 0, "sent": 0, "whole": False,
                  "stream": bool(body.get("stream"))}
        self.requests.append(record)
        total = max(1, int(self.tokens(self.rng)))
        record["total"] = total
        wait = self.first_token(self.rng)
        # The client says nothing more before the answer is there: what comes meanwhile is its end.
        gone = asyncio.ensure_future(reader.read(1))
        try:
            if record["stream"]:
                await self._stream(writer, gone, record, wait, total)
            else:
                await self._whole(writer, gone, record, wait, total)
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _pause(self, gone, seconds):
        """Wait; false when the client has left and this server notices."""
        if self.stops:
            await asyncio.wait([gone], timeout=max(0, seconds))
            return not gone.done()
        await asyncio.sleep(max(0, seconds))
        return True

    async def _stream(self, writer, gone, record, wait, total):
        def send(event):
            if not gone.done():
                data = b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"
                writer.write(b"%x\r\n%s\r\n" % (len(data), data))

        def chunk(delta, finish=None):
            return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": self.name,
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        send(chunk({"role": "assistant", "content": ""}))
        if not await self._pause(gone, wait):
            return
        for index in range(total):
            record["made"] += 1
            if not gone.done():
                record["sent"] += 1
            send(chunk({"content": self.word + "-" * (index % 3)}))
            if index + 1 < total and not await self._pause(gone, self.gap):
                return
        send(chunk({}, "stop"))
        send({**chunk({}), "choices": [], "usage": self._usage(record)})
        if not gone.done():
            writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            await writer.drain()
            record["whole"] = True

    async def _whole(self, writer, gone, record, wait, total):
        # Nothing tells a server that makes the whole answer first that nobody waits for it.
        await asyncio.sleep(wait)
        record["made"] = total
        text = json.dumps({
            "id": "c", "object": "chat.completion", "created": 1, "model": self.name, "usage": self._usage(record),
            "choices": [{"index": 0, "message": {"role": "assistant", "content": self.word * total},
                         "finish_reason": "stop"}]}).encode()
        if not gone.done():
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text)
                         + text)
            await writer.drain()
            record["sent"], record["whole"] = total, True

    @staticmethod
    def _usage(record):
        return {"prompt_tokens": record["prompt"], "completion_tokens": record["made"],
                "total_tokens": record["prompt"] + record["made"]}


def configuration(upstreams, *, group="chat", key="sk-test", arguments=None, settings=None, provider="openai",
                  **parameters):
    """A configuration with one deployment for each upstream."""
    return {
        "model_list": [
            {"model_name": group, "model_info": {"id": each.name},
             "litellm_params": {"model": f"{provider}/{each.name}", "api_base": each.base, "api_key": key,
                                "input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6,
                                "failure_domain": each.name, **parameters}}
            for each in upstreams
        ],
        "router_settings": {**(settings or {}), "routing_strategy_args": arguments or {}},
    }


@contextlib.contextmanager
def upstreams(*several):
    """Close what was started, whatever happens."""
    try:
        yield several
    finally:
        for each in several:
            each.close()


def tailed(median, slow_share=.08, slow=8.0, sigma=.25):
    """Latencies with a slow mode, as a function of a random generator."""
    def sample(rng):
        return rng.lognormvariate(0, sigma) * median * (slow if rng.random() < slow_share else 1)

    return sample


class Load:
    """Callers that stream from a router until they are stopped, each on a thread of its own."""

    def __init__(self, router, callers=8, prompt="hello", think=.002, model="chat", stream=True):
        self.router, self.prompt, self.think, self.model, self.stream = router, prompt, think, model, stream
        self.done = self.failed = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(callers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _run(self, number):
        rng = random.Random(number)
        while not self._stop.is_set():
            try:
                messages = [{"role": "user", "content": self.prompt * rng.randint(1, 40)}]
                answer = self.router.completion(self.model, messages, stream=self.stream)
                if self.stream:
                    for _ in answer:
                        pass
                with self._lock:
                    self.done += 1
            except hedgerouter.HedgeRouterError:
                with self._lock:
                    self.failed += 1
            self._stop.wait(self.think)

    def until(self, count, patience=PATIENCE):
        """Wait until so many requests have ended, one way or another."""
        wait_for(lambda: self.done + self.failed >= count, patience, f"{count} requests")


def wait_for(condition, patience=PATIENCE, what="the condition"):
    """Wait for something that others bring about; what it gave, or an error when the patience is over."""
    waiting = threading.Event()
    for _ in range(int(patience / .05)):
        found = condition()
        if found:
            return found
        waiting.wait(.05)
    raise AssertionError(f"{what} did not come within {patience} s")


@contextlib.contextmanager
def host(router):
    """Serve a router's dashboard, statistics and metrics; gives the base URL."""
    from hedgerouter import hosting

    ready = threading.Event()
    port = []

    def on_ready(number):
        port.append(number)
        ready.set()

    threading.Thread(target=hosting.serve, args=(router, "127.0.0.1", 0, on_ready), daemon=True).start()
    assert ready.wait(PATIENCE)
    yield f"http://127.0.0.1:{port[0]}"
