"""A step summary in Markdown, under 60 KB: the first screen of the report for a pipeline's page."""

from __future__ import annotations

from harness.analysis import Check
from harness.report import words
from harness.report.model import Report
from harness.report.order import FailureGroup, caveats_of, shown_failures, worst_first
from harness.report.plain import line, markdown_text
from harness.report.promise import promise
from harness.report.summary import named_reasons, needs, smoke_limits, trust_facts

BYTES_MAX = 60_000


def markdown(report: Report) -> str:
    """The summary; long lists are cut (and say so) until it is under `BYTES_MAX` bytes."""
    report, failures = shown_failures(report)
    for entries in (40, 15, 5):
        text = _render(report, failures.groups, entries)
        if len(text.encode()) < BYTES_MAX:
            return text
    raise AssertionError("five entries of each kind fit in 60 KB")


def _render(report: Report, groups: tuple[FailureGroup, ...], entries: int) -> str:
    verdict, run = report.verdict, report.run
    parts = [
        f"## {words.VERDICT_SIGN[verdict.word]} {report.title_word}: {markdown_text(verdict.headline)}",
        markdown_text(verdict.why, 600),
        _capacity(report),
        _table(worst_first(verdict.checks), entries),
        _failures(report, groups, entries),
        _trust(report, entries),
        _bottleneck(report),
    ]
    if verdict.smoke:
        parts.append(f"> **Smoke run**: {markdown_text(smoke_limits(verdict), 600)}")
    if run.partial:
        parts.append(f"> **Partial**: {markdown_text(run.partial)}")
    parts.append(
        f"Run {code_span(run.run_id)} against {code_span(run.target)}, report {code_span(run.report_path or '-')}, "
        f"exit {int(verdict.exit_code)}. Repeat: {code_span(run.repeat)}"
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def code_span(text: str) -> str:
    """`text` as inline code, in a table too."""
    inner = line(text, 400).replace("`", "'").replace("|", "\\|")
    return f"`{inner}`" if inner else "-"


def _capacity(report: Report) -> str:
    capacity = report.verdict.capacity
    named = (("proven", capacity.proven), ("estimate", capacity.estimate), ("disproven", capacity.disproven))
    parts = [f"{name} **{words.rate(value)}/s**" for name, value in named if value is not None]
    if capacity.forecast_peak is not None:
        parts.append(f"forecast peak {words.rate(capacity.forecast_peak)}/s")
    parts.append(f"headroom **{words.headroom(report.verdict.headroom)}**")
    return "Capacity: " + " · ".join(parts)


def _table(checks: list[Check], entries: int) -> str:
    if not checks:
        return "No SLO was checked."
    lines = ["| | SLO | measured | limit | share beyond | n (effective) |", "|---|---|---:|---:|---:|---:|"]
    for check in checks[:entries]:
        need = f"<br>{markdown_text(needs(check))}" if needs(check) else ""
        gate = "" if check.gate == "block" else f" ({markdown_text(check.gate)})"
        value = words.quantity_interval(check.value, check.value_low, check.value_high, check.unit)
        lines.append(
            f"| {words.SIGN[check.state]} {check.state.value} "
            f"| {markdown_text(promise(check).title, 120)}{gate}{need} "
            f"| {value} | {words.limit(check.limit, check.unit)} | {words.beyond(check)} | {words.sample(check)} |"
        )
    left = len(checks) - entries
    return "\n".join(lines) + (f"\n\nand {left} more, none of them worse." if left > 0 else "")


def _failures(report: Report, groups: tuple[FailureGroup, ...], entries: int) -> str:
    if not groups:
        return ""
    shown = [
        f"- {words.share(g.share)} {markdown_text(g.outcome)} ({words.count(g.count)}), "
        f"{report.run.at(g.first_s)} to {report.run.at(g.last_s)}"
        + (f": {markdown_text(', '.join(reasons))}" if (reasons := named_reasons(g.reasons)) else "")
        for g in groups[:entries]
    ]
    left = len(groups) - entries
    return "\n".join(["**Failures**", "", *shown] + ([f"- and {left} other kinds"] if left > 0 else []))


def _trust(report: Report, entries: int) -> str:
    lines = [f"**Trust**: {markdown_text(' · '.join(trust_facts(report)), 500)}"]
    broken = caveats_of(report.verdict, "broken")
    if broken:
        lines.append("")
    lines += [
        f"- ✗ {markdown_text(c.kind)}: {markdown_text(c.what)} {markdown_text(c.advice)}".rstrip()
        for c in broken[:entries]
    ]
    return "\n".join(lines)


def _bottleneck(report: Report) -> str:
    lines = [
        f"**Bottleneck**: {markdown_text(s.name)} ({markdown_text(s.status)}: {markdown_text(', '.join(s.evidence))}) "
        f"{markdown_text(s.advice)}"
        for s in report.verdict.bottleneck[:3]
    ]
    return "\n\n".join(line.rstrip() for line in lines)
