"""What each metric of an SLO is, request by request: a value where higher is worse, +inf for a request that did not
succeed.

TTFT and end-to-end run from the due time; TPOT is `(last - first token) / (tokens - 1)`; the gap is a request's largest
pause between content events. Degraded is a success here, but not for goodput (verdict.md, "Metrics, exactly").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analysis.scene import Scene
from harness.analysis.slo import CLASSES, Kind, Slo
from harness.analysis.view import FLAG_GAP_UNKNOWN, Bools, Floats, View
from harness.results import ARRIVAL, Outcome
from harness.results.row import FLAG_TOKENS_FROM_USAGE

UNCOUNTED_SHARE = 0.01
"""Of the streamed answers: so many without a count of tokens are taken for the slowest, more are no sample."""


@dataclass(frozen=True)
class Sample:
    """The requests that one SLO speaks of, in order of due time; arrays of shape (n,)."""

    view: View
    values: Floats | None
    """The metric, higher is worse, +inf where the request failed; None for plain shares."""
    bad: Bools
    note: str = ""


class NoSample(ValueError):  # noqa: N818 -- not an error of the program: an answer in words
    """Why an SLO has nothing to look at."""


def sample(slo: Slo, scene: Scene, judged: View) -> Sample:
    """Takes the requests of `slo` out of `judged`. Raises `NoSample` with the reason where there are none."""
    view = _scoped(slo, scene, judged)
    if slo.kind is Kind.QUANTILE:
        values, note = latencies(view, slo.metric)
        keep = ~np.isnan(values)
        if not keep.any():
            raise NoSample(f"no request has a {slo.metric}")
        limit = -slo.limit if slo.metric == "tokens/s" else slo.limit
        kept = values[keep]
        return Sample(view.where(keep), kept, kept >= limit if slo.operator in "<>" else kept > limit, note)
    if slo.kind is Kind.MEAN:
        return Sample(view, None, ~view.success)
    return Sample(view, None, bad_requests(slo, view))


def _scoped(slo: Slo, scene: Scene, judged: View) -> View:
    catalog = scene.rows.catalog
    places = {"journey": catalog.journeys, "phase": catalog.phases, "tenant": catalog.tenants, "step": catalog.steps}
    for key, name in slo.where.items():
        if name not in places[key]:
            raise NoSample(f"no {key} is called {name!r}; there are: {', '.join(filter(None, places[key])) or 'none'}")
    if slo.where.get("phase") and slo.where["phase"] not in scene.names:
        raise NoSample(f"phase {slo.where['phase']!r} is not judged; add it to judge_phases")
    view = judged
    step = catalog.steps.index(slo.where["step"]) if "step" in slo.where else ARRIVAL
    if step != ARRIVAL:
        view = View.of(scene.rows, step)
        view = view.where(np.isin(view.raw("seq"), judged.raw("seq")))
    for key in ("journey", "phase", "tenant"):
        if key in slo.where:
            view = view.where(view.raw(key) == places[key].index(slo.where[key]))
    if len(view) == 0:
        raise NoSample("no request in its scope")
    return view


def latencies(view: View, metric: str) -> tuple[Floats, str]:
    """Values of a latency (seconds) or, negated, of tokens/s; +inf for failures, NaN where the metric does not apply (a
    plain answer has no TTFT, one token has no TPOT). With a note on where token counts came from."""
    note = ""
    if metric == "e2e":
        values = view.e2e_s.copy()
    elif metric == "service":
        values = view.span_s("sent_ns", "finished_ns")
    elif metric == "ttft":
        values = view.span_s("due_ns", "first_token_ns")
        # A streamed success that never had content is a failure of the stream, not a fast answer.
        values[np.isnan(values) & view.streamed] = np.inf
    else:
        values, note = _token_values(view, metric)
    if metric in {"e2e", "service"}:
        values[np.isnan(values)] = np.inf
    values[~view.success] = np.inf
    return values, note


def _token_values(view: View, metric: str) -> tuple[Floats, str]:
    count = view.raw("tokens_out").astype(np.float64)
    streams = view.success & ~np.isnan(view.first_token_s)
    if metric == "gap":
        if ((view.raw("flags").astype(np.uint16) & FLAG_GAP_UNKNOWN) > 0).any():
            raise NoSample("the rows do not tell the pauses of a stream")
        return np.where(streams, view.raw("max_gap_us") * 1e-6, np.nan), ""
    from_usage = (view.raw("flags").astype(np.uint16) & FLAG_TOKENS_FROM_USAGE) > 0
    counted = int((~from_usage & view.success).sum())
    note = (
        "tokens from usage" if counted == 0 else f"tokens counted as content events in {counted} of {len(view)} answers"
    )
    # A streamed answer whose tokens nobody counted may have been slow: it is not left out of what others are held to.
    uncounted = streams & (count == 0)
    if uncounted.sum() > UNCOUNTED_SHARE * streams.sum():
        raise NoSample(f"{uncounted.sum()} of {streams.sum()} streamed answers carry no count of tokens")
    missing = np.where(uncounted, np.inf, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        if metric == "tpot":
            span = view.span_s("first_token_ns", "last_token_ns")
            return np.where(count >= 2, span / (count - 1), missing), note
        rate = count / view.e2e_s
    return np.where(count > 0, -rate, missing), note


def bad_requests(slo: Slo, view: View) -> Bools:
    if slo.metric in {"errors", "success"}:
        return ~view.success
    if slo.metric == "degraded":
        return np.asarray(view.outcome == Outcome.DEGRADED)
    if slo.metric in CLASSES:
        return np.asarray(view.outcome == Outcome.parse(slo.metric))
    assert slo.metric == "goodput", slo.metric
    bad: Bools = view.outcome != Outcome.OK
    for metric, limit in slo.limits:
        values, _ = latencies(view, metric)
        if np.isnan(values[~bad]).all() and (~bad).any():
            raise NoSample(f"no request has a {metric}")
        bad = bad | (values > limit)
    return bad
