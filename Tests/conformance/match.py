# SPDX-License-Identifier: Apache-2.0
"""Does what happened match what a case expects?

An expected object is a subset of the actual one, at every depth; `{"$$exact": {...}}` allows no other keys. Arrays have
the same length and match in order. Numbers match by value, and true is not 1. An object whose keys start with `$$`
holds operators; all of them have to hold.
"""

import re

OPERATORS = {
    "$$exists", "$$type", "$$range", "$$oneOf", "$$bind", "$$ref", "$$unordered", "$$any", "$$regex", "$$contains",
    "$$exact", "$$not", "$$length",
}

TYPES = {
    "null": lambda v: v is None,
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "string": lambda v: isinstance(v, str),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


class Missing:
    """Stands for a key that is not there."""

    def __repr__(self):
        return "(missing)"


MISSING = Missing()


class Mismatch(Exception):
    """What was found is not what was expected; the text says where."""


class OperatorError(Exception):
    """An operator is written wrongly: an error of the case, not of what is tested."""


def is_operator(value):
    return isinstance(value, dict) and any(key.startswith("$$") for key in value)


def match(expected, actual, bindings=None, path="$"):
    """Raise Mismatch unless `actual` is as `expected`; `$$bind` adds to `bindings`."""
    if bindings is None:
        bindings = {}
    if is_operator(expected):
        for name, argument in expected.items():
            _operator(name, argument, actual, bindings, path)
        return
    if actual is MISSING:
        raise Mismatch(f"{path}: missing, expected {_short(expected)}")
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            raise Mismatch(f"{path}: {_short(actual)} is not an object")
        for key, value in expected.items():
            match(value, actual.get(key, MISSING), bindings, f"{path}.{key}")
    elif isinstance(expected, list):
        if not isinstance(actual, list):
            raise Mismatch(f"{path}: {_short(actual)} is not an array")
        if len(expected) != len(actual):
            raise Mismatch(f"{path}: {len(actual)} elements, expected {len(expected)}: {_short(actual, 600)}")
        for index, (want, got) in enumerate(zip(expected, actual)):
            match(want, got, bindings, f"{path}[{index}]")
    elif not _equal(expected, actual):
        raise Mismatch(f"{path}: {_short(actual)}, expected {_short(expected)}")


def matches(expected, actual, bindings):
    """Whether it matches; `bindings` is extended only if so."""
    trial = dict(bindings)
    try:
        match(expected, actual, trial)
    except Mismatch:
        return False
    bindings.update(trial)
    return True


def _equal(expected, actual):
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        return expected == actual
    return type(expected) is type(actual) and expected == actual


def _short(value, limit=200):
    text = repr(value)
    return text if len(text) <= limit else text[:limit] + "..."


def _operator(name, argument, actual, bindings, path):
    if name == "$$exists":
        if (actual is not MISSING) is not argument:
            raise Mismatch(f"{path}: {'missing' if argument else 'is there: ' + _short(actual)}")
        return
    if name == "$$not":
        if actual is MISSING or matches(argument, actual, dict(bindings)):
            raise Mismatch(f"{path}: {_short(actual)} matches {_short(argument)}")
        return
    if name not in OPERATORS:
        raise OperatorError(f"{path}: unknown operator {name}")
    if actual is MISSING and name != "$$oneOf":
        raise Mismatch(f"{path}: missing")
    _VALUE_OPERATORS[name](argument, actual, bindings, path)


def _type(argument, actual, bindings, path):
    kinds = argument if isinstance(argument, list) else [argument]
    for kind in kinds:
        if kind not in TYPES:
            raise OperatorError(f"{path}: unknown type {kind}")
    if not any(TYPES[kind](actual) for kind in kinds):
        raise Mismatch(f"{path}: {_short(actual)} is not {'/'.join(kinds)}")


def _range(argument, actual, bindings, path):
    low, high = argument
    if not TYPES["number"](actual):
        raise Mismatch(f"{path}: {_short(actual)} is not a number")
    if low is not None and actual < low or high is not None and actual > high:
        raise Mismatch(f"{path}: {actual} is not within {argument}")


def _one_of(argument, actual, bindings, path):
    if not any(matches(choice, actual, bindings) for choice in argument):
        raise Mismatch(f"{path}: {_short(actual)} is none of {_short(argument)}")


def _bind(argument, actual, bindings, path):
    if argument in bindings:
        raise OperatorError(f"{path}: {argument} is bound twice")
    bindings[argument] = actual


def _ref(argument, actual, bindings, path):
    if argument not in bindings:
        raise OperatorError(f"{path}: {argument} is not bound")
    if not _equal(bindings[argument], actual):
        raise Mismatch(f"{path}: {_short(actual)}, expected {argument} = {_short(bindings[argument])}")


def _unordered(argument, actual, bindings, path):
    if not isinstance(actual, list):
        raise Mismatch(f"{path}: {_short(actual)} is not an array")
    if len(argument) != len(actual):
        raise Mismatch(f"{path}: {len(actual)} elements, expected {len(argument)}: {_short(actual, 600)}")
    if not _assign(argument, actual, bindings):
        raise Mismatch(f"{path}: {_short(actual, 600)} is not {_short(argument, 600)} in any order")


def _contains(argument, actual, bindings, path):
    if isinstance(actual, str):
        if not isinstance(argument, str):
            raise OperatorError(f"{path}: $$contains on a string needs a string")
        if argument not in actual:
            raise Mismatch(f"{path}: {_short(actual)} does not contain {_short(argument)}")
    elif isinstance(actual, list):
        wanted = argument if isinstance(argument, list) else [argument]
        if not _assign(wanted, actual, bindings):
            raise Mismatch(f"{path}: {_short(actual, 600)} does not contain {_short(wanted)}")
    else:
        raise Mismatch(f"{path}: {_short(actual)} is neither a string nor an array")


def _assign(wanted, actual, bindings):
    """Give each wanted element an actual one of its own, trying all ways; extend `bindings` if that works."""
    def place(index, free, env):
        if index == len(wanted):
            return env
        for candidate in free:
            trial = dict(env)
            if matches(wanted[index], actual[candidate], trial):
                found = place(index + 1, free - {candidate}, trial)
                if found is not None:
                    return found
        return None

    result = place(0, frozenset(range(len(actual))), dict(bindings))
    if result is None:
        return False
    bindings.update(result)
    return True


def _any(argument, actual, bindings, path):
    pass


def _regex(argument, actual, bindings, path):
    if not isinstance(actual, str) or re.search(argument, actual) is None:
        raise Mismatch(f"{path}: {_short(actual)} does not match /{argument}/")


def _exact(argument, actual, bindings, path):
    if not isinstance(actual, dict) or set(actual) != set(argument):
        raise Mismatch(f"{path}: {_short(actual, 600)} is not exactly {_short(argument, 600)}")
    match(argument, actual, bindings, path)


def _length(argument, actual, bindings, path):
    if not isinstance(actual, (str, list, dict)):
        raise Mismatch(f"{path}: {_short(actual)} has no length")
    match(argument, len(actual), bindings, f"{path}.length")


_VALUE_OPERATORS = {
    "$$type": _type, "$$range": _range, "$$oneOf": _one_of, "$$bind": _bind, "$$ref": _ref, "$$unordered": _unordered,
    "$$any": _any, "$$regex": _regex, "$$contains": _contains, "$$exact": _exact, "$$length": _length,
}


def check_operators(value, path="$"):
    """Raise OperatorError for operators that could never be evaluated; cases are refused for that before they run."""
    if isinstance(value, list):
        for index, element in enumerate(value):
            check_operators(element, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    names = [key for key in value if key.startswith("$$")]
    if names and len(names) != len(value):
        raise OperatorError(f"{path}: operators and plain keys in one object")
    for key, argument in value.items():
        if key in names:
            _check_operator(key, argument, path)
        if key != "$$bind" and key != "$$ref":
            check_operators(argument, f"{path}.{key}")


def _check_operator(name, argument, path):
    ok = {
        "$$exists": lambda a: isinstance(a, bool),
        "$$type": lambda a: all(k in TYPES for k in (a if isinstance(a, list) else [a])),
        "$$range": lambda a: isinstance(a, list) and len(a) == 2 and all(
            b is None or TYPES["number"](b) for b in a) and (None in a or a[0] <= a[1]),
        "$$oneOf": lambda a: isinstance(a, list) and len(a) > 0,
        "$$bind": lambda a: isinstance(a, str),
        "$$ref": lambda a: isinstance(a, str),
        "$$unordered": lambda a: isinstance(a, list),
        "$$regex": _is_regex,
        "$$exact": lambda a: isinstance(a, dict),
        "$$any": lambda a: a == 1,
    }
    if name not in OPERATORS:
        raise OperatorError(f"{path}: unknown operator {name}")
    if name in ok and not ok[name](argument):
        raise OperatorError(f"{path}: {name} cannot take {_short(argument)}")


def _is_regex(argument):
    try:
        re.compile(argument)
    except (re.error, TypeError):
        return False
    return True
