# SPDX-License-Identifier: Apache-2.0
"""Bytes as cases write them down: text, base64, repetitions, and the frames providers send.

The specs of PROTOCOL.md section 2 (json, text, base64, repeat, concat) go to a testee as they are; the other ones are
shorthands of the case files, which the driver turns into bytes before anything leaves it.
"""

import base64
import gzip
import json
import struct
import zlib

WIRE_SPECS = {"json", "text", "base64", "repeat", "concat"}
SHORTHANDS = {"sse", "aws", "gzip", "hex"}
EVENT_KEYS = {"sse", "event"}


class SpecError(ValueError):
    """A bytes spec that cannot be read."""


def is_spec(value):
    """Whether a JSON object is a bytes spec, of the protocol or a shorthand."""
    if not isinstance(value, dict):
        return False
    keys = set(value)
    return keys <= EVENT_KEYS and "sse" in keys or len(keys) == 1 and keys <= WIRE_SPECS | SHORTHANDS


def compact(value):
    """JSON text without spaces, non-ASCII characters as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def build(spec):
    """The bytes a spec stands for. A plain string is its UTF-8."""
    if isinstance(spec, str):
        return spec.encode("utf-8", "surrogatepass")
    if not is_spec(spec):
        raise SpecError(f"not a bytes spec: {compact(spec)[:80]}")
    if "sse" in spec:
        return sse(spec["sse"], spec.get("event"))
    ((kind, value),) = spec.items()
    if kind == "json":
        return compact(value).encode()
    if kind == "text":
        return value.encode("utf-8", "surrogatepass")
    if kind == "base64":
        return base64.b64decode(value, validate=True)
    if kind == "hex":
        return bytes.fromhex(value)
    if kind == "repeat":
        return build(value["of"]) * value["count"]
    if kind == "concat":
        return b"".join(build(part) for part in value)
    if kind == "gzip":
        return gzip.compress(build(value), mtime=0)
    return aws_frame(value)


def for_testee(spec):
    """The spec in the vocabulary of PROTOCOL.md: shorthands become base64, repetitions stay small."""
    if isinstance(spec, str):
        return {"text": spec}
    if not is_spec(spec):
        raise SpecError(f"not a bytes spec: {compact(spec)[:80]}")
    if "repeat" in spec:
        return {"repeat": {"of": for_testee(spec["repeat"]["of"]), "count": spec["repeat"]["count"]}}
    if "concat" in spec:
        return {"concat": [for_testee(part) for part in spec["concat"]]}
    if set(spec) <= WIRE_SPECS:
        return spec
    return {"base64": base64.b64encode(build(spec)).decode()}


def sse(data, event=None):
    """One server-sent event; `data` is JSON, or a string to send as it is."""
    text = data if isinstance(data, str) else compact(data)
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {text}\n\n".encode()


def aws_frame(value):
    """One frame of application/vnd.amazon.eventstream.

    `event` or `exception` names its type and `payload` is its JSON; `headers` adds string headers, `corrupt` names a
    checksum to spoil (`prelude` or `message`).
    """
    headers = {}
    if "event" in value:
        headers = {":event-type": value["event"], ":content-type": "application/json", ":message-type": "event"}
    elif "exception" in value:
        headers = {":exception-type": value["exception"], ":content-type": "application/json",
                   ":message-type": "exception"}
    headers.update(value.get("headers", {}))
    block = b""
    for name, text in headers.items():
        raw = text.encode()
        block += struct.pack(">B", len(name)) + name.encode() + b"\x07" + struct.pack(">H", len(raw)) + raw
    payload = compact(value.get("payload", {})).encode()
    prelude = struct.pack(">II", len(block) + len(payload) + 16, len(block))
    corrupt = value.get("corrupt")
    prelude += struct.pack(">I", zlib.crc32(prelude) ^ (corrupt == "prelude"))
    frame = prelude + block + payload
    return frame + struct.pack(">I", zlib.crc32(frame) ^ (corrupt == "message"))
