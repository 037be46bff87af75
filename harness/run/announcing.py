"""Telling others of a verdict: a webhook or a Slack address that the caller named, and GitHub's own files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from harness import store
from harness.analysis import Word
from harness.errors import EvidenceError, Problem, RefusedError, UsageError
from harness.report import Report, github_annotations, is_news, markdown, slack_message, webhook_payload

TIMEOUT_S = 10.0


def previous_word(folder: store.RunFolder) -> Word | None:
    """The verdict of the run before this one, of the same plan; None where there is none."""
    facts = folder.read_manifest()
    plan, started = str(facts.get("plan", "")), str(facts.get("started", ""))
    past = [run for run in store.history(folder.root, plan=plan, before=started, limit=10) if run.verdict]
    try:
        return Word(past[0].verdict) if past else None
    except ValueError:
        raise EvidenceError(Problem(f"run {past[0].run_id} has no known verdict", "", str(folder.root))) from None


def announce(report: Report, previous: Word | None, address: str, *, slack: bool, always: bool) -> bool:
    """POST the verdict to `address`; False where it is no news (the verdict is that of the run before).

    The address is the caller's own word; no other is ever called, redirects included. Raises UsageError for what is no
    https address (plain http only on loopback), RefusedError where it is not taken.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise UsageError(Problem("a webhook needs an https address", "http is for loopback only"))
    if not always and not is_news(report, previous):
        return False
    payload = (slack_message if slack else webhook_payload)(report, previous)
    _post(address, payload, parts.hostname or "")
    return True


def _post(address: str, payload: Mapping[str, Any], host: str) -> None:
    # The address itself may be a secret (Slack's are): only its host is ever named.
    try:
        answer = httpx.post(address, json=dict(payload), timeout=TIMEOUT_S, follow_redirects=False)
    except httpx.HTTPError as error:
        raise RefusedError(Problem(f"the webhook at {host} does not answer ({type(error).__name__})")) from None
    if not answer.is_success:
        raise RefusedError(Problem(f"the webhook at {host} answered {answer.status_code}"))


def tell_github(report: Report, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Appends the step summary and the outputs `verdict` and `exit-code` where a GitHub step says; the workflow
    commands to print are the answer."""
    outputs = f"verdict={report.verdict.word.value}\nexit-code={report.verdict.exit_code.value}\n"
    for name, text in (("GITHUB_STEP_SUMMARY", markdown(report)), ("GITHUB_OUTPUT", outputs)):
        if environ.get(name):
            with Path(environ[name]).open("a", encoding="utf-8") as file:
                file.write(text)
    return github_annotations(report)
