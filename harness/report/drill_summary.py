"""The drill on the terminal: hypothesis, phases by the clock, faults, expectations, numbers, word, why, history."""

from __future__ import annotations

import textwrap

from harness.drill import Word
from harness.report import words
from harness.report.drill_model import ACTION, KEPT_AS, TONE, DrillReport
from harness.report.paint import Paint
from harness.report.plain import line
from harness.report.secrets import without_secrets

_LABEL = 13


def drill_summary(report: DrillReport, width: int = 100, color: bool = False) -> str:
    """At most `width` columns, ending in a newline; free of any escape but the colours that `color` asks for."""
    report = without_secrets(report)
    paint, verdict = Paint(color), report.verdict
    lines: list[str] = []

    def block(label: str, text: str, tone: str = "", column: str = "") -> None:
        body = textwrap.wrap(line(text, 900), max(40, width - _LABEL - len(column))) or [""]
        for index, part in enumerate(body):
            lead = paint.label(f" {label if not index else '':<{_LABEL - 1}}") + (
                " " * len(column) if index else column
            )
            lines.append((lead + (paint.tone(part, tone) if tone else part)).rstrip())

    def command(label: str, text: str) -> None:
        """On one line whatever its length: it is to be copied."""
        lines.append(paint.label(f" {label:<{_LABEL - 1}}") + line(text, 900))

    block("DRILL", report.drill.title)
    block("TARGET", f"{report.run.target} at {report.timeline.rate_per_s:g} requests/s")
    phases = (f"{name} {report.run.at(start_s)}" for name, start_s, _ in report.timeline.phases())
    block("PHASES", " · ".join(phases) + f" · end {report.run.at(report.timeline.end_s)}")
    for at_s, what in report.journal:
        block("", what, column=f"{report.clock(at_s):<10}")
    block("ROLLBACK", "confirmed by behaviour" if not report.against else f"NOT CONFIRMED: {report.against}")
    lines.append("")
    lines += [paint.tone(text, tone) for text, tone in _table(report, width)]
    lines.append("")
    for level, signal, when in report.ladder():
        block("LADDER", f"{level} {signal}: {when}")
    for name, found in report.findings():
        block("", found, column=f"{name:<21}")
    lines.append("")
    block("RESULT", f"{verdict.word.value}: {ACTION[verdict.word]}", TONE[verdict.word])
    block("WHY", verdict.why)
    if report.drill.why and verdict.word is Word.DID_NOT_HOLD:
        block("WHAT TO DO", report.drill.why)
    block("HISTORY", report.history)
    block("report", report.run.report_path)
    command("repeat", report.run.repeat)
    block("exit", str(int(verdict.exit_code)))
    if not verdict.rollback_confirmed:
        lines.append("")
        lines.append(paint.tone(" FAULT MAY STILL BE ACTIVE", "FAIL"))
        block("why", report.against)
        command("clear it", verdict.rollback_command)
        block("", "until then it ends by itself when its lease runs out, if the injector still works")
    return "\n".join(lines) + "\n"


def _table(report: DrillReport, width: int) -> list[tuple[str, str]]:
    """(line, tone) of the expectations' table."""
    expectations = report.verdict.expectations
    if not expectations:
        return [(" no expectation was measured", "dim")]
    names, values = [line(e.name, 60) for e in expectations], [line(e.measured, 60) for e in expectations]
    name_width, value_width = max(map(len, names)), max(map(len, values))
    found = [(f"   {'expected':<{name_width}}   {'measured':<{value_width}}   limit", "dim")]
    for e, name, value in zip(expectations, names, values, strict=True):
        text = f" {words.SIGN[KEPT_AS[e.kept]]} {name:<{name_width}}   {value:<{value_width}}   {line(e.limit, 60)}"
        found.append((text[:width], KEPT_AS[e.kept].value))
        if e.note:
            found.append((f"     {line(e.note, width - 6)}", "dim"))
    return found
