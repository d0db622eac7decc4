# SPDX-License-Identifier: Apache-2.0
"""Reads case files, refuses what is wrong with them, and expands each into the runs it stands for."""

import copy
import itertools
import json
import pathlib
import re

import jsonschema

import bytespec
import match
import mockd

HERE = pathlib.Path(__file__).resolve().parent
OP_MODIFIERS = {"comment", "expect", "error", "optional", "async"}
# A description states what is so; these words say what someone wishes.
WISHES = re.compile(r"\b(should|must|shall|ought)\b", re.IGNORECASE)
FILE_NAME = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*\.json$")


class CaseError(Exception):
    """A case file that cannot be used, and why."""


class Run:
    """One run of a case: the case with the matrix variables put in."""

    def __init__(self, case_id, document, axes, labels):
        self.case_id = case_id
        self.axes = axes
        suffix = ",".join(f"{name}={label}" for name, label in labels.items())
        self.id = f"{case_id}[{suffix}]" if suffix else case_id
        self.document = document
        self.kind = document["kind"]

    @property
    def requires(self):
        """Features this run needs of the testee or the machine."""
        needed = list(self.document.get("requires", []))
        if self.kind in ("core", "codec"):
            needed.append("sim")
        if "delivery" in self.axes:
            needed.append(self.axes["delivery"])
        if self.axes.get("http", "1.1") != "1.1":
            needed.append("nghttpx")
        for op in walk_ops(self.document.get("ops", [])):
            name = op_name(op)
            if name in ("call", "fork"):
                needed.append(name)
            options = op[name].get("options", {}) if isinstance(op[name], dict) else {}
            if isinstance(options, dict) and options.get("pull"):
                needed.append("pull")
            if isinstance(options, dict) and options.get("on_event"):
                needed.append("callback")
        return list(dict.fromkeys(needed))


def validator():
    schema = json.loads((HERE / "schema" / "case.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def load_tree(root, kinds=("core", "codec", "wire", "abi")):
    """Every run of every case under root/<kind>/; CaseError lists everything that is wrong."""
    check = validator()
    runs, problems, descriptions = [], [], {}
    for kind in kinds:
        for path in sorted((root / kind).glob("*.json")):
            case_id = f"{kind}/{path.stem}"
            try:
                document = read(path)
                runs += load(case_id, document, check)
                if not FILE_NAME.match(path.name):
                    raise CaseError("the file name is not lower case with hyphens")
                if document["kind"] != kind:
                    raise CaseError(f"kind {document['kind']} in the folder of {kind}")
                other = descriptions.setdefault(document["description"], case_id)
                if other != case_id:
                    raise CaseError(f"the description is that of {other}")
            except CaseError as error:
                problems.append(f"{case_id}: {error}")
    if problems:
        raise CaseError("\n".join(problems))
    return runs


def read(path):
    """A JSON document; a key given twice is an error."""
    def unique(pairs):
        keys = [key for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise CaseError(f"key {key!r} twice in one object")
        return dict(pairs)

    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except ValueError as error:
        raise CaseError(f"not JSON: {error}") from error


def load(case_id, document, check=None):
    """The runs of one case."""
    check = check or validator()
    runs = []
    for labels, axes in _permutations(document.get("matrix", {})):
        body = _substitute({k: v for k, v in document.items() if k != "matrix"}, axes)
        check_schema(body, check)
        check_references(body)
        runs.append(Run(case_id, body, axes, labels))
    return runs


def check_schema(document, check):
    if isinstance(document, dict) and document.get("schemaVersion", "1.0") != "1.0":
        raise CaseError(f"schemaVersion {document['schemaVersion']} is not one this driver knows")
    errors = list(check.iter_errors(document))
    # What is wrong inside a known key also makes that key "unevaluated": the cause says more than the consequence.
    causes = [error for error in errors if error.validator != "unevaluatedProperties"]
    error = jsonschema.exceptions.best_match(causes or errors)
    if error is not None:
        raise CaseError(f"{error.json_path}: {error.message[:300]}")
    if WISHES.search(document["description"]):
        raise CaseError("the description says what is wished, not what is so")
    try:
        for field in ("expect", "ops", "timeline"):
            if field in document:
                match.check_operators(document[field], field)
    except match.OperatorError as problem:
        raise CaseError(str(problem)) from problem


def check_references(document):
    """Names that are used must have been given, upstreams must exist, time must not go back."""
    at = 0
    for step in document.get("timeline", []):
        if not isinstance(step["at"], (int, float)) or step["at"] < at:
            raise CaseError(f"the timeline goes back to {step['at']}")
        at = step["at"]
    servers = set(document.get("server", {}))
    for name in document.get("config", {}).get("deployments", {}):
        if document["kind"] == "wire" and name not in servers and "api_base" not in json.dumps(
                document["config"]["deployments"][name]):
            raise CaseError(f"deployment {name} has no upstream in server")
    for name in document.get("expect", {}).get("server", {}):
        if name not in servers:
            raise CaseError(f"expect.server names {name}, which is no upstream")
    requests = _check_ops(document.get("ops", []), servers, set(), set())
    for name in document.get("expect", {}).get("requests", {}):
        if name not in requests and "{{" not in name:
            raise CaseError(f"expect.requests names {name}, which no op submits")


def _check_ops(ops, servers, requests, handles):
    for op in ops:
        name = op_name(op)
        argument = op[name]
        if name in ("submit", "run"):
            requests.add(argument.get("as", "r1"))
        elif name == "call" and "as" in argument:
            requests.add(argument["as"])
        elif name in ("collect", "next_event", "cancel", "wait", "request_free"):
            if argument["request"] not in requests and not argument["request"].endswith(".again"):
                raise CaseError(f"{name} names {argument['request']}, which no earlier op submits")
        elif name == "server_wait":
            for upstream in argument:
                if upstream not in servers:
                    raise CaseError(f"server_wait names {upstream}, which is no upstream")
        elif name == "await":
            if argument not in handles:
                raise CaseError(f"await names {argument}, which no earlier op starts")
        elif name == "repeat":
            _check_ops(argument["ops"], servers, requests, handles)
        elif name == "eventually":
            if "expect" not in argument:
                raise CaseError("eventually needs an op with expect")
        if "async" in op:
            handles.add(op["async"])
    return requests


def op_name(op):
    (name,) = set(op) - OP_MODIFIERS
    return name


def walk_ops(ops):
    """Every op, also those inside repeat and eventually."""
    for op in ops:
        yield op
        name = op_name(op)
        if name == "repeat":
            yield from walk_ops(op[name]["ops"])
        elif name == "eventually":
            yield from walk_ops([op[name]])


def _permutations(matrix):
    """Every combination of one value of each axis: its labels and its values.

    An axis is a list of values, or an object whose keys label its values.
    """
    if not isinstance(matrix, dict) or any(not isinstance(axis, (list, dict)) or not axis for axis in matrix.values()):
        raise CaseError("matrix: every axis is a list or an object with something in it")
    names = list(matrix)
    choices = [
        list(axis.items()) if isinstance(axis, dict) else [(_label(value), value) for value in axis]
        for axis in matrix.values()
    ]
    for combination in itertools.product(*choices):
        yield ({name: label for name, (label, _) in zip(names, combination)},
               {name: value for name, (_, value) in zip(names, combination)})


def _substitute(value, axes):
    """Put matrix variables in: `{"$$matrix": "x"}` and `{"$$matrix": "x.key"}` become the value, `{{x}}` its text."""
    if isinstance(value, list):
        return [_substitute(element, axes) for element in value]
    if isinstance(value, dict):
        if set(value) == {"$$matrix"}:
            return copy.deepcopy(_axis(value["$$matrix"], axes))
        return {key: _substitute(element, axes) for key, element in value.items()}
    if isinstance(value, str):
        for name, replacement in axes.items():
            value = value.replace("{{" + name + "}}", str(replacement))
    return value


def _axis(path, axes):
    value = axes
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            raise CaseError(f"the matrix has no axis {path}")
        value = value[part]
    return value


def _label(value):
    return value if isinstance(value, str) else bytespec.compact(value)[:40]


# ---- What the short forms of a case stand for ------------------------------------------------------------------------

DEAD_ADDRESS = "http://127.0.0.1:9"


def configuration(short, urls=None, http=None):
    """The configuration document: `deployments`, `settings` and `args` written out in full, anything else kept."""
    if "deployments" not in short:
        return _fill_urls(short, urls or {})
    document = {key: value for key, value in short.items() if key not in ("deployments", "settings", "args")}
    document["model_list"] = [
        _deployment(name, value, urls or {}, http) for name, value in short["deployments"].items()
    ]
    settings = dict(short.get("settings", {}))
    settings["routing_strategy_args"] = {"control_fraction": 0, **short.get("args", {})}
    document["router_settings"] = settings
    return _fill_urls(document, urls or {})


def _deployment(name, value, urls, http):
    params = {
        "model": f"{value.get('provider', 'openai')}/{name}-model",
        "api_base": urls.get(name, DEAD_ADDRESS) + value.get("path", "/v1"),
        "api_key": f"sk-test-{name}",
    }
    if http == "2":
        params["ca_file"] = mockd.certificate().file
    elif http == "2-prior-knowledge":
        params["http_version"] = http
    params.update(value.get("params", {}))
    return {
        "model_name": value.get("group", "m"),
        "litellm_params": {key: val for key, val in params.items() if val is not None},
        "model_info": {"id": name, **value.get("info", {})},
    }


def _fill_urls(value, urls):
    if isinstance(value, list):
        return [_fill_urls(element, urls) for element in value]
    if isinstance(value, dict):
        return {key: _fill_urls(element, urls) for key, element in value.items()}
    if isinstance(value, str) and "{{url:" in value:
        for name, url in urls.items():
            value = value.replace("{{url:" + name + "}}", url)
    return value


def chat(short):
    """The bytes spec of a request: `{"chat": {...}}` is a minimal request with these fields put in."""
    if isinstance(short, dict) and set(short) == {"chat"}:
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        body.update(short["chat"])
        return {"json": body}
    return bytespec.for_testee(short)
