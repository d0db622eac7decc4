#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three OpenAI-style chat servers on loopback, each with a fault of its own, for the demo.

    steady   answers after about 120 ms
    tailed   answers after about 80 ms, but one request in twelve waits 0.6 to 2 s
    flaky    answers after about 100 ms, but fails: HTTP 500, an error inside the stream, or silence

On start one JSON line with the ports goes to standard output. Commands come in on standard input, one per line:
`report` answers with one JSON line of counters, `reset` forgets the counters and starts the same sequence of delays
again. The end of standard input ends the program.
"""

import asyncio
import json
import random
import sys

TOKENS = "One slow server need not make one slow answer when another can be asked .".split(" ")
GAP_SECONDS = 0.008
HANG_SECONDS = 30.0


def steady(draw):
    return "answer", 0.120 * draw.lognormvariate(0, 0.06)


def tailed(draw):
    delay = 0.080 * draw.lognormvariate(0, 0.08)
    return "answer", draw.uniform(0.6, 2.0) if draw.random() < 1 / 12 else delay


def flaky(draw):
    delay = 0.100 * draw.lognormvariate(0, 0.10)
    dice = draw.random()
    if dice < 0.05:
        return "status 500", delay / 4
    if dice < 0.08:
        return "error in stream", delay
    if dice < 0.10:
        return "hang", HANG_SECONDS
    return "answer", delay


class Upstream:
    """One server: a behaviour, its own seeded source of chance, and counters of what it saw."""

    def __init__(self, name, behaviour, seed):
        self.name = name
        self.behaviour = behaviour
        self.seed = seed
        self.reset()

    def reset(self):
        self.draw = random.Random(self.seed)
        self.counts = {"requests": 0, "answered": 0, "failed": 0, "cancelled": 0}

    async def serve(self, reader, writer):
        try:
            while await self.exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def exchange(self, reader, writer):
        """Serve one request of a connection; return whether the connection is still good."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        length = 0
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = json.loads(await reader.readexactly(length) or b"{}")
        # Counters of a run do not take in what a request of the run before did late.
        counts = self.counts
        counts["requests"] += 1
        outcome, delay = self.behaviour(self.draw)
        # A client that asks for one thing at a time sends nothing more until it has its answer: what can be read
        # meanwhile is only the end of the connection.
        gone = asyncio.ensure_future(reader.read(1))
        answer = asyncio.ensure_future(self.answer(writer, outcome, delay, bool(body.get("stream"))))
        done, _ = await asyncio.wait({gone, answer}, return_when=asyncio.FIRST_COMPLETED)
        if answer not in done:
            answer.cancel()
            counts["cancelled"] += 1
            return False
        if not gone.done():
            gone.cancel()
        try:
            counts[answer.result()] += 1
        except ConnectionError:
            counts["cancelled"] += 1
            return False
        try:
            return not await gone
        except asyncio.CancelledError:
            return True

    async def answer(self, writer, outcome, delay, stream):
        await asyncio.sleep(delay)
        if outcome == "status 500":
            send_json(writer, "500 Internal Server Error", {"error": {"message": "overheated", "type": "server_error"}})
            await writer.drain()
            return "failed"
        if outcome == "hang":
            return "failed"
        if not stream:
            send_json(writer, "200 OK", self.completion("chat.completion", message={
                "role": "assistant", "content": " ".join(TOKENS)}, finish="stop"))
            await writer.drain()
            return "answered"
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        if outcome == "error in stream":
            send_event(writer, {"error": {"message": "overheated", "type": "server_error", "code": 500}})
            send_end(writer)
            await writer.drain()
            return "failed"
        send_event(writer, self.completion("chat.completion.chunk", delta={"role": "assistant", "content": ""}))
        for token in TOKENS:
            send_event(writer, self.completion("chat.completion.chunk", delta={"content": token + " "}))
            await writer.drain()
            await asyncio.sleep(GAP_SECONDS)
        send_event(writer, self.completion("chat.completion.chunk", delta={}, finish="stop"))
        send_event(writer, "[DONE]")
        send_end(writer)
        await writer.drain()
        return "answered"

    def completion(self, kind, message=None, delta=None, finish=None):
        choice = {"index": 0, "finish_reason": finish}
        choice.update({"message": message} if message is not None else {"delta": delta})
        return {"id": "chatcmpl-demo", "object": kind, "created": 1700000000, "model": self.name, "choices": [choice]}


def send_chunk(writer, data):
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def send_event(writer, value):
    text = value if isinstance(value, str) else json.dumps(value)
    send_chunk(writer, b"data: " + text.encode() + b"\n\n")


def send_end(writer):
    writer.write(b"0\r\n\r\n")


def send_json(writer, status, value):
    data = json.dumps(value).encode()
    writer.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" %
                 (status.encode(), len(data)) + data)


async def main():
    upstreams = [Upstream("steady", steady, 11), Upstream("tailed", tailed, 22), Upstream("flaky", flaky, 33)]
    servers = [await asyncio.start_server(each.serve, "127.0.0.1", 0) for each in upstreams]
    ports = {each.name: server.sockets[0].getsockname()[1] for each, server in zip(upstreams, servers)}
    print(json.dumps(ports), flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        if line.strip() == b"report":
            print(json.dumps({each.name: each.counts for each in upstreams}), flush=True)
        elif line.strip() == b"reset":
            for each in upstreams:
                each.reset()
            print("{}", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
