"""The drill as one HTML file: offline, no script; the word, why, what to do, and the timeline with the faults in it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from harness.drill import Kept, Word
from harness.report.charts import Limit, Size
from harness.report.drill_model import ACTION, SIGN, DrillReport
from harness.report.plain import line, visible
from harness.report.secrets import without_secrets
from harness.report.series import BINS_MAX, Timed, timeline
from harness.report.timeline_chart import Events, timeline_chart

_TONE = {Word.HELD: "PASS", Word.DID_NOT_HOLD: "FAIL", Word.NOT_RUN: "INCONCLUSIVE", Word.INVALID: "INVALID"}
_KEPT = {Kept.HELD: "MET", Kept.MISSED: "MISSED", Kept.NO_DATA: "NO_DATA"}
_SHOWN = 200


def drill_html(report: DrillReport) -> str:
    """The page. Everything that came from a file or a server is escaped."""
    report = without_secrets(report)
    styles = (resources.files("harness.report") / "styles.css").read_text("utf-8")
    verdict = report.verdict
    return _template().render(
        styles=Markup(styles),  # noqa: S704 -- our own file
        report=report,
        verdict=verdict,
        run=report.run,
        tone=_TONE[verdict.word],
        action=ACTION[verdict.word],
        expectations=[(SIGN[e.kept], _KEPT[e.kept], e) for e in verdict.expectations],
        findings=list(report.findings()),
        ladder=list(report.ladder())[:_SHOWN],
        faults=list(report.faults()),
        journal=[(report.run.at(at_s), what) for at_s, what in report.journal[:_SHOWN]],
        phases=[(name, report.run.at(a), b - a) for name, a, b in report.timeline.phases()],
        broken=[c for c in report.whole.verdict.caveats if c.status == "broken"][:_SHOWN],
        chart=_chart(report),
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, finalize=_shown, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"shown": line}
    here = resources.files("harness.report")
    return environment.from_string((here / "templates" / "drill.html").read_text("utf-8"))


def _shown(value: object) -> object:
    """Every expression of the template passes here before it is escaped: no control character comes through."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else visible(str(value))


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
    drawn = timeline_chart(data, Limit("e2e p95", 0.95, 0.0, 0.05), events, Size(1100)) if data else None
    return Markup(drawn) if drawn else None  # noqa: S704 -- escaped in svg.py
