"""The drill as one HTML file: offline, no script; the word, why, what to do, and the timeline with the faults in it."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from harness.report import words
from harness.report.charts import NARROW, Limit, Size
from harness.report.drill_model import ACTION, KEPT_AS, TONE, DrillReport
from harness.report.secrets import without_secrets
from harness.report.series import BINS_MAX, Timed, timeline
from harness.report.sheet import render
from harness.report.timeline_chart import Events, timeline_chart

_SHOWN = 200


def drill_html(report: DrillReport) -> str:
    """The page. Everything that came from a file or a server is escaped."""
    report = without_secrets(report)
    verdict = report.verdict
    return render(
        "drill.html",
        report=report,
        verdict=verdict,
        run=report.run,
        tone=TONE[verdict.word],
        action=ACTION[verdict.word],
        expectations=[(words.SIGN[KEPT_AS[e.kept]], KEPT_AS[e.kept].value, e) for e in verdict.expectations],
        findings=list(report.findings()),
        ladder=list(report.ladder())[:_SHOWN],
        faults=list(report.faults()),
        journal=list(report.course())[:_SHOWN],
        broken=[c for c in report.whole.verdict.caveats if c.status == "broken"][:_SHOWN],
        chart=_chart(report),
    )


def _chart(report: DrillReport) -> Markup | None:
    whole = report.whole
    if whole.rows is None or whole.rows.arrivals().size == 0:
        return None
    # A drill is about moments: seconds where they fit, however few requests are in one.
    width_s = max(1.0, round(report.timeline.end_s / BINS_MAX))
    data = timeline(whole.rows, whole.evidence, Timed("e2e", 0.95, None), (), width_s)
    phases: Any = (whole.evidence.phases or ()) if whole.evidence else ()
    events = Events(phases, whole.faults, report.run.at)
    # No promise is drawn: the page is about expectations, not SLOs.
    limit = Limit("e2e p95", 0.95, 0.0, 0.05)
    wide, narrow = (timeline_chart(data, limit, events, size) if data else None for size in (Size(1100), NARROW))
    pair = f'<div class="wide">{wide}</div><div class="narrow" hidden>{narrow}</div>'
    return Markup(pair) if wide else None  # noqa: S704 -- escaped in svg.py
