# SPDX-License-Identifier: Apache-2.0
"""What the events of a request amount to, and the rules every sequence of events obeys."""

import hashlib


def summarise(events):
    """One object for a request's events; keys are there only when something gave rise to them."""
    chunks = [event["data"] for event in events if event["type"] == "chunk"]
    result = {"events": events, "types": [event["type"] for event in events], **digest(chunks)}
    for event in events:
        if event["type"] == "start":
            result["start"] = event["data"]
            result["deployment"] = event["data"].get("deployment")
            result["start_ms"] = event["elapsed_ms"]
        elif event["type"] == "end":
            result["end"] = event["data"]
            result["code"] = event["code"]
            result["end_ms"] = event["elapsed_ms"]
            for field in ("origin", "http_status", "retriable", "retry_after_ms", "message"):
                result[field] = event[field]
    for event in events:
        if event["type"] == "chunk" and has_output(event["data"]):
            result["first_output_ms"] = event["elapsed_ms"]
            break
    return result


def digest(chunks):
    """Text, reasoning, tool calls, finish reasons and usage of chunks or of a whole answer."""
    result = {"chunks": len(chunks), "data": chunks}
    text, reasoning, calls, finishes, usages = [], [], {}, [], []
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        if isinstance(chunk.get("usage"), dict):
            usages.append(chunk["usage"])
        for choice in chunk.get("choices") or []:
            part = choice.get("delta") or choice.get("message") or {}
            text.append(part.get("content") or "")
            reasoning.append(part.get("reasoning_content") or part.get("reasoning") or "")
            if choice.get("finish_reason"):
                finishes.append(choice["finish_reason"])
            for position, call in enumerate(part.get("tool_calls") or []):
                _add_call(calls, call.get("index", position), call)
    result["text"] = "".join(text)
    result["reasoning"] = "".join(reasoning)
    result["text_size"] = len(result["text"])
    result["text_sha256"] = hashlib.sha256(result["text"].encode("utf-8", "surrogatepass")).hexdigest()
    result["tool_calls"] = [calls[index] for index in sorted(calls)]
    result["finishes"] = finishes
    if finishes:
        result["finish"] = finishes[-1]
    if usages:
        result["usage"] = usages[-1]
    return result


def _add_call(calls, index, call):
    entry = calls.setdefault(index, {"id": None, "name": "", "arguments": ""})
    function = call.get("function") or {}
    entry["id"] = entry["id"] or call.get("id")
    entry["name"] += function.get("name") or ""
    entry["arguments"] += function.get("arguments") or ""


def has_output(chunk):
    """Whether a chunk carries model output that is not empty."""
    if not isinstance(chunk, dict):
        return False
    for choice in chunk.get("choices") or []:
        part = choice.get("delta") or choice.get("message") or {}
        if any(part.get(key) for key in ("content", "reasoning_content", "reasoning", "refusal", "tool_calls")):
            return True
    return False


def broken_rules(events):
    """What is wrong with the order of a request's events; nothing, normally."""
    problems = []
    types = [event["type"] for event in events]
    if types.count("end") > 1:
        problems.append(f"{types.count('end')} END events")
    if "end" in types and types.index("end") != len(types) - 1:
        problems.append("events after the END")
    if types.count("start") > 1:
        problems.append(f"{types.count('start')} START events")
    if "chunk" in types and types[0] != "start":
        problems.append("a CHUNK before the START")
    elapsed = [event["elapsed_ms"] for event in events]
    if elapsed != sorted(elapsed) or any(value < 0 for value in elapsed):
        problems.append(f"elapsed_ms goes back: {elapsed[:20]}")
    for event in events:
        if isinstance(event["data"], dict) and "$invalid" in event["data"]:
            problems.append(f"{event['type']} data is not JSON: {event['data']['$invalid'][:100]!r}")
        if event["type"] == "end" and event["code"] == "HR_OK" and "start" not in types:
            problems.append("success without a START")
        if event["type"] == "end" and event["code"] != "HR_OK" and not event["message"]:
            problems.append("a failure without a message")
    return problems
