# SPDX-License-Identifier: Apache-2.0
"""The header's interface only grows, and the comparison that says so notices what it must."""

import copy
import json

import abi
import pytest


@pytest.fixture(scope="module")
def committed():
    return json.loads(abi.COMMITTED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def current():
    return abi.describe()


def test_header_has_only_grown_since_the_committed_description(committed, current):
    assert abi.changes(committed, current) == []


def test_committed_description_is_complete(committed, current):
    assert abi.additions(committed, current) == [], "run Tests/abi/abi.py --update"


def test_description_covers_the_whole_header(current):
    text = abi.HEADER.read_text(encoding="utf-8")
    assert len(current["functions"]) == text.count("\nHR_API ")
    assert {"hr_error", "hr_event", "hr_router", "hr_request", "hr_router_options", "hr_submit_options"} <= set(
        current["structs"])
    assert current["constants"]["HR_E_INTERNAL"] == -99
    assert all("offset" in field for struct in current["structs"].values() for field in struct["fields"])


def removed_function(now):
    del now["functions"]["hr_poll"]


def changed_prototype(now):
    now["functions"]["hr_poll"] = now["functions"]["hr_poll"].replace("int64_t", "int32_t")


def changed_callback(now):
    now["callbacks"]["hr_finalizer"] = "int (*)(void *)"


def changed_constant(now):
    now["constants"]["HR_E_CLOSED"] = -5


def removed_struct(now):
    del now["structs"]["hr_event"]


def swapped_fields(now):
    fields = now["structs"]["hr_event"]["fields"]
    fields[1], fields[2] = fields[2], fields[1]


def removed_last_field(now):
    now["structs"]["hr_event"]["fields"].pop()


def grown_handle(now):
    now["structs"]["hr_router"]["fields"].append({"name": "more", "type": "uint64_t", "offset": 8, "size": 8})
    now["structs"]["hr_router"]["size"] = 16


def field_in_old_padding(now):
    struct = now["structs"]["hr_event"]
    struct["fields"].append({"name": "more", "type": "int32_t", "offset": struct["size"] - 4, "size": 4})


@pytest.mark.parametrize("change", [removed_function, changed_prototype, changed_callback, changed_constant,
                                    removed_struct, swapped_fields, removed_last_field, grown_handle,
                                    field_in_old_padding])
def test_comparison_refuses(change, committed):
    now = copy.deepcopy(committed)
    change(now)
    assert abi.changes(committed, now)


def test_comparison_allows_additions(committed):
    now = copy.deepcopy(committed)
    now["functions"]["hr_new"] = "int32_t (void)"
    now["constants"]["HR_E_NEW"] = -50
    struct = now["structs"]["hr_event"]
    struct["fields"].append({"name": "more", "type": "int64_t", "offset": struct["size"], "size": 8})
    struct["size"] += 8
    assert abi.changes(committed, now) == []
    assert abi.additions(committed, now) == ["hr_new", "HR_E_NEW", "hr_event.more"]
