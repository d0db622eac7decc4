# SPDX-License-Identifier: Apache-2.0
"""Between the protocol's JSON and Python."""

import base64
import json

from hedgerouter._ffi import lib
from hedgerouter.errors import ORIGINS


class Broken(Exception):
    """The testee is at a loss."""


class Skipped(Exception):
    """This language cannot express the op."""


def bytes_of(spec):
    """Evaluate a bytes spec."""
    if not isinstance(spec, dict) or len(spec) != 1:
        raise Broken("malformed bytes spec")
    (kind, value), = spec.items()
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if kind == "text":
        return value.encode("utf-8", "surrogatepass")
    if kind == "base64":
        return base64.b64decode(value, validate=True)
    if kind == "repeat":
        return bytes_of(value["of"]) * value["count"]
    if kind == "concat":
        return bytes().join(bytes_of(part) for part in value)
    raise Broken("malformed bytes spec")


def parsed(text):
    """The JSON value in a text, or the text marked as invalid."""
    try:
        return json.loads(text)
    except ValueError:
        return {"$invalid": text.decode("utf-8", "replace")}


def error_object(error):
    """An exception of the package as the driver wants it."""
    return {"code": error.name, "origin": error.origin, "http_status": error.http_status or 0,
            "retriable": error.retriable, "path": error.path or "", "message": error.message,
            "retry_after_ms": -1 if error.retry_after_ms is None else error.retry_after_ms}


def struct_error(error):
    """An hr_error as the driver wants it."""
    return {"code": lib.hr_error_name(error.code).decode(), "origin": ORIGINS.get(error.origin, "(unknown)"),
            "http_status": error.http_status, "retriable": bool(error.retriable),
            "retry_after_ms": error.retry_after_ms, "path": error.path.decode("utf-8", "replace"),
            "message": error.message.decode("utf-8", "replace")}
