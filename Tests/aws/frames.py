#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write frames.json: event streams of all kinds with what botocore reads in them.

Needs botocore, which decodes such streams and does not make them; the tests that read the file do not need it.
Usage: frames.py > frames.json
"""

import base64
import json
import random
import struct
import sys
import zlib

from botocore.eventstream import EventStreamBuffer, ParserError

EVENTS = ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "neu"]
EXCEPTIONS = ["throttlingException", "modelStreamErrorException", "internalServerException", "validationException"]
TEXTS = ["", "a", "é", "模型 says \"no\"", "\u2028", "x" * 60]


def header(name, kind, value):
    encoded = name.encode()
    return struct.pack("!B", len(encoded)) + encoded + bytes([kind]) + value


def string(name, text, kind=7):
    encoded = text.encode()
    return header(name, kind, struct.pack("!H", len(encoded)) + encoded)


def odd(chance, number):
    """A header nobody asks for, of any type."""
    kind = chance.randrange(10)
    name = f"x-{number}" + chance.choice(["", "é", "-" * 40])
    if kind in (6, 7):
        return string(name, chance.choice(TEXTS), kind)
    size = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}[kind]
    return header(name, kind, chance.randbytes(size))


def frame(chance):
    kind = chance.choice(["event"] * 8 + ["exception", "error", "other", None])
    parts = [odd(chance, number) for number in range(chance.choice([0, 0, 0, 1, 3]))]
    if kind is not None:
        parts.append(string(":message-type", kind))
    if kind == "event":
        parts += [string(":event-type", chance.choice(EVENTS)), string(":content-type", "application/json")]
    elif kind == "exception":
        parts += [string(":exception-type", chance.choice(EXCEPTIONS)), string(":content-type", "application/json")]
    elif kind == "error":
        parts += [string(":error-code", "InternalError"), string(":error-message", chance.choice(TEXTS))]
    chance.shuffle(parts)
    if parts and chance.random() < 0.02:
        parts.append(parts[0])
    block = b"".join(parts)
    body = {"contentBlockIndex": 0, "delta": {"text": chance.choice(TEXTS)}, "p": "abcdef"[:chance.randrange(7)]}
    payload = chance.choice([b"", chance.randbytes(20)] + [json.dumps(body, ensure_ascii=False).encode()] * 4)
    prelude = struct.pack("!II", len(block) + len(payload) + 16, len(block))
    prelude += struct.pack("!I", zlib.crc32(prelude))
    whole = prelude + block + payload
    return whole + struct.pack("!I", zlib.crc32(whole))


def stream(chance):
    content = b"".join(frame(chance) for _ in range(chance.randrange(1, 6)))
    change = chance.random()
    if change < 0.15:
        content = content[:chance.randrange(len(content))]
    elif change < 0.35:
        place = chance.randrange(len(content))
        content = content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1:]
    return content


def one(chance):
    content = stream(chance)
    buffer = EventStreamBuffer()
    buffer.add_data(content)
    messages, problem, used = [], None, 0
    while problem is None:
        try:
            event = buffer.next()
        except StopIteration:
            break
        except ParserError as error:
            problem = type(error).__name__
            break
        used += event.prelude.total_length
        # A name counts for what it says only with a text: botocore shows bytes and texts apart.
        headers = {name: value for name, value in event.headers.items() if isinstance(value, str)}
        kind = headers.get(":message-type")
        names = {"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}
        messages.append({"kind": kind if kind in names else "other", "type": headers.get(names.get(kind), ""),
                         "payload": base64.b64encode(event.payload).decode()})
    return {"stream": base64.b64encode(content).decode(), "messages": messages, "problem": problem,
            "rest": None if problem else len(content) - used}


def main():
    chance = random.Random(20260102)
    cases = ",\n".join(json.dumps(one(chance)) for _ in range(200))
    sys.stdout.write(f"[\n{cases}\n]\n")


if __name__ == "__main__":
    main()
