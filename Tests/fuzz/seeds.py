#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn the conformance suite's recorded answers into inputs the fuzzer of the decoders starts from.

    seeds.py DIRECTORY

Writes DIRECTORY/codec/DECODER and DIRECTORY/frames (inputs of codec.c and frames.c) and DIRECTORY/words.dict, what
those answers are made of.
"""

import argparse
import hashlib
import json
import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
CASES = TESTS / "conformance/cases/codec"
sys.path.insert(0, str(TESTS / "conformance"))

import bytespec  # noqa: E402

STREAM, CLEAN, FURTHER = 1, 2, 4
LONGEST = 8192


def table(source, name):
    """The strings of a C array, first of each row."""
    body = re.search(rf"\b{name}\[\] = \{{(.*?)\n\}};", source, re.S).group(1)
    return re.findall(r'^\s*\{?\s*"([^"]+)",', body, re.M)


def target_of(case, names):
    """Which decoder of codec.c reads a case's answer; None for none."""
    provider, endpoint = case["provider"], case.get("endpoint", "")
    if endpoint in ("/v1/responses", "/v1/messages"):
        return endpoint.rsplit("/", 1)[1]
    if endpoint == "/v1/embeddings":
        kind = {"vertex_ai": "vertex"}.get(provider, provider)
        if provider == "bedrock":
            kind = "titan" if "titan" in case.get("model", "") else "bedrock"
        return f"embeddings-{kind}" if f"embeddings-{kind}" in names else None
    return provider if provider in names else {"vertex_ai": "gemini"}.get(provider, "openai")


def flags_of(case):
    """How the answer was asked for, as codec.c numbers it."""
    asked = case.get("request", {})
    flags = STREAM if case.get("stream", asked.get("stream")) else 0
    if case.get("include_usage") or case.get("stream_upstream"):
        flags |= FURTHER
    return flags | (CLEAN if case.get("end", "clean") == "clean" else 0)


def codec_seed(case, names, statuses):
    """A case as an input of codec.c."""
    status = case.get("status", 200)
    if status not in statuses:
        status = 400
    answer = b"".join(bytespec.build(piece) for piece in case["input"])
    target = target_of(case, names)
    if target is None or len(answer) > LONGEST:
        return None
    return bytes([names.index(target), flags_of(case), statuses.index(status), 6]) + answer


def frames_seed(case, types):
    """A case of frames as an input of frames.c; None if it has others."""
    seed = bytes([flags_of(case) & (STREAM | CLEAN), 6])
    for piece in case["input"]:
        frame = piece.get("aws") if isinstance(piece, dict) else None
        kind = frame and frame.get("event", frame.get("exception"))
        if not frame or "headers" in frame or "corrupt" in frame or kind not in types:
            return None
        payload = bytespec.compact(frame.get("payload", {})).encode()[:255]
        seed += bytes([types.index(kind), len(payload)]) + payload
    return seed if len(seed) > 2 else None


def words(answer, found):
    """Keys and short strings of a JSON value."""
    if isinstance(answer, dict):
        for key, value in answer.items():
            found.add(f'"{key}":')
            words(value, found)
    elif isinstance(answer, list):
        for value in answer:
            words(value, found)
    elif isinstance(answer, str) and re.fullmatch(r"[A-Za-z_.-]{3,40}", answer):
        found.add(f'"{answer}"')


def json_texts(value):
    """What a bytes spec has of JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("json", "sse", "payload") and not isinstance(inner, str):
                yield inner
            else:
                yield from json_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from json_texts(inner)


def write(folder, content):
    """An input, named by what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


def make(to):
    """Write the inputs and the words below the directory `to`; ends the program where a decoder has none."""
    codec = (TESTS / "fuzz/codec.c").read_text()
    names = table(codec, "targets")
    frames = (TESTS / "fuzz/frames.c").read_text()
    types = re.findall(r'"(\w+)",', re.search(r"types\[\] = \{(.*?)\};", frames, re.S)[1])
    statuses = [int(text) for text in re.search(r"statuses\[\] = \{(.*?)\}", codec)[1].split(",")]
    reached, found = set(), {"data: ", "event: ", "data: [DONE]\\x0a\\x0a", "\\x0d\\x0a", "error: "}
    for path in sorted(CASES.glob("*.json")):
        case = json.loads(path.read_text())
        if case.get("encode") or "input" not in case or "matrix" in case:
            continue
        for text in json_texts(case["input"]):
            words(text, found)
        seed = codec_seed(case, names, statuses)
        if seed:
            reached.add(names[seed[0]])
            write(to / "codec" / names[seed[0]], seed)
        seed = frames_seed(case, types)
        if seed:
            write(to / "frames", seed)
    (to / "words.dict").write_text(
        "".join('"{}"\n'.format(word.replace('"', '\\"')) for word in sorted(found)))
    missing = [name for name in names if name not in reached]
    if missing:
        sys.exit(f"no case is a seed for {', '.join(missing)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    make(parser.parse_args().directory)


if __name__ == "__main__":
    main()
