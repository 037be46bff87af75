"""Hand-written shapes: ramp, hold, step, spike, sine and replay, one after the other, each a named phase.

In a plan file a segment is a mapping with one shape key, `phase` and `for`:

    - {phase: warm,   ramp: [0/s, 20/s], for: 30s}
    - {phase: peak,   hold: 20/s, for: 10m}
    - {phase: stairs, step: [10/s, 20/s, 40/s], for: 15m}                    # equal stairs
    - {phase: crowd,  spike: {base: 20/s, peak: 200/s, width: 1s, at: 30s}, for: 1m}
    - {phase: tide,   sine: {mean: 20/s, amplitude: 10/s, period: 10m}, for: 30m}
    - {phase: taped,  replay: [0.12, 0.5, 3.25], for: 5s}                     # recorded offsets in seconds

`plus: [...]` lays further segments (without phases of their own) on top of one: rates add up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.shape import Floats, Phase, Shape
from harness.units import parse_duration_s, parse_rate_per_s


@dataclass(frozen=True)
class Segment:
    """One stretch: rate knots on its own clock (from 0 to `for_s`), or recorded offsets to replay."""

    phase: str
    for_s: float
    knots_s: tuple[float, ...]
    rates_per_s: tuple[float, ...]
    process: str = ""
    """Empty takes the shape's own; `replay` for recorded offsets."""
    replay_s: tuple[float, ...] = ()


def ramp(phase: str, start_per_s: float, end_per_s: float, for_s: float) -> Segment:
    return Segment(phase, for_s, (0.0, for_s), (start_per_s, end_per_s))


def hold(phase: str, rate_per_s: float, for_s: float) -> Segment:
    return ramp(phase, rate_per_s, rate_per_s, for_s)


def step(phase: str, rates_per_s: Sequence[float], for_s: float) -> Segment:
    """Stairs of equal length."""
    edges = [for_s * i / len(rates_per_s) for i in range(len(rates_per_s) + 1)]
    knots = [t for pair in pairwise(edges) for t in pair]
    return Segment(phase, for_s, tuple(knots), tuple(r for r in rates_per_s for _ in range(2)))


def spike(phase: str, base_per_s: float, peak_per_s: float, for_s: float, *, width_s: float, at_s: float) -> Segment:
    """A hard-edged burst of `width_s` that starts `at_s` into the segment."""
    if not 0 <= at_s <= at_s + width_s <= for_s:
        raise ValueError(f"the spike (at {at_s:g} s, {width_s:g} s wide) lies outside its segment of {for_s:g} s")
    knots = (0.0, at_s, at_s, at_s + width_s, at_s + width_s, for_s)
    return Segment(phase, for_s, knots, (base_per_s, base_per_s, peak_per_s, peak_per_s, base_per_s, base_per_s))


def sine(phase: str, mean_per_s: float, amplitude_per_s: float, period_s: float, for_s: float) -> Segment:
    """A wave that starts at its mean and rises; 64 chords a period, scaled so that their area is the wave's."""
    if amplitude_per_s > mean_per_s:
        raise ValueError(
            f"amplitude {amplitude_per_s:g}/s is above the mean {mean_per_s:g}/s: the rate would be negative"
        )
    chord_s = period_s / 64
    knots = np.unique(np.append(np.arange(0, for_s, chord_s), for_s))
    half = math.pi / 64
    # Chords lie inside their arcs: without this the area over half a wave is 0.08 % short.
    stretch = half / math.tan(half)
    wave = mean_per_s + amplitude_per_s * np.sin(2 * math.pi * knots / period_s) / stretch
    return Segment(phase, for_s, tuple(map(float, knots)), tuple(map(float, np.maximum(wave, 0.0))))


def replay(phase: str, offsets_s: Sequence[float], for_s: float) -> Segment:
    """Recorded offsets (s) from the segment's start; its curve is their count in bins of about a second."""
    offsets = np.sort(np.asarray(offsets_s, dtype=np.float64))
    if offsets.size and (offsets[0] < 0 or offsets[-1] >= for_s):
        raise ValueError(f"recorded offsets run from {offsets[0]:g} to {offsets[-1]:g} s, outside 0 to {for_s:g} s")
    knots, rates = binned_curve(offsets, for_s, 1.0)
    return Segment(phase, for_s, tuple(knots), tuple(rates), "replay", tuple(map(float, offsets)))


def binned_curve(offsets_s: Floats, for_s: float, bin_s: float) -> tuple[Floats, Floats]:
    """A step curve whose area in each of the equal bins (about `bin_s` long) is the count of offsets in it."""
    bins = max(1, round(for_s / bin_s))
    edges = np.linspace(0.0, for_s, bins + 1)
    counts = np.histogram(offsets_s, edges)[0]
    rates = counts / np.diff(edges)
    return np.repeat(edges, 2)[1:-1], np.repeat(rates, 2)


def overlay(segment: Segment, others: Iterable[Segment]) -> Segment:
    """`segment` with the rates of `others` added, each from the segment's own start to its own end."""
    for other in others:
        if segment.process == "replay" or other.process == "replay":
            raise ValueError("a replay cannot be laid over a curve: its arrivals are recorded, not drawn")
        if other.for_s > segment.for_s:
            raise ValueError(f"lasts {other.for_s:g} s, longer than the {segment.for_s:g} s it is laid over")
        shapes = [shape_from_segments([s]) for s in (segment, other)]
        times = np.unique(np.concatenate([s.knots_s for s in shapes]))
        both = np.repeat(times, 2)[1:-1]  # left and right limit at every knot: steps stay steps
        rates = sum((_one_sided(s, times) for s in shapes), np.zeros(both.size))
        segment = replace(segment, knots_s=tuple(map(float, both)), rates_per_s=tuple(map(float, rates)))
    return segment


def _one_sided(shape: Shape, times_s: Floats) -> Floats:
    """Right limit at each time but the last, left limit at each but the first, interleaved; 0 after the end."""
    right = shape.rate_at(times_s[:-1])
    right[times_s[:-1] >= shape.duration_s] = 0.0
    mirrored = replace(
        shape,
        knots_s=shape.duration_s - shape.knots_s[::-1],
        rates_per_s=shape.rates_per_s[::-1],
        phases=(Phase("", 0.0, shape.duration_s, constant_rate=False),),
    )
    left = mirrored.rate_at(shape.duration_s - times_s[1:])
    return np.column_stack([right, left]).ravel()


def shape_from_segments(segments: Sequence[Segment], process: str = "poisson") -> Shape:
    """The segments one after the other. Neighbours of the same phase name are one phase.

    Raises UsageError where a segment is empty, or a phase name returns after another one.
    """
    if not segments:
        raise UsageError(Problem("no segments", "write at least one, like {phase: peak, hold: 20/s, for: 10m}"))
    knots: list[float] = []
    rates: list[float] = []
    phases: list[Phase] = []
    recorded: list[float] = []
    start = 0.0
    for index, segment in enumerate(segments):
        _check(segment, f"segments[{index}]", phases)
        end = start + segment.for_s
        knots += [start + t for t in segment.knots_s[:-1]] + [end]
        rates += segment.rates_per_s
        recorded += [start + t for t in segment.replay_s]
        flat = len(set(segment.rates_per_s)) == 1 and segment.process != "replay"
        if phases and phases[-1].name == segment.phase:
            flat = flat and phases[-1].constant_rate and rates[-1] == rates[-1 - len(segment.rates_per_s)]
            phases[-1] = replace(phases[-1], end_s=end, constant_rate=flat)
        else:
            phases.append(Phase(segment.phase, start, end, flat, segment.process))
        start = end
    return Shape(
        np.array(knots),
        np.array(rates),
        tuple(phases),
        process=process,
        replay_s=np.array(recorded) if any(s.process == "replay" for s in segments) else None,
    )


def _check(segment: Segment, where: str, phases: Sequence[Phase]) -> None:
    problem = ""
    if not (segment.for_s > 0 and math.isfinite(segment.for_s)):
        problem = f"lasts {segment.for_s:g} s"
    elif not all(math.isfinite(r) and r >= 0 for r in segment.rates_per_s):
        problem = "has a rate below 0"
    elif any(p.name == segment.phase for p in phases[:-1]):
        problem = f"returns to phase {segment.phase!r} after another one: give it a name of its own"
    elif phases and phases[-1].name == segment.phase and phases[-1].process != segment.process:
        problem = f"mixes replay and drawn arrivals in phase {segment.phase!r}: give it a name of its own"
    if problem:
        raise UsageError(Problem(f"{where} {problem}"))


def parse_segments(items: Sequence[Mapping[str, Any]]) -> tuple[Segment, ...]:
    """Segments as a plan file writes them (see the module's head); rates and durations as text or plain numbers.

    Raises UsageError with every problem at once, each naming `segments[i]`.
    """
    segments, problems = [], []
    for index, item in enumerate(items):
        try:
            segments.append(_parse(item))
        except (ValueError, TypeError, KeyError) as error:
            what = f"missing {error}" if isinstance(error, KeyError) else str(error)
            problems.append(Problem(f"segments[{index}]: {what}", "like {phase: peak, hold: 20/s, for: 10m}"))
    if problems:
        raise UsageError(*problems)
    return tuple(segments)


def _rate(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else parse_rate_per_s(str(value))


def _duration(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else parse_duration_s(str(value))


def _parse(item: Mapping[str, Any]) -> Segment:
    if not isinstance(item, Mapping):
        raise TypeError(f"not a segment: {item!r}")
    for_s = _duration(item["for"])
    phase = str(item.get("phase", ""))
    if unknown := set(item) - {"phase", "for", "plus", *_KINDS}:
        raise ValueError(
            f"unknown field {sorted(unknown)[0]!r}; a segment has phase, for, plus and one of {_KIND_LIST}"
        )
    kinds = [kind for kind in _KINDS if kind in item]
    if len(kinds) != 1:
        raise ValueError(f"needs exactly one of {_KIND_LIST}, has {', '.join(kinds) or 'none'}")
    segment = _KINDS[kinds[0]](phase, item[kinds[0]], for_s)
    return overlay(segment, [_parse({"phase": phase, "for": for_s, **extra}) for extra in item.get("plus", ())])


def _parse_ramp(phase: str, value: Any, for_s: float) -> Segment:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise ValueError(f"ramp takes two rates, like [0/s, 20/s], not {value!r}")
    return ramp(phase, _rate(value[0]), _rate(value[1]), for_s)


def _parse_step(phase: str, value: Any, for_s: float) -> Segment:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError(f"step takes rates, like [10/s, 20/s], not {value!r}")
    return step(phase, [_rate(v) for v in value], for_s)


def _fields(kind: str, value: Any, allowed: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{kind} takes a mapping of {', '.join(sorted(allowed))}, not {value!r}")
    if unknown := set(value) - allowed:
        raise ValueError(f"unknown field {sorted(unknown)[0]!r}; {kind} has {', '.join(sorted(allowed))}")
    return value


def _parse_spike(phase: str, value: Any, for_s: float) -> Segment:
    value = _fields("spike", value, {"base", "peak", "width", "at"})
    width_s = _duration(value.get("width", "1s"))
    at_s = _duration(value["at"]) if "at" in value else (for_s - width_s) / 2
    return spike(phase, _rate(value["base"]), _rate(value["peak"]), for_s, width_s=width_s, at_s=at_s)


def _parse_sine(phase: str, value: Any, for_s: float) -> Segment:
    value = _fields("sine", value, {"mean", "amplitude", "period"})
    period_s = _duration(value.get("period", for_s))
    return sine(phase, _rate(value["mean"]), _rate(value["amplitude"]), period_s, for_s)


def _parse_replay(phase: str, value: Any, for_s: float) -> Segment:
    return replay(phase, [float(v) for v in value], for_s)


_KINDS: dict[str, Callable[[str, Any, float], Segment]] = {
    "ramp": _parse_ramp,
    "hold": lambda phase, value, for_s: hold(phase, _rate(value), for_s),
    "step": _parse_step,
    "spike": _parse_spike,
    "sine": _parse_sine,
    "replay": _parse_replay,
}
_KIND_LIST = ", ".join(_KINDS)
