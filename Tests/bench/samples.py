# SPDX-License-Identifier: Apache-2.0
"""What the benchmark of encoders and decoders works on: one request, and the same answer as each provider streams it."""

import base64
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import bytespec  # noqa: E402

CHUNKS = 100

# Instructions, an image, two tool calls with their results, two tools and a compulsory one: 1.2 kB.
REQUEST = {
    "model": "m", "stream": True, "max_tokens": 50, "stop": "END",
    "messages": [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is in this picture, and how is the weather there?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "iVBORw0KGgo" * 16}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"x\":1}"}},
            {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": ""}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a harbour"},
        {"role": "tool", "tool_call_id": "call_2", "content": "rain"}],
    "tools": [
        {"type": "function", "function": {
            "name": "look", "description": "Looks closer.",
            "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}},
        {"type": "function", "function": {"name": "weather"}}],
    "tool_choice": "required", "parallel_tool_calls": False,
}

# The same question in other dialects, which pass as they are.
DIALECTS = {
    "responses": {
        "provider": "openai", "endpoint": "/v1/responses",
        "request": {"model": "m", "stream": True, "max_output_tokens": 50, "input": REQUEST["messages"][1]["content"],
                    "tools": REQUEST["tools"]}},
    "messages": {
        "provider": "anthropic", "endpoint": "/v1/messages",
        "request": {"model": "m", "stream": True, "max_tokens": 50, "messages": REQUEST["messages"][1:2],
                    "tools": REQUEST["tools"]}},
}

# What an endpoint needs besides a model.
ENDPOINTS = {
    "openai": {}, "azure": {"api_base": "https://r.openai.azure.com", "api_version": "v1"}, "mistral": {},
    "anthropic": {"model": "claude-sonnet-4-5"}, "gemini": {"model": "gemini-3-flash"},
    "bedrock": {"model": "anthropic.claude-sonnet-4-5-v1:0", "aws_region_name": "us-east-1",
                "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI"},
    "cohere": {}, **DIALECTS,
}


def encoding(provider, times):
    """The script that encodes the request so many times."""
    script = {"provider": provider, "encode": True, "request": REQUEST, "drop_params": True, "repeat": times}
    return {**script, **ENDPOINTS[provider]}


def decoding(provider, times):
    """The script that decodes the answer so many times, each frame in a read of its own."""
    frames = [base64.b64encode(frame).decode() for frame in STREAMS[provider]()]
    script = {"provider": provider, "stream": True, "include_usage": True, "received_at": 1, "repeat": times,
              "input": [{"base64": frame} for frame in frames]}
    return {**script, **DIALECTS.get(provider, {})}


def words():
    """The pieces of the answer."""
    return [f" word{index}" for index in range(CHUNKS)]


def openai():
    """Chunks as OpenAI sends them, obfuscation included."""
    head = {"id": "chatcmpl-AZ1", "object": "chat.completion.chunk", "created": 1790000000, "model": "gpt-x",
            "service_tier": "default", "system_fingerprint": "fp_1"}

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return bytespec.sse({**head, "choices": [choice], "usage": None, "obfuscation": "a1B2c3"})

    yield chunk({"role": "assistant", "content": "", "refusal": None})
    yield from (chunk({"content": word}) for word in words())
    yield chunk({}, "stop")
    usage = {"prompt_tokens": 9, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 9}
    yield bytespec.sse({**head, "choices": [], "usage": usage})
    yield bytespec.sse("[DONE]")


def anthropic():
    """Events of the Messages API."""
    def event(kind, **members):
        return bytespec.sse({"type": kind, **members}, kind)

    yield event("message_start", message={
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None,
        "usage": {"input_tokens": 9, "output_tokens": 1}})
    yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words():
        yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield event("content_block_stop", index=0)
    yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
                usage={"output_tokens": CHUNKS})
    yield event("message_stop")


def gemini():
    """Responses of streamGenerateContent."""
    for index, word in enumerate(words()):
        candidate = {"content": {"role": "model", "parts": [{"text": word}]}, "index": 0}
        if index == CHUNKS - 1:
            candidate["finishReason"] = "STOP"
        yield bytespec.sse({
            "candidates": [candidate],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": index + 1, "totalTokenCount": index + 10},
            "modelVersion": "gemini-x", "responseId": "r1"}).replace(b"\n", b"\r\n")


def bedrock():
    """Frames of ConverseStream."""
    def frame(event, **payload):
        return bytespec.aws_frame({"event": event, "payload": {**payload, "p": "abcdefgh"}})

    yield frame("messageStart", role="assistant")
    for word in words():
        yield frame("contentBlockDelta", contentBlockIndex=0, delta={"text": word})
    yield frame("contentBlockStop", contentBlockIndex=0)
    yield frame("messageStop", stopReason="end_turn")
    yield frame("metadata", usage={"inputTokens": 9, "outputTokens": CHUNKS, "totalTokens": CHUNKS + 9},
                metrics={"latencyMs": 1})


def cohere():
    """Events of Cohere's second version."""
    def event(kind, **members):
        return bytespec.sse({"type": kind, **members}, kind)

    yield event("message-start", id="c1", delta={"message": {"role": "assistant", "content": []}})
    yield event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
    for word in words():
        yield event("content-delta", index=0, delta={"message": {"content": {"text": word}}})
    yield event("content-end", index=0)
    yield event("message-end", delta={
        "finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 9, "output_tokens": CHUNKS}}})


def responses():
    """Events of the Responses API."""
    def event(kind, number, **members):
        return bytespec.sse({"type": kind, "sequence_number": number, **members}, kind)

    yield event("response.created", 0, response={"id": "resp_1", "object": "response", "output": []})
    for index, word in enumerate(words()):
        yield event("response.output_text.delta", index + 1, item_id="msg_1", output_index=0, content_index=0,
                    delta=word, logprobs=[])
    yield event("response.completed", CHUNKS + 1, response={
        "id": "resp_1", "object": "response", "output": [], "usage": {"input_tokens": 9, "output_tokens": CHUNKS}})


STREAMS = {"openai": openai, "azure": openai, "mistral": openai, "anthropic": anthropic, "gemini": gemini,
           "bedrock": bedrock, "cohere": cohere, "responses": responses, "messages": anthropic}


def lines(times):
    """Pairs of scripts as the program reads them: once, and `times` times more."""
    for provider in ENDPOINTS:
        for script in (encoding, decoding):
            for count in (1, times + 1):
                yield json.dumps(script(provider, count)) + "\n"
