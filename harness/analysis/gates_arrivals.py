"""Gates on the arrivals: every planned one accounted for, sent on time, in the planned pattern and mix."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis.doubt import absent, broken, held
from harness.analysis.scene import Scene, Segment
from harness.analysis.slo import Slo
from harness.analysis.special import chi_square_tail
from harness.analysis.verdict import Caveat
from harness.analysis.view import FLAG_DUE_FROM_SENT, Floats, View

LATE_S = 1.0
LATE_WINDOW_S = 10.0
LATE_SHARE = 0.01
LEAST_LAG_S = 0.010
LAG_SHARE = 0.05
CURVE_ERROR = 0.05
"""Share of the arrivals of a second that may fall into another one."""
DISPERSION_RATIO = 1.25
MIX_P = 0.001
MIX_STRETCH = 200
MOST_MIX_STRETCHES = 30
"""The mix is judged over stretches of so many planned arrivals, so many of them at most."""
LEAST_EXPECTED = 5.0


def lag_limit_s(slos: Sequence[Slo]) -> float:
    """How late the generator may be at p99: max(10 ms, 5 % of the smallest ttft or e2e limit)."""
    limits = [s.limit for s in slos if s.metric in {"ttft", "e2e"}]
    limits += [limit for s in slos for metric, limit in s.limits if metric in {"ttft", "e2e"}]
    return max(LEAST_LAG_S, LAG_SHARE * min(limits, default=0.0))


def ledger(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Every planned arrival ends in exactly one row, unaltered, and the workers' own counts agree."""
    del slos
    books = scene.books
    if books is None:
        return absent("ledger", "rows against planned arrivals", scene)
    if books.doubled:
        what = f"{books.doubled} arrivals have more than one row"
    elif books.missing:
        what = f"{books.missing} of {books.planned} planned arrivals have no row"
    elif scene.evidence.ledger_problems:
        what = "; ".join(scene.evidence.ledger_problems)
    elif books.unknown:
        what = f"{books.unknown} rows were never planned"
    elif books.altered:
        field, count = books.altered[0]
        what = f"{count} rows do not carry the {field.removesuffix('_ns')} that was planned for them"
    else:
        held_so = held("ledger", f"{books.accounted} of {books.planned} arrivals accounted for")
        return _worker_counts(scene, books.rows) or held_so
    return broken("ledger", what, "rows were lost, doubled or altered: run again, and keep the folder for a bug report")


def _worker_counts(scene: Scene, rows: int) -> Caveat | None:
    workers = scene.evidence.workers
    if workers is None or not math.isinf(scene.until_s):
        return None
    counted = [w for w in workers if w.state != "refused"]
    planned = sum(w.planned for w in counted)
    for name, total in (("were to fire", planned), ("reported", sum(w.reported for w in counted))):
        lost = any(w.state == "lost" for w in counted)
        if total != rows and not (lost and name == "reported"):
            return broken(
                "ledger",
                f"the workers {name} {total} arrivals, the rows hold {rows}",
                "a worker's account does not add up: run again",
            )
    return None


def complete(scene: Scene, slos: Sequence[Slo]) -> Caveat | None:
    """A load that ended before its plan leaves judged arrivals unsent."""
    del slos
    why = scene.evidence.stopped_early
    if not why:
        return None
    unsent = int(scene.judged.never_sent.sum())
    if unsent == 0:
        return Caveat("complete", "noted", f"the load ended early ({why}), after the judged part")
    first = float(scene.judged.due_s[scene.judged.never_sent][0])
    return broken(
        "complete",
        f"the load ended early ({why}): {unsent} judged arrivals were never sent",
        "run it to its end",
        first,
    )


def late_sends(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """In any 10 s, by due time, at most max(1, 1 %) of the arrivals may be sent over 1 s late or never."""
    del slos
    known = _sends_are_known(scene)
    if not known and not scene.judged.never_sent.any():
        return absent("late_sends", "arrivals sent late or never", scene)
    worst_count = 0
    for segment in scene.segments:
        view = scene.judged.where(segment.holds(scene.judged.due_s))
        late = view.never_sent | (view.send_lag_s > LATE_S)  # an unknown lag is 0 or NaN: only the unsent count
        worst = _worst_window(view.due_s, late, segment)
        if worst is not None:
            at, count, due = worst
            return broken(
                "late_sends",
                f"{count} of {due} arrivals due in 10 s were sent over 1 s late or never",
                "the generator or its in-flight bound was the limit: more processes or a quieter machine",
                at,
            )
        worst_count += int(late.sum())
    return held("late_sends", f"{worst_count} of {len(scene.judged)} arrivals sent over 1 s late or never, spread out")


def _worst_window(due: Floats, late: np.ndarray, segment: Segment) -> tuple[float, int, int] | None:
    """The first 10 s window that breaks the rule: (from, late, due). A window with too many late ones can always be
    moved to begin at one of them, or to end with the segment."""
    moments = due[late]
    starts = np.minimum(moments, max(segment.start_s, segment.end_s - LATE_WINDOW_S))
    ends = starts + LATE_WINDOW_S
    counts = np.searchsorted(moments, ends) - np.searchsorted(moments, starts)
    totals = np.searchsorted(due, ends) - np.searchsorted(due, starts)
    bad = np.flatnonzero(counts > np.maximum(1, LATE_SHARE * totals))
    if len(bad) == 0:
        return None
    k = bad[0]
    return float(starts[k]), int(counts[k]), int(totals[k])


def _sends_are_known(scene: Scene) -> bool:
    """Rows say both when an arrival was due and when it was sent."""
    view = scene.judged
    if (view.raw("flags").astype(np.uint16) & FLAG_DUE_FROM_SENT).any():
        return False
    return scene.evidence.own_run or not np.isnan(view.sent_s[~view.never_sent]).all()


def send_lag(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """Sent minus due, p99 over the judged arrivals that were sent."""
    if not _sends_are_known(scene):
        return absent("send_lag", "send lag (latency may start at the send: waiting before it is not seen)", scene)
    lag = scene.judged.send_lag_s
    lag = lag[~np.isnan(lag)]
    limit = lag_limit_s(slos)
    if len(lag) == 0:
        return absent("send_lag", "send lag", scene)
    p99 = float(np.quantile(lag, 0.99, method="inverted_cdf"))
    if p99 > limit:
        at = float(scene.judged.due_s[np.nan_to_num(scene.judged.send_lag_s) > limit][0])
        return broken(
            "send_lag",
            f"send lag p99 {p99 * 1e3:.1f} ms, above {limit * 1e3:.1f} ms",
            "the generator was late: more processes or a quieter machine",
            at,
        )
    return held("send_lag", f"send lag p99 {p99 * 1e3:.1f} ms (limit {limit * 1e3:.1f} ms)")


def arrival_figures(scene: Scene) -> tuple[float, float, float] | None:
    """(rate-curve error, dispersion planned, dispersion realised) over the seconds of the judged segments; the error
    is the share of arrivals that fell into another second. None without a plan or sends."""
    plan = scene.planned
    if plan is None or not _sends_are_known(scene):
        return None
    moved = total = 0.0
    planned_counts, realised_counts = [], []
    due_all = plan.due_ns.astype(np.float64) * 1e-9
    sent_all = scene.arrivals.sent_s
    for segment in scene.segments:
        bins = max(1, int(segment.duration_s))
        edges = (segment.start_s, segment.start_s + bins * segment.duration_s / max(segment.duration_s, bins))
        planned = np.histogram(due_all[segment.holds(due_all)], bins=bins, range=edges)[0]
        realised = np.histogram(sent_all[segment.holds(sent_all)], bins=bins, range=edges)[0]
        moved += float(np.abs(planned - realised).sum()) / 2
        total += float(planned.sum())
        planned_counts.append(planned)
        realised_counts.append(realised)
    if total == 0:
        return None
    return moved / total, _dispersion(planned_counts, planned_counts), _dispersion(realised_counts, planned_counts)


def _dispersion(counts: list[np.ndarray], planned: list[np.ndarray]) -> float:
    """Index of dispersion at one second around a 10 s moving mean of the plan: 1 for Poisson, whatever the curve."""
    square = mean = 0.0
    for c, p in zip(counts, planned, strict=True):
        width = min(10, len(p))
        level = np.convolve(p, np.ones(width) / width, mode="same")
        edge = np.convolve(np.ones(len(p)), np.ones(width) / width, mode="same")
        level = level / edge
        square += float(((c - level) ** 2).sum())
        mean += float(level.sum()) * (1 - 1 / width)
    return square / mean if mean > 0 else math.nan


def certificate(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """The realised arrival process is the planned one: its rate curve and its burstiness."""
    del slos
    if scene.planned is None or not _sends_are_known(scene):
        return absent("arrivals", "the arrival process against the planned one", scene)
    figures = arrival_figures(scene)
    if figures is None:
        return broken("arrivals", "no arrival was planned in the judged phases", "judge a phase that has load")
    error, planned, realised = figures
    what = f"rate curve off by {error:.2%}, index of dispersion {realised:.2f} (planned {planned:.2f})"
    ratio = realised / planned if planned > 0 else math.inf
    if error > CURVE_ERROR or (planned > 0 and not 1 / DISPERSION_RATIO <= ratio <= DISPERSION_RATIO):
        return broken("arrivals", what, "what was sent is not the planned load: more processes or a quieter machine")
    return held("arrivals", what)


def mix(scene: Scene, slos: Sequence[Slo]) -> Caveat:
    """The journeys that were sent, against the planned mix of their time (chi-square over stretches of the plan)."""
    del slos
    names = scene.rows.catalog.journeys
    sent = _sent(scene.judged)
    plan, chosen = scene.planned, scene.planned_judged()
    if plan is not None and chosen is not None and chosen.any():
        due_ns, edges_ns = plan.due_ns[chosen], _edges(plan.due_ns[chosen])
        shares = _by_stretch(due_ns, plan.journey[chosen], edges_ns, len(names))
        counts = _by_stretch(np.rint(sent.due_s * 1e9), sent.journey, edges_ns, len(names))
    else:
        declared = _declared_mix(scene, names)
        if declared is None:
            return absent("mix", "journey mix against the plan", scene)
        shares = declared[None, :]
        counts = np.bincount(sent.journey, minlength=len(names))[None, : len(names)].astype(float)
    if counts.sum() == 0:
        return broken("mix", "nothing was sent in the judged phases", "check the target and the generator")
    total, share = counts.sum(axis=0), shares.sum(axis=0)
    strange = [name for name, count, planned in zip(names, total, share, strict=True) if count and not planned]
    if strange:
        return broken("mix", f"journeys that were not planned: {', '.join(strange)}", "run the planned journeys only")
    p, worst = _mix_fit(counts, shares)
    if p < MIX_P:
        planned = shares[worst] / shares[worst].sum()
        got = ", ".join(
            f"{n} {c / counts[worst].sum():.1%} (planned {s:.1%})"
            for n, c, s in zip(names, counts[worst], planned, strict=True)
            if s
        )
        where = f" in part {worst + 1} of {len(counts)} of the judged load" if len(counts) > 1 else ""
        return broken(
            "mix", f"journey mix off plan{where}: {got}", "a journey was dropped or starved: see not_sent by journey"
        )
    return held("mix", f"journey mix as planned (p = {p:.2g})")


def _sent(view: View) -> View:
    return view.where(~view.never_sent)


def _edges(due_ns: np.ndarray) -> np.ndarray:
    """Starts of stretches with as many planned arrivals each, so that a mix that moves is judged where it is."""
    stretches = min(MOST_MIX_STRETCHES, max(1, len(due_ns) // MIX_STRETCH))
    return due_ns[np.arange(stretches) * len(due_ns) // stretches]


def _by_stretch(due_ns: np.ndarray, journey: np.ndarray, edges_ns: np.ndarray, journeys: int) -> Floats:
    """Arrivals by stretch and journey. A journey that the catalog does not know is the gate `possible`'s business."""
    there = journey < journeys
    due_ns, journey = due_ns[there], journey[there]
    at = np.maximum(np.searchsorted(edges_ns, due_ns, side="right") - 1, 0)
    counts = np.bincount(at * journeys + journey, minlength=len(edges_ns) * journeys)
    return counts.reshape(len(edges_ns), journeys).astype(float)


def _mix_fit(counts: Floats, shares: Floats) -> tuple[float, int]:
    """(p, stretch that fits worst): chi-square of the counts against the planned shares of their stretch,
    stretch by stretch and over all of them: the first finds what befell one moment, the second what is a little off all
    the time."""
    known = (counts.sum(axis=1) > 0) & (shares.sum(axis=1) > 0)
    expected = np.zeros_like(counts)
    planned = shares[known] / shares[known].sum(axis=1, keepdims=True)
    expected[known] = planned * counts[known].sum(axis=1, keepdims=True)
    fits = [_chi_square(row, wanted) for row, wanted in zip(counts, expected, strict=True)]
    apart = chi_square_tail(sum(x for x, _ in fits), max(1, sum(freedom for _, freedom in fits)))
    together, freedom = _chi_square(counts[known].sum(axis=0), expected.sum(axis=0))
    return min(apart, chi_square_tail(together, max(1, freedom))), int(np.argmax([x for x, _ in fits]))


def _chi_square(seen: Floats, expected: Floats) -> tuple[float, int]:
    """(statistic, degrees of freedom). Journeys with fewer than `LEAST_EXPECTED` count as one, so that a single request
    is not taken for a deviation."""
    few = expected < LEAST_EXPECTED
    seen, expected = np.append(seen[~few], seen[few].sum()), np.append(expected[~few], expected[few].sum())
    if (seen[expected == 0] > 0).any():
        return math.inf, 1
    there = expected > 0
    return float(((seen - expected)[there] ** 2 / expected[there]).sum()), max(0, int(there.sum()) - 1)


def _declared_mix(scene: Scene, names: tuple[str, ...]) -> Floats | None:
    """The declared shares, for rows without a plan."""
    declared = scene.evidence.journey_mix
    if declared is None:
        return None
    weights = np.array([declared.get(name, 0.0) for name in names], dtype=float)
    return weights if weights.sum() > 0 else None
