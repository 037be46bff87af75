"""What every exporter reads: the verdict, and the facts and rows around it. Plain frozen values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from harness.analysis import Evidence, Verdict
from harness.results import Rows


@dataclass(frozen=True)
class Run:
    """What was tested, when, and how to do it again. Text is shown as it is given: redact secrets before."""

    run_id: str
    target: str
    repeat: str
    """The command that runs this plan again, seed included."""
    plan_name: str = ""
    plan_text: str = ""
    plan_hash: str = ""
    slo_text: str = ""
    seed: int | None = None
    started: datetime | None = None
    """Wall time of the run clock's zero, with its zone."""
    peak_label: str = ""
    """What the forecast peak is, e.g. `forecast p95 peak` or `observed shape, not a forecast`."""
    report_path: str = ""
    """Where the report is to be found, as the person who ran it would write it."""
    versions: tuple[tuple[str, str], ...] = ()
    """(what, version) of the tool, the interpreter, the engine."""
    target_name: str = ""
    """The target by a name that lasts, where it has one: a mock's port is another one in every run."""
    partial: str = ""
    """Why the run ended before its plan did; empty when it ran to its end."""

    def at(self, run_s: float) -> str:
        """A moment of the run's clock as a person names it: the wall time where known, else seconds from the start."""
        if self.started is None:
            return f"{run_s:.0f} s"
        return f"{self.started + timedelta(seconds=run_s):%H:%M:%S}"


@dataclass(frozen=True)
class FaultBand:
    """A fault that was in force from `start_s` to `end_s` on the run's clock."""

    on: str
    fault: str
    start_s: float
    end_s: float
    confirmed: bool = True
    """Its begin and its end were seen in the injector's log."""


@dataclass(frozen=True)
class Dependency:
    """An upstream as it saw the run itself."""

    name: str
    kind: str
    requests: int
    by_status: dict[str, int] = field(default_factory=dict)
    in_flight_max: int | None = None
    pacing_error_s_p99: float | None = None


@dataclass(frozen=True)
class SlowRequest:
    """One of the slowest arrivals; `link` leads to its trace where the plan says how (http or https only)."""

    seq: int
    trace: str
    link: str = ""


@dataclass(frozen=True)
class SearchStep:
    """One judged run of a capacity search."""

    stage: str
    """`probe`, `bracket`, `bisect`, `soak` or `relief`."""
    rate: float
    """Arrivals/s as realised."""
    word: str
    duration_s: float
    bad_share: float
    """Of the check nearest to its limit; NaN where nothing was measured."""
    allowed_share: float
    why: str
    folder: str
    """Where its rows are, from the search's folder."""


@dataclass(frozen=True)
class Report:
    verdict: Verdict
    run: Run
    rows: Rows | None = None
    evidence: Evidence | None = None
    faults: tuple[FaultBand, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    traces: tuple[SlowRequest, ...] = ()
    """Trace ids by seq, where the run sent `traceparent`."""
    changes: tuple[str, ...] = ()
    """What changed since the last good run, one sentence each; empty when there is none to compare with."""

    drills: tuple[str, ...] = ()
    """What each drill of this target came to the last time, one sentence each, newest first."""

    search: tuple[SearchStep, ...] = ()
    """The steps of a capacity search; the verdict is then that of the search, the rows are its proven step's."""

    @property
    def title_word(self) -> str:
        """`PASS (smoke)`, `FAIL`: the verdict as it is always written."""
        return f"{self.verdict.word.value} (smoke)" if self.verdict.smoke else self.verdict.word.value
