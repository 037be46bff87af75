"""Qdrant's filters: `must`, `should`, `must_not` over payload fields, as far as they are used in practice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mock_services.vector.collection import Condition, Payload, PointId

_DEEPEST = 8


class FilterError(ValueError):
    """A filter that cannot be read; the message says which part."""


def read_filter(body: Any, depth: int = 0) -> Condition | None:
    """A filter as a condition on a point; None where it lets everything through. Raises FilterError."""
    if body is None or body == {}:
        return None
    if not isinstance(body, Mapping):
        raise FilterError("a filter must be an object")
    if depth > _DEEPEST:
        raise FilterError("the filter is nested too deeply")
    if unknown := set(body) - {"must", "should", "must_not", "min_should"}:
        raise FilterError(f"unknown filter clause `{min(map(str, unknown))}`")
    must, should, must_not = (_clause(body.get(name), depth) for name in ("must", "should", "must_not"))

    def passes(point: PointId, payload: Payload) -> bool:
        return (
            all(c(point, payload) for c in must)
            and (not should or any(c(point, payload) for c in should))
            and not any(c(point, payload) for c in must_not)
        )

    return passes


def _clause(conditions: Any, depth: int) -> list[Condition]:
    if conditions is None:
        return []
    listed = conditions if isinstance(conditions, list) else [conditions]
    return [_condition(c, depth) for c in listed]


def _condition(body: Any, depth: int) -> Condition:
    if not isinstance(body, Mapping):
        raise FilterError("a condition must be an object")
    if "has_id" in body:
        wanted_ids = body["has_id"]
        if not isinstance(wanted_ids, list):
            raise FilterError("has_id must be a list")
        return lambda point, _: point in wanted_ids
    if "is_empty" in body or "is_null" in body:
        inner = body.get("is_empty") or body.get("is_null")
        key = _key(inner if isinstance(inner, Mapping) else {})
        return lambda _, payload: field(payload, key) in (None, [])
    if "key" not in body:
        nested = read_filter(body, depth + 1)
        return nested or (lambda _, __: True)
    key = _key(body)
    if isinstance(body.get("match"), Mapping):
        return _match(key, body["match"])
    if isinstance(body.get("range"), Mapping):
        return _range(key, body["range"])
    raise FilterError(f"the condition on `{key}` has no match and no range")


def _key(body: Mapping[str, Any]) -> str:
    key = body.get("key")
    if not isinstance(key, str) or not key:
        raise FilterError("a condition needs a key")
    return key


def _match(key: str, match: Mapping[str, Any]) -> Condition:
    if "value" in match:
        value = match["value"]
        return lambda _, payload: _holds(payload, key, lambda found: found == value and type(found) is type(value))
    if isinstance(match.get("any"), list):
        wanted = match["any"]
        return lambda _, payload: _holds(payload, key, lambda found: found in wanted)
    if isinstance(match.get("except"), list):
        unwanted = match["except"]
        return lambda _, payload: _holds(payload, key, lambda found: found not in unwanted)
    if isinstance(match.get("text"), str):
        words = match["text"].casefold().split()
        return lambda _, payload: _holds(
            payload, key, lambda found: isinstance(found, str) and all(w in found.casefold() for w in words)
        )
    raise FilterError(f"the match on `{key}` has no value, any, except or text")


def _range(key: str, limits: Mapping[str, Any]) -> Condition:
    bounds = {name: limits[name] for name in ("gt", "gte", "lt", "lte") if limits.get(name) is not None}
    if not all(isinstance(b, int | float) and not isinstance(b, bool) for b in bounds.values()):
        raise FilterError(f"the range on `{key}` needs numbers")

    def within(found: Any) -> bool:
        return (
            isinstance(found, int | float)
            and not isinstance(found, bool)
            and ("gt" not in bounds or found > bounds["gt"])
            and ("gte" not in bounds or found >= bounds["gte"])
            and ("lt" not in bounds or found < bounds["lt"])
            and ("lte" not in bounds or found <= bounds["lte"])
        )

    return lambda _, payload: _holds(payload, key, within)


def _holds(payload: Payload, key: str, test: Any) -> bool:
    """A list meets a condition where one of its members does."""
    found = field(payload, key)
    return any(test(item) for item in found) if isinstance(found, list) else found is not None and bool(test(found))


def field(payload: Payload, key: str) -> Any:
    """`a.b` looks into nested objects; None where there is nothing."""
    value: Any = payload
    for part in key.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
