"""A verdict as JSON and back. Clean JSON: NaN is null, infinities are the strings "inf" and "-inf"."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, TypeVar, cast, get_type_hints

from harness.analysis.verdict import (
    Bottleneck,
    Capacity,
    Caveat,
    Check,
    FailureMode,
    State,
    Trust,
    Verdict,
    Word,
)

_T = TypeVar("_T")
SCHEMA = 1


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """The object that `verdict.json` stores and `--json` prints."""
    body = {f.name: _clean(getattr(verdict, f.name)) for f in fields(verdict) if f.name != "word"}
    return {"schema": SCHEMA, "verdict": verdict.word.value, "exit_code": int(verdict.exit_code), **body}


def _clean(value: Any) -> Any:  # noqa: PLR0911 -- one return a kind of value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, tuple | list):
        return [_clean(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _clean(item) for key, item in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _clean(getattr(value, f.name)) for f in fields(value)}
    return value


def verdict_from_json(data: Mapping[str, Any]) -> Verdict:
    """The verdict that `verdict_to_json` wrote. Raises ValueError on anything else; unknown keys are ignored."""
    if data.get("schema") != SCHEMA:
        raise ValueError(f"not a verdict of schema {SCHEMA}: schema is {data.get('schema')!r}")
    try:
        return _record(
            Verdict,
            {
                **data,
                "word": Word(data["verdict"]),
                "checks": tuple(_record(Check, {**c, "state": State(c["state"])}) for c in data["checks"]),
                "caveats": tuple(_record(Caveat, c) for c in data["caveats"]),
                "capacity": _record(Capacity, data["capacity"]),
                "failures": tuple(_record(FailureMode, f) for f in data.get("failures", ())),
                "bottleneck": tuple(_record(Bottleneck, b) for b in data.get("bottleneck", ())),
                "trust": _record(Trust, data["trust"]) if data.get("trust") else None,
            },
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a whole verdict: {error}") from None


def _record(kind: type[_T], data: Mapping[str, Any]) -> _T:
    hints = get_type_hints(kind)
    values = {}
    for f in fields(cast(Any, kind)):
        if f.name not in data:
            if f.default is MISSING and f.default_factory is MISSING:
                raise KeyError(f.name)
            continue
        value = data[f.name]
        if hints[f.name] is float:
            value = float("nan") if value is None else float(value)
        elif isinstance(value, str) and value in {"inf", "-inf"} and "float" in str(hints[f.name]):
            value = float(value)
        elif isinstance(value, list):
            value = tuple(value)
        values[f.name] = value
    return kind(**values)
