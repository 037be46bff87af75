"""The baseline: what a good run looked like, as one small JSON file to commit beside the plan."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from harness.analysis import State, Verdict, Word, verdict_from_json, verdict_to_json
from harness.errors import Problem, UsageError

_KIND = "peakproof baseline"
_FORMAT = 1


@dataclass(frozen=True)
class Baseline:
    """A verdict to compare with, stripped of everything that only its own run needs."""

    run_id: str
    started: str
    plan: str
    plan_hash: str
    verdict: Verdict
    target: str = ""
    """What was tested, by a name that lasts."""
    machine: str = ""
    """The kind of machine that ran it."""


def baseline_of(verdict: Verdict, manifest: dict[str, Any], *, force: bool = False) -> Baseline:
    """The baseline that this run makes. Raises `UsageError` unless it passed; `force` takes a FAIL or INCONCLUSIVE too,
    never an INVALID: what was not measured cannot be compared with."""
    word = verdict.word
    if word is Word.INVALID or (word is not Word.PASS and not force):
        advice = "a baseline is a run that passed" + ("" if word is Word.INVALID else "; --force takes this one")
        raise UsageError(Problem(f"run {manifest.get('run_id', '?')} is {word.value}", advice))
    kept = replace(
        verdict,
        caveats=(), failures=(), bottleneck=(), provisioning=(), trust=None, first_cause="", outcomes={},
        checks=tuple(c for c in verdict.checks if c.state is not State.NO_DATA),
    )  # fmt: skip
    facts = {name: str(manifest.get(name, "")) for name in ("run_id", "started", "plan", "plan_hash")}
    target = str(manifest.get("target_name") or manifest.get("target", ""))
    return Baseline(verdict=kept, target=target, machine=str(manifest.get("machine", "")), **facts)


def baseline_to_text(baseline: Baseline) -> str:
    """The file: sorted and indented, so that a change reads well in a review."""
    data = {
        "kind": _KIND,
        "format": _FORMAT,
        "run": {
            "run_id": baseline.run_id,
            "started": baseline.started,
            "plan": baseline.plan,
            "plan_hash": baseline.plan_hash,
            "target": baseline.target,
            "machine": baseline.machine,
        },
        "verdict": verdict_to_json(baseline.verdict),
    }
    return json.dumps(data, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def baseline_from_text(text: str, name: str) -> Baseline:
    """Reads what `baseline_to_text` wrote. Raises `UsageError` with the file's `name` on anything else."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as wrong:
        raise UsageError(Problem(f"not JSON: {wrong.msg}", "", name, wrong.lineno, wrong.colno)) from None
    if not isinstance(data, dict) or data.get("kind") != _KIND or data.get("format") != _FORMAT:
        raise UsageError(Problem("is not a baseline file", "peakproof baseline set RUN writes one", file=name))
    try:
        run = {key: str(data["run"][key]) for key in ("run_id", "started", "plan", "plan_hash")}
        run |= {key: str(data["run"].get(key, "")) for key in ("target", "machine")}
        return Baseline(verdict=verdict_from_json(data["verdict"]), **run)
    except (AttributeError, KeyError, TypeError, ValueError) as wrong:
        raise UsageError(Problem(f"is not a whole baseline: {wrong}", "set it anew", file=name)) from None
