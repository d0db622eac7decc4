# SPDX-License-Identifier: Apache-2.0
"""Talks to a testee: JSON lines over its stdin and stdout, as PROTOCOL.md says."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading


class TesteeError(Exception):
    """The testee ended, did not answer in time, or answered something the protocol does not allow."""


class Reply:
    """The result of one op, to come."""

    def __init__(self):
        self.ready = threading.Event()
        self.value = None

    def set(self, value):
        self.value = value
        self.ready.set()

    def get(self, timeout):
        if not self.ready.wait(timeout):
            raise TesteeError(f"no answer within {timeout:g} s")
        if isinstance(self.value, TesteeError):
            raise self.value
        return self.value


class Testee:
    """A testee program that runs."""

    def __init__(self, command, environment=None):
        self.stderr = tempfile.TemporaryFile()
        self.command = shlex.split(command)
        env = {**os.environ, "SWIFT_BACKTRACE": "enable=no", **(environment or {})}
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr, env=env)
        self.lock = threading.Lock()
        self.pending = {}
        self.last_id = 0
        self.dead = None
        self.reader = threading.Thread(target=self._read, name="testee", daemon=True)
        self.reader.start()
        hello = self.call({"op": "hello"}, 20).get("ok")
        if not hello or hello.get("protocol") != "1":
            self.stop()
            raise TesteeError(f"the testee does not speak protocol 1: {hello}")
        self.language = hello["language"]
        self.features = set(hello["features"])

    def start(self, op):
        """Send an op; the Reply comes when it comes."""
        reply = Reply()
        with self.lock:
            if self.dead:
                raise self.dead
            self.last_id += 1
            self.pending[self.last_id] = reply
            line = json.dumps({"id": self.last_id, **op}, separators=(",", ":")).encode() + b"\n"
            try:
                self.process.stdin.write(line)
                self.process.stdin.flush()
            except OSError:
                pass  # the reader learns why
        return reply

    def call(self, op, timeout):
        """Send an op and wait for its result."""
        try:
            return self.start(op).get(timeout)
        except TesteeError as error:
            raise TesteeError(f"{op['op']}: {error}") from None

    def stop(self):
        """End it politely; kill it if it does not go. Its exit status, None when it had to be killed."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self.reader.join(5)
        self.process.stdout.close()
        return status

    def __del__(self):
        self.stderr.close()

    def kill(self):
        """End it at once; whoever waits for it is told."""
        self.process.kill()

    def errors(self):
        """The end of what it wrote to stderr."""
        self.stderr.seek(0, os.SEEK_END)
        self.stderr.seek(max(0, self.stderr.tell() - 3000))
        return self.stderr.read().decode("utf-8", "replace").strip()

    def _read(self):
        problem = None
        for line in self.process.stdout:
            try:
                answer = json.loads(line)
                reply = self._take(answer["id"])
            except (ValueError, TypeError, KeyError):
                problem = f"a line that is no result: {line[:200]!r}"
                break
            reply.set(answer)
        if problem is None:
            problem = self._how_it_ended()
        else:
            self.process.kill()
        with self.lock:
            self.dead = TesteeError(problem)
            waiting, self.pending = self.pending, {}
        for reply in waiting.values():
            reply.set(self.dead)

    def _take(self, op_id):
        with self.lock:
            return self.pending.pop(op_id)

    def _how_it_ended(self):
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            return "it closed its stdout and goes on"
        if status < 0:
            return f"it was ended by {signal.Signals(-status).name}"
        return f"it ended with status {status}"
