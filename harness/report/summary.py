"""The end summary on the terminal: verdict, capacity, why, SLOs worst first, failures, trust, bottleneck, what next."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from harness.analysis import Check, State, Verdict, Word
from harness.report import words
from harness.report.model import Report
from harness.report.order import Failures, caveats_of, shown_failures, worst_first
from harness.report.paint import Paint
from harness.report.plain import line, visible
from harness.report.promise import promise
from harness.units import format_duration

_LABEL = 11
"""Columns before the text: a space, the label, two spaces."""
_GLUE = "\u00a0"
_UNIT = re.compile(r"(\d) (%|ms|s|m|h)(?!\w)")
_SHOWN = 12
"""At most so many checks, caveats or suspects; the report has them all."""


def summary_text(report: Report, width: int = 100, color: bool = False) -> str:
    """The summary, at most `width` columns (60 at the least), ending in a newline. Free of any terminal escape but
    the colours that `color` asks for, whatever a server or a file put into the names."""
    report, failures = shown_failures(report)
    page = _Page(max(60, width), Paint(color))
    verdict = report.verdict
    tone = verdict.word.value
    page.block("VERDICT", f"{report.title_word:<12} {line(verdict.headline)}", tone=tone)
    page.block("CAPACITY", _capacity(report))
    page.block("WHY", line(verdict.why, 600))
    page.gap()
    _search(page, report)
    _slo_table(page, verdict)
    _more(page, verdict)
    page.gap()
    page.block("FAILURES", _failures(report.verdict, failures))
    _trust(page, report)
    for suspect in verdict.bottleneck[:_SHOWN]:
        evidence = ", ".join(line(e, 160) for e in suspect.evidence)
        advice = f"   {line(suspect.advice)}" if suspect.advice else ""
        page.block("BOTTLENECK", f"{line(suspect.name)} ({line(suspect.status, 20)}: {evidence}){advice}")
    for sentence in verdict.provisioning[:_SHOWN]:
        page.block("PROVISION", line(sentence))
    if report.run.partial:
        page.block("PARTIAL", f"the run ended early: {line(report.run.partial)}", tone="FAIL")
    if verdict.smoke:
        page.block("SMOKE", smoke_limits(verdict))
    _last_lines(page, report)
    return page.text()


def smoke_limits(verdict: Verdict) -> str:
    """What a smoke run cannot claim, in one sentence, with the rules that were waived for it."""
    waived = ", ".join(dict.fromkeys(line(c.kind, 60) for c in caveats_of(verdict, "waived")))
    ending = f" (waived: {waived})" if waived else ""
    shows = "shows that the path works at this rate; it" if verdict.word is Word.PASS else "is short: it"
    return f"a smoke run {shows} cannot claim that the peak is held over time, nor any capacity for a launch{ending}"


class _Page:
    """Lines under construction: labelled blocks with a hanging indent."""

    def __init__(self, width: int, paint: Paint) -> None:
        self.width = width
        self.paint = paint
        self.lines: list[str] = []

    def gap(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def raw(self, text: str, tone: str = "") -> None:
        self.lines.append(self.paint.tone(visible(text)[: self.width].rstrip(), tone))

    def block(self, label: str, text: str, tone: str = "") -> None:
        """`text` wrapped behind its label; the first word of it painted when there is a tone."""
        room = self.width - _LABEL - 1
        whole = _UNIT.sub(f"\\1{_GLUE}\\2", visible(text))  # a number and its unit stay on one line
        wrapped = textwrap.wrap(whole, room, break_on_hyphens=False)
        first, *rest = [part.replace(_GLUE, " ") for part in wrapped] or [""]
        self.lines.append(f" {self.paint.label(f'{label:<{_LABEL - 1}}')} {self.paint.lead(first, tone)}")
        self.lines += [" " * (_LABEL + 1) + part for part in rest]

    def text(self) -> str:
        return "\n".join(part.rstrip() for part in self.lines) + "\n"


def _capacity(report: Report) -> str:
    capacity, peak = report.verdict.capacity, report.verdict.capacity.forecast_peak
    parts = [
        f"{name} {words.rate(value)}/s"
        for name, value in (
            ("proven", capacity.proven),
            ("estimate", capacity.estimate),
            ("disproven", capacity.disproven),
        )
        if value is not None
    ]
    text = " \u00b7 ".join(parts) if parts else "this run proves no rate"
    if capacity.proven is not None and capacity.busiest_minute is not None:
        text += f" in the mean, {words.rate(capacity.busiest_minute)}/s in the busiest minute"
    if report.verdict.headroom is not None:
        text += f"   headroom {words.headroom(report.verdict.headroom)} of the peak"
    elif peak is not None:
        text += f"   headroom unknown (forecast peak {words.rate(peak)}/s)"
    return text


def _search(page: _Page, report: Report) -> None:
    """The steps of a capacity search in the order in which they were run."""
    if not report.search:
        return
    rows = [("", "step", "rate", "for", "verdict", "beyond (allowed)", "why")]
    for step in report.search[:40]:
        sign = words.VERDICT_SIGN[Word(step.word)] if step.word in {w.value for w in Word} else "?"
        beyond = f"{words.share(step.bad_share)} ({words.share(step.allowed_share)})"
        length = format_duration(step.duration_s)
        rows.append((sign, step.stage, f"{words.rate(step.rate)}/s", length, step.word, beyond, line(step.why, 60)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        page.raw(f" {_columns(row, widths)}", tone=row[4] if index else "dim")
    page.gap()


def _slo_table(page: _Page, verdict: Verdict) -> None:
    checks = worst_first(verdict.checks)
    if not checks:
        page.block("SLO", "no SLO was checked", tone="FAIL")
        return
    where = "at the peak" if verdict.judged == ("peak",) else "in " + line(", ".join(verdict.judged) or "?", 22)
    rows = [_cells(check) for check in checks[:_SHOWN]]
    head = ("SLO", where, "limit", "requests beyond it", "n (effective)")
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) + 2 > page.width:
        page.raw(f"   {_columns(head[:3], widths[:3])}", tone="dim")
        page.raw(f"   {'':<{widths[0]}}  {head[3]}   n {head[4].removeprefix('n ')}", tone="dim")
        widths = [*widths[:3], 0, 0]
    else:
        page.raw(f"   {_columns(head, widths)}", tone="dim")
    for check, cells in zip(checks, rows, strict=False):
        page.raw(f" {words.SIGN[check.state]} {_columns(cells, widths)}", tone=check.state.value)
        if not widths[3]:
            page.raw(f"   {'':<{widths[0]}}  {cells[3]}   n {cells[4]}")
        if details := promise(check).details:
            page.raw(f"     {line(details, 90)}", tone="dim")
    if len(checks) > _SHOWN:
        page.raw(f"   and {len(checks) - _SHOWN} more, none of them worse: see the report", tone="dim")


def _cells(check: Check) -> tuple[str, str, str, str, str]:
    is_errors = check.unit == "share" and check.value == check.bad_share
    value = words.quantity_interval(check.value, check.value_low, check.value_high, check.unit)
    gate = "" if check.gate == "block" else f" [{line(check.gate, 8)}]"
    return (
        line(promise(check).name, 20) + gate,
        words.UNKNOWN if is_errors else value,
        words.limit(check.limit, check.unit),
        words.beyond(check) if check.n else f"no data: {line(check.reason, 40)}",
        words.sample(check),
    )


def _columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell[:size]:<{size}}" for cell, size in zip(cells, widths, strict=True))


def _more(page: _Page, verdict: Verdict) -> None:
    """What would decide the undecided."""
    for check in [c for c in worst_first(verdict.checks) if c.state in (State.UNDECIDED, State.NO_DATA)][:4]:
        text = " ".join(part for part in (f"{promise(check).title}:", needs(check)) if part)
        page.block("", text)


def needs(check: Check) -> str:
    """`AT_LIMIT; 3 400 more requests, about 12 m, would decide it`: what an undecided check lacks."""
    parts = [line(check.reason, 80)] if check.reason else []
    if check.more_requests:
        minutes = f", about {format_duration(check.more_minutes * 60)}," if check.more_minutes else ""
        parts.append(f"{words.count(check.more_requests)} more requests{minutes} would decide it")
    if check.advice:
        parts.append(line(check.advice))
    return "; ".join(parts)


def _failures(verdict: Verdict, failures: Failures) -> str:
    groups = failures.groups
    if not groups:
        failed = sum(n for name, n in verdict.outcomes.items() if name not in ("ok", "degraded"))
        known = f"{words.count(verdict.judged_count)} judged" if verdict.judged_count else "nothing was judged"
        return f"{words.count(failed)} failed; {known}" if failed else f"none among {known}"
    shown = []
    for group in groups[:4]:
        named = ", ".join(named_reasons(group.reasons))
        shown.append(f"{words.share(group.share)} {line(group.outcome, 40)}" + (f" ({named})" if named else ""))
    rest = sum(g.count for g in groups[4:])
    if rest:
        shown.append(f"{words.count(rest)} in {len(groups) - 4} other kinds")
    total = sum(g.count for g in groups)
    return f"{words.count(total)}: " + "   ".join(shown)


def named_reasons(reasons: tuple[str, ...]) -> list[str]:
    """The first two reasons that say anything, as words."""
    return [line(r.replace("_", " "), 30) for r in reasons if r not in ("none", "")][:2]


def _trust(page: _Page, report: Report) -> None:
    verdict, trust = report.verdict, report.verdict.trust
    broken = caveats_of(verdict, "broken")
    parts = ["BROKEN" if broken or verdict.word is Word.INVALID else "ok"]
    facts = trust_facts(report)
    page.block("TRUST", f"{parts[0]}  " + " \u00b7 ".join(facts), tone="PASS" if parts[0] == "ok" else "FAIL")
    for caveat in broken[:_SHOWN]:
        advice = f" ({line(caveat.advice)})" if caveat.advice else ""
        page.block("", f"! {line(caveat.kind, 40)}: {line(caveat.what)}{advice}", tone="FAIL")
    not_fed = [line(c.kind, 40) for c in caveats_of(verdict, "not_fed")]
    if not_fed:
        page.block("", f"not checked, no evidence: {', '.join(not_fed)}")
    for caveat in caveats_of(verdict, "noted")[:4]:
        page.block("", f"note: {line(caveat.what)}")
    if trust is None and not broken:
        page.block("", "no trust facts were recorded")


def trust_facts(report: Report) -> list[str]:
    """The trust box in short: what was accounted for, how late we were, how busy, whether arrivals were as planned."""
    trust = report.verdict.trust
    if trust is None:
        return ["unknown"]
    planned = f"{words.count(trust.planned)} arrivals" if trust.planned is not None else "an unknown plan"
    facts = [f"{words.count(trust.accounted)} of {planned} accounted for"]
    if trust.send_lag_s_p99 is not None:
        facts.append(f"send lag p99 {format_duration(trust.send_lag_s_p99)}")
    if trust.generator_cpu_share_max is not None:
        facts.append(f"generator CPU {words.share(trust.generator_cpu_share_max)}")
    states = {c.status for c in report.verdict.caveats if "arrival" in c.kind or "certificate" in c.kind}
    if "broken" in states:
        facts.append("arrivals NOT as planned")
    elif "held" in states or (trust.certificate and "not_fed" not in states):
        facts.append("arrivals as planned")
    return facts


def _last_lines(page: _Page, report: Report) -> None:
    code = int(report.verdict.exit_code)
    path, repeat = line(report.run.report_path, 400), line(report.run.repeat, 600)
    joined = f" report   {path}    repeat   {repeat}    exit {code}"
    if len(joined) <= page.width:
        page.raw(joined)
        return
    # A path or a command is to be copied: it is never cut nor wrapped.
    page.lines += [f" report   {path}", f" repeat   {repeat}", f" exit     {code}"]
