"""The report as one HTML file: offline, no script, at most `SIZE_MAX` bytes whatever happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.analysis import PEAK_TOLERANCE, Check, State, Verdict, Word
from harness.report import charts, dictionary, words
from harness.report.breakdown import by_field, slowest
from harness.report.charts import HALF, NARROW, WIDE, Limit, Size
from harness.report.model import Report, SearchStep
from harness.report.order import Failures, caveats_of, latency_checks, quantile_of, shown_failures, worst_first
from harness.report.plain import line
from harness.report.promise import promise, rows_of
from harness.report.series import (
    Timed,
    Timeline,
    exceedance,
    gap_quantiles,
    latencies_s,
    timeline,
)
from harness.report.sheet import render
from harness.report.summary import needs, smoke_limits, trust_facts
from harness.report.timeline_chart import Events, timeline_chart
from harness.results import ARRIVAL

SIZE_MAX = 400_000
_RANK_OF_STATUS = {"broken": 0, "waived": 1, "not_fed": 2, "noted": 3, "held": 4}


@dataclass(frozen=True)
class Room:
    """How much may be shown: lists are cut to so many entries, texts to so many characters."""

    entries: int
    text: int
    curves: int
    data_tables: bool


_ROOMS = (Room(60, 40_000, 4, True), Room(25, 8_000, 2, True), Room(10, 2_000, 1, False))


def html(report: Report) -> str:
    """The page. Everything that came from a file or a server is escaped; numbers unknown are written `-`."""
    page = ""
    report, failures = shown_failures(report, _ROOMS[0].entries)
    drawn = _from_rows(report)
    for room in _ROOMS:
        page = render(
            "report.html", **_context(report, room), **_cut_failures(failures, room), **_cut_rows(drawn, room)
        )
        if len(page.encode()) <= SIZE_MAX:
            return page
    raise AssertionError(f"the smallest page has {len(page.encode())} bytes: a list is shown whole that must be cut")


def _cut_failures(failures: Failures, room: Room) -> dict[str, Any]:
    modes, rest = failures.modes[: room.entries], failures.modes[room.entries :]
    return {
        "modes": modes,
        "modes_left": failures.left + len(rest),
        "modes_left_count": failures.left_count + sum(mode.count for mode in rest),
    }


def _cut_rows(drawn: dict[str, Any], room: Room) -> dict[str, Any]:
    return {
        **drawn,
        "timeline": drawn["timeline"] if room.data_tables else [],
        "curves": drawn["curves"][: room.curves],
        "slow": drawn["slow"][: room.entries],
    }


def _context(report: Report, room: Room) -> dict[str, Any]:
    verdict, run = report.verdict, report.run
    checks = worst_first(verdict.checks)
    caveats = sorted(verdict.caveats, key=lambda c: _RANK_OF_STATUS.get(c.status, 0))
    return {
        "report": report,
        "verdict": verdict,
        "run": run,
        "clock": run.at,
        "word": report.title_word,
        "sign": words.VERDICT_SIGN[verdict.word],
        "action": _action(verdict),
        "smoke": smoke_limits(verdict) if verdict.smoke else "",
        "checks": [_check_row(c) for c in checks[: room.entries]],
        "checks_left": max(0, len(checks) - room.entries),
        "trust": trust_facts(report),
        "trusted": not caveats_of(verdict, "broken") and verdict.word is not Word.INVALID,
        "broken": caveats_of(verdict, "broken")[: room.entries],
        "not_fed": caveats_of(verdict, "not_fed")[: room.entries],
        "caveats": caveats[: room.entries],
        "caveats_left": max(0, len(caveats) - room.entries),
        "suspects": verdict.bottleneck[: room.entries],
        "provisioning": verdict.provisioning[: room.entries],
        "dependencies": report.dependencies[: room.entries],
        "faults": report.faults[: room.entries],
        "changes": report.changes[:10],
        "drills": report.drills[:10],
        "headroom": words.headroom(verdict.headroom),
        "search": [_step(step) for step in report.search[: room.entries]],
        "traces": {t.seq: t for t in report.traces[:1000]},
        "plan_text": _cut(run.plan_text, room.text),
        "slo_text": _cut(run.slo_text, room.text),
        "metrics": tuple(dictionary.METRICS.items()),
        "method": dictionary.METHOD,
        "capacity_bar": _drawn(lambda size: charts.capacity_bar(verdict.capacity, size), WIDE),
    }


def _action(verdict: Verdict) -> str:
    if verdict.smoke and verdict.word is Word.PASS:
        return "Smoke passed: not yet a launch decision"
    if verdict.word is Word.PASS and verdict.headroom is None:
        return "Passed at this rate; held against no forecast peak"
    if verdict.word is Word.PASS and verdict.headroom is not None and verdict.headroom < -PEAK_TOLERANCE:
        return "No launch yet: passed below the forecast peak"
    return words.ACTION[verdict.word]


def _step(step: SearchStep) -> tuple[str, str, SearchStep]:
    """(sign, word of the colour, step)."""
    known = step.word in {word.value for word in Word}
    return (words.VERDICT_SIGN[Word(step.word)], step.word, step) if known else ("\u2013", "noted", step)


def _check_row(check: Check) -> dict[str, Any]:
    return {
        "state": check.state.value,
        "sign": words.SIGN[check.state],
        "name": promise(check).name,
        "details": line("; ".join(part for part in (promise(check).details, check.note) if part), 200),
        "gate": "" if check.gate == "block" else check.gate,
        "value": words.quantity_interval(check.value, check.value_low, check.value_high, check.unit),
        "limit": words.limit(check.limit, check.unit),
        "beyond": words.beyond(check),
        "sample": words.sample(check),
        "needs": needs(check) if check.state in (State.UNDECIDED, State.NO_DATA) else "",
    }


def _from_rows(report: Report) -> dict[str, Any]:
    """Charts and tables that need the rows; empty where there are none."""
    empty: dict[str, Any] = {
        "stream_gaps": [], "load": None, "time": None, "timeline": None, "curves": [], "certificate": None,
        "phases": [], "journeys": [], "slow": [], "limit_name": "",
    }  # fmt: skip
    if report.rows is None or not np.any(report.rows.array["step"] == ARRIVAL):
        return empty
    rows = report.rows.in_order()
    report = replace(report, rows=rows)
    first = next(iter(latency_checks(report.verdict)), None)
    limit = _limit(first) if first else Limit("e2e p95", 0.95, 0.0, 0.05)
    timed = Timed(first.metric if first else "e2e", limit.quantile, rows_of(first, rows) if first else None)
    data = timeline(rows, report.evidence, timed, report.verdict.judged)
    assert data is not None, "there is at least one arrival"
    phases = (report.evidence.phases or ()) if report.evidence else ()
    events = Events(phases, report.faults, report.run.at)
    gaps = gap_quantiles(rows, report.evidence)
    return {
        "stream_gaps": _stream_gaps(report),
        "load": _drawn(lambda size: charts.load_chart(data, limit, report.verdict.capacity, size), WIDE),
        "time": _drawn(lambda size: timeline_chart(data, limit, events, size), Size(1100)),
        "timeline": _timeline_rows(data),
        "curves": _curves(report),
        "certificate": Markup(charts.certificate_chart(*gaps)) if gaps else None,  # noqa: S704 -- escaped in svg.py
        "phases": by_field(rows, "phase"),
        "journeys": by_field(rows, "journey"),
        "slow": slowest(rows),
        "limit_name": limit.name,
    }


def _stream_gaps(report: Report) -> list[dict[str, Any]]:
    """All gaps between the pieces of streamed answers, a row a phase that has any."""
    gaps = report.evidence.gaps if report.evidence else None
    if gaps is None or report.rows is None:
        return []
    phases = enumerate(report.rows.catalog.phases[: gaps.counts.shape[0]])
    return [
        {"phase": name, "count": gaps.count(k), **{f"p{q}": gaps.quantile_s(k, q / 100) for q in (50, 95, 99, 100)}}
        for k, name in phases
        if gaps.count(k)
    ]


def _limit(check: Check) -> Limit:
    allowed = 1 - quantile_of(check)
    return Limit(line(promise(check).title, 40), quantile_of(check), check.limit, allowed)


def _curves(report: Report) -> list[Markup]:
    """One distribution a latency SLO, of the judged rows that the SLO is about."""
    assert report.rows is not None
    drawn = []
    for check in latency_checks(report.verdict)[: _ROOMS[0].curves]:
        data = exceedance(latencies_s(rows_of(check, report.rows, report.verdict.judged), check.metric))
        if data is not None:
            drawn.append(_drawn(partial(charts.exceedance_chart, data, _limit(check)), HALF))
    return [chart for chart in drawn if chart]


def _drawn(draw: Callable[[Size], str | None], wide: Size) -> Markup | None:
    """The drawing for wide and, hidden until the style sheet shows it, for narrow pages."""
    large, small = draw(wide), draw(NARROW)
    if large is None:
        return None
    return Markup(f'<div class="wide">{large}</div><div class="narrow" hidden>{small}</div>')  # noqa: S704 -- escaped in svg.py


def _timeline_rows(data: Timeline) -> list[dict[str, Any]]:
    return [
        {
            "at": float(data.edges_s[i]),
            "count": int(data.count[i]),
            "planned": float(data.due_rate[i]) if data.due_rate is not None else None,
            "sent": float(data.sent_rate[i]),
            "p50": float(data.p50_s[i]),
            "tail": float(data.tail_s[i]),
            "outcomes": {name: int(counts[i]) for name, counts in data.outcomes.items() if counts[i]},
            "in_flight": float(data.in_flight[i]) if data.in_flight is not None else None,
        }
        for i in range(data.count.size)
    ]


def _cut(text: str, limit: int) -> str:
    left = len(text) - limit
    return text if left <= 0 else f"{text[:limit]}\n... ({left} characters more: see the copy in the run folder)"
