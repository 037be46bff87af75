"""Everything that leaves the house, against what hostile servers and careless people put in: no output may act on its
reader, and no secret may come out of any."""

# ruff: noqa: E501 -- payloads stand as they are, a kind a line
from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from harness.analysis import Difference
from harness.analysis.compare import Change
from harness.report import (
    LivePlan,
    LiveSlo,
    Moment,
    Report,
    comparison_html,
    differences_text,
    github_annotations,
    gitlab_code_quality,
    history_html,
    history_text,
    html,
    junit,
    live_lines,
    log_lines,
    markdown,
    openmetrics,
    slack_message,
    summary_text,
    trend_text,
    webhook_payload,
)
from harness.store import PastCheck, PastRun

PAYLOADS = [
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</style><script>x</script>"),
    *("</title><script>x", "</pre><script>x", "<!--", "-->", "]]>", "<![CDATA[", "<?xml?>", "<!DOCTYPE x [<!ENTITY a 'b'>]>"),
    *("&lt;script&gt;", "&#x3c;script>", "'\"><b>", "\" onmouseover=\"x", "javascript:alert(1)", "data:text/html,<b>"),
    *("{{7*7}}", "{% raw %}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "\x1b[2J", "\x1b]0;title\x07", "\x1b[31mred", "\x9b2J"),
    *("\x00", "\x07", "\x08\x08", "\r", "\n::error::x", "\r\n::set-output name=a::b", "a\nb\nc", "\x0b", "\x0c", "\x7f", "\x85"),
    *("\u202egnp.exe", "\u200b", "\u2028", "\u2029", "\ufeff", "\ud800", "\udfff", "\uffff", "\u061c", "\u2066x\u2069"),
    *("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", " =1", "\uff1d1", "'=1", '"=1', "=HYPERLINK(\"http://x\")"),
    *("|a|b|", "`code`", "**b**", "[x](http://y)", "![i](http://y)", "<!here>", "<!channel>", "@everyone", "@here", "# h"),
    *("\\", "\\n", "\"", "'", "%0A", "%25", "::warning::x", "a::b", "a,b", "file=x,line=1", "\\\"} 1\npeakproof_x 1"),
    *("../../etc/passwd", "C:\\x", "$(id)", "`id`", "; rm -rf /", "| sh", "&& x", "%s%n", "%(x)s", "{0}", "{}", "nan", "inf"),
    *("x" * 5000, "\u00e9" * 500, "\U0001f4a5", "Z\u0351\u036b" * 50, "", " ", "\t", "1e999", "-0", "null", "None", "true"),
]  # fmt: skip

SECRETS = [
    *(f"sk-{name}{'a1B2' * 6}" for name in ("proj-", "ant-", "live", "x")),
    *("ghp_" + "a1B2" * 9, "github_pat_" + "a1B2" * 8, "glpat-" + "a1B2" * 5, "xoxb-" + "1234-" * 4 + "abcd"),
    *("AKIA" + "A1B2" * 4, "ASIA" + "A1B2" * 4, "AIza" + "a1B2" * 9, "hf_" + "a1B2" * 6, "gsk_" + "a1B2" * 6),
    *("xai-" + "a1B2" * 6, "pcsk_" + "a1B2" * 6, "sk_live_" + "a1B2" * 6, "pk-" + "a1B2" * 6),
    "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
]
CANARIES = [
    *((s, s) for s in SECRETS),
    ("Authorization: Bearer canary00000019", "canary00000019"),
    ("authorization: basic canary00000020", "canary00000020"),
    ("api_key=canary21", "canary21"),
    ("api-key: 'canary 22'", "canary 22"),
    ("password=canary23", "canary23"),
    ('{"client_secret": "canary24"}', "canary24"),
    ("Set-Cookie: canary25=1", "canary25"),
    ("https://user:canary26@host/x", "canary26"),
    ("access_token=canary27&x=1", "canary27"),
    ("X-Auth-Token: canary28", "canary28"),
    ("refresh_token: canary29", "canary29"),
    ("-----BEGIN PRIVATE KEY-----\ncanary30\n-----END PRIVATE KEY-----", "canary30"),
]


def planted(value: Any, payload: str) -> Any:
    """`value` with `payload` in every text that a file or a server could have written."""
    if isinstance(value, Enum | np.ndarray | datetime):
        return value
    if isinstance(value, str):
        return payload
    if isinstance(value, tuple | list):
        return type(value)(planted(item, payload) for item in value)
    if isinstance(value, dict):
        return {planted(k, payload): v if isinstance(v, int | float) else planted(v, payload) for k, v in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        kept = {"unit", "gate", "status", "metric", "process", "state", "kind"}
        return replace(
            value, **{f.name: planted(getattr(value, f.name), payload) for f in fields(value) if f.name not in kept}
        )
    return value


@pytest.fixture(scope="module")
def small(reports: dict[str, Report]) -> Report:
    """A failed run without its rows: quick to print a hundred times, every text field filled."""
    report = reports["fail"]
    return replace(report, rows=None, evidence=None, changes=("a change",))


PLAN = LivePlan((("peak", 0.0, 60.0),), np.arange(0.0, 60.0, 0.5))
RUN = PastRun("r", "2026-11-24T12:00:00", "p", "h", "t", "PASS", False, 0, "h", "w", 1.0, 1.0, 1.0, 0.0)
CHECK = PastCheck("r", "2026-11-24T12:00:00", "ttft p95 <= 2s", "block", "MET", "s", 2.0, 1.0, 0.9, 1.1, 10, "PASS")


def outputs(report: Report, text: str) -> dict[str, str]:
    live = LiveSlo(text, 1.0, 2.0, "s", n=3)
    seen = [Moment("running", 5.0, outcomes={text: 3, "ok": 2}, detail=text, slos=(live,), faults=(text,), workers=1)]
    verdict = report.verdict
    differences = tuple(Difference(c.slo, Change.WORSE, 0.0, 0.1, 0.05, 0.15, 0.001) for c in verdict.checks[:1])
    past = replace(RUN, run_id=text, plan=text, target=text, headline=text, why=text, started=text, verdict=text)
    gone = replace(CHECK, run_id=text, slo=text, state=text, started=text)
    names, sides = (text, text), (verdict, verdict)
    return {
        "html": html(report),
        "summary": summary_text(report),
        "junit": junit(report),
        "markdown": markdown(report),
        "openmetrics": openmetrics(report),
        "annotations": "\n".join(github_annotations(report)),
        "codequality": gitlab_code_quality(report),
        "webhook": json.dumps(webhook_payload(report, None)),
        "slack": json.dumps(slack_message(report, None)),
        "live": "\n".join([*live_lines(seen, PLAN), *live_lines([replace(seen[0], faults=())], PLAN)]),
        "log": "\n".join(log_lines(seen, PLAN)),
        "compare": differences_text(differences, names, sides, regressed=True),
        "compare.html": comparison_html(differences, names, sides, regressed=True),
        "history": history_text([past]) + trend_text([gone]),
        "history.html": history_html([past], [gone], text),
    }


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[str, tuple[str, ...]]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add((tag, tuple(sorted(name for name, _ in attrs))))


def tags(page: str) -> set[tuple[str, tuple[str, ...]]]:
    parser = _Tags()
    parser.feed(page)
    return parser.seen


def test_the_lists_are_as_long_as_promised() -> None:
    assert len(set(PAYLOADS)) >= 100
    assert len(CANARIES) >= 30


@pytest.fixture(scope="module")
def harmless(small: Report) -> dict[str, str]:
    return outputs(planted(small, "word"), "word")


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_payload_acts_in_any_output(payload: str, small: Report, harmless: dict[str, str]) -> None:
    made = outputs(planted(small, payload), payload)
    for name, text in made.items():
        text.encode()  # no lone surrogate
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), name
    for name in ("html", "compare.html", "history.html"):
        assert tags(made[name]) <= tags(harmless[name]), name
    ET.fromstring(made["junit"])
    json.loads(made["codequality"])
    assert made["openmetrics"].count("\n# EOF\n") == 1
    for line in made["openmetrics"].splitlines():
        assert re.fullmatch(r'#.*|peakproof_\w+\{(\w+="([^"\\\n]|\\.)*",?)*\} \S+', line), line
    assert len(made["annotations"].splitlines()) == len(harmless["annotations"].splitlines())
    assert all(line.startswith("::") for line in made["annotations"].splitlines())


@pytest.mark.parametrize(("text", "secret"), CANARIES, ids=range(len(CANARIES)))
def test_no_canary_comes_out_of_any_output(text: str, secret: str, small: Report) -> None:
    for name, made in outputs(planted(small, text), text).items():
        assert secret not in made, name


def test_the_csv_of_rows_has_no_formula(reports: dict[str, Report], hostile: Report) -> None:
    from harness.report import rows_csv

    assert hostile.rows is not None
    cells = [cell for row in csv.reader(io.StringIO("".join(rows_csv(hostile.rows)))) for cell in row]
    numbers: Callable[[str], Any] = re.compile(r"[+-]?[\d.]+(e[+-]?\d+)?", re.I).fullmatch
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@")) and not numbers(cell)]
