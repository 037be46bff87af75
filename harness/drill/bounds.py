"""Limits as a drill writes them: `< 0.5%`, `>= 99%`, `<= 1.5`, and the abort rule `errors > 25% for 20s`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from harness import units

_BOUND = re.compile(r"(?P<sign><=?|>=?)\s*(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>%?)")
_ABORT = re.compile(r"errors\s*>=?\s*(?P<share>\d+(?:\.\d+)?\s*%)\s+for\s+(?P<time>\S+)")


@dataclass(frozen=True)
class Bound:
    """`value` held against a limit; shares are 0..1, ratios are plain."""

    sign: str
    value: float
    text: str

    def allows(self, value: float) -> bool:
        """Whether a measured value keeps it. NaN keeps nothing: no data is never good news."""
        if self.sign == "<":
            return value < self.value
        if self.sign == "<=":
            return value <= self.value
        return value > self.value if self.sign == ">" else value >= self.value

    @property
    def is_ceiling(self) -> bool:
        return self.sign.startswith("<")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class AbortRule:
    """End the drill when more than `share` of the requests failed for `for_s` seconds on end."""

    share: float
    for_s: float
    text: str

    def __str__(self) -> str:
        return self.text


def parse_bound(text: str, *, share: bool) -> Bound:
    """`"< 0.5%"` -> a Bound. Raises ValueError where it is none, or has (or lacks) its per cent sign."""
    match = _BOUND.fullmatch(text.strip())
    example = ">= 99%" if share else "<= 1.5"
    if match is None:
        raise ValueError(f"not a limit: {text!r}; write it like {example}")
    if share != bool(match["unit"]):
        raise ValueError(f"{text!r} is {'not ' if share else ''}a share; write it like {example}")
    value = float(match["value"]) / (100 if share else 1)
    if share and value > 1:
        raise ValueError(f"a share is at most 100 %: {text!r}")
    return Bound(match["sign"], value, text.strip())


def parse_abort(text: str) -> AbortRule:
    """`"errors > 25% for 20s"` -> an AbortRule. Raises ValueError."""
    match = _ABORT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an abort rule: {text!r}; write it like errors > 25% for 20s")
    return AbortRule(units.parse_share(match["share"]), units.parse_duration_s(match["time"]), text.strip())


def _read(parse: Callable[[str], Any], example: str) -> BeforeValidator:
    def read(value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no limit; write it in quotes, like {example}")  # noqa: TRY004 -- pydantic collects ValueErrors
        return parse(value)

    return BeforeValidator(read)


def _schema(title: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "title": title, "examples": list(examples)})


_AS_TEXT = PlainSerializer(str, return_type=str)
ShareBound = Annotated[
    Bound, _read(lambda t: parse_bound(t, share=True), '">= 99%"'), _AS_TEXT, _schema("share limit", ">= 99%")
]
RatioBound = Annotated[
    Bound, _read(lambda t: parse_bound(t, share=False), '"<= 1.5"'), _AS_TEXT, _schema("ratio limit", "<= 1.5")
]
Abort = Annotated[
    AbortRule, _read(parse_abort, '"errors > 25% for 20s"'), _AS_TEXT, _schema("abort rule", "errors > 25% for 20s")
]
