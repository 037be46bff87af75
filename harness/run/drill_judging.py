"""From a drilled run folder to its verdict: rows, the upstreams' log, the gates; drill.json and the report's page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import yaml

from harness import store
from harness.analysis import Caveat, Check, Slo, before_the_stop, judge, parse_slo
from harness.drill import (
    FAULT,
    NO_CALLS,
    Conduct,
    Drill,
    DrillVerdict,
    PastDrill,
    Seen,
    Timeline,
    UpstreamCalls,
    judge_drill,
    load_drill,
    numbers_of,
    seen_of,
    timeline_of,
)
from harness.engine import read_engine
from harness.errors import EvidenceError, Problem
from harness.report import DrillReport, FaultBand, Report, drill_document, drill_html
from harness.run import manifest as stored
from harness.run.drill_holding import Event, Holder
from harness.run.drill_inputs import DRILL_FILE
from harness.run.judging import gather, judge_run

FAULTS_MAY_BREAK = frozenset({"warm_up"})
"""Gates that a fault breaks by its nature: latency that shifts looks like a warm-up that never ended."""
MOMENTS = parse_slo("e2e p95 <= 10s")
"""What the generator and the mocks are held to beside a drill's own promises: its moments are told to the second, and
half a second (5 % of this) of lateness moves none of them by more than one. It never makes them earlier."""
HISTORY = 7
JOURNAL_FILE = "drill-journal.json"


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

    shown: tuple[str, ...] = ()
    """The faults on what is not ours that their own probe saw in force."""

    @classmethod
    def of(cls, holders: Sequence[Holder], stopped: str, aborted: str, events: Sequence[Event]) -> Journal:
        granted = [(g.id, g.on, g.fault, g.granted_s) for holder in holders for g in holder.granted]
        happened = [*events, *(event for holder in holders for event in holder.journal)]
        return cls(
            tuple(sorted(happened, key=lambda event: event.at_s)),
            tuple(sorted(granted, key=lambda grant: grant[-1])),
            next((h.not_injected for h in holders if h.not_injected), ""),
            next((h.trouble for h in holders if h.trouble), ""),
            stopped,
            aborted,
            {lease: at_s for holder in holders for lease, at_s in holder.reverted().items()},
            "; ".join(holder.against for holder in holders if holder.against),
            shown=tuple(name for holder in holders for name in holder.shown),
        )

    def write(self, folder: store.RunFolder) -> None:
        """Beside the rows, so that the drill can be judged again."""
        events = [{"at_s": e.at_s if math.isfinite(e.at_s) else None, "what": e.what} for e in self.events]
        text = json.dumps({**asdict(self), "events": events}, indent=2, allow_nan=False)
        store.write_text(folder.path / JOURNAL_FILE, text + "\n")

    @classmethod
    def read(cls, folder: store.RunFolder) -> Journal:
        """Raises EvidenceError where it is not there, or is none."""
        path = folder.path / JOURNAL_FILE
        data = folder.read_json(path)
        try:
            events = tuple(Event(-math.inf if e["at_s"] is None else e["at_s"], e["what"]) for e in data.pop("events"))
            granted = tuple((str(a), str(b), str(c), float(d)) for a, b, c, d in data.pop("granted"))
            return cls(**{**data, "events": events, "granted": granted, "shown": tuple(data["shown"])})
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError(Problem(f"is not the journal of a drill: {error}", file=str(path))) from None

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


def is_drill(folder: store.RunFolder) -> bool:
    """Whether the run was a drill that came to its journal."""
    return (folder.path / JOURNAL_FILE).exists()


def judge_drill_again(folder: store.RunFolder) -> DrillFinished:
    """The drill of an old folder, by what the folder holds. Raises EvidenceError, or UsageError for its drill file."""
    drill = load_drill(folder.path / DRILL_FILE)
    return judge_drilled(drill, timeline_of(drill, 1.0), folder, Journal.read(folder))


def write_drilled(finished: DrillFinished) -> None:
    """drill.json and report.html."""
    folder, report = finished.folder, finished.report
    store.write_text(folder.path / "drill.json", json.dumps(drill_document(report), indent=2, allow_nan=False) + "\n")
    store.write_text(folder.report, drill_html(report))


def judge_drilled(drill: Drill, timeline: Timeline, folder: store.RunFolder, journal: Journal) -> DrillFinished:
    """Judge what the folder holds; writes nothing."""
    gated = gated_of(drill)
    whole = judge_run(folder, gated, keep=False)
    facts, manifest = read_engine(folder.path), stored.read_manifest(folder)
    numbers = seen = None
    if journal.injected and whole.rows is not None and facts.start_ns:
        seen = _seen(timeline, folder, journal, facts.start_ns, whole.rows)
        numbers = numbers_of(drill, seen)
    rules = replace(stored.rules_of(manifest), judge_phases=(FAULT,))
    during: tuple[Check, ...] = ()
    if numbers and drill.expect.during:
        rows, evidence = gather(folder, manifest, facts, rules)
        during = judge(rows, _promised(drill), rules, evidence).checks
    conduct = Conduct(
        broken=_broken(whole, gated, manifest, journal),
        stopped=journal.stopped,
        aborted=journal.aborted,
        not_injected=journal.not_injected,
        fault_trouble=journal.trouble,
        rollback_confirmed=not journal.against,
        rollback_command=journal.command,
    )
    report = DrillReport(
        drill=drill,
        timeline=timeline,
        numbers=numbers,
        verdict=judge_drill(drill, numbers, during, conduct),
        run=whole.run,
        whole=replace(whole, faults=_bands(journal, facts.start_ns)),
        journal=tuple((event.at_s, event.what) for event in journal.events),
        against=journal.against,
        past=_past(folder, drill.title, whole.run.started),
        text=_file_text(folder),
    )
    return DrillFinished(folder, report, bool(journal.stopped))


def _file_text(folder: store.RunFolder) -> str:
    """The drill as it was asked for, as people write it."""
    return yaml.safe_dump(folder.read_json(folder.path / DRILL_FILE), sort_keys=False, allow_unicode=True, width=100)


def gated_of(drill: Drill) -> tuple[Slo, ...]:
    """What the gates of a drill are about: its own promises and moments, not the promises of the plan it borrows."""
    return (*_promised(drill), MOMENTS)


def _promised(drill: Drill) -> tuple[Slo, ...]:
    return tuple(parse_slo(text) for text in drill.expect.during)


def _broken(whole: Report, gated: Sequence[Slo], manifest: dict[str, Any], journal: Journal) -> tuple[Caveat, ...]:
    """The gates that do not hold. A load that the drill's own rule ended is judged until that moment: after it nothing
    was sent, and that breaks half of them."""
    caveats = whole.verdict.caveats
    if journal.aborted and whole.rows is not None and whole.evidence is not None:
        until = before_the_stop(whole.rows, gated, stored.rules_of(manifest), whole.evidence)
        caveats = until.caveats if until is not None else caveats
    return tuple(c for c in caveats if c.status == "broken" and c.kind not in FAULTS_MAY_BREAK)


def _seen(timeline: Timeline, folder: store.RunFolder, journal: Journal, start_ns: int, rows: Any) -> Seen:
    start_s = start_ns / 1e9
    ends = [journal.reverted.get(lease, start_s + timeline.revert_s) for lease, *_ in journal.granted]
    return seen_of(
        rows,
        read_upstream_calls(folder.mocks_log, start_s, folder.run_id),
        baseline_s=timeline.baseline_s,
        inject_s=min(at for *_, at in journal.granted) - start_s,
        revert_s=max(ends) - start_s,
        end_s=timeline.end_s,
        rate_per_s=timeline.rate_per_s,
        served_by_header=folder.read_json(folder.job).get("served_by_header", "x-served-by"),
        shown=journal.shown,
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


def _past(folder: store.RunFolder, title: str, started: datetime | None) -> tuple[str, ...]:
    """The words of this drill's last runs under the same root before this one, oldest first."""
    found = [run for run in past_drills(folder.root) if run.title == title and run.run_id != folder.run_id]
    before = [run for run in found if started is None or run.started < started]
    return tuple(run.result for run in sorted(before, key=lambda run: run.started)[-HISTORY:])


def past_drills(root: Path) -> tuple[PastDrill, ...]:
    """Every drill under `root` that came to a result, unsorted."""
    found = []
    for path in root.glob("*/drill.json"):
        try:
            data = orjson.loads(path.read_bytes())
            started = datetime.fromisoformat(data["started"])
            found.append(PastDrill(str(data["title"]), started, str(data["result"]), path.parent.name))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(found)
