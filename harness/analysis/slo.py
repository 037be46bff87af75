"""One SLO in its short form: `ttft p99 <= 2s where journey=chat`, `goodput >= 98% {ttft: 2s, tpot: 80ms}`.

[block|warn|info] METRIC [pNN] OP VALUE [{METRIC: DURATION, ...}] [where KEY=NAME, ...] [block|warn|info]
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from harness.results import SUCCESSES, Outcome
from harness.units import parse_duration_s, parse_money, parse_rate_per_s, parse_share

_T = TypeVar("_T")
_NAN = float("nan")
"""One object, so that equal SLOs compare equal."""
GATES = ("block", "warn", "info")
SCOPES = ("journey", "step", "phase", "tenant")


class Kind(StrEnum):
    """What is compared: a quantile over requests, a share of them, or a mean."""

    QUANTILE = "quantile"
    SHARE = "share"
    MEAN = "mean"


LATENCIES = ("ttft", "e2e", "tpot", "gap", "service")
CLASSES = tuple(o.label for o in Outcome if o not in SUCCESSES)
BAD_SHARES = ("errors", "degraded", *CLASSES)
GOOD_SHARES = ("goodput", "success")
MEANS = ("amplification", "tokens/s", "cost")
METRICS = (*LATENCIES, *BAD_SHARES, *GOOD_SHARES, *MEANS)
AT_LEAST = frozenset({*GOOD_SHARES, "tokens/s"})
"""Metrics of which more is better."""

_ALIASES = {
    "max_gap": "gap", "largest_gap": "gap", "itl": "gap", "inter_token_latency": "gap", "latency": "e2e",
    "response_time": "e2e", "duration": "e2e", "http_req_duration": "e2e", "time_to_first_token": "ttft",
    "error_rate": "errors", "error": "errors", "failures": "errors", "http_req_failed": "errors",
    "availability": "success", "success_rate": "success", "429": "throttled", "rate_limited": "throttled",
    "tps": "tokens/s", "tokens_per_second": "tokens/s", "retries": "amplification", "time_per_output_token": "tpot",
    "truncations": "truncated", "timeouts": "timeout", "fallback": "degraded",
}  # fmt: skip
_METRIC = re.compile(r"[A-Za-z0-9_/]+")
_QUANTILE = re.compile(r"p(?P<percent>\d+(?:\.\d+)?)\b")
_OPERATOR = re.compile(r"<=|>=|<|>|≤|≥|==?")
_LIMITS = re.compile(r"\{(?P<inside>[^}]*)\}")
_VALUE = re.compile(r"(?P<value>.+?)(?=\s*\{|\s+where\b|\s+(?:block|warn|info)\s*$|\s*$)")
_NAME = re.compile(r'"[^"]*"|[^\s,="{}]+')


class SloError(ValueError):
    """An SLO that cannot be read. `position` counts characters from 0 inside the text."""

    def __init__(self, what: str, position: int, advice: str = "") -> None:
        super().__init__(f"column {position + 1}: {what}" + (f" ({advice})" if advice else ""))
        self.what = what
        self.position = position
        self.advice = advice


@dataclass(frozen=True)
class Slo:
    """One service level objective. Durations in seconds, shares 0..1, `limit` in `unit`."""

    text: str
    metric: str
    kind: Kind
    operator: str
    """`<`, `<=`, `>` or `>=`."""
    limit: float
    unit: str
    """`s`, `share`, `1/s`, `ratio` or a currency."""
    quantile: float = _NAN
    """For `Kind.QUANTILE`, 0..1."""
    allowed_share: float = _NAN
    """p0: the share of bad requests that is allowed; NaN for means."""
    limits: tuple[tuple[str, float], ...] = ()
    """Of goodput: (metric, seconds) that a good request meets, all of them."""
    where: Mapping[str, str] = field(default_factory=dict)
    gate: str = "block"
    source: str = ""
    """`file:line:column`, for annotations."""


class _Reader:
    """A cursor over the text that knows where it is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def blank(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.blank()
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def word(self, *words: str) -> str:
        self.blank()
        for word in words:
            if re.match(rf"{word}\b", self.text[self.at :]):
                self.at += len(word)
                return word
        return ""


def parse_slo(text: str, source: str = "") -> Slo:
    """Reads the short form. Raises `SloError` (a ValueError) with the position and what to write instead."""
    reader = _Reader(text)
    gate = reader.word(*GATES)
    metric = _metric(reader)
    quantile = _quantile(reader, metric)
    operator = _operator(reader, metric)
    limit, unit = _limit(reader, metric, quantile)
    kind = Kind.QUANTILE if quantile is not None else Kind.MEAN if metric in MEANS else Kind.SHARE
    limits = _limits(reader, metric)
    where = _where(reader) if reader.word("where") else {}
    gate = reader.word(*GATES) or gate or "block"
    reader.blank()
    if reader.at < len(text):
        raise SloError(f"did not expect {text[reader.at :]!r}", reader.at, "a scope is written `where journey=chat`")
    return Slo(
        text=text.strip(),
        metric=metric,
        kind=kind,
        operator=operator,
        limit=limit,
        unit=unit,
        quantile=float(quantile) if quantile is not None else _NAN,
        allowed_share=_allowed(metric, kind, quantile, limit),
        limits=limits,
        where=where,
        gate=gate,
        source=source,
    )


def _metric(reader: _Reader) -> str:
    match = reader.take(_METRIC)
    if match is None:
        raise SloError("no metric", reader.at, "write for example `ttft p99 <= 2s` or `errors < 0.5%`")
    name = match[0]
    if name in METRICS:
        return name
    lower = name.lower()
    near = [lower] if lower in METRICS else difflib.get_close_matches(lower, [*METRICS, *_ALIASES], n=1, cutoff=0.6)
    hint = _ALIASES.get(lower) or (_ALIASES.get(near[0], near[0]) if near else "")
    advice = f"did you mean {hint!r}?" if hint else "metrics: " + ", ".join(METRICS)
    raise SloError(f"unknown metric {name!r}", match.start(), advice)


def _quantile(reader: _Reader, metric: str) -> Decimal | None:
    start = reader.at
    match = reader.take(_QUANTILE)
    if match is None:
        reader.blank()
        statistic = reader.word("mean", "avg", "average", "max", "median", "min")
        if statistic or metric in LATENCIES:
            raise SloError(
                f"{metric} needs a percentile" + (f", not {statistic!r}" if statistic else ""), reader.at,
                f"write for example `{metric} p95 <= 2s`; a mean or a maximum cannot be held with confidence",
            )  # fmt: skip
        return None
    if metric not in LATENCIES and metric != "tokens/s":
        raise SloError(f"{metric} has no percentile", match.start(), f"write `{metric} < 1%`")
    share = Decimal(match["percent"]) / 100
    if not 0 < share < 1:
        raise SloError(f"no percentile {match[0]!r}", start, "between p1 and p99.999; a p100 can never be shown")
    if metric == "tokens/s" and share > Decimal("0.5"):
        raise SloError(
            f"tokens/s {match[0]} would ask it of the fastest only", match.start(), "write p5: at most 5 % slower"
        )
    return share


def _operator(reader: _Reader, metric: str) -> str:
    match = reader.take(_OPERATOR)
    wanted = ">=" if metric in AT_LEAST else "<="
    if match is None:
        raise SloError("no comparison", reader.at, f"write `{metric} {wanted} ...`")
    operator = {"≤": "<=", "≥": ">="}.get(match[0], match[0])
    if operator[0] != wanted[0]:
        raise SloError(f"{metric} {operator} asks for the worse", match.start(), f"write `{metric} {wanted} ...`")
    return operator


def _limit(reader: _Reader, metric: str, quantile: Decimal | None) -> tuple[float, str]:
    match = reader.take(_VALUE)
    if match is None:
        raise SloError("no limit", reader.at, "a limit is a duration (2s), a share (0.5%) or a rate (500/s)")
    value, start = match["value"].strip(), match.start()
    if metric in LATENCIES:
        return _positive(_read(parse_duration_s, value, start), start), "s"
    if metric == "amplification":
        return _positive(_read(_number, value.removesuffix("x"), start), start), "ratio"
    if metric == "tokens/s":
        return _positive(_read(_rate, value, start), start), "1/s"
    if metric == "cost":
        amount, currency = _read(
            parse_money, re.sub(r"\s*(?:/|per)\s*(?:1k|1000|1,000)(?:\s*requests)?$", "", value), start
        )
        return _positive(amount, start), currency
    share = round(_read(parse_share, value, start), 15)  # 99.9 / 100 has a tail
    if not 0 < share < 1:
        raise SloError(f"{metric} {value} can never be shown, only approached", start, "leave room: 0.1% or 99.9%")
    assert quantile is None
    return share, "share"


def _read(read: Callable[[str], _T], value: str, start: int) -> _T:
    try:
        return read(value)
    except ValueError as error:
        what, _, advice = str(error).partition("; ")
        raise SloError(what, start, advice) from None


def _number(text: str) -> float:
    if not re.fullmatch(r"\d+(?:\.\d+)?", text.strip()):
        raise ValueError(f"not a number: {text!r}; write it like 1.5")
    return float(text)


def _rate(text: str) -> float:
    return parse_rate_per_s(text if "/" in text else f"{text}/s")


def _positive(value: float, start: int) -> float:
    if not value > 0:
        raise SloError("a limit is above zero", start)
    return value


def _limits(reader: _Reader, metric: str) -> tuple[tuple[str, float], ...]:
    reader.blank()
    start = reader.at
    match = reader.take(_LIMITS)
    if match is None:
        if reader.text[start : start + 1] == "{":
            raise SloError("an open brace", start, "close it: {ttft: 2s, tpot: 80ms}")
        return ()
    if metric != "goodput":
        raise SloError("only goodput has limits of its own", start, "write `goodput >= 98% {ttft: 2s}`")
    limits = []
    for part in re.finditer(r"[^,]+", match["inside"]):
        at = match.start("inside") + part.start()
        name, colon, value = part[0].partition(":")
        if not colon or name.strip() not in LATENCIES:
            raise SloError(f"not a limit: {part[0].strip()!r}", at, "write {ttft: 2s}; of " + ", ".join(LATENCIES))
        limits.append((name.strip(), _positive(_read(parse_duration_s, value, at), at)))
    if len({name for name, _ in limits}) < len(limits):
        raise SloError("the same limit twice", start)
    return tuple(limits)


def _where(reader: _Reader) -> dict[str, str]:
    where: dict[str, str] = {}
    while True:
        key = reader.take(_NAME)
        if key is None or key[0] not in SCOPES:
            raise SloError("not a scope" + (f": {key[0]!r}" if key else ""), key.start() if key else reader.at,
                           "write `where journey=chat`; of " + ", ".join(SCOPES))  # fmt: skip
        if key[0] in where:
            raise SloError(f"{key[0]} twice", key.start())
        equals = reader.take(re.compile(r"="))
        value = reader.take(_NAME)
        if equals is None or value is None or not value[0].strip('"'):
            raise SloError(f"no name for {key[0]}", reader.at, f"write `{key[0]}=chat`")
        where[key[0]] = value[0].strip('"')
        if not reader.take(re.compile(r",|and\b")):
            return where


def _allowed(metric: str, kind: Kind, quantile: Decimal | None, limit: float) -> float:
    if kind is Kind.MEAN:
        return _NAN
    if quantile is not None:
        return float(quantile if metric in AT_LEAST else 1 - quantile)
    return float(1 - Decimal(repr(limit))) if metric in AT_LEAST else limit
