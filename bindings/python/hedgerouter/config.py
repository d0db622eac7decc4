# SPDX-License-Identifier: Apache-2.0
"""Configuration documents in the forms Python programs have them."""

from __future__ import annotations

import ctypes
import json
import os
from pathlib import Path
from typing import Any, Dict, Mapping, Sequence, Union

from . import _bindings as b
from . import errors
from ._ffi import lib, new_error, take_string
from ._request import to_json

Config = Union[Mapping[str, Any], str, bytes, "os.PathLike[str]"]


def document(config: Config) -> bytes:
    """JSON text of a configuration: a mapping, JSON text, or the path of a JSON or YAML file.

    Text that starts with `{` is the document itself; other text is a path. YAML needs PyYAML.
    """
    if isinstance(config, Mapping):
        return to_json(dict(config))
    if isinstance(config, bytes):
        return config
    if isinstance(config, str) and config.lstrip().startswith("{"):
        return config.encode("utf-8")
    if not isinstance(config, (str, os.PathLike)):
        hint = '; a list of deployments goes into {"model_list": [...]}' if isinstance(config, Sequence) else ""
        kind = type(config).__name__
        raise TypeError(f"a configuration is a mapping, JSON text or the path of a file, not {kind}{hint}")
    path = Path(config)
    data = path.read_bytes()
    return from_yaml(data, path) if path.suffix.lower() in (".yaml", ".yml") else data


def from_yaml(data: bytes, path: Path) -> bytes:
    """YAML text as JSON text."""
    try:
        import yaml
    except ImportError:
        message = f"{path} is YAML, and reading YAML needs PyYAML: pip install pyyaml, or use JSON"
        raise errors.make(b.HR_E_CONFIG, message) from None
    try:
        loaded = yaml.safe_load(data)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
        message = f"{path} is not valid YAML{place}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        raise errors.make(b.HR_E_CONFIG, message) from None
    return to_json(loaded)


def check_config(config: Config) -> Dict[str, Any]:
    """Check a configuration without making a router.

    Returns `{"errors": [...], "warnings": [...]}`, each an array of objects with `path` and `message`; the
    configuration is good when `errors` is empty.
    """
    text = document(config)
    report, error = ctypes.c_void_p(), new_error()
    code = lib.hr_config_check(text, len(text), ctypes.byref(report), None, ctypes.byref(error))
    if code != b.HR_E_CONFIG or not report.value:
        errors.check(code, error)
    found: Dict[str, Any] = json.loads(take_string(report))
    return found


def config_schema() -> Dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the configuration document."""
    schema: Dict[str, Any] = json.loads(lib.hr_config_schema())
    return schema
