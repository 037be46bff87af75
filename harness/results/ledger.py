"""The conservation ledger: every planned arrival ends in exactly one terminal outcome, or a sentence names it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.results.outcome import Outcome, Reason
from harness.results.row import ARRIVAL, NEVER, RESULT_DTYPE, ResultArray, Rows
from harness.results.telemetry import WorkerFact

_SHOWN = 5


@dataclass(frozen=True)
class Ledger:
    """The books of a run, closed. They balance when `problems` is empty."""

    rows: Rows
    """One ARRIVAL row for each accounted arrival (the synthesised ones of lost workers included), and all step rows of
    planned arrivals; second rows of one arrival and rows of unplanned ones are left out."""
    planned: int
    accounted: int
    outcomes: dict[str, int]
    """Arrivals by outcome label; only outcomes that occurred."""
    lost: int
    """Arrivals that ended as `lost_with_worker`."""
    missing: tuple[int, ...]
    """Planned seqs without any outcome, whose worker said it was done."""
    duplicates: tuple[int, ...]
    """Seqs with more than one ARRIVAL row."""
    unknown: tuple[int, ...]
    """Seqs that nobody planned."""
    problems: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        return not self.problems


def settle(planned: npt.NDArray[np.void], rows: Rows, workers: Sequence[WorkerFact]) -> Ledger:
    """Closes the books. `planned`: the arrivals as planned, shape (n,), with at least `due_ns`, `phase`, `journey` and
    `tenant`; an arrival's seq is its index and its worker was `seq % len(workers)` at the start.

    Missing arrivals of workers that were not `done` become LOST_WITH_WORKER rows; missing ones of a worker that said it
    was done are a problem, for nobody can say what became of them.
    """
    array, step = rows.array, rows.array["step"]
    known = array["seq"] < planned.size
    unknown = np.unique(array["seq"][~known])
    arrivals = array[known & (step == ARRIVAL)]
    seqs, first, counts = np.unique(arrivals["seq"], return_index=True, return_counts=True)
    duplicates = seqs[counts > 1]
    arrivals = arrivals[first]
    absent = np.setdiff1d(np.arange(planned.size, dtype=np.int64), seqs.astype(np.int64), assume_unique=True)
    owner_lost = _owner_lost(absent, workers)
    lost = _lost_rows(planned, absent[owner_lost], max(1, len(workers)))
    missing = absent[~owner_lost]
    settled: ResultArray = np.concatenate([arrivals, lost, array[known & (step != ARRIVAL)]])
    outcomes = np.bincount(settled["outcome"][settled["step"] == ARRIVAL], minlength=len(Outcome))
    problems = [
        *_listed(missing, "planned arrivals have no outcome though their worker says it is done"),
        *_listed(duplicates, "arrivals have more than one outcome"),
        *_listed(unknown, "rows belong to no planned arrival"),
        *_listed(array["seq"][array["outcome"] == Outcome.LOST_WITH_WORKER], "rows say themselves that they were lost"),
        *_worker_sums(array, workers, planned.size),
    ]
    return Ledger(
        rows=Rows(settled, rows.catalog, rows.damage),
        planned=int(planned.size),
        accounted=int(arrivals.size + lost.size),
        outcomes={_label(i): int(n) for i, n in enumerate(outcomes) if n},
        lost=int(outcomes[Outcome.LOST_WITH_WORKER]),
        missing=tuple(map(int, missing)),
        duplicates=tuple(map(int, duplicates)),
        unknown=tuple(map(int, unknown)),
        problems=tuple(problems),
    )


def _label(outcome: int) -> str:
    return Outcome(outcome).label if outcome < len(Outcome) else f"outcome {outcome}"


def _owner_lost(seqs: npt.NDArray[np.int64], workers: Sequence[WorkerFact]) -> npt.NDArray[np.bool_]:
    if not workers:
        return np.zeros(seqs.size, np.bool_)
    done = {fact.worker for fact in workers if fact.state == "done"}
    lost = np.array([index not in done for index in range(len(workers))])
    return np.asarray(lost[seqs % len(workers)], np.bool_)


def _lost_rows(planned: npt.NDArray[np.void], seqs: npt.NDArray[np.int64], worker_count: int) -> ResultArray:
    rows = np.zeros(seqs.size, RESULT_DTYPE)
    for name in ("sent_ns", "first_token_ns", "last_token_ns", "finished_ns"):
        rows[name] = NEVER
    for name in ("due_ns", "phase", "journey", "tenant"):
        rows[name] = planned[name][seqs]
    rows["seq"] = seqs
    rows["worker"] = seqs % worker_count
    rows["outcome"] = Outcome.LOST_WITH_WORKER
    rows["reason"] = Reason.NONE
    return rows


def _worker_sums(array: ResultArray, workers: Sequence[WorkerFact], planned: int) -> list[str]:
    """What each worker said against what its rows hold. A lost worker may hold more than it last said, never less."""
    problems = []
    arrivals = array["worker"][array["step"] == ARRIVAL]
    for fact in workers:
        held = int(np.count_nonzero(arrivals == fact.worker))
        if held < fact.reported or (fact.state == "done" and held != fact.reported):
            problems.append(f"worker {fact.worker} reported {fact.reported} arrivals, its rows hold {held}")
        if fact.state == "done" and fact.reported != fact.planned:
            problems.append(f"worker {fact.worker} was to fire {fact.planned} arrivals and reported {fact.reported}")
    known = [fact.worker for fact in workers]
    if stray := int(np.count_nonzero(~np.isin(arrivals, known))):
        problems.append(f"{stray} rows come from a worker that the engine does not know")
    if workers and (total := sum(fact.planned for fact in workers)) != planned:
        problems.append(f"the plan holds {planned} arrivals, the workers were dealt {total}")
    return problems


def _listed(seqs: npt.NDArray[np.int64], what: str) -> list[str]:
    if not seqs.size:
        return []
    shown = ", ".join(str(seq) for seq in seqs[:_SHOWN]) + (", ..." if seqs.size > _SHOWN else "")
    return [f"{seqs.size} {what} (seq {shown})"]
