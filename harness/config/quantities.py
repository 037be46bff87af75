"""The quantities of a plan as field types: what people write (`20m`, `40/s`, `25 USD`), read strictly into numbers.

Each type also says what it looks like in the JSON Schema, so an editor can help.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from harness import units
from harness.config.variables import secret_names


def _text_only(parse: Callable[[str], Any], example: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} has no unit; write it like {example}")  # noqa: TRY004 -- pydantic collects ValueErrors
        return parse(value)

    return read


def _schema(kind: str, pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "title": kind, "pattern": pattern, "examples": list(examples)})


def _positive_duration(text: str) -> float:
    seconds = units.parse_duration_s(text)
    if seconds <= 0:
        raise ValueError(f"a duration is longer than nothing: {text!r}")
    return seconds


def _path(value: Any, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"not a path: {value!r}")
    base = info.context["folder"] if info.context else Path()
    return Path(base) / Path(value).expanduser()


def _probability(value: Any) -> Any:
    if isinstance(value, str) and value.strip().endswith("%"):
        return units.parse_share(value)
    return value


def _new_users(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"not a share: {value!r}; write `new`, `kept` or `30%`")  # noqa: TRY004 -- pydantic collects ValueErrors
    words = {"new": 1.0, "kept": 0.0}
    return words[value.strip()] if value.strip() in words else units.parse_share(value)


_DURATION_PATTERN = r"^(\d+(\.\d+)?(ms|us|s|m|h|d|w))+$"

Duration = Annotated[
    float,
    BeforeValidator(_text_only(_positive_duration, "250ms, 30s, 10m or 1h30m")),
    _schema("duration", _DURATION_PATTERN, "250ms", "30s", "10m", "1h30m"),
]
"""Seconds."""

Offset = Annotated[
    float,
    BeforeValidator(_text_only(units.parse_duration_s, "0s, 30s or 2h")),
    _schema("offset", _DURATION_PATTERN, "0s", "2h"),
]
"""Seconds; may be 0."""

Rate = Annotated[
    float,
    BeforeValidator(_text_only(units.parse_rate_per_s, "40/s, 600/min or 1.2k/s")),
    _schema("rate", r"^\d+(\.\d+)?[kM]?\s*/\s*(s|m|min|h)$", "40/s", "600/min", "1.2k/s"),
]
"""Per second."""

Count = Annotated[
    int,
    BeforeValidator(units.parse_count),
    WithJsonSchema(
        {
            "title": "count",
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s?[kM]?$"}],
            "examples": [600, "60k", "1.5M"],
        }
    ),
]

Size = Annotated[
    int,
    BeforeValidator(_text_only(units.parse_bytes, "16 MiB or 500 kB")),
    _schema("size", r"^\d+(\.\d+)?\s*(B|KiB|MiB|GiB|kB|MB|GB)$", "16 MiB", "500 kB"),
]
"""Bytes."""

Money = Annotated[
    tuple[float, str],
    BeforeValidator(_text_only(units.parse_money, "25 USD")),
    _schema("money", r"^\d+(\.\d+)?\s*[A-Z]{3}$", "25 USD", "0.60 USD"),
]
"""Amount and currency."""

Probability = Annotated[
    float,
    BeforeValidator(_probability),
    Field(gt=0, lt=1),
    WithJsonSchema(
        {"title": "probability", "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"}]}
    ),
]
"""Between 0 and 1, both excluded; `95%` is read as 0.95."""

NewUsers = Annotated[
    float,
    BeforeValidator(_new_users),
    Field(ge=0, le=1),
    WithJsonSchema(
        {"title": "share of new users", "type": "string", "pattern": r"^(new|kept|\d+(\.\d+)?\s*%)$"},
    ),
]
"""`new` is 1, `kept` is 0, `30%` is 0.3."""

FilePath = Annotated[
    Path,
    BeforeValidator(_path),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "title": "path", "description": "taken from the folder of the file it stands in"}
    ),
]
"""A file of the plan, joined to the folder of the plan file."""

SENSITIVE_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key")


def check_headers(headers: dict[str, str]) -> dict[str, str]:
    """Refuse what would break a request or store a secret. Raises ValueError."""
    for name, value in headers.items():
        if not name or not all(c.isalnum() or c in "!#$%&'*+-.^_`|~" for c in name) or not name.isascii():
            raise ValueError(f"not a header name: {name!r}")
        if not value.isprintable():
            raise ValueError(f"{name}: a header value is one printable line")
        if name.lower() in SENSITIVE_HEADERS and not secret_names(value):
            raise ValueError(f"the value of {name} is a secret in the file; write ${{env:NAME}}: it is never stored")
        if name.lower() in ("host", "content-length", "connection", "transfer-encoding"):
            raise ValueError(f"{name}: this header belongs to the transport")
    return headers
