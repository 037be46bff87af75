"""The last gate for secrets: whatever text is about to be shown or stored goes through redaction once more."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

from harness.guard import redact

_T = TypeVar("_T")


def without_secrets(value: _T) -> _T:
    """`value` with every string inside it redacted: through tuples, lists, dicts (keys too) and frozen dataclasses.
    Arrays hold numbers and stay; what needs no change is handed back itself."""
    return cast(_T, _clean(value, {}))


def _clean(value: Any, seen: dict[str, str]) -> Any:
    # `seen` keeps what was redacted: the same names stand in a report many times.
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        if value not in seen:
            clean = redact(value)
            seen[value] = value if clean == value else clean
        clean = seen[value]
        return value if clean == value else clean
    if isinstance(value, tuple | list):
        items = [_clean(item, seen) for item in value]
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    if isinstance(value, dict):
        pairs = [(_clean(key, seen), _clean(item, seen)) for key, item in value.items()]
        same = all(k is key and v is item for (k, v), (key, item) in zip(pairs, value.items(), strict=True))
        return value if same else dict(pairs)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {
            part.name: (getattr(value, part.name), _clean(getattr(value, part.name), seen)) for part in fields(value)
        }
        changed_parts = {name: new for name, (old, new) in parts.items() if new is not old}
        return replace(value, **changed_parts) if changed_parts else value
    return value
