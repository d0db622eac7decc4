# SPDX-License-Identifier: Apache-2.0
"""The published JSON Schema is a valid schema, and judges the documents of cases.json as they say."""

import json
import pathlib

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "config.schema.json").read_text(encoding="utf-8"))
CASES = json.loads((pathlib.Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))["cases"]


def document_of(case):
    if "document" in case:
        return case["document"]
    parameters = {"model": "openai/gpt-4o", "api_key": "k"} | case.get("parameters", {})
    entry = {"model_name": "m", "litellm_params": parameters} | case.get("entry", {})
    settings = dict(case.get("settings", {}))
    if "arguments" in case:
        settings["routing_strategy_args"] = case["arguments"]
    return {"model_list": [entry]} | ({"router_settings": settings} if settings else {})


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("case", [case for case in CASES if "text" not in case], ids=lambda case: case["description"])
def test_the_schema_judges_as_the_library_does(case):
    expected = case.get("schema", not case.get("errors"))
    found = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(document_of(case)))
    assert (not found) == expected, [error.message for error in found]
