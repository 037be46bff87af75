"""From a peak to the shape of one run: level, slice, speed, rate, process, warm-up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.errors import Problem, UsageError
from harness.forecast.burst import PRESETS
from harness.forecast.curve import busiest_recorded, busiest_start, curve_of_buckets
from harness.forecast.peak import OBSERVED, OBSERVED_SAYS, Peak, Recorded
from harness.forecast.replay import BLOCK_S, compress, multiply
from harness.forecast.segments import binned_curve
from harness.forecast.shape import Burst, Phase, Shape, cut_curve

Slice = float | tuple[float, float]
"""Seconds of the history's own time: the busiest stretch so long, or (from, for)."""


def shape_from_peak(
    peak: Peak,
    *,
    quantile: float | None = None,
    time_scale: float = 1.0,
    rate_scale: float = 1.0,
    slice: Slice | None = None,  # noqa: A002 -- the plan file's own word
    process: str = "auto",
    burst: str | Burst = "fitted",
    warm_s: float | None = None,
    phase: str = "peak",
    seed: int = 0,
) -> Shape:
    """The curve of `peak` at `quantile` (None: the peak's own) as phases `warm` and `phase`.

    `slice` is cut first (history seconds), then played `time_scale` times as fast at `rate_scale` times its rates.
    `process`: `auto` replays recorded requests where the peak has them, else draws Cox where its bursts are known,
    else Poisson. `burst`: `fitted`, a preset's name, or numbers. `warm_s`: a ramp from 0 to the first rate, a phase of
    its own; None takes a tenth of the run, 5 to 60 s; 0 leaves it out. `seed`: for the extra arrivals of a multiplied
    replay.
    Raises UsageError where the peak cannot give what is asked.
    """
    _check(peak, quantile, time_scale, rate_scale, process)
    chosen = _burst(peak, burst)
    if process == "auto":
        process = "replay" if peak.recorded is not None else "cox" if chosen is not None else "poisson"
    from_s, for_s = _stretch(peak, slice, process)
    notes = _notes(peak, quantile, time_scale, rate_scale, process)
    recorded: Recorded | None = None
    if process == "replay":
        assert peak.recorded is not None
        recorded = _recorded(peak.recorded, peak.duration_s, (from_s, for_s), time_scale, rate_scale, seed=seed)
        knots, rates = binned_curve(recorded.offsets_s, for_s / time_scale, 5.0)
    else:
        factor = peak.peak_per_s(quantile) / peak.expected_peak_per_s if peak.expected_peak_per_s > 0 else 1.0
        knots, rates = curve_of_buckets(peak.rates_per_s * factor * rate_scale, peak.bucket_s)
        knots, rates = cut_curve(knots, rates, from_s, from_s + for_s)
        knots = knots / time_scale
    mix = None if peak.mix_over_time is None else peak.mix_over_time.cut(from_s, for_s, time_scale)
    steady = process != "replay" and bool(np.all(rates == rates[0])) and (mix is None or mix.starts_s.size == 1)
    shape = Shape(
        knots,
        rates,
        (Phase(phase, 0.0, float(knots[-1]), steady, process),),
        process=process,
        burst=chosen,
        replay_s=None if recorded is None else recorded.offsets_s,
        replay_journeys=None if recorded is None else recorded.journeys,
        mix=dict(peak.mix),
        mix_times_s=None if mix is None else mix.starts_s,
        mix_shares=None if mix is None else mix.shares,
        notes=notes,
        label=peak.label,
    )
    shape = _with_tokens(shape, peak, recorded, (from_s, for_s), time_scale)
    warm_s = min(max(shape.duration_s / 10, 5.0), 60.0) if warm_s is None else warm_s
    return with_warm_up(shape, warm_s) if warm_s > 0 else shape


def with_warm_up(shape: Shape, warm_s: float) -> Shape:
    """`shape` after a Poisson ramp from 0 to its first rate, in a phase `warm` of its own."""
    first = float(shape.rates_per_s[0])
    if shape.replay_s is not None:
        first = float(np.searchsorted(shape.replay_s, 60.0)) / min(60.0, shape.duration_s)
    moved = tuple(replace(p, start_s=p.start_s + warm_s, end_s=p.end_s + warm_s) for p in shape.phases)
    return replace(
        shape,
        knots_s=np.concatenate([[0.0, warm_s], shape.knots_s + warm_s]),
        rates_per_s=np.concatenate([[0.0, first], shape.rates_per_s]),
        phases=(Phase("warm", 0.0, warm_s, constant_rate=False, process="poisson"), *moved),
        replay_s=None if shape.replay_s is None else shape.replay_s + warm_s,
        token_times_s=None if shape.token_times_s is None else shape.token_times_s + warm_s,
        mix_times_s=None if shape.mix_times_s is None else np.concatenate([[0.0], shape.mix_times_s[1:] + warm_s]),
    )


def _check(peak: Peak, quantile: float | None, time_scale: float, rate_scale: float, process: str) -> None:
    problems = []
    if quantile is not None and not 0 < quantile < 1:
        problems.append(Problem(f"quantile is {quantile:g}", "give a share between 0 and 1, like 0.95"))
    if not time_scale > 0 or not np.isfinite(time_scale):
        problems.append(Problem(f"time_scale is {time_scale:g}", "2 plays twice as fast; it is above 0"))
    if not rate_scale > 0 or not np.isfinite(rate_scale):
        problems.append(Problem(f"rate_scale is {rate_scale:g}", "3 asks for three times the rates; it is above 0"))
    if process not in {"auto", "replay", "cox", "poisson", "deterministic"}:
        problems.append(Problem(f"unknown process {process!r}", "auto, replay, cox, poisson or deterministic"))
    if process == "replay" and peak.recorded is None:
        problems.append(
            Problem(
                "this peak holds no recorded requests to replay",
                "forecast --observed keeps them, up to 500,000; a `replay` segment plays a log from its start",
            )
        )
    if peak.recorded is not None and process in {"auto", "replay"} and time_scale < 1:
        problems.append(Problem("a recording cannot be played slower at its own rates", "time_scale of 1 or more"))
    if problems:
        raise UsageError(*problems)


def _burst(peak: Peak, burst: str | Burst) -> Burst | None:
    if isinstance(burst, Burst):
        return burst
    if burst == "fitted":
        return peak.burst
    if burst not in PRESETS:
        raise UsageError(Problem(f"unknown burst {burst!r}", f"fitted, {', '.join(PRESETS)}"))
    return PRESETS[burst]


def _stretch(peak: Peak, asked: Slice | None, process: str) -> tuple[float, float]:
    """(from, for) in seconds of the peak's own curve."""
    whole = peak.duration_s
    if asked is None:
        return 0.0, whole
    for_s = asked if isinstance(asked, int | float) else asked[1]
    if not 0 < for_s <= whole:
        raise UsageError(Problem(f"the slice of {for_s:g} s does not fit", f"the peak lasts {whole:g} s"))
    if isinstance(asked, int | float):
        if process == "replay":
            assert peak.recorded is not None
            return busiest_recorded(peak.recorded.offsets_s, for_s, whole), for_s
        return busiest_start(*curve_of_buckets(peak.rates_per_s, peak.bucket_s), for_s), for_s
    from_s = asked[0]
    if not 0 <= from_s <= whole - for_s:
        raise UsageError(
            Problem(f"the slice from {from_s:g} s for {for_s:g} s does not fit", f"the peak lasts {whole:g} s")
        )
    return from_s, for_s


def _recorded(
    recorded: Recorded, whole_s: float, span: tuple[float, float], time_scale: float, rate_scale: float, *, seed: int
) -> Recorded:
    # Multiplied as a whole, then cut: the local mean of the slice's first second knows the seconds before it.
    offsets, source = multiply(recorded.offsets_s, whole_s, rate_scale, seed)
    from_s, for_s = span
    inside = (offsets >= from_s) & (offsets < from_s + for_s)
    source = source[inside]
    offsets, played = compress(offsets[inside] - from_s, time_scale)
    before_end = offsets < for_s / time_scale
    return recorded.take(source[played[before_end]], offsets[before_end])


def _with_tokens(
    shape: Shape, peak: Peak, recorded: Recorded | None, span: tuple[float, float], time_scale: float
) -> Shape:
    """The token pairs that go with the arrivals: their own in a replay; else those of the stretch with their moments in
    the run, so that a drawn arrival gets the sizes of its time; the peak's pool, without times, where single requests
    are not known."""
    if recorded is not None:
        return replace(shape, tokens=recorded.tokens)
    if peak.recorded is not None and peak.recorded.tokens is not None:
        from_s, for_s = span
        inside = np.flatnonzero((peak.recorded.offsets_s >= from_s) & (peak.recorded.offsets_s < from_s + for_s))
        if inside.size:
            those = peak.recorded.take(inside, (peak.recorded.offsets_s[inside] - from_s) / time_scale)
            return replace(shape, tokens=those.tokens, token_times_s=those.offsets_s, token_journeys=those.journeys)
    return replace(shape, tokens=peak.tokens, token_journeys=peak.token_journeys)


def _notes(peak: Peak, quantile: float | None, time_scale: float, rate_scale: float, process: str) -> tuple[str, ...]:
    notes = list(peak.notes)
    level = peak.level(quantile)
    asked = quantile if quantile is not None else peak.quantile_asked
    if peak.label == OBSERVED:
        notes.append(OBSERVED_SAYS)
    elif level is not None and asked is not None and level.quantile < asked - 1e-9:
        notes.append(f"asked for the {asked:.3g} quantile; the history certifies {level.quantile:.3g}: that was used")
    if process == "cox" and peak.recorded is not None:
        notes.append("the curve holds the recorded minutes already: bursts drawn on top make it burstier than the tape")
    if time_scale != 1:
        notes.append(
            f"time runs {time_scale:g} times as fast at the true rates: ramps are steeper, and whatever has a clock of "
            "its own (autoscalers, cache lifetimes, quota windows, slow leaks) sees less of it than a real day"
        )
        if process == "replay":
            notes.append(
                f"of every {BLOCK_S * time_scale:g} recorded seconds the first {BLOCK_S:g} are played, gap by gap"
            )
    if rate_scale != 1 and process == "replay":
        notes.append(
            "recorded arrivals are kept"
            + (" by lot" if rate_scale < 1 else ", extra ones drawn from the rate behind them")
        )
    return tuple(dict.fromkeys(notes))
