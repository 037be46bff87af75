"""From a history to the peak that must be survived, with its chance of being exceeded and its honesty label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from harness.errors import Problem, UsageError
from harness.forecast.backtest import Backtest, run_backtest
from harness.forecast.burst import fit_burst, worst_second_per_s
from harness.forecast.conformal import LEAST_SCORES, level_at, recent
from harness.forecast.daygrid import DAY_S, DayGrid, day_grid, filled
from harness.forecast.growth import Spread, Uplift, as_spread, grown_levels, uplift_factors
from harness.forecast.history import Floats, History
from harness.forecast.mix import Mix, daily_mix, observed_mix
from harness.forecast.models import MODELS
from harness.forecast.peak import NOISY, OBSERVED, PREDICTABLE, UNPREDICTABLE, Peak, Recorded
from harness.forecast.shape import Burst
from harness.forecast.words import forecast_notes, observed_sentence, peak_sentence, plan_notes

LABEL_QUANTILE = 0.9
"""Labels compare the peak at this level (or the highest certified one below it) with the median peak..."""
PREDICTABLE_WITHIN = 1.25
NOISY_WITHIN = 2.0
PREDICTABLE_DAYS = 4
"""...over-provisioning up to a quarter is PREDICTABLE, up to twice is NOISY, beyond is UNPREDICTABLE. Where fewer
days than this could be checked, none is called PREDICTABLE."""
MOST_HORIZON_DAYS = 366
MOST_TOKENS = 4096
MOST_RECORDED = 500_000


@dataclass(frozen=True)
class Fan:
    """Mean rates per bucket over the horizon: expected, and the band that nine buckets in ten stayed in. Shape (n,)."""

    start_ns: int | None
    """Wall-clock time of the first bucket."""
    bucket_s: float
    expected_per_s: Floats
    lower_per_s: Floats
    upper_per_s: Floats


@dataclass(frozen=True)
class Forecast:
    """What is expected, what it may come to, and how well the same method did on days that are known."""

    history: History
    peak: Peak
    grid: DayGrid
    fan: Fan | None
    """None where the shape is only observed."""
    backtest: Backtest | None
    model: str
    scores: Floats
    """Actual over forecast daily peak of past days, the most recent last: what the peak is calibrated with."""


def forecast_peak(
    history: History,
    quantile: float = 0.95,
    growth: float | Spread = 1.0,
    horizon_days: int = 7,
    *,
    uplifts: Sequence[Uplift] = (),
    seed: int = 0,
    observed: bool = False,
) -> Forecast:
    """The highest bucket of the busiest of the next `horizon_days` days, exceeded with a chance of at most
    1 - `quantile`, times `growth` (a factor, or low / mid / high of one: then drawn with `seed`), `uplifts` included.
    A history of less than two days gives its observed shape, labelled as that; so does any with `observed`, which keeps
    its single requests for replay.

    Raises UsageError where the arguments or the history cannot carry a forecast.
    """
    grown = _checked(history, quantile, growth, horizon_days)
    grid = day_grid(history)
    if observed or grid.days < 2:
        return _observed(history, grid, grown, uplifts)
    past = filled(grid.rates_per_s)
    factors = uplift_factors(uplifts, grid, horizon_days) * grown.mid
    lead, backtest, model = _busiest_lead(grid, past, factors)
    scores = recent(backtest.scores(model), quantile)
    ahead = _ahead(model, past, factors)
    top = float(ahead[lead - 1].max())
    levels = grown_levels(scores, top / grown.mid, grown, seed) if scores.size else ()
    if not levels:
        return _observed(history, grid, grown, uplifts)
    level = level_at(levels, quantile) or levels[-1]
    label, spare = _label(scores)
    donor, curve = _donor_curve(grid, past, ahead[lead - 1])
    burst = _fitted(history)
    day = grid.day_label(grid.days + lead - 1)
    worst = worst_second_per_s(level.peak_per_s, burst)
    peak = Peak(
        label=label,
        sentence=peak_sentence(level, quantile, bucket_s=grid.bucket_s, day=day, worst_per_s=worst, burst=burst),
        bucket_s=grid.bucket_s,
        rates_per_s=curve,
        levels=levels,
        quantile_asked=quantile,
        quantile=min(level.quantile, quantile),
        start=_iso(grid, grid.days + lead - 1),
        timezone=history.timezone,
        burst=burst,
        burst_source="fitted" if burst else "",
        worst_second_per_s=worst,
        provenance=_provenance(history, grid, grown)
        | _method(backtest, model, lead, int(scores.size))
        | {"over_provisioning": _rounded(spare), "ramps_of_day": grid.day_label(donor)},
        notes=(
            *forecast_notes(history, grid, label, quantile, scores.size),
            *plan_notes(lead, backtest.lead, uplifts, grown),
        ),
    )
    peak = _with_mixes(peak, history, daily_mix(history, grid))
    return Forecast(history, peak, grid, _fan(grid, ahead, backtest, model), backtest, model, scores)


def _checked(history: History, quantile: float, growth: float | Spread, horizon_days: int) -> Spread:
    if not 0 < quantile < 1:
        raise UsageError(Problem(f"quantile is {quantile:g}", "give a share between 0 and 1, like 0.95"))
    if isinstance(growth, int | float) and not (growth > 0 and math.isfinite(growth)):
        raise UsageError(Problem(f"growth is {growth:g}", "1.3 means 30 % more; it is above 0"))
    if not 1 <= horizon_days <= MOST_HORIZON_DAYS:
        raise UsageError(Problem(f"horizon is {horizon_days} days", f"1 to {MOST_HORIZON_DAYS} days"))
    if not np.nansum(history.counts) > 0:
        raise UsageError(Problem("the history holds no requests", "nothing can be forecast from it", history.name))
    return as_spread(growth)


def _method(backtest: Backtest, model: str, lead: int, scores: int) -> dict[str, str | float | int | None]:
    return {
        "model": model,
        "lead_days": lead,
        "backtest_lead_days": backtest.lead,
        "backtest_days": scores,
        "wape": _rounded(backtest.wape(model)),
        "wape_over_naive": _rounded(backtest.over_naive(model)),
    }


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _predict(model: str, past: Floats, lead: int) -> Floats:
    predicted: Floats = next(m for m in MODELS if m.name == model).predict(past, lead)
    return np.maximum(predicted, 0.0)


def _ahead(model: str, past: Floats, factors: Floats) -> Floats:
    """Rates of the days ahead, one row a day, times `factors` (days, slots)."""
    return np.array([_predict(model, past, h + 1) for h in range(factors.shape[0])]) * factors


def _busiest_lead(grid: DayGrid, past: Floats, factors: Floats) -> tuple[int, Backtest, str]:
    """The day ahead whose forecast peak is the highest, with the backtest at that very lead and the model it chose.
    Where the history has too few days to check that lead, the longest lead that it can check."""
    model = run_backtest(grid.rates_per_s, 1).choose()
    lead = int(np.argmax(_ahead(model, past, factors).max(axis=1))) + 1
    checked = min(lead, max(1, grid.days // 2))
    backtest = run_backtest(grid.rates_per_s, checked)
    return lead, backtest, backtest.choose()


def _label(scores: Floats) -> tuple[str, float]:
    """(label, over-provisioning): how much more than the usual peak must be kept ready."""
    ordered = np.sort(scores)
    rank = min(math.ceil((scores.size + 1) * LABEL_QUANTILE - 1e-9), scores.size)
    middle = float(np.median(ordered))
    spare = float(ordered[rank - 1]) / middle if middle > 0 else math.inf
    if spare <= PREDICTABLE_WITHIN and scores.size >= PREDICTABLE_DAYS:
        return PREDICTABLE, spare
    return (NOISY if spare <= NOISY_WITHIN else UNPREDICTABLE), spare


def _donor_curve(grid: DayGrid, past: Floats, expected: Floats) -> tuple[int, Floats]:
    """A real day's curve, brought to the expected peak: the day whose scaled curve is nearest to the forecast one."""
    top = float(expected.max())
    peaks = past.max(axis=1)
    whole = ~np.isnan(grid.rates_per_s).any(axis=1) & (peaks > 0)
    candidates = np.flatnonzero(whole if whole.any() else peaks > 0)
    scaled = past[candidates] * (top / peaks[candidates])[:, None]
    nearest = int(np.argmin(np.abs(scaled - expected).sum(axis=1)))
    return int(candidates[nearest]), scaled[nearest]


def _fan(grid: DayGrid, ahead: Floats, backtest: Backtest, model: str) -> Fan:
    ratios = []
    for day in backtest.days[-LEAST_SCORES:]:
        before = filled(grid.rates_per_s[: day - backtest.lead + 1])
        if before.shape[0] >= next(m for m in MODELS if m.name == model).least_days:
            predicted = _predict(model, before, backtest.lead)
            busy = predicted > 0.01 * predicted.max()
            ratios.append((grid.rates_per_s[day] / np.where(busy, predicted, np.nan))[busy])
    known = np.concatenate([*ratios, np.ones(1)])  # where the past says nothing, the band is the forecast itself
    low, high = np.quantile(known[np.isfinite(known)], [0.05, 0.95])
    expected = ahead.ravel()
    return Fan(grid.end_wall_ns, grid.bucket_s, expected, expected * min(low, 1.0), expected * max(high, 1.0))


def _observed(history: History, grid: DayGrid, growth: Spread, uplifts: Sequence[Uplift]) -> Forecast:
    rates = np.nan_to_num(history.rates_per_s) * growth.mid
    burst = _fitted(history)
    top = float(rates.max())
    worst = worst_second_per_s(top, burst)
    recorded = None
    notes = [*history.notes, *history.intake.findings]
    if uplifts:
        notes.append("uplifts need a forecast: left out of an observed shape")
    if history.requests is not None and growth.mid == 1.0:
        inside = history.requests.offsets_s < history.duration_s
        if int(inside.sum()) <= MOST_RECORDED:
            every = Recorded(history.requests.offsets_s, history.requests.tokens, history.requests.journeys)
            recorded = every.take(np.flatnonzero(inside), history.requests.offsets_s[inside])
        else:
            notes.append(f"more than {MOST_RECORDED:,} requests: drawn from their rates, not replayed one by one")
    span = f"{history.duration_s / 60:.0f} min" if history.duration_s < 2 * DAY_S else f"{grid.days} days"
    sentence = observed_sentence(f"{span} of {history.name}", top, history.bucket_s, worst, burst)
    peak = Peak(
        label=OBSERVED,
        sentence=sentence,
        bucket_s=history.bucket_s,
        rates_per_s=rates,
        start=pd.Timestamp(history.start_ns, tz="UTC").isoformat() if history.start_ns is not None else "",
        timezone=history.timezone,
        burst=burst,
        burst_source="fitted" if burst else "",
        worst_second_per_s=worst,
        recorded=recorded,
        provenance=_provenance(history, grid, growth),
        notes=tuple(notes),
    )
    peak = _with_mixes(peak, history, observed_mix(history))
    return Forecast(history, peak, grid, None, None, "", np.empty(0))


def _fitted(history: History) -> Burst | None:
    if history.requests is None:
        return None
    try:
        return fit_burst(history.requests.offsets_s, history.duration_s)
    except ValueError:
        return None


def _with_mixes(peak: Peak, history: History, mix: Mix | None) -> Peak:
    """`peak` with its journeys and token sizes: at most MOST_TOKENS pairs, evenly taken over the recording."""
    if mix is not None:
        moving = mix if mix.starts_s.size > 1 else None
        peak = replace(peak, mix=mix.mean(peak.bucket_s, peak.rates_per_s), mix_over_time=moving)
    requests = history.requests
    if requests is None or requests.tokens is None:
        return peak
    kept = slice(None, None, max(1, math.ceil(requests.tokens.shape[0] / MOST_TOKENS)))
    journeys = None if requests.journeys is None else requests.journeys[kept]
    return replace(peak, tokens=requests.tokens[kept], token_journeys=journeys)


def _provenance(history: History, grid: DayGrid, growth: Spread) -> dict[str, str | float | int | None]:
    return {
        "history": history.name,
        "format": history.format,
        "rows_in": history.intake.rows_in,
        "rows_used": history.intake.rows_used,
        "rows_reported": history.intake.rows_reported,
        "span_s": history.duration_s,
        "days": grid.days,
        "gap_share": round(history.gap_share, 6),
        "growth": growth.mid,
    }


def _iso(grid: DayGrid, day: int) -> str:
    if grid.end_wall_ns is None:
        return ""
    return str(pd.Timestamp(grid.end_wall_ns + (day - grid.days) * DAY_S * 1_000_000_000).isoformat())
