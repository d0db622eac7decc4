# SPDX-License-Identifier: Apache-2.0
"""A chat provider on loopback that answers every request the same way, streamed or not, and remembers what it saw."""

import http.server
import json
import threading

WORDS = ["Hello", " from", " the", " test", "."]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append({"path": self.path, "key": self.headers.get("Authorization"), "model": body["model"]})
        if body.get("stream"):
            deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in WORDS)]
            events = [{"delta": delta, "finish_reason": None} for delta in deltas]
            events.append({"delta": {}, "finish_reason": "stop"})
            lines = [json.dumps(self.completion(body, "chat.completion.chunk", choice)) for choice in events]
            data = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
            kind = "text/event-stream"
        else:
            choice = {"message": {"role": "assistant", "content": "".join(WORDS)}, "finish_reason": "stop"}
            data, kind = json.dumps(self.completion(body, "chat.completion", choice)).encode(), "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def completion(self, body, kind, choice):
        return {"id": "chatcmpl-1", "object": kind, "created": 1700000000, "model": body["model"],
                "choices": [{"index": 0, **choice}]}

    def log_message(self, *_):
        pass


class Provider(http.server.ThreadingHTTPServer):
    """Serves in a thread of its own while the `with` block runs."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
