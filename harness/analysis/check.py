"""One SLO held against the rows: MET, MISSED or UNDECIDED, with the interval behind the word and what more would
decide."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from harness.analysis import interval
from harness.analysis.interval import BLOCKS
from harness.analysis.measure import NoSample, Sample, sample
from harness.analysis.poststratify import poststratify
from harness.analysis.rules import Rules
from harness.analysis.scene import Scene
from harness.analysis.slo import AT_LEAST, Kind, Slo
from harness.analysis.special import t_quantile, t_tail
from harness.analysis.verdict import Check, State
from harness.analysis.view import Floats, View

_NAN = float("nan")
_FEWEST = 20
"""Below one request a block nothing can be said about correlation: no MET."""
_FEWEST_FOR_A_MEAN = 100
"""Five requests a block, for means of blocks to be near normal."""


def check(slo: Slo, scene: Scene, judged: View) -> Check:
    """Holds `slo` against the `judged` rows of the scene (its warm-up already cut)."""
    try:
        found = sample(slo, scene, judged)
        return (_mean_check if slo.kind is Kind.MEAN else _share_check)(slo, scene, found)
    except NoSample as why:
        return _empty(slo, str(why))


def share_state(share: float, n: int, effect: float, allowed: float, rules: Rules) -> tuple[State, float, float]:
    """(state, low, high) of a share of bad requests at a design effect `effect` (small-sample factor not yet in it)."""
    high = interval.upper_share(share, _effective(n, effect, rules.pass_alpha), rules.pass_alpha)
    low = interval.lower_share(share, _effective(n, effect, rules.fail_alpha), rules.fail_alpha)
    if high <= allowed and n >= _FEWEST:
        return State.MET, low, high
    return (State.MISSED if low > allowed else State.UNDECIDED), low, high


def _effective(n: int, effect: float, alpha: float) -> float:
    return n / (effect * interval.small_sample_factor(alpha))


def _share_check(slo: Slo, scene: Scene, found: Sample) -> Check:
    rules, n, bad = scene.rules, len(found.bad), int(found.bad.sum())
    q = 1 - slo.allowed_share
    effect = interval.design_effect(found.bad, found.values, q)
    share, effect = _weighted(slo, scene, found, bad / n, effect)
    state, low, high = share_state(share, n, effect, slo.allowed_share, rules)
    n_effective = _effective(n, effect, rules.pass_alpha)
    value, value_low, value_high = _value(slo, found, share, low, high, n_effective, rules.pass_alpha)
    result = Check(
        slo=slo.text,
        metric=slo.metric,
        gate=slo.gate,
        state=state,
        n=n,
        n_effective=n_effective,
        design_effect=n / n_effective,
        bad=bad,
        bad_share=share,
        bad_share_low=low,
        bad_share_high=high,
        allowed_share=slo.allowed_share,
        value=value,
        value_low=value_low,
        value_high=value_high,
        limit=slo.limit,
        unit=slo.unit,
        p_value=interval.p_value(share, _effective(n, effect, rules.fail_alpha), slo.allowed_share),
        source=slo.source,
        note=found.note,
    )
    return _with_more(result, rules, scene.rate * n / max(1, len(scene.judged))) if state is State.UNDECIDED else result


def _weighted(slo: Slo, scene: Scene, found: Sample, share: float, effect: float) -> tuple[float, float]:
    """The share and design effect under the planned mix of journeys, where the rules ask for it and the SLO spans
    them."""
    mix = scene.evidence.journey_mix
    if not scene.rules.post_stratify or not mix or "journey" in slo.where:
        return share, effect
    weighted = poststratify(found.view, found.bad, mix)
    if weighted.missing:
        raise NoSample(f"no request of {', '.join(weighted.missing)}, which the planned mix weighs")
    return weighted.share, max(effect, len(found.bad) / max(weighted.n_effective, 1e-9))


def _value(  # noqa: PLR0917 -- a figure with its interval: all of it numbers
    slo: Slo, found: Sample, share: float, low: float, high: float, n_effective: float, alpha: float
) -> tuple[float, float, float]:
    if found.values is None:
        return (1 - share, 1 - high, 1 - low) if slo.metric in AT_LEAST else (share, low, high)
    value, value_low, value_high = interval.woodruff(found.values, 1 - slo.allowed_share, n_effective, alpha)
    return (-value, -value_high, -value_low) if slo.metric in AT_LEAST else (value, value_low, value_high)


def _with_more(result: Check, rules: Rules, rate: float) -> Check:
    """Adds the sub-reason and how many more requests would decide."""
    n, share, allowed = result.n, result.bad_share, result.allowed_share
    total = interval.needed(share, allowed, result.design_effect, rules.pass_alpha)
    if total is None:
        return replace(
            result, reason="AT_LIMIT", advice="the share is at the limit itself: no number of requests decides"
        )
    # An undecided look at n says that n was too few, whatever the normal approximation says: a quarter more at least.
    more = math.ceil(max(total - n, n / 4, 1))
    minutes = more / rate / 60 if rate > 0 else None
    alone, _, _ = share_state(share, n, 1.0, allowed, rules)
    if _effective(n, 1.0, rules.pass_alpha) < interval.fewest_to_pass(allowed, rules.pass_alpha):
        reason = "TOO_SHORT"
    elif alone is not State.UNDECIDED:
        reason = "CORRELATED"
    else:
        lasting = math.inf if minutes is None else minutes * 60
        reason = "AT_LIMIT" if lasting > rules.extend_up_to_s else "TOO_SHORT"
    return replace(result, reason=reason, more_requests=more, more_minutes=minutes)


def _mean_check(slo: Slo, scene: Scene, found: Sample) -> Check:
    """Means (amplification, tokens/s, cost): the t interval of 20 block means in order of due time."""
    blocks, n = _mean_blocks(slo, scene, found)
    rules, more_is_better = scene.rules, slo.metric in AT_LEAST
    mean, error = float(blocks.mean()), float(blocks.std(ddof=1)) / math.sqrt(BLOCKS)
    to_pass, to_fail = (error * t_quantile(1 - a, BLOCKS - 1) for a in (rules.pass_alpha, rules.fail_alpha))
    sign = -1 if more_is_better else 1
    excess = sign * (mean - slo.limit)
    strict = slo.operator in "<>"
    met = excess + to_pass < 0 or (not strict and excess + to_pass <= 0)
    state = State.MET if met else State.MISSED if excess - to_fail > 0 else State.UNDECIDED
    if n < _FEWEST_FOR_A_MEAN and state is State.MET:
        state = State.UNDECIDED
    p = t_tail(excess / error, BLOCKS - 1) if error > 0 else float(excess <= 0)
    reason = "" if state is not State.UNDECIDED else "TOO_SHORT" if n < _FEWEST_FOR_A_MEAN else "AT_LIMIT"
    return Check(
        slo=slo.text,
        metric=slo.metric,
        gate=slo.gate,
        state=state,
        n=n,
        n_effective=float(n),
        design_effect=1.0,
        bad=int(found.bad.sum()),
        bad_share=_NAN,
        bad_share_low=_NAN,
        bad_share_high=_NAN,
        allowed_share=_NAN,
        value=mean,
        value_low=mean - (to_pass if more_is_better else to_fail),
        value_high=mean + (to_fail if more_is_better else to_pass),
        limit=slo.limit,
        unit=slo.unit,
        p_value=p,
        reason=reason,
        advice="run longer" if reason else "",
        source=slo.source,
        note=found.note,
    )


def _mean_blocks(slo: Slo, scene: Scene, found: Sample) -> tuple[Floats, int]:
    view, n = found.view, len(found.view)
    if n < BLOCKS:
        raise NoSample(f"{n} requests are too few for a mean ({BLOCKS} blocks)")
    if slo.metric == "tokens/s":
        return _throughput_blocks(scene, view, slo.where.get("phase", "")), n
    if slo.metric == "amplification":
        per_request = view.raw("attempts").astype(np.float64)
        if not per_request.any():
            raise NoSample("the rows carry no attempts")
    else:
        prices = scene.evidence.prices
        if prices is None or prices.currency != slo.unit:
            raise NoSample(f"no token prices in {slo.unit}: give them in the plan")
        tokens_in, tokens_out = (view.raw(name).astype(np.float64) for name in ("tokens_in", "tokens_out"))
        per_request = (tokens_in * prices.per_million_in + tokens_out * prices.per_million_out) / 1e3
    m = n // BLOCKS
    return per_request[: m * BLOCKS].reshape(BLOCKS, m).mean(axis=1), n


def _throughput_blocks(scene: Scene, view: View, phase: str) -> Floats:
    """Output tokens of successes by second of finish, in 20 equal stretches of the judged time, all phases of it."""
    tokens = np.where(view.success, view.raw("tokens_out").astype(np.float64), 0.0)
    finished, sums = np.nan_to_num(view.finished_s, nan=-1.0), np.zeros(BLOCKS)
    chosen = [s for s in scene.segments if phase in {"", s.phase}]
    edges, before_s = np.linspace(0.0, sum(s.duration_s for s in chosen), BLOCKS + 1), 0.0
    for segment in chosen:
        here = segment.holds(finished)
        sums += np.histogram(finished[here] - segment.start_s + before_s, bins=edges, weights=tokens[here])[0]
        before_s += segment.duration_s
    blocks: Floats = sums / np.diff(edges)
    return blocks


def _empty(slo: Slo, why: str) -> Check:
    return Check(
        slo=slo.text,
        metric=slo.metric,
        gate=slo.gate,
        state=State.NO_DATA,
        n=0,
        n_effective=0.0,
        design_effect=1.0,
        bad=0,
        bad_share=_NAN,
        bad_share_low=_NAN,
        bad_share_high=_NAN,
        allowed_share=slo.allowed_share,
        value=_NAN,
        value_low=_NAN,
        value_high=_NAN,
        limit=slo.limit,
        unit=slo.unit,
        p_value=1.0,
        reason=why,
        source=slo.source,
    )
