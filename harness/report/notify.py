"""What is sent when the verdict changes: a plain JSON for any webhook, and Slack's blocks. Builds, never sends."""

from __future__ import annotations

from typing import Any

from harness.analysis import State, Word, verdict_to_json
from harness.report import words
from harness.report.model import Report
from harness.report.order import shown_failures, worst_first
from harness.report.plain import line
from harness.report.promise import promise
from harness.report.summary import needs, smoke_limits

_FACE = {
    Word.PASS: ":large_green_circle:",
    Word.FAIL: ":red_circle:",
    Word.INCONCLUSIVE: ":large_yellow_circle:",
    Word.INVALID: ":large_purple_circle:",
}


def is_news(report: Report, previous: Word | None) -> bool:
    """Whether people want to hear of it: the verdict differs from the last one, or the first one is no PASS."""
    return report.verdict.word is not (previous or Word.PASS)


def webhook_payload(report: Report, previous: Word | None) -> dict[str, Any]:
    """The event for a generic webhook: JSON-clean, without rows, with the checks that are not met."""
    report, _ = shown_failures(report)
    verdict, run = verdict_to_json(report.verdict), report.run
    return {
        "event": "peakproof.verdict",
        "schema": 1,
        "verdict": verdict["verdict"],
        "previous": previous.value if previous else None,
        "smoke": report.verdict.smoke,
        "exit_code": verdict["exit_code"],
        "headline": line(report.verdict.headline),
        "why": line(report.verdict.why, 600),
        "run": {
            "id": line(run.run_id, 60),
            "plan": line(run.plan_name),
            "plan_hash": line(run.plan_hash, 80),
            "target": line(run.target),
            "seed": run.seed,
            "started": run.started.isoformat() if run.started else None,
            "repeat": line(run.repeat, 600),
            "report": line(run.report_path),
        },
        "capacity": verdict["capacity"],
        "headroom": verdict["headroom"],
        "not_met": [
            {"slo": line(c.slo), "state": c.state.value, "gate": line(c.gate, 20), "source": line(c.source)}
            for c in worst_first(report.verdict.checks)
            if c.state is not State.MET
        ][:50],
    }


def slack_message(report: Report, previous: Word | None) -> dict[str, Any]:
    """A Slack message in blocks, inside Slack's limits (50 blocks, 3,000 characters each, 150 in the header)."""
    report, _ = shown_failures(report)
    verdict, run = report.verdict, report.run
    was = f", was {previous.value}" if previous else ""
    title = f"{report.title_word}{was}: {line(run.plan_name or run.target, 80)}"
    texts = [f"*{_mrkdwn(verdict.headline)}*\n{_mrkdwn(verdict.why, 600)}"]
    checks = [
        f"{words.SIGN[c.state]} {c.state.value}  {_mrkdwn(promise(c).title, 90)}  "
        + _mrkdwn(words.quantity_interval(c.value, c.value_low, c.value_high, c.unit))
        + f" (limit {words.limit(c.limit, c.unit)})"
        + (f" {_mrkdwn(needs(c))}" if c.state is not State.MET and needs(c) else "")
        for c in worst_first(verdict.checks)[:8]
    ]
    if checks:
        texts.append("\n".join(checks))
    if verdict.smoke:
        texts.append(f"_{_mrkdwn(smoke_limits(verdict), 600)}_")
    texts.append(f"Report `{_mrkdwn(run.report_path)}`  Repeat `{_mrkdwn(run.repeat, 600)}`")
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": title[:150]}}]
    blocks += [{"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}} for text in texts]
    return {"text": f"{_FACE[verdict.word]} {_mrkdwn(title)}", "blocks": blocks}


def _mrkdwn(text: str, limit: int = 300) -> str:
    """Literal text: the three characters that Slack reads as markup are escaped, backticks made harmless."""
    flat = line(text, limit).replace("`", "'")
    return flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
