"""Runs beside each other, as pages: the history with its trends, and two runs compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from harness.analysis import Change, Check, Difference, State, Verdict, Word
from harness.drill import Standing
from harness.report import svg, words
from harness.report.charts import NARROW, Size, grid
from harness.report.compare import SIGN, gap, measured
from harness.report.past import day, how_many_passed, sign_of, stands, word_of
from harness.report.plain import line
from harness.report.promise import promise
from harness.report.secrets import without_secrets
from harness.report.sheet import render
from harness.store import PastCheck, PastRun

_RUNS, _TRENDS, _CHANGES = 200, 40, 100


def history_html(
    runs: Sequence[PastRun],
    checks: Sequence[PastCheck],
    place: str = "",
    drills: Sequence[tuple[str, Standing]] = (),
) -> str:
    """The page over `runs` (newest first), their `checks` (oldest first) and how each of the `drills` stands; `place`
    says where they are kept."""
    passed, loads = how_many_passed(runs)
    shown, trends = without_secrets(tuple(runs[:_RUNS])), without_secrets(tuple(checks))
    wide, narrow = (_capacity(shown[::-1], size) for size in (Size(1100), NARROW))
    pair = f'<div class="wide">{wide}</div><div class="narrow" hidden>{narrow}</div>'
    return render(
        "history.html",
        place=without_secrets(place),
        runs=[_run(run) for run in shown],
        runs_in_all=loads,
        drills=[_drill(title, known) for title, known in without_secrets(tuple(drills[:_RUNS]))],
        left=len(runs) - len(shown),
        passed=passed,
        capacity=Markup(pair) if wide else None,  # noqa: S704 -- escaped in svg.py
        trends=_trends(trends),
    )


def comparison_html(
    differences: Sequence[Difference], names: tuple[str, str], verdicts: tuple[Verdict, Verdict], *, regressed: bool
) -> str:
    """The page of two runs, base first; `differences` are worst first."""
    differences, names, (base, new) = without_secrets((tuple(differences), names, verdicts))
    rates = [f"{words.rate(v.capacity.proven)}/s" for v in (base, new) if v.capacity.proven is not None]
    checks = ({c.slo: c for c in base.checks}, {c.slo: c for c in new.checks})
    return render(
        "compare.html",
        names=names,
        regressed=regressed,
        before=base.word.value,
        after=new.word.value,
        proven=", then ".join(rates) if len(rates) == 2 else "",
        rows=[_difference(d, checks[0][d.slo], checks[1][d.slo]) for d in differences[:_CHANGES]],
        left=max(0, len(differences) - _CHANGES),
    )


def _run(run: PastRun) -> dict[str, Any]:
    known = not run.drill and run.verdict in {word.value for word in Word}
    return {
        "id": run.run_id,
        "day": day(run.started),
        "verdict": run.verdict if known else "noted",
        "word": word_of(run),
        "sign": sign_of(run),
        "headline": run.headline,
        "offered": run.offered_rate,
        "proven": run.proven,
        "peak": run.forecast_peak,
        "headroom": words.headroom(run.headroom),
        "plan": run.plan,
        "target": run.target,
        "why": run.why,
    }


def _drill(title: str, known: Standing) -> dict[str, Any]:
    return {"title": title, "stands": stands(known), "tone": "UNDECIDED" if known.overdue_s > 0 else "noted"}


def _capacity(runs: Sequence[PastRun], size: Size) -> str:
    """Marks of what each run offered and proved, oldest first; empty where no run has a rate."""
    rates = [r for run in runs for r in (run.offered_rate, run.proven, run.forecast_peak) if r is not None]
    rates = [r for r in rates if math.isfinite(r)]
    if not rates:
        return ""
    ticks = svg.round_ticks(max(rates), 3)
    x_axis = svg.Axis(-0.5, len(runs) - 0.5, 56, size.width - 14)
    y_axis = svg.Axis(0, ticks[-1], 150, 12)
    parts = grid(y_axis, ticks, [words.rate(t) for t in ticks], size)
    peaks = [math.nan if run.forecast_peak is None else y_axis.at(run.forecast_peak) for run in runs]
    parts.append(svg.path([(x_axis.at(i), y) for i, y in enumerate(peaks)], "peak", dash="4 4"))
    for i, run in enumerate(runs):
        rate = run.proven if run.proven is not None else run.offered_rate
        if rate is None or not math.isfinite(rate):
            continue
        role = {"PASS": "good", "FAIL": "bad", "INVALID": "timeout"}.get(run.verdict, "open")
        title = (
            f"{line(run.run_id, 40)}, {day(run.started)}: {line(run.verdict, 14) or 'no verdict'}, {words.rate(rate)}/s"
        )
        parts.append(svg.dot(x_axis.at(i), y_axis.at(rate), role, radius=4, title=title))
        if run.proven is None:
            parts.append(svg.dot(x_axis.at(i), y_axis.at(rate), "band", radius=2))
    ends = [(0, "start"), (len(runs) - 1, "end")] if len(runs) > 1 else [(0, "middle")]
    parts += [svg.text(x_axis.at(i), 168, day(runs[i].started), anchor=anchor, size=11) for i, anchor in ends]
    return svg.picture(size.width, 176, "Rates of past runs against the forecast peak, requests/s", parts)


def _trends(checks: Sequence[PastCheck]) -> list[dict[str, Any]]:
    by_slo: dict[str, list[PastCheck]] = {}
    for check in checks:
        by_slo.setdefault(check.slo, []).append(check)
    return [_trend(slo, past) for slo, past in list(by_slo.items())[:_TRENDS]]


def _trend(slo: str, past: Sequence[PastCheck]) -> dict[str, Any]:
    last = past[-1]
    known = last.state in {state.value for state in State}
    return {
        "slo": slo,
        "chart": _strip(past),
        "last": words.quantity(math.nan if last.value is None else last.value, last.unit),
        "limit": words.limit(math.nan if last.limit is None else last.limit, last.unit),
        "state": last.state if known else "noted",
        "sign": words.SIGN[State(last.state)] if known else "?",
        "runs": len(past),
    }


def _strip(past: Sequence[PastCheck]) -> Markup:
    """The value of each run on one small strip, with the limit as a line; `inf` rests on the upper edge."""
    recent = past[-30:]
    values = [math.nan if c.value is None else c.value for c in recent]
    limit = recent[-1].limit
    finite = [v for v in [*values, math.nan if limit is None else limit] if math.isfinite(v)]
    high = max(finite, default=1.0) or 1.0
    x_axis, y_axis = svg.Axis(0, max(1, len(recent) - 1), 5, 195), svg.Axis(0, high * 1.1, 33, 4)
    parts = (
        []
        if limit is None or not math.isfinite(limit)
        else [svg.rule(2, y_axis.at(limit), 198, y_axis.at(limit), "limit", dash="3 3")]
    )
    points = [(x_axis.at(i), math.nan if math.isnan(v) else y_axis.at(v)) for i, v in enumerate(values)]
    parts.append(svg.path(points, "main"))
    for (x, y), check in zip(points, recent, strict=True):
        if not math.isnan(y):
            role = {"MET": "good", "MISSED": "bad"}.get(check.state, "open")
            parts.append(svg.dot(x, y, role, radius=2.5, title=f"{line(check.run_id, 40)}: {line(check.state, 12)}"))
    return Markup(svg.picture(200, 38, "its value in each run, with the limit", parts))  # noqa: S704 -- escaped in svg.py


def _difference(d: Difference, before: Check, after: Check) -> dict[str, Any]:
    return {
        "sign": SIGN[d.change],
        "tone": {Change.WORSE: "MISSED", Change.BETTER: "MET"}.get(d.change, "noted"),
        "move": d.change.value,
        "slo": promise(after).title,
        "gate": after.gate,
        "before": measured(before),
        "after": measured(after),
        "limit": words.limit(after.limit, after.unit),
        "gap": gap(d),
    }
