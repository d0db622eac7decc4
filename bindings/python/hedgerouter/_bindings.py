# SPDX-License-Identifier: Apache-2.0
# Written by generate.py from include/*.h. Do not edit: change the header and run it again.
# ruff: noqa
"""The C interface as ctypes: constants, structs, callback types and prototypes."""

import ctypes as C
from typing import Any, Dict, Tuple

HR_DELIVERY_POLL = 0
HR_DELIVERY_THREAD = 1
HR_EVENT_CHUNK = 2
HR_EVENT_END = 3
HR_EVENT_START = 1
HR_E_ATTEMPT_TIMEOUT = -31
HR_E_AUTH = -24
HR_E_BADHANDLE = -3
HR_E_BAD_REQUEST = -25
HR_E_BUSY = -13
HR_E_CALLBACK = -40
HR_E_CANCELLED = -9
HR_E_CLOSED = -4
HR_E_CONFIG = -8
HR_E_CONTENT_POLICY = -27
HR_E_CONTEXT_LENGTH = -26
HR_E_DEADLINE = -10
HR_E_FORKED = -6
HR_E_INTERNAL = -99
HR_E_INTERRUPTED = -32
HR_E_INVAL = -1
HR_E_LIMIT = -12
HR_E_NOMEM = -2
HR_E_NOT_FOUND = -28
HR_E_NO_DEPLOYMENT = -11
HR_E_NO_MODEL = -15
HR_E_OVERLOADED = -30
HR_E_PROTOCOL = -22
HR_E_PROVIDER = -21
HR_E_QUOTA = -29
HR_E_RATE_LIMITED = -23
HR_E_REENTRANT = -5
HR_E_TIMEOUT = -14
HR_E_TRANSPORT = -20
HR_E_VERSION = -7
HR_LOG_DEBUG = 4
HR_LOG_ERROR = 1
HR_LOG_INFO = 3
HR_LOG_WARN = 2
HR_METRICS_OPENMETRICS = 1
HR_METRICS_PROMETHEUS = 0
HR_OK = 0
HR_ORIGIN_LOCAL = 0
HR_ORIGIN_PROVIDER = 2
HR_ORIGIN_TRANSPORT = 1
HR_SUBMIT_PULL = 1
HR_VERSION = 256
HR_VERSION_MAJOR = 0
HR_VERSION_MINOR = 1
HR_VERSION_PATCH = 0

# Every error code, with its comment in the header.
CODES: Dict[int, Tuple[str, str]] = {
    -1: ("HR_E_INVAL", "An argument or the request document is not valid."),
    -2: ("HR_E_NOMEM", "A system resource (memory, thread, descriptor) could not be had."),
    -3: ("HR_E_BADHANDLE", "The handle is 0, stale, freed, or of another kind."),
    -4: ("HR_E_CLOSED", "The router is closing or closed."),
    -5: ("HR_E_REENTRANT", "Not allowed from inside a callback."),
    -6: ("HR_E_FORKED", "The router belongs to the parent process."),
    -7: ("HR_E_VERSION", "A struct carries fields this library does not know."),
    -8: ("HR_E_CONFIG", "The configuration document is not valid; hr_error.path names the place."),
    -9: ("HR_E_CANCELLED", "The caller cancelled the request."),
    -10: ("HR_E_DEADLINE", "The request's deadline passed."),
    -11: ("HR_E_NO_DEPLOYMENT", "No deployment of the model group can take the request now."),
    -12: ("HR_E_LIMIT", "A local limit was reached: document size, nesting, queued requests."),
    -13: ("HR_E_BUSY", "Another thread is already in this call for the same handle."),
    -14: ("HR_E_TIMEOUT", "A wait with a time limit ended before the awaited thing happened."),
    -15: ("HR_E_NO_MODEL", "The configuration has no model group of the requested name."),
    -20: ("HR_E_TRANSPORT", "Connecting, TLS or the transfer failed."),
    -21: ("HR_E_PROVIDER", "The provider answered with a server error."),
    -22: ("HR_E_PROTOCOL", "The provider's answer was malformed or ended early."),
    -23: ("HR_E_RATE_LIMITED", "The provider's rate limit was reached."),
    -24: ("HR_E_AUTH", "The provider refused the credentials or the permission."),
    -25: ("HR_E_BAD_REQUEST", "The provider refused the request itself."),
    -26: ("HR_E_CONTEXT_LENGTH", "The prompt exceeds the model's context window."),
    -27: ("HR_E_CONTENT_POLICY", "The provider's content policy refused the request."),
    -28: ("HR_E_NOT_FOUND", "The provider knows no such model or path."),
    -29: ("HR_E_QUOTA", "The account's quota or balance is exhausted."),
    -30: ("HR_E_OVERLOADED", "The provider is overloaded."),
    -31: ("HR_E_ATTEMPT_TIMEOUT", "A connect, first-token, gap or total timeout of an attempt passed."),
    -32: ("HR_E_INTERRUPTED", "A stream broke after its first token was delivered."),
    -40: ("HR_E_CALLBACK", "A callback returned non-zero and so cancelled its request."),
    -99: ("HR_E_INTERNAL", "A defect in the library; it was counted, and the request ended safely."),
}


class hr_error(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("code", C.c_int32),
        ("origin", C.c_int32),
        ("http_status", C.c_int32),
        ("retriable", C.c_int32),
        ("detail", C.c_int32),
        ("retry_after_ms", C.c_int64),
        ("path", C.c_char * 128),
        ("message", C.c_char * 512),
    ]


class hr_router(C.Structure):
    _fields_ = [
        ("id", C.c_uint64),
    ]


class hr_request(C.Structure):
    _fields_ = [
        ("id", C.c_uint64),
    ]


class hr_event(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("type", C.c_int32),
        ("request", hr_request),
        ("user_data", C.c_void_p),
        ("data", C.c_void_p),
        ("data_size", C.c_size_t),
        ("elapsed_ns", C.c_int64),
        ("code", C.c_int32),
        ("origin", C.c_int32),
        ("http_status", C.c_int32),
        ("retriable", C.c_int32),
        ("retry_after_ms", C.c_int64),
        ("message", C.c_void_p),
        ("message_size", C.c_size_t),
    ]


hr_event_callback = C.CFUNCTYPE(C.c_int32, hr_router, C.POINTER(hr_event), C.c_void_p)


hr_log_callback = C.CFUNCTYPE(None, C.c_int32, C.c_void_p, C.c_size_t, C.c_void_p)


hr_record_callback = C.CFUNCTYPE(None, C.c_void_p, C.c_size_t, C.c_void_p)


hr_finalizer = C.CFUNCTYPE(None, C.c_void_p)


class hr_router_options(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("delivery", C.c_int32),
        ("event_callback", hr_event_callback),
        ("event_user_data", C.c_void_p),
        ("event_user_data_free", hr_finalizer),
        ("log_callback", hr_log_callback),
        ("log_user_data", C.c_void_p),
        ("log_user_data_free", hr_finalizer),
        ("log_level", C.c_int32),
        ("reserved", C.c_int32),
        ("record_callback", hr_record_callback),
        ("record_user_data", C.c_void_p),
        ("record_user_data_free", hr_finalizer),
    ]


class hr_submit_options(C.Structure):
    _fields_ = [
        ("struct_size", C.c_uint32),
        ("flags", C.c_uint32),
        ("timeout_ms", C.c_int64),
        ("user_data", C.c_void_p),
        ("user_data_free", hr_finalizer),
        ("overrides", C.c_void_p),
        ("overrides_size", C.c_size_t),
    ]


# Result and parameter types of each function.
FUNCTIONS: Dict[str, Tuple[Any, Any]] = {
    "hr_version": (C.c_uint32, []),
    "hr_version_string": (C.c_char_p, []),
    "hr_features": (C.c_char_p, []),
    "hr_error_init": (C.c_int32, [C.POINTER(hr_error), C.c_size_t]),
    "hr_error_name": (C.c_char_p, [C.c_int32]),
    "hr_error_description": (C.c_char_p, [C.c_int32]),
    "hr_router_options_init": (C.c_int32, [C.POINTER(hr_router_options), C.c_size_t]),
    "hr_router_new": (C.c_int32, [C.c_char_p, C.c_size_t, C.POINTER(hr_router_options), C.POINTER(hr_router), C.POINTER(hr_error)]),
    "hr_router_free": (C.c_int32, [C.POINTER(hr_router)]),
    "hr_router_reload": (C.c_int32, [hr_router, C.c_char_p, C.c_size_t, C.POINTER(hr_error)]),
    "hr_router_drain": (C.c_int32, [hr_router, C.c_int64, C.POINTER(hr_error)]),
    "hr_submit_options_init": (C.c_int32, [C.POINTER(hr_submit_options), C.c_size_t]),
    "hr_complete": (C.c_int32, [hr_router, C.c_char_p, C.c_size_t, C.POINTER(hr_submit_options), C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
    "hr_string_free": (None, [C.c_void_p]),
    "hr_submit": (C.c_int32, [hr_router, C.c_char_p, C.c_size_t, C.POINTER(hr_submit_options), C.POINTER(hr_request), C.POINTER(hr_error)]),
    "hr_cancel": (C.c_int32, [hr_request, C.POINTER(hr_error)]),
    "hr_poll": (C.c_int32, [hr_router, C.POINTER(hr_event), C.c_size_t, C.c_int64, C.POINTER(hr_error)]),
    "hr_dispatch": (C.c_int32, [hr_router, C.c_int64, C.POINTER(hr_error)]),
    "hr_event_fd": (C.c_int32, [hr_router, C.POINTER(hr_error)]),
    "hr_wake": (C.c_int32, [hr_router]),
    "hr_next": (C.c_int32, [hr_request, C.POINTER(hr_event), C.c_size_t, C.c_int64, C.POINTER(hr_error)]),
    "hr_wait": (C.c_int32, [hr_request, C.c_int64, C.POINTER(hr_error)]),
    "hr_request_free": (C.c_int32, [C.POINTER(hr_request)]),
    "hr_stats_json": (C.c_int32, [hr_router, C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
    "hr_metrics_text": (C.c_int32, [hr_router, C.c_int32, C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
    "hr_dashboard_html": (C.c_char_p, []),
    "hr_state_save": (C.c_int32, [hr_router, C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
    "hr_state_load": (C.c_int32, [hr_router, C.c_char_p, C.c_size_t, C.POINTER(hr_error)]),
    "hr_config_check": (C.c_int32, [C.c_char_p, C.c_size_t, C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
    "hr_config_schema": (C.c_char_p, []),
}

# Functions outside the stability promise; a library may lack them.
EXPERIMENTAL: Dict[str, Tuple[Any, Any]] = {
    "hr_sim_core": (C.c_int32, [C.c_char_p, C.c_size_t, C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
    "hr_sim_codec": (C.c_int32, [C.c_char_p, C.c_size_t, C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(hr_error)]),
}
