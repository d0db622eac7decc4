# SPDX-License-Identifier: Apache-2.0
"""What the official OpenAI client's own types say of chunks and answers; needs the package `openai`."""

import json

from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel, ValidationError

KINDS = {
    "chat.completion.chunk": ChatCompletionChunk,
    "chat.completion": ChatCompletion,
    "list": CreateEmbeddingResponse,
}


def kind(data):
    """The type that describes a chunk or an answer; None for what the client has no type for."""
    if not isinstance(data, dict):
        return None
    vectors = data.get("data") if data.get("object") == "list" else None
    if isinstance(vectors, list) and any(isinstance(each.get("embedding"), str) for each in vectors):
        return None  # Base64, which the client decodes before its types see it
    return KINDS.get(data.get("object"))


def problems(data):
    """What a strict reading finds wrong; nothing for what is right, or has no type."""
    model = kind(data)
    if model is None:
        return []
    try:
        model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        return [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return []


def strangers(data):
    """Names of members that the client's types do not have, at any depth, in order of appearance."""
    found = []

    def walk(value):
        if isinstance(value, BaseModel):
            for name in value.model_extra or {}:
                if name not in found:
                    found.append(name)
            for name in type(value).model_fields:
                walk(getattr(value, name, None))
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(kind(data).model_validate_json(json.dumps(data), strict=True))
    return found
