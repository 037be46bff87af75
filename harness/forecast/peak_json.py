"""`peak.json`: the peak as a file. Written a field a line, read strictly: what is not understood is refused by name."""

from __future__ import annotations

import difflib
import json
import math
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.errors import Problem, UsageError
from harness.forecast.conformal import Level
from harness.forecast.mix import Mix
from harness.forecast.peak import LABELS, Peak, Recorded
from harness.forecast.shape import Burst

MOST_PROBLEMS = 10

Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Quantile = Annotated[float, Field(gt=0, lt=1)]
Journeys = list[Annotated[int, Field(ge=0, lt=255)]]
"""Indexes into the names of `mix`, in their order."""
Tokens = list[Annotated[int, Field(ge=0, lt=2**32)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Quantiles(_Strict):
    asked: Quantile | None
    used: Quantile | None


class _Level(_Strict):
    quantile: Quantile
    peak_per_s: Rate


class _Rate(_Strict):
    bucket_s: Positive
    expected_per_s: Annotated[list[Rate], Field(min_length=1)]
    levels: list[_Level]

    @model_validator(mode="after")
    def _ascending(self) -> _Rate:
        pairs = [(level.quantile, level.peak_per_s) for level in self.levels]
        quantiles_rise = all(a[0] < b[0] for a, b in pairwise(pairs))
        peaks_rise = all(a[1] <= b[1] for a, b in pairwise(pairs))
        if not (quantiles_rise and peaks_rise):
            raise ValueError("levels ascend, by quantile and by peak")
        return self


class _Burst(_Strict):
    variance: Rate
    tau_s: Positive
    source: str


class _TokenPairs(_Strict):
    tokens_in: Tokens
    tokens_out: Tokens
    journeys: Journeys | None = None

    @model_validator(mode="after")
    def _paired(self) -> _TokenPairs:
        if len(self.tokens_in) != len(self.tokens_out):
            raise ValueError(f"{len(self.tokens_in)} tokens_in, but {len(self.tokens_out)} tokens_out")
        if self.journeys is not None and len(self.journeys) != len(self.tokens_in):
            raise ValueError(f"{len(self.tokens_in)} tokens_in, but {len(self.journeys)} journeys")
        return self


class _Recorded(_Strict):
    gaps_us: list[Annotated[int, Field(ge=0)]]
    tokens: _TokenPairs | None
    journeys: Journeys | None = None

    @model_validator(mode="after")
    def _paired(self) -> _Recorded:
        if self.journeys is not None and len(self.journeys) != len(self.gaps_us):
            raise ValueError(f"{len(self.gaps_us)} gaps_us, but {len(self.journeys)} journeys")
        if self.tokens is not None and len(self.tokens.tokens_in) != len(self.gaps_us):
            raise ValueError(f"{len(self.gaps_us)} gaps_us, but {len(self.tokens.tokens_in)} token pairs")
        return self


class _Mix(_Strict):
    starts_s: Annotated[list[Rate], Field(min_length=1)]
    shares: Annotated[list[list[Rate]], Field(min_length=1)]

    @model_validator(mode="after")
    def _tiles(self) -> _Mix:
        if self.starts_s[0] != 0 or any(a >= b for a, b in pairwise(self.starts_s)):
            raise ValueError("starts_s ascend from 0")
        if len(self.shares) != len(self.starts_s):
            raise ValueError(f"{len(self.starts_s)} starts_s, but {len(self.shares)} shares")
        if not all(sum(row) > 0 for row in self.shares):
            raise ValueError("a stretch has no share above 0")
        return self


class _Document(_Strict):
    format: Literal["peakproof-peak"]
    version: Literal[1]
    label: Literal["PREDICTABLE", "NOISY", "UNPREDICTABLE", "OBSERVED", "LAUNCH"]
    sentence: str
    quantile: _Quantiles
    start: str
    timezone: str
    rate: _Rate
    burst: _Burst | None
    worst_second_per_s: Rate | None
    mix: dict[str, Rate]
    tokens: _TokenPairs | None
    recorded: _Recorded | None
    provenance: dict[str, str | float | int | None]
    notes: list[str]
    mix_over_time: _Mix | None = None

    @model_validator(mode="after")
    def _whole(self) -> _Document:
        if self.mix and sum(self.mix.values()) <= 0:
            raise ValueError("mix has no share above 0")
        if self.mix_over_time is not None and any(len(row) != len(self.mix) for row in self.mix_over_time.shares):
            raise ValueError(f"mix_over_time: each stretch has the {len(self.mix)} shares of mix, in its order")
        named = [part for part in (self.tokens, self.recorded) if part is not None and part.journeys]
        if any(max(part.journeys or [0]) >= len(self.mix) for part in named):
            raise ValueError(f"journeys are numbers of the {len(self.mix)} in mix, from 0")
        if self.recorded is not None:
            last_s = sum(self.recorded.gaps_us) / 1e6
            whole_s = len(self.rate.expected_per_s) * self.rate.bucket_s
            if last_s > whole_s:
                raise ValueError(f"recorded arrivals run to {last_s:g} s, beyond the curve's {whole_s:g} s")
        return self


def peak_to_json(peak: Peak) -> str:
    """The text of `peak.json`; `peak_from_json` gives the same peak back (recorded times to the microsecond)."""
    assert peak.label in LABELS
    burst = peak.burst
    document = _Document(
        format="peakproof-peak",
        version=1,
        label=peak.label,  # type: ignore[arg-type]  # -- checked above
        sentence=peak.sentence,
        quantile=_Quantiles(asked=peak.quantile_asked, used=peak.quantile),
        start=peak.start,
        timezone=peak.timezone,
        rate=_Rate(
            bucket_s=peak.bucket_s,
            expected_per_s=[float(r) for r in peak.rates_per_s],
            levels=[_Level(quantile=level.quantile, peak_per_s=level.peak_per_s) for level in peak.levels],
        ),
        burst=_Burst(variance=burst.variance, tau_s=burst.tau_s, source=peak.burst_source) if burst else None,
        worst_second_per_s=peak.worst_second_per_s,
        mix={name: float(share) for name, share in peak.mix.items()},
        tokens=_pairs(peak.tokens, peak.token_journeys),
        recorded=_recorded(peak.recorded),
        provenance=dict(peak.provenance),
        notes=list(peak.notes),
        mix_over_time=_mix(peak.mix_over_time),
    )
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in _told(document).items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _told(document: _Document) -> dict[str, Any]:
    """The fields; those that only a history with journeys has are left out where there are none."""
    fields = document.model_dump()
    parts = (fields, fields["tokens"], fields["recorded"])
    for name, part in zip(("mix_over_time", "journeys", "journeys"), parts, strict=True):
        if part is not None and part[name] is None:
            del part[name]
    if (recorded := fields["recorded"]) and recorded["tokens"]:
        del recorded["tokens"]["journeys"]
    return fields


def _pairs(
    tokens: np.ndarray[Any, np.dtype[np.uint32]] | None, journeys: np.ndarray[Any, np.dtype[np.uint8]] | None = None
) -> _TokenPairs | None:
    if tokens is None:
        return None
    of = None if journeys is None else journeys.tolist()
    return _TokenPairs(tokens_in=tokens[:, 0].tolist(), tokens_out=tokens[:, 1].tolist(), journeys=of)


def _mix(mix: Mix | None) -> _Mix | None:
    return None if mix is None else _Mix(starts_s=mix.starts_s.tolist(), shares=mix.shares.tolist())


def _recorded(recorded: Recorded | None) -> _Recorded | None:
    if recorded is None:
        return None
    micros = np.rint(recorded.offsets_s * 1e6).astype(np.int64)
    journeys = None if recorded.journeys is None else recorded.journeys.tolist()
    gaps_us = np.diff(micros, prepend=0).tolist()
    return _Recorded(gaps_us=gaps_us, tokens=_pairs(recorded.tokens), journeys=journeys)


def peak_from_json(text: str, name: str = "peak.json") -> Peak:
    """The peak in `text`. Raises UsageError with every problem, each with its path in the document."""
    try:
        data = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UsageError(
            Problem(f"not JSON: {error.msg}", "write it with peakproof forecast", name, error.lineno, error.colno)
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(Problem(f"not a peak: {error}", "write it with peakproof forecast", name)) from None
    try:
        document = _Document.model_validate(data, strict=False)
    except ValidationError as error:
        raise UsageError(*_problems(error, name)) from None
    return _peak(document)


def _peak(document: _Document) -> Peak:
    burst, recorded, moving = document.burst, document.recorded, document.mix_over_time
    return Peak(
        label=document.label,
        sentence=document.sentence,
        bucket_s=document.rate.bucket_s,
        rates_per_s=np.array(document.rate.expected_per_s, dtype=np.float64),
        levels=tuple(Level(level.quantile, level.peak_per_s) for level in document.rate.levels),
        quantile_asked=document.quantile.asked,
        quantile=document.quantile.used,
        start=document.start,
        timezone=document.timezone,
        burst=Burst(burst.variance, burst.tau_s) if burst else None,
        burst_source=burst.source if burst else "",
        worst_second_per_s=document.worst_second_per_s,
        mix=document.mix,
        tokens=_array(document.tokens),
        recorded=_recording(recorded) if recorded else None,
        provenance=document.provenance,
        notes=tuple(document.notes),
        mix_over_time=_moving(moving, tuple(document.mix)) if moving else None,
        token_journeys=_numbers(document.tokens.journeys) if document.tokens else None,
    )


def _recording(recorded: _Recorded) -> Recorded:
    return Recorded(np.cumsum(recorded.gaps_us) / 1e6, _array(recorded.tokens), _numbers(recorded.journeys))


def _moving(mix: _Mix, names: tuple[str, ...]) -> Mix:
    shares = np.array(mix.shares, dtype=np.float64)
    return Mix(names, np.array(mix.starts_s), shares / shares.sum(axis=1, keepdims=True))


def _numbers(journeys: list[int] | None) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
    return None if journeys is None else np.array(journeys, dtype=np.uint8)


def _array(pairs: _TokenPairs | None) -> np.ndarray[Any, np.dtype[np.uint32]] | None:
    return None if pairs is None else np.column_stack([pairs.tokens_in, pairs.tokens_out]).astype(np.uint32)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"field {twice!r} is given twice")
    return out


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number here")


def _problems(error: ValidationError, name: str) -> list[Problem]:
    details = error.errors(include_url=False, include_context=False)
    problems = []
    for detail in details[:MOST_PROBLEMS]:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
        what = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(detail["loc"][-1]), _Document.model_fields, 1)
            what = "unknown field" + (f", did you mean {near[0]!r}?" if near else "")
        elif not isinstance(detail["input"], dict | list):
            shown = detail["input"]
            what += f", not {'NaN' if isinstance(shown, float) and math.isnan(shown) else repr(shown)[:40]}"
        problems.append(Problem(f"{path}: {what}" if path else what, "write it with peakproof forecast", name))
    if len(details) > MOST_PROBLEMS:
        problems.append(Problem(f"and {len(details) - MOST_PROBLEMS} more", file=name))
    return problems
