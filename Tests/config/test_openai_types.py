# SPDX-License-Identifier: Apache-2.0
"""Whatever a provider speaks, the official OpenAI client's own types accept every chunk and answer, strictly."""

import base64
import ctypes
import json
import os
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = pathlib.Path(os.environ.get("HR_LIBRARY", ROOT / ".build" / "dist" / "lib" / "libhedgerouter.so.0"))
CASES = ROOT / "Tests" / "conformance" / "cases" / "codec"
TRANSLATED = ("anthropic", "cohere", "gemini", "vertex_ai", "bedrock")
FIELDS = ("provider", "stream", "include_usage", "status", "headers", "received_at", "model", "api_key", "end", "request",
          "endpoint", "stream_upstream")

sys.path.insert(0, str(ROOT / "Tests" / "conformance"))
import bytespec  # noqa: E402
import official  # noqa: E402

# Members of answers that OpenAI's format has no room for, under the names other routers give them.
EXTENSIONS = {"reasoning_content", "thinking_blocks", "citations", "images", "extra_content", "cache_write_tokens",
              "vertex_ai_citation_metadata", "vertex_ai_grounding_metadata"}


def translated():
    for path in sorted(CASES.glob("*.json")):
        case = json.loads(path.read_text())
        if case["provider"] in TRANSLATED and "input" in case and not case.get("endpoint", "").endswith(
                ("/responses", "/messages")):
            yield pytest.param(case, id=path.stem)


@pytest.fixture(scope="module")
def library():
    assert LIBRARY.exists(), "run make first"
    return ctypes.CDLL(str(LIBRARY))


def decoded(library, case):
    script = {key: case[key] for key in FIELDS if key in case}
    script.setdefault("stream", True)
    script["input"] = [{"base64": base64.b64encode(bytespec.build(piece)).decode()} for piece in case["input"]]
    text = json.dumps(script).encode()
    out, size = ctypes.c_char_p(), ctypes.c_size_t()
    assert library.hr_sim_codec(text, ctypes.c_size_t(len(text)), ctypes.byref(out), ctypes.byref(size), None) == 0
    try:
        return json.loads(ctypes.string_at(out, size.value))["events"]
    finally:
        library.hr_string_free(out)


@pytest.mark.parametrize("case", list(translated()))
def test_types_accept_every_chunk(library, case):
    for event in decoded(library, case):
        chunk = event.get("chunk")
        if official.kind(chunk) is None:
            continue
        assert official.problems(chunk) == []
        assert set(official.strangers(chunk)) <= EXTENSIONS


def test_types_refuse_what_is_wrong():
    wrong = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": "0", "delta": {"new": 1}, "finish_reason": "eos"}]}
    assert len(official.problems(wrong)) == 2
    right = {**wrong, "choices": [{"index": 0, "delta": {"new": 1}, "finish_reason": "stop"}]}
    assert official.problems(right) == [] and official.strangers(right) == ["new"]


def test_there_are_cases_of_every_format():
    assert {param.values[0]["provider"] for param in translated()} >= {"anthropic", "cohere", "gemini", "bedrock"}
