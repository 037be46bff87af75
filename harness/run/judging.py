"""From a run folder to a verdict and its report: reads files, judges, writes verdict.json and report.html.

Any stage can be rerun: `peakproof report RUN` and `peakproof analyze RUN --slo other.yaml` come here with an old one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np

from harness import store
from harness.analysis import Evidence, Planned, Rules, Slo, judge, lag_limit_s, verdict_to_json
from harness.engine import EngineFacts, read_engine, read_rows
from harness.errors import EvidenceError, Problem
from harness.forecast import ARRIVAL_DTYPE
from harness.report import Dependency, Report, Run, SlowRequest, html, slowest
from harness.results import Rows, settle, trace_id
from harness.run import manifest as stored
from harness.run.calls import read_calls
from harness.run.comparing import changes_since_good, target_name
from harness.run.mocks import TARGET_FILE
from harness.run.past_drills import drills_of
from harness.run.prompts import read_prompt_numbers

MOCK_PACING_LIMIT_S = 0.05
"""A mock that is later than this at p99 measured itself, not the target (lies.md, row 52), unless the promises forgive
the generator more: it can only make answers later than they would have been."""
_FINE = frozenset({"tpot", "gap", "tokens/s"})
"""Metrics of single tokens, where the limit stays."""
PACING_SAMPLES = 200
"""A p99 of fewer is one odd sample, not a limit of the mock."""


def judge_run(
    folder: store.RunFolder, slos: Sequence[Slo] | None = None, rules: Rules | None = None, *, keep: bool = True
) -> Report:
    """Judge what `folder` holds, by its own promises or by others; with `keep`, write verdict.json and report.html."""
    manifest = stored.read_manifest(folder)
    slos = stored.slos_of(manifest) if slos is None else slos
    rules = stored.rules_of(manifest) if rules is None else rules
    facts = read_engine(folder.path)
    try:
        rows, evidence = gather(folder, manifest, facts, rules, slos)
    except KeyError as missing:
        what, advice = f"the run folder does not say {missing}", "it was edited or cut: run again"
        raise EvidenceError(Problem(what, advice, str(folder.path))) from None
    verdict = judge(rows, slos, rules, evidence)
    rows, evidence = _told(rows, evidence)
    report = Report(
        verdict=verdict,
        run=_run(folder, manifest, facts),
        rows=rows,
        evidence=evidence,
        dependencies=_dependencies(folder, manifest),
        traces=_traces(folder.run_id, rows, manifest.get("trace_url", "")) if manifest.get("traced") else (),
        changes=changes_since_good(folder, verdict),
        drills=drills_of(folder.root, target_name(manifest), manifest["started"]),
    )
    if keep:
        store.write_text(folder.verdict, json.dumps(verdict_document(report), indent=2, allow_nan=False) + "\n")
        store.write_text(folder.report, html(report))
    return report


def _told(rows: Rows, evidence: Evidence) -> tuple[Rows, Evidence]:
    """What a report shows of a run that a look ended: nothing that was due later, which was sent while the look was
    taken, or never."""
    until_s, plan = evidence.judged_until_s, evidence.planned
    if until_s is None or plan is None:
        return rows, evidence
    due = int(np.count_nonzero(plan.due_ns * 1e-9 < until_s))
    kept = replace(
        plan,
        due_ns=plan.due_ns[:due],
        phase=plan.phase[:due],
        journey=plan.journey[:due],
        seq=plan.seq[:due],
        tokens_out=None if plan.tokens_out is None else plan.tokens_out[:due],
    )
    return Rows(rows.array[rows.array["seq"] < due], rows.catalog, rows.damage), replace(evidence, planned=kept)


def _traces(run_id: str, rows: Rows, url: str) -> tuple[SlowRequest, ...]:
    ids = ((slow.seq, trace_id(run_id, slow.seq)) for slow in slowest(rows))
    return tuple(SlowRequest(seq, trace, url.replace("{trace}", trace)) for seq, trace in ids)


def verdict_document(report: Report) -> dict[str, Any]:
    """`verdict.json`: the verdict, and which run it is about."""
    run = report.run
    about = {"run_id": run.run_id, "target": run.target, "plan_hash": run.plan_hash, "seed": run.seed}
    return {**verdict_to_json(report.verdict), "run": about}


def gather(
    folder: store.RunFolder, manifest: dict[str, Any], facts: EngineFacts, rules: Rules, slos: Sequence[Slo] = ()
) -> tuple[Rows, Evidence]:
    """The rows with the books closed, and everything else a verdict over `slos` may look at."""
    job = folder.read_json(folder.job)
    planned = load_arrivals(folder)
    ledger = settle(planned, read_rows(folder.path), facts.workers)
    counts = _counts(folder)
    pacing = [c["pacing_error_ms_p99"] / 1e3 for c in counts.values() if c.get("pacing_samples", 0) >= PACING_SAMPLES]
    evidence = Evidence(
        own_run=True,
        phases=stored.windows_of(manifest, rules),
        planned=planned_of(planned, manifest),
        telemetry=facts.telemetry,
        workers=facts.workers,
        clock=facts.clock,
        in_flight_limit=job["in_flight_limit"],
        deadline_s=job["deadline_s"],
        mock_pacing_error_s_p99=max(pacing, default=None),
        mock_pacing_limit_s=pacing_limit_s(slos) if pacing or (manifest["upstreams"] and not counts) else None,
        target_count=_target_count(folder),
        journey_mix=manifest["mix"],
        stopped_early=facts.stopped_early if manifest.get("judged_until_s") is None else "",
        ledger_problems=ledger.problems,
        lengths_declared=manifest.get("lengths_declared", False),
        declared_cache_share=manifest.get("cached"),
        new_connections=manifest.get("new_connections"),
        secrets=tuple(manifest.get("secrets", ())),
        prompt_of=read_prompt_numbers(folder),
        notes=(*facts.notes, *manifest["notes"], *manifest.get("looks", ())),
        judged_until_s=manifest.get("judged_until_s"),
        forecast_peak=manifest["forecast_peak"],
        prices=stored.prices_of(manifest),
        calls=read_calls(folder, facts.start_ns, manifest["upstreams"]),
        gaps=facts.gaps,
    )
    return ledger.rows, evidence


def pacing_limit_s(slos: Sequence[Slo]) -> float:
    """How late mocks may be at p99, in seconds: 50 ms, or as late as the generator may be where that is more and no
    promise is about single tokens."""
    fine = any(name in _FINE for slo in slos for name in (slo.metric, *(metric for metric, _ in slo.limits)))
    return MOCK_PACING_LIMIT_S if fine else max(MOCK_PACING_LIMIT_S, lag_limit_s(slos))


def planned_of(arrivals: np.ndarray[Any, Any], manifest: dict[str, Any]) -> Planned:
    """The plan as the analysis takes it."""
    return Planned(
        due_ns=arrivals["due_ns"],
        phase=arrivals["phase"],
        journey=arrivals["journey"],
        seq=np.arange(arrivals.size, dtype=np.uint32),
        process=manifest["process"],
        rate_knots_s=np.array(manifest["rate_knots_s"]),
        rate_per_s=np.array(manifest["rate_per_s"]),
        tokens_out=arrivals["tokens_out"],
    )


def load_arrivals(folder: store.RunFolder) -> np.ndarray[Any, Any]:
    """The arrivals as planned, in the order of their due times. Raises EvidenceError."""
    try:
        arrivals = np.load(folder.arrivals, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise EvidenceError(
            Problem(f"the planned arrivals cannot be read: {error}", file=str(folder.arrivals))
        ) from None
    if not isinstance(arrivals, np.ndarray) or arrivals.dtype != ARRIVAL_DTYPE or arrivals.ndim != 1:
        raise EvidenceError(Problem("does not hold planned arrivals", file=str(folder.arrivals)))
    return arrivals


def _counts(folder: store.RunFolder) -> dict[str, Any]:
    return folder.read_json(folder.mocks_counts) if folder.mocks_counts.exists() else {}


def _target_count(folder: store.RunFolder) -> int | None:
    path = folder.mocks / TARGET_FILE
    return int(folder.read_json(path)["requests"]) if path.exists() else None


def _dependencies(folder: store.RunFolder, manifest: dict[str, Any]) -> tuple[Dependency, ...]:
    return tuple(
        Dependency(
            name=name,
            kind=str(manifest.get("upstreams", {}).get(name, "")),
            requests=count["requests"],
            by_status=count["by_status"],
            pacing_error_s_p99=None if (ms := count.get("pacing_error_ms_p99")) is None else ms / 1e3,
        )
        for name, count in _counts(folder).items()
    )


def _run(folder: store.RunFolder, manifest: dict[str, Any], facts: EngineFacts) -> Run:
    started = datetime.fromisoformat(manifest["started"])
    if facts.start_wall_s:
        started = datetime.fromtimestamp(facts.start_wall_s, started.tzinfo)
    return Run(
        run_id=folder.run_id,
        target=manifest["target"],
        target_name=target_name(manifest),
        repeat=manifest["repeat"],
        plan_name=manifest["plan"],
        plan_text=folder.plan.read_text("utf-8") if folder.plan.exists() else "",
        plan_hash=manifest["plan_hash"],
        slo_text="\n".join(line["text"] for line in manifest["slos"]),
        seed=manifest["seed"],
        started=started,
        peak_label=manifest["peak_label"],
        report_path=str(folder.report),
        versions=tuple((what, version) for what, version in manifest["versions"]),
        partial="" if manifest.get("ended_by_look") else facts.stopped_early,
    )
