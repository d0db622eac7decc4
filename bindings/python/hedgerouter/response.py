# SPDX-License-Identifier: Apache-2.0
"""Answers and chunks: dictionaries whose keys are attributes too."""

from __future__ import annotations

import json
from typing import Any, Dict

# Fields OpenAI's objects always have and its JSON may leave out; read as None when it did.
OPTIONAL_FIELDS = frozenset(
    "audio content finish_reason function_call logprobs name reasoning_content refusal role service_tier "
    "system_fingerprint tool_calls usage".split()
)


class Response(Dict[str, Any]):
    """A JSON object of an answer: `r.choices[0].message.content` and `r["choices"]` both work.

    The outermost object of an answer has `hedgerouter`, the attempt log of the request, as an attribute; it is not
    a key, so that the answer itself stays what the provider said.
    """

    hedgerouter: Dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            if name in OPTIONAL_FIELDS:
                return None
            raise AttributeError(f"the object has no field '{name}'; it has: {', '.join(self)}") from None


def parse(data: bytes) -> Response:
    """The answer or chunk in JSON text; every object in it is a Response."""
    value = json.loads(data, object_hook=Response)
    return value if isinstance(value, Response) else Response(value=value)


def parse_report(data: bytes) -> Dict[str, Any]:
    """The plain JSON object of a START or END event."""
    report = json.loads(data) if data else {}
    return report if isinstance(report, dict) else {}
