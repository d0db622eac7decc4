#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python testee: PROTOCOL.md over stdin and stdout, and the Python package.

Delivery `poll` is the package's asyncio side, `pull` its synchronous side; the raw calls go through its ctypes layer.
The package has no callbacks and no finalizers, so these features are not listed.
"""

import asyncio
import ctypes
import json
import os
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT / "bindings" / "python"))
os.environ.setdefault("HEDGEROUTER_LIBRARY", str(ROOT / ".build" / "dist" / "lib" / "libhedgerouter.so.0"))

import hedgerouter  # noqa: E402
from hedgerouter import _bindings as b  # noqa: E402
from hedgerouter._bridge import EventBridge  # noqa: E402
from hedgerouter._ffi import copy, lib, new_error, new_events, take_string  # noqa: E402
from hedgerouter._request import Call, Inbox  # noqa: E402
from hedgerouter.errors import ORIGINS, from_struct  # noqa: E402
from hedgerouter import hosting  # noqa: E402
from hedgerouter.streams import Pull  # noqa: E402

import calls  # noqa: E402
from values import Broken, Skipped, bytes_of, error_object, parsed  # noqa: E402

TYPES = {b.HR_EVENT_START: "start", b.HR_EVENT_CHUNK: "chunk", b.HR_EVENT_END: "end"}
DIRECT = ("hello versions error_names router_new reload stats metrics state_save state_load dashboard config_check config_schema "
          "submit cancel request_free sim_core sim_codec call").split()
BLOCKING = "reset router_free drain next_event collect wait complete fork".split()


class Recorder(Inbox):
    """An inbox that keeps every event as the driver wants it, and never hands one to the package."""

    def __init__(self, changed):
        super().__init__()
        self.changed = changed
        self.events = []
        self.given = 0
        self.closed = False

    def accept(self, event):
        kept = {"type": TYPES.get(event.type, "(unknown)"), "data": parsed(copy(event.data, event.data_size)),
                "elapsed_ms": event.elapsed_ns / 1e6}
        if event.type == b.HR_EVENT_END:
            kept.update(code=lib.hr_error_name(event.code).decode(), origin=ORIGINS.get(event.origin, "(unknown)"),
                        http_status=event.http_status, retriable=bool(event.retriable),
                        retry_after_ms=event.retry_after_ms,
                        message=copy(event.message, event.message_size).decode("utf-8", "replace"))
        with self.changed:
            self.events.append(kept)
            self.ended = self.ended or event.type == b.HR_EVENT_END
            self.changed.notify_all()

    def fail(self, error):
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class Request:
    """A submitted request: `pull` for synchronous ones, None for those of the event loop."""

    def __init__(self, inbox, handle, pull=None):
        self.inbox = inbox
        self.handle = b.hr_request(handle.id)  # a copy: the name stays after the original was freed
        self.pull = pull


class Router:
    """A router and its handle as it was."""

    def __init__(self, router, delivery):
        self.router = router
        self.delivery = delivery
        self.handle = b.hr_router(router._handle.id)


class Testee:
    def __init__(self):
        self.output = threading.Lock()
        self.changed = threading.Condition()
        self.routers = {}
        self.requests = {}
        self.everything = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="asyncio", daemon=True).start()

    # --- names

    def router(self, name):
        if name not in self.routers:
            raise Broken(f"unknown router {name}")
        return self.routers[name]

    def request(self, name):
        if name not in self.requests:
            raise Broken(f"unknown request {name}")
        return self.requests[name]

    def adopt_router(self, name, handle):
        """Keep a router that a raw call made as if the package had made it."""
        router = hedgerouter.Router.__new__(hedgerouter.Router)
        router._handle, router._log_callback, router._bridge = handle, None, EventBridge(handle)
        self.everything.append(Router(router, "pull"))
        if name:
            self.routers[name] = self.everything[-1]

    def adopt_request(self, name, handle, is_pull):
        """Keep a request that a raw call made as if the package had made it."""
        pull, recorder = None, Recorder(self.changed)
        if is_pull:
            pull = Pull.__new__(Pull)
            pull._request, pull._router, pull._error = b.hr_request(handle.id), None, new_error()
            pull._batch, pull._events, pull.inbox = 1, new_events(1), recorder
        if name:
            self.requests[name] = Request(recorder, handle, pull)

    # --- session

    def op_hello(self, op):
        return {"protocol": "1", "language": "python", "features": ["poll", "pull", "fork", "sim", "call"]}

    def op_versions(self, op):
        return {"number": lib.hr_version(), "version": hedgerouter.library_version(), "features": hedgerouter.features()}

    def op_error_names(self, op):
        return {"names": [lib.hr_error_name(code).decode() for code in op["codes"]],
                "descriptions": [lib.hr_error_description(code).decode() for code in op["codes"]]}

    def op_reset(self, op):
        requests, self.requests = self.requests, {}
        for request in requests.values():
            if request.pull is not None:
                request.pull.free()
        everything, self.everything, self.routers = self.everything, [], {}
        for router in everything:
            router.router.close()
            lib.hr_router_free(ctypes.byref(b.hr_router(router.handle.id)))  # when a raw call made or freed it
        return {}

    # --- routers

    def op_router_new(self, op):
        delivery = op.get("options", {}).get("delivery", "poll")
        if delivery not in ("poll", "pull"):
            raise Skipped("the Python package has no callbacks")
        router = Router(hedgerouter.Router(bytes_of(op["config"])), delivery)
        self.everything.append(router)
        self.routers[op["as"]] = router
        return {}

    def op_router_free(self, op):
        router = self.router(op["router"])
        if router.router.closed:
            # The package ignores a second close; the library must refuse it.
            code = lib.hr_router_free(ctypes.byref(b.hr_router(router.handle.id)))
            if code < 0:
                raise from_struct(code, new_error())
        router.router.close()
        return {}

    def op_reload(self, op):
        self.router(op["router"]).router.reload(bytes_of(op["config"]))
        return {}

    def op_drain(self, op):
        timeout = op.get("timeout_ms", -1)
        self.router(op["router"]).router.drain(None if timeout < 0 else timeout / 1000)
        return {}

    def op_stats(self, op):
        return {"stats": self.router(op["router"]).router.stats()}

    def op_metrics(self, op):
        return {"text": self.router(op["router"]).router.metrics(openmetrics=op.get("openmetrics", False))}

    def op_state_save(self, op):
        return {"state": self.router(op["router"]).router.save_state().decode()}

    def op_state_load(self, op):
        self.router(op["router"]).router.load_state(bytes_of(op["state"]))
        return {}

    def op_dashboard(self, op):
        return {"text": hosting.dashboard_html().decode()}

    def op_config_check(self, op):
        report = hedgerouter.check_config(bytes_of(op["config"]))
        return {"status": "HR_E_CONFIG" if report["errors"] else "HR_OK", "report": report}

    def op_config_schema(self, op):
        return {"schema": hedgerouter.config_schema()}

    # --- requests

    def call_of(self, op):
        options = op.get("options", {})
        overrides = options.get("overrides")
        return Call(bytes_of(op["request"]), json.dumps(overrides).encode() if overrides is not None else None,
                    options.get("timeout_ms", 0))

    def op_submit(self, op):
        options = op.get("options", {})
        if "on_event" in options:
            raise Skipped("the Python package has no callbacks")
        router = self.router(op["router"])
        call, recorder = self.call_of(op), Recorder(self.changed)
        if router.delivery == "pull" or options.get("pull"):
            pull = Pull(router.router, call, batch=1)
            pull.inbox = recorder
            self.requests[op["as"]] = Request(recorder, pull._request, pull)
        else:
            async def start():
                request = router.router._bridge.start(call)
                request.inbox = recorder  # before the loop takes any event
                return request.handle
            handle = asyncio.run_coroutine_threadsafe(start(), self.loop).result(30)
            self.requests[op["as"]] = Request(recorder, handle)
        return {}

    def op_cancel(self, op):
        error = new_error()
        code = lib.hr_cancel(self.request(op["request"]).handle, ctypes.byref(error))
        if code < 0:
            raise from_struct(code, error)
        return {}

    def op_wait(self, op):
        error = new_error()
        code = lib.hr_wait(self.request(op["request"]).handle, op.get("timeout_ms", -1), ctypes.byref(error))
        if code < 0:
            raise from_struct(code, error)
        return {}

    def op_request_free(self, op):
        code = lib.hr_request_free(ctypes.byref(b.hr_request(self.request(op["request"]).handle.id)))
        if code < 0:
            raise from_struct(code, new_error())
        return {}

    def op_complete(self, op):
        router, call = self.router(op["router"]), self.call_of(op)
        options = b.hr_submit_options(struct_size=ctypes.sizeof(b.hr_submit_options), timeout_ms=call.timeout_ms)
        if call.overrides is not None:
            options.overrides = ctypes.cast(ctypes.c_char_p(call.overrides), ctypes.c_void_p)
            options.overrides_size = len(call.overrides)
        out, size, error = ctypes.c_void_p(), ctypes.c_size_t(), new_error()
        code = lib.hr_complete(router.handle, call.body, len(call.body), ctypes.byref(options), ctypes.byref(out),
                               ctypes.byref(size), ctypes.byref(error))
        if code < 0:
            raise from_struct(code, error)
        return {"answer": parsed(take_string(out))}

    def await_events(self, request, until, enough):
        """Wait until enough() or nothing more can come; False when the time passed."""
        inbox = request.inbox
        with self.changed:
            while not enough() and not inbox.closed:
                left = until - time.monotonic()
                if request.pull is None:
                    if left <= 0 or not self.changed.wait(left):
                        return enough()
                    continue
                self.changed.release()
                try:
                    taken = request.pull.take(max(0, int(left * 1000)))
                except hedgerouter.ClosedError as error:
                    if error.code != b.HR_E_CLOSED:
                        raise
                    inbox.closed = True
                    taken = 0
                finally:
                    self.changed.acquire()
                if not taken and time.monotonic() >= until:
                    return enough()
        return True

    def op_next_event(self, op):
        request = self.request(op["request"])
        inbox = request.inbox
        self.await_events(request, time.monotonic() + op.get("timeout_ms", 10000) / 1000,
                          lambda: inbox.given < len(inbox.events) or inbox.ended)
        with self.changed:
            if inbox.given == len(inbox.events):
                return {"event": None}
            inbox.given += 1
            return {"event": inbox.events[inbox.given - 1]}

    def op_collect(self, op):
        request = self.request(op["request"])
        inbox = request.inbox
        in_time = self.await_events(request, time.monotonic() + op.get("timeout_ms", 10000) / 1000, lambda: inbox.ended)
        with self.changed:
            result = {"events": inbox.events[inbox.given:]}
            inbox.given = len(inbox.events)
        if not in_time:
            result["timed_out"] = True
        elif not inbox.ended:
            result["closed"] = True
        return result

    # --- simulation and raw calls

    def simulate(self, function, op):
        script, out, error = bytes_of(op["script"]), ctypes.c_void_p(), new_error()
        code = function(script, len(script), ctypes.byref(out), None, ctypes.byref(error))
        if code < 0:
            raise from_struct(code, error)
        return {"out": parsed(take_string(out))}

    def op_sim_core(self, op):
        return self.simulate(lib.hr_sim_core, op)

    def op_sim_codec(self, op):
        return self.simulate(lib.hr_sim_codec, op)

    def op_call(self, op):
        return calls.make(self, op)

    def op_fork(self, op):
        reading, writing = os.pipe()
        with self.output:
            sys.stdout.flush()
            child = os.fork()
        if child == 0:
            os.close(reading)
            results = []
            for call in op["calls"]:
                results.append(calls.make(self, call))
            data = json.dumps(results).encode()
            while data:
                data = data[os.write(writing, data):]
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        return {"results": json.loads(text) if text else None, "exit": os.waitstatus_to_exitcode(status)}

    # --- the loop

    def run(self, op):
        try:
            kind, value = "ok", getattr(self, f"op_{op['op']}")(op)
        except hedgerouter.HedgeRouterError as error:
            kind, value = "error", error_object(error)
        except Skipped as reason:
            kind, value = "skipped", str(reason)
        except Exception as problem:  # whatever it is, the driver must get one result
            kind, value = "broken", f"{type(problem).__name__}: {problem}"
        with self.output:
            sys.stdout.write(json.dumps({"id": op["id"], kind: value}) + "\n")
            sys.stdout.flush()

    def serve(self):
        open_ops = []
        for line in sys.stdin.buffer:
            op = json.loads(line)
            if op["op"] in BLOCKING:
                thread = threading.Thread(target=self.run, args=(op,))
                thread.start()
                open_ops = [each for each in open_ops if each.is_alive()] + [thread]
            elif op["op"] in DIRECT:
                self.run(op)
            else:
                with self.output:
                    print(json.dumps({"id": op["id"], "broken": f"unknown op {op['op']}"}), flush=True)
        self.op_reset({})
        for thread in open_ops:
            thread.join()


if __name__ == "__main__":
    Testee().serve()
