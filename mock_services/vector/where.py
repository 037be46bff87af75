"""The `where` filters that Chroma and Pinecone share: `{"year": {"$gte": 2020}}`, `$and`, `$or`, and plain equality."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from mock_services.vector.collection import Condition
from mock_services.vector.filters import FilterError

_DEEPEST = 8
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def read_where(body: Any, depth: int = 0) -> Condition | None:
    """A filter as a condition on a point; None where it lets everything through. Raises FilterError."""
    if body is None or body == {}:
        return None
    if not isinstance(body, Mapping):
        raise FilterError("a filter must be an object")
    if depth > _DEEPEST:
        raise FilterError("the filter is nested too deeply")
    conditions = [_condition(str(key), value, depth) for key, value in body.items()]
    return lambda point, payload: all(condition(point, payload) for condition in conditions)


def _condition(key: str, value: Any, depth: int) -> Condition:
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise FilterError(f"{key} must be a list of filters")
        parts = [part for part in (read_where(item, depth + 1) for item in value) if part is not None]
        combine = all if key == "$and" else any
        return lambda point, payload: combine(part(point, payload) for part in parts)
    if key.startswith("$"):
        raise FilterError(f"unknown operator {key}")
    tests = [_test(name, wanted) for name, wanted in value.items()] if isinstance(value, Mapping) else [_equal(value)]
    return lambda _, payload: all(test(payload.get(key)) for test in tests)


def _test(name: str, wanted: Any) -> Callable[[Any], bool]:
    if name == "$eq":
        return _equal(wanted)
    if name == "$ne":
        is_equal = _equal(wanted)
        return lambda found: not is_equal(found)
    if name in ("$in", "$nin"):
        if not isinstance(wanted, list):
            raise FilterError(f"{name} must be a list")
        return lambda found: (found in wanted) is (name == "$in")
    if name == "$exists":
        return lambda found: (found is not None) is bool(wanted)
    order = _ORDERS.get(name)
    if order is None:
        raise FilterError(f"unknown operator {name}")
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        raise FilterError(f"{name} needs a number")
    return lambda found: isinstance(found, int | float) and not isinstance(found, bool) and order(found, wanted)


def _equal(wanted: Any) -> Callable[[Any], bool]:
    if isinstance(wanted, list | Mapping):
        raise FilterError("only text, numbers and booleans can be compared")
    return lambda found: (wanted in found) if isinstance(found, list) else found == wanted
