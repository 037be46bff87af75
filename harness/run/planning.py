"""From a plan to what the engine, the mocks and the analysis need. Pure: files come in as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness import config, forecast
from harness.analysis import Confidence, PhaseWindow, Rules
from harness.engine import DegradedSignal, EngineJob, JourneySpec
from harness.errors import Problem, UsageError
from harness.guard import in_flight_bound

JUDGED_BY_DEFAULT = ("peak", "replay")
DEFAULT_TOKENS = (200, 100)
"""Prompt and output tokens where neither the plan nor the forecast says any."""

Recordings = Mapping[Path, npt.NDArray[np.float64]]
"""Offsets of each file that a `replay` segment names, in seconds from its first request."""


@dataclass(frozen=True)
class Load:
    """The load of one run, planned: the shape, its arrivals and what the capacity is held against."""

    shape: forecast.Shape
    arrivals: forecast.Arrivals
    mix: Mapping[str, float]
    peak_per_s: float | None
    """The forecast peak; None where the load is hand-written."""
    peak_label: str
    journeys: tuple[JourneySpec, ...]
    """The plan's own or its load profile's, in the order of the arrivals' `journey` numbers."""


def plan_load(  # noqa: PLR0917 -- one value from each source
    plan: config.Plan,
    peak: forecast.Peak | None,
    tokens: forecast.Peak | None,
    recordings: Recordings,
    seed: int,
    profile: tuple[JourneySpec, ...] = (),
) -> Load:
    """The load that `plan` asks for. `peak` is what `arrivals.from` names, `tokens` what `prompts.tokens` names,
    `profile` what the load profile holds, where the plan has one.

    Raises UsageError where the forecast cannot give what is asked, or no arrival comes out.
    """
    shape = _of_segments(plan, recordings) if peak is None else _of_peak(plan, peak, seed)
    journeys = tuple(_spec(name, journey) for name, journey in plan.journeys.items()) or profile
    names = tuple(spec.name for spec in journeys)
    if not shape.mix:
        weights = [spec.weight for spec in journeys]
        shape = replace(shape, mix=dict(zip(names, np.divide(weights, sum(weights)).tolist(), strict=True)))
    if tokens is not None:
        shape = replace(shape, tokens=tokens.tokens, token_times_s=None, token_journeys=None)
    arrivals = forecast.plan_arrivals(shape, names, seed)
    if arrivals.array.size == 0:
        raise UsageError(Problem("the plan has no arrival in it", "raise its rate or its duration"))
    _fill_tokens(plan, arrivals)
    return Load(
        shape=shape,
        arrivals=arrivals,
        mix=_mix_of(shape, names, arrivals),
        peak_per_s=None if peak is None else _peak_per_s(plan, peak),
        peak_label="" if peak is None else _peak_label(plan, peak),
        journeys=journeys,
    )


def _mix_of(shape: forecast.Shape, names: tuple[str, ...], arrivals: forecast.Arrivals) -> dict[str, float]:
    """The planned mix of the whole run: as declared, or as its arrivals have it where it moves with time."""
    if shape.mix_times_s is None and shape.replay_journeys is None:
        total = sum(shape.mix.values())
        return {name: share / total for name, share in shape.mix.items()}
    counts = np.bincount(arrivals.array["journey"], minlength=len(names)) / arrivals.array.size
    return {name: float(counts[names.index(name)]) for name in shape.mix}


def steady_load(  # noqa: PLR0917 -- one value from each source
    plan: config.Plan, load: Load, rate_per_s: float, warm_s: float, hold_s: float, phase: str, seed: int
) -> Load:
    """What `load` carries (tokens, burstiness, the mix of its busiest moment) at one constant rate: a warm-up, then
    `phase` for `hold_s`."""
    shape, warm = load.shape, "warm" if phase != "warm" else "warm-up"
    end_s = warm_s + hold_s
    busiest = shape.mix_at(float(shape.knots_s[int(np.argmax(shape.rates_per_s))]))
    steady = replace(
        shape,
        knots_s=np.array([0.0, warm_s, end_s]),
        rates_per_s=np.full(3, rate_per_s),
        phases=(forecast.Phase(warm, 0.0, warm_s, True), forecast.Phase(phase, warm_s, end_s, True)),
        process="poisson" if shape.process == "replay" else shape.process,
        replay_s=None,
        mix=busiest,
        token_times_s=None,
        replay_journeys=None,
        mix_times_s=None,
        mix_shares=None,
        notes=(),
    )
    found = with_shape(plan, load, steady, seed)
    if found.arrivals.array.size == 0:
        raise UsageError(Problem(f"no arrival in {end_s:.0f} s at {rate_per_s:g}/s", "take longer steps"))
    return found


def with_shape(plan: config.Plan, load: Load, shape: forecast.Shape, seed: int) -> Load:
    """`load` with arrivals of another shape of the same journeys."""
    arrivals = forecast.plan_arrivals(shape, load.arrivals.journeys, seed)
    _fill_tokens(plan, arrivals)
    mix = _mix_of(shape, load.arrivals.journeys, arrivals)
    return replace(load, shape=shape, arrivals=arrivals, mix=mix)


def _of_segments(plan: config.Plan, recordings: Recordings) -> forecast.Shape:
    items = []
    for segment in plan.arrivals.segments or ():
        value = getattr(segment, segment.shape)
        item: dict[str, Any] = {"phase": segment.phase, "for": segment.for_s, segment.shape: _plain(value)}
        if segment.replay is not None:
            offsets = recordings[segment.replay]
            end_s = segment.for_s if segment.for_s is not None else float(offsets[-1]) + 1e-3
            item |= {"replay": offsets[offsets < end_s].tolist(), "for": end_s}
        items.append(item)
    scale = plan.arrivals.rate_scale
    process = "poisson" if plan.arrivals.process == "auto" else plan.arrivals.process
    shape = forecast.shape_from_segments(forecast.parse_segments(items), process)
    if (burst := _burst_of_segments(plan.arrivals.burst)) is not None:
        shape = replace(shape, process="cox", burst=burst)
    return shape if scale == 1 else shape.scaled(scale)


def _burst_of_segments(asked: config.Burst) -> forecast.Burst | None:
    """The burstiness of hand-written load; None is Poisson (there is no history that `fitted` could be fitted to)."""
    if asked.kind == "fixed":
        assert asked.variance is not None and asked.tau_s is not None
        return forecast.Burst(asked.variance, asked.tau_s)
    preset = forecast.PRESETS.get(asked.kind)
    return preset if preset is not None and preset.variance > 0 else None


def _plain(value: Any) -> Any:
    """A segment's shape as `parse_segments` reads it: numbers in 1/s and s, the plan file's own names."""
    if isinstance(value, config.Spike | config.Sine):
        return value.model_dump(by_alias=True)
    return list(value) if isinstance(value, tuple) else value


def _of_peak(plan: config.Plan, peak: forecast.Peak, seed: int) -> forecast.Shape:
    asked = plan.arrivals
    part: float | tuple[float, float] | None = None
    if asked.slice is not None:
        part = asked.slice.for_s if asked.slice.from_s is None else (asked.slice.from_s, asked.slice.for_s)
    burst: str | forecast.Burst = asked.burst.kind
    if asked.burst.kind == "fixed":
        assert asked.burst.variance is not None and asked.burst.tau_s is not None
        burst = forecast.Burst(asked.burst.variance, asked.burst.tau_s)
    elif asked.burst.kind in ("none", "poisson"):
        burst = forecast.Burst(0.0, 1.0)
    return forecast.shape_from_peak(
        peak,
        quantile=asked.quantile,
        time_scale=asked.time_scale,
        rate_scale=asked.rate_scale,
        slice=part,
        process=asked.process,
        burst=burst,
        warm_s=asked.warm_s,
        phase="replay" if peak.recorded is not None and asked.process in ("auto", "replay") else "peak",
        seed=seed,
    )


def _peak_per_s(plan: config.Plan, peak: forecast.Peak) -> float:
    """Not times `rate_scale`: three times the rates ask how much more than the peak holds."""
    return peak.peak_per_s(plan.arrivals.quantile)


def _peak_label(plan: config.Plan, peak: forecast.Peak) -> str:
    level = peak.level(plan.arrivals.quantile)
    return forecast.OBSERVED_SAYS if level is None else f"forecast p{level.quantile * 100:.3g} peak"


def _fill_tokens(plan: config.Plan, arrivals: forecast.Arrivals) -> None:
    """Sizes for arrivals that have none: the plan's fixed ones win, a forecast's own stay, else the defaults."""
    sizes = plan.prompts.sizes if plan.prompts else None
    given = (sizes.in_, sizes.out) if sizes else DEFAULT_TOKENS
    for name, size in zip(("tokens_in", "tokens_out"), given, strict=True):
        column = arrivals.array[name]
        column[... if sizes else column == 0] = size


def windows_of(shape: forecast.Shape, rules: Rules) -> tuple[PhaseWindow, ...]:
    return tuple(
        PhaseWindow(p.name, p.start_s, p.end_s, p.constant_rate, p.name in rules.judge_phases) for p in shape.phases
    )


def rules_of(asked: config.VerdictRules, shape: forecast.Shape, smoke: bool) -> Rules:
    """The rules of the verdict. Raises UsageError where the phases to judge are not in the plan."""
    names = [phase.name for phase in shape.phases]
    judged = asked.judge_phases or tuple(name for name in JUDGED_BY_DEFAULT if name in names)
    missing = [name for name in judged if name not in names]
    if missing or not judged:
        what = f"no phase {missing[0]!r} to judge" if missing else "no phase to judge"
        raise UsageError(Problem(what, f"the plan has {', '.join(names)}: name one in verdict.judge_phases"))
    return asked_rules(asked, judged, smoke)


def asked_rules(asked: config.VerdictRules, judged: tuple[str, ...], smoke: bool) -> Rules:
    """The `verdict:` block of an SLO file as rules over the phases `judged`."""
    rules = Rules(
        confidence=Confidence(asked.confidence.pass_, asked.confidence.fail),
        judge_phases=judged,
        min_duration_s=asked.min_duration_s,
        longest_cycle_s=asked.longest_cycle_s,
        smoke=smoke,
    )
    return rules if asked.extend_up_to_s is None else replace(rules, extend_up_to_s=asked.extend_up_to_s, extend=True)


def engine_job(  # noqa: PLR0917 -- one value from each source
    plan: config.Plan, load: Load, run_id: str, target: str, seed: int, descriptors: int | None
) -> EngineJob:
    """What the engine is asked to do. Hosts beside loopback are only in it when the plan lists them; the conductor has
    checked by then that the caller owns them."""
    return EngineJob(
        run_id=run_id,
        target=target,
        allow_hosts=plan.allow_hosts,
        journeys=load.journeys,
        phases=load.arrivals.phases,
        profile=plan.profile,
        headers=plan.headers,
        degraded=tuple(DegradedSignal(name, value) for name, value in plan.degraded_headers),
        served_by_header=plan.served_by_header,
        prompts="" if plan.prompts is None or plan.prompts.file is None else str(plan.prompts.file),
        seed=seed,
        new_connections=plan.connections or 0.0,
        processes=plan.processes,
        remote_workers=plan.remote.workers,
        bind=plan.remote.bind,
        port=plan.remote.port if plan.remote.workers else 0,  # two runs on one machine are each other's neighbours
        in_flight_limit=in_flight_bound(plan.limits, descriptors),
        deadline_s=plan.deadline_s,
        idle_limit_s=plan.idle_limit_s,
        body_limit_bytes=plan.body_limit,
        drain_s=plan.drain_s,
        limit_requests=plan.limits.requests,
        kernel_stamps=any(spec.may_stream for spec in load.journeys),
    )


def _spec(name: str, journey: config.Journey) -> JourneySpec:
    fields = journey.model_dump(exclude={"weight"})
    return JourneySpec(name=name, weight=journey.weight, **fields)


def mocks_config(plan: config.Plan, run_id: str, seed: int) -> dict[str, Any]:
    """`mocks.json` (docs/architecture.md). The target comes last: it depends on the others."""
    last = sorted(plan.upstreams.items(), key=lambda item: item[0] == plan.target_upstream)
    return {"run_id": run_id, "seed": seed, "services": [upstream.to_service(name) for name, upstream in last]}
