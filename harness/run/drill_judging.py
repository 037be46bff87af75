"""From a drilled run folder to its verdict: rows, the upstreams' log, the gates; drill.json and the report's page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from harness import store
from harness.analysis import Check, judge, parse_slo
from harness.drill import (
    FAULT,
    NO_CALLS,
    Conduct,
    DrillVerdict,
    Seen,
    UpstreamCalls,
    judge_drill,
    numbers_of,
    seen_of,
)
from harness.engine import read_engine
from harness.report import DrillReport, FaultBand, drill_document, drill_html
from harness.run import manifest as stored
from harness.run.drill_faults import Event, FaultHolder
from harness.run.drill_inputs import DrillInputs
from harness.run.judging import gather, judge_run

FAULTS_MAY_BREAK = frozenset({"warm_up"})
"""Gates that a fault breaks by its nature: latency that shifts looks like a warm-up that never ended."""
HISTORY = 7


@dataclass
class Journal:
    """What the drill did, as it happened."""

    events: tuple[Event, ...]
    granted: tuple[tuple[str, str, str, float], ...]
    """(lease, on, fault, granted at by the host's monotonic clock)."""
    not_injected: str
    trouble: str
    stopped: str
    aborted: str
    reverted: Mapping[str, float]
    """lease -> when it ended, by the host's monotonic clock, as the injector told."""
    against: str = ""
    """What speaks against the rollback; empty where behaviour confirmed it."""
    command: str = ""

    @classmethod
    def of(cls, holder: FaultHolder, stopped: str, aborted: str) -> Journal:
        granted = tuple((g.id, g.on, g.fault, g.granted_s) for g in holder.granted)
        return cls(
            tuple(holder.journal), granted, holder.not_injected, holder.trouble, stopped, aborted, holder.reverted()
        )

    @property
    def injected(self) -> bool:
        return bool(self.granted)

    def confirmed(self, against: str, command: str) -> None:
        """The rollback was looked at; `against` is empty where it is confirmed."""
        self.against, self.command = against, command


@dataclass(frozen=True)
class DrillFinished:
    """A drill that came to its end."""

    folder: store.RunFolder
    report: DrillReport
    interrupted: bool

    @property
    def verdict(self) -> DrillVerdict:
        return self.report.verdict


def judge_drilled(asked: DrillInputs, folder: store.RunFolder, journal: Journal) -> DrillFinished:
    """Judge what the folder holds, and write drill.json and report.html into it."""
    whole = judge_run(folder, keep=False)
    facts, manifest = read_engine(folder.path), stored.read_manifest(folder)
    numbers = seen = None
    if journal.injected and whole.rows is not None and facts.start_ns:
        seen = _seen(asked, folder, journal, facts.start_ns, whole.rows)
        numbers = numbers_of(asked.drill, seen)
    rules = replace(stored.rules_of(manifest), judge_phases=(FAULT,))
    during: tuple[Check, ...] = ()
    if numbers and asked.drill.expect.during:
        rows, evidence = gather(folder, manifest, facts, rules)
        during = judge(rows, tuple(parse_slo(t) for t in asked.drill.expect.during), rules, evidence).checks
    conduct = Conduct(
        broken=tuple(c for c in whole.verdict.caveats if c.status == "broken" and c.kind not in FAULTS_MAY_BREAK),
        stopped=journal.stopped,
        aborted=journal.aborted,
        not_injected=journal.not_injected,
        fault_trouble=journal.trouble,
        rollback_confirmed=not journal.against,
        rollback_command=journal.command,
    )
    report = DrillReport(
        drill=asked.drill,
        timeline=asked.timeline,
        numbers=numbers,
        verdict=judge_drill(asked.drill, numbers, during, conduct),
        run=replace(whole.run, repeat=asked.repeat),
        whole=replace(whole, faults=_bands(journal, facts.start_ns)),
        journal=tuple((event.at_s, event.what) for event in journal.events),
        against=journal.against,
        past=_past(folder, asked.drill.title),
    )
    store.write_text(folder.path / "drill.json", json.dumps(drill_document(report), indent=2, allow_nan=False) + "\n")
    store.write_text(folder.report, drill_html(report))
    return DrillFinished(folder, report, bool(journal.stopped))


def _seen(asked: DrillInputs, folder: store.RunFolder, journal: Journal, start_ns: int, rows: Any) -> Seen:
    timeline, start_s = asked.timeline, start_ns / 1e9
    ends = [journal.reverted.get(lease, start_s + timeline.revert_s) for lease, *_ in journal.granted]
    return seen_of(
        rows,
        read_upstream_calls(folder.mocks_log, start_s, folder.run_id),
        baseline_s=timeline.baseline_s,
        inject_s=min(at for *_, at in journal.granted) - start_s,
        revert_s=max(ends) - start_s,
        end_s=timeline.end_s,
        rate_per_s=timeline.rate_per_s,
        served_by_header=asked.inputs.plan.served_by_header,
    )


def read_upstream_calls(path: Path, start_s: float, run_id: str) -> UpstreamCalls:
    """The upstreams' log of one run, on its clock. Calls without a run's name (an app that passes no headers on) count;
    calls of another run do not."""
    lines = [line for line in _lines(path) if line.get("run", "") in ("", run_id) and line["started_s"] >= start_s]
    if not lines:
        return NO_CALLS
    names = tuple(sorted({line["service"] for line in lines}))
    hints = np.array([float(line.get("hint_s", 0.0)) for line in lines])
    return UpstreamCalls(
        names=names,
        name=np.array([names.index(line["service"]) for line in lines], dtype=np.int64),
        seq=np.array([int(s) if (s := str(line.get("seq", ""))).isdigit() else -1 for line in lines], dtype=np.int64),
        started_s=np.array([line["started_s"] - start_s for line in lines]),
        finished_s=np.array([line["finished_s"] - start_s for line in lines]),
        status=np.array([line["status"] if line.get("outcome") != "cut" else 0 for line in lines], dtype=np.int64),
        hint_s=np.where(hints > 0, hints, np.nan),
        tokens_in=np.array([float(line.get("tokens_in", 0)) for line in lines]),
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as log:
        for line in log:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue


def _bands(journal: Journal, start_ns: int) -> tuple[FaultBand, ...]:
    start_s = start_ns / 1e9
    return tuple(
        FaultBand(on, fault, at - start_s, journal.reverted.get(lease, at) - start_s, lease in journal.reverted)
        for lease, on, fault, at in journal.granted
    )


def _past(folder: store.RunFolder, title: str) -> tuple[str, ...]:
    """The words of this drill's last runs under the same root, oldest first."""
    found = []
    for path in folder.root.glob("*/drill.json"):
        try:
            data = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        if data.get("title") == title and path.parent != folder.path:
            found.append((str(data.get("started", "")), str(data.get("result", ""))))
    return tuple(word for _, word in sorted(found)[-HISTORY:])
