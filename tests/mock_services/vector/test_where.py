from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.vector.filters import FilterError
from mock_services.vector.where import read_where

POINT = {"topic": "billing", "year": 2020, "flag": True, "tags": ["a", "b"]}


def passes(body: Any) -> bool:
    condition = read_where(body)
    return condition is None or bool(condition("doc-1", POINT))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, True),
        ({}, True),
        ({"topic": "billing"}, True),
        ({"topic": "x"}, False),
        ({"topic": {"$eq": "billing"}}, True),
        ({"topic": {"$ne": "billing"}}, False),
        ({"missing": {"$ne": "x"}}, True),
        ({"year": {"$gte": 2020, "$lt": 2021}}, True),
        ({"year": {"$gt": 2020}}, False),
        ({"flag": {"$gt": 0}}, False),
        ({"missing": {"$lte": 3}}, False),
        ({"topic": {"$in": ["x", "billing"]}}, True),
        ({"topic": {"$nin": ["x", "billing"]}}, False),
        ({"topic": {"$exists": True}}, True),
        ({"missing": {"$exists": True}}, False),
        ({"tags": "b"}, True),
        ({"$and": [{"topic": "billing"}, {"year": 2020}]}, True),
        ({"$and": [{"topic": "billing"}, {"year": 1}]}, False),
        ({"$or": [{"topic": "x"}, {"year": 2020}]}, True),
    ],
)
def test_what_passes(body: Any, expected: bool) -> None:
    assert passes(body) is expected


@pytest.mark.parametrize(
    "body", [3, {"$not": []}, {"a": {"$lk": 1}}, {"a": {"$gt": "x"}}, {"a": [1]}, {"$and": []}, {"a": {"$in": 3}}]
)
def test_what_is_no_filter(body: Any) -> None:
    with pytest.raises(FilterError):
        read_where(body)


KEYS = ["$and", "$or", "$eq", "$gt", "$in", "$nin", "topic", "year", "$exists", "$x"]
garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=10,
)


@given(garbage)
def test_garbage_is_refused_or_answered_and_never_crashes(body: Any) -> None:
    try:
        assert passes(body) in (True, False)
    except FilterError as error:
        assert str(error)
