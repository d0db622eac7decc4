# SPDX-License-Identifier: Apache-2.0
"""Raw calls: any function of the header, through the package's ctypes layer, with any arguments, good or bad."""

import ctypes

from hedgerouter import _bindings as b
from hedgerouter._ffi import lib, new_events, take_string

from values import Broken, bytes_of, parsed, struct_error

EVENTS = 64
# Parameter names, as in the header.
PARAMETERS = {name: text.split() for name, text in {
    "hr_router_new": "config config_size options out error",
    "hr_router_free": "router",
    "hr_router_reload": "router config config_size error",
    "hr_router_drain": "router timeout_ms error",
    "hr_complete": "router request request_size options out out_size error",
    "hr_submit": "router request request_size options out error",
    "hr_cancel": "request error",
    "hr_poll": "router events capacity timeout_ms error",
    "hr_dispatch": "router timeout_ms error",
    "hr_event_fd": "router error",
    "hr_wake": "router",
    "hr_next": "request events capacity timeout_ms error",
    "hr_wait": "request timeout_ms error",
    "hr_request_free": "request",
    "hr_stats_json": "router out out_size error",
    "hr_metrics_text": "router format out out_size error",
    "hr_state_save": "router out out_size error",
    "hr_state_load": "router state state_size error",
    "hr_config_check": "config config_size report report_size error",
    "hr_sim_core": "script script_size out out_size error",
    "hr_sim_codec": "script script_size out out_size error",
    "hr_error_init": "error size",
    "hr_router_options_init": "options size",
    "hr_submit_options_init": "options size",
    "hr_error_name": "code",
    "hr_error_description": "code",
    "hr_string_free": "string",
}.items()}
HANDLES = {"hr_router_new": b.hr_router, "hr_submit": b.hr_request}
INITIALISED = {"hr_error_init": b.hr_error, "hr_router_options_init": b.hr_router_options,
               "hr_submit_options_init": b.hr_submit_options}


class Arguments:
    """The arguments of one call, by name; what the driver left out has a valid value."""

    def __init__(self, testee, fn, given):
        self.testee, self.fn, self.given = testee, fn, given
        self.keep = []  # memory the call uses
        self.handle = self.text = self.error_block = None
        self.document_size = 0

    def build(self, name):
        if name.endswith("_size") and name not in ("out_size", "report_size"):
            return self.given.get(name, self.document_size)
        return getattr(self, name)()

    def named_handle(self, kind, names, name):
        value = self.given.get(name)
        if isinstance(value, dict) and "raw" in value:
            return kind(int(value["raw"]))
        if isinstance(value, str):
            if value not in names:
                raise Broken(f"unknown {name} {value}")
            return kind(names[value].handle.id)
        return kind(0)

    def pointer_to(self, handle, name):
        if name in self.given and self.given[name] is None:
            self.handle = handle
            return None
        self.handle = handle
        return ctypes.byref(handle)

    def router(self):
        handle = self.named_handle(b.hr_router, self.testee.routers, "router")
        return self.pointer_to(handle, "router") if self.fn == "hr_router_free" else handle

    def request(self):
        if self.fn in ("hr_submit", "hr_complete"):
            return self.document("request")
        handle = self.named_handle(b.hr_request, self.testee.requests, "request")
        return self.pointer_to(handle, "request") if self.fn == "hr_request_free" else handle

    def document(self, name):
        value = self.given.get(name, {"text": "{}"})
        data = None if value is None else bytes_of(value)
        self.document_size = len(data or b"")
        self.keep.append(data)
        return data

    def config(self):
        return self.document("config")

    def script(self):
        return self.document("script")

    def state(self):
        return self.document("state")

    def block(self, initial, value, pointer):
        """The struct at the start of memory of exactly the size it claims."""
        size = value.get("struct_size", ctypes.sizeof(initial))
        initial.struct_size = size
        size = max(4, size) if size <= 1 << 20 else ctypes.sizeof(initial)
        memory = ctypes.create_string_buffer(size)
        ctypes.memmove(memory, ctypes.byref(initial), min(size, ctypes.sizeof(initial)))
        if "tail" in value:
            memory[size - 1] = value["tail"]
        self.keep.append(memory)
        return ctypes.cast(memory, ctypes.POINTER(pointer))

    def options(self):
        if self.fn in INITIALISED:
            return self.initialised("options")
        value = self.given.get("options")
        if value is None:
            return None
        kind = b.hr_router_options if self.fn == "hr_router_new" else b.hr_submit_options
        initial = kind()
        for name in ("flags", "timeout_ms", "delivery", "reserved"):
            if name in value:
                setattr(initial, name, value[name])
        if "overrides" in value:
            data = ctypes.create_string_buffer(bytes_of(value["overrides"]))
            self.keep.append(data)
            initial.overrides = ctypes.cast(data, ctypes.c_void_p)
            initial.overrides_size = value.get("overrides_size", len(data) - 1)
        return self.block(initial, value, kind)

    def initialised(self, name):
        if name in self.given and self.given[name] is None:
            return None
        memory = INITIALISED[self.fn]()
        ctypes.memset(ctypes.byref(memory), 0x5A, ctypes.sizeof(memory))
        self.keep.append(memory)
        if self.fn == "hr_error_init":
            self.error_block = ctypes.pointer(memory)
        return ctypes.byref(memory)

    def size(self):
        return self.given.get("size", ctypes.sizeof(INITIALISED[self.fn]))

    def error(self):
        if self.fn in INITIALISED:
            return self.initialised("error")
        value = self.given.get("error", {})
        if value is None:
            return None
        self.error_block = self.block(b.hr_error(retry_after_ms=-1), value, b.hr_error)
        return self.error_block

    def out(self, name="out"):
        null = name in self.given and self.given[name] is None
        if self.fn in HANDLES:
            self.handle = HANDLES[self.fn]()
            return None if null else ctypes.byref(self.handle)
        self.text = ctypes.c_void_p()
        return None if null else ctypes.byref(self.text)

    def report(self):
        return self.out("report")

    def out_size(self, name="out_size"):
        return None if name in self.given and self.given[name] is None else ctypes.byref(ctypes.c_size_t())

    def report_size(self):
        return self.out_size("report_size")

    def events(self):
        value = self.given.get("events", {})
        if value is None:
            return None
        events = new_events(EVENTS)
        if isinstance(value, dict) and "struct_size" in value:
            events[0].struct_size = value["struct_size"]
        self.keep.append(events)
        return events

    def capacity(self):
        return self.given.get("capacity", EVENTS)

    def timeout_ms(self):
        return self.given.get("timeout_ms", 0)

    def format(self):
        return self.given.get("format", b.HR_METRICS_PROMETHEUS)

    def code(self):
        return self.given.get("code", 0)

    def string(self):
        if "string" in self.given:
            return None
        out = ctypes.c_void_p()
        lib.hr_config_check(b"{}", 2, ctypes.byref(out), None, None)
        return out


def make(testee, op):
    """Make the call and say what it did."""
    fn = op.get("fn")
    if fn not in PARAMETERS:
        raise Broken(f"unknown function {fn}")
    arguments = Arguments(testee, fn, op.get("args", {}))
    values = [arguments.build(name) for name in PARAMETERS[fn]]
    code = getattr(lib, fn)(*values)
    if isinstance(code, bytes):
        return {"text": code.decode()}
    if fn == "hr_router_new" and arguments.handle.id:
        testee.adopt_router(op.get("as"), arguments.handle)
    elif fn == "hr_submit" and arguments.handle.id:
        options = arguments.given.get("options") or {}
        testee.adopt_request(op.get("as"), arguments.handle, options.get("flags", 0) & b.HR_SUBMIT_PULL)
    result = {"status": lib.hr_error_name(code).decode() if code is not None and code < 0 else code or "HR_OK"}
    if arguments.error_block is not None:
        error = b.hr_error()
        ctypes.memmove(ctypes.byref(error), arguments.error_block, min(ctypes.sizeof(error), claimed(op)))
        result["error"] = struct_error(error)
    if arguments.text is not None:
        result["out"] = parsed(take_string(arguments.text)) if arguments.text.value else None
    if arguments.handle is not None:
        result["handle"] = arguments.handle.id != 0
    return result


def claimed(op):
    """The bytes the hr_error of a call has."""
    value = op.get("args", {}).get("error")
    size = value.get("struct_size", ctypes.sizeof(b.hr_error)) if isinstance(value, dict) else ctypes.sizeof(b.hr_error)
    return max(4, size) if size <= 1 << 20 else ctypes.sizeof(b.hr_error)
