from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.vector.filters import FilterError, read_filter

POINT = {"topic": "billing", "year": 2020, "tags": ["a", "b"], "deep": {"er": 3}, "flag": True, "text": "Pay the bill"}


def passes(body: Any) -> bool:
    condition = read_filter(body)
    return condition is None or condition(7, POINT)


def match(key: str, **what: Any) -> dict[str, Any]:
    return {"key": key, "match": what}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, True),
        ({}, True),
        ({"must": [match("topic", value="billing")]}, True),
        ({"must": match("topic", value="billing")}, True),
        ({"must": [match("topic", value="billing"), match("year", value=1999)]}, False),
        ({"should": [match("topic", value="x"), match("year", value=2020)]}, True),
        ({"should": [match("topic", value="x")]}, False),
        ({"must_not": [match("topic", value="billing")]}, False),
        ({"must": [match("tags", value="b")]}, True),
        ({"must": [match("tags", any=["x", "a"])]}, True),
        ({"must": [match("topic", **{"except": ["billing"]})]}, False),
        ({"must": [match("text", text="bill pay")]}, True),
        ({"must": [match("deep.er", value=3)]}, True),
        ({"must": [match("year", value=True)]}, False),
        ({"must": [match("flag", value=1)]}, False),
        ({"must": [{"key": "year", "range": {"gte": 2020, "lt": 2021}}]}, True),
        ({"must": [{"key": "year", "range": {"gt": 2020}}]}, False),
        ({"must": [{"key": "missing", "range": {"gt": 0}}]}, False),
        ({"must": [{"has_id": [7, 8]}]}, True),
        ({"must": [{"has_id": [8]}]}, False),
        ({"must": [{"is_empty": {"key": "missing"}}]}, True),
        ({"must": [{"should": [match("topic", value="x"), match("year", value=2020)]}]}, True),
    ],
)
def test_what_passes(body: Any, expected: bool) -> None:
    assert passes(body) is expected


@pytest.mark.parametrize(
    "body", [3, {"muts": []}, {"must": [3]}, {"must": [{"key": ""}]}, {"must": [{"key": "a"}]}, {"must": [match("a")]}]
)
def test_what_is_no_filter(body: Any) -> None:
    with pytest.raises(FilterError):
        read_filter(body)


def test_a_filter_cannot_be_nested_without_end() -> None:
    body: dict[str, Any] = {"must": [match("a", value=1)]}
    for _ in range(50):
        body = {"must": [body]}
    with pytest.raises(FilterError, match="deep"):
        read_filter(body)


KEYS = ["must", "should", "must_not", "key", "match", "range", "value", "any", "has_id", "is_empty", "gt", "text"]
garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=10,
)


@given(garbage)
def test_garbage_is_refused_or_answered_and_never_crashes(body: Any) -> None:
    try:
        condition = read_filter(body)
    except FilterError:
        return
    assert condition is None or condition(7, POINT) in (True, False)
