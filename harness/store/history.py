"""The history of runs: an SQLite index beside the run folders. The folders are the truth, the index only makes them
quick to ask: it is brought up to date before every question, and made anew when it is damaged or of an old version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.errors import EvidenceError, Problem, UsageError
from harness.store.folder import RunFolder

INDEX_NAME = "index.sqlite"
_VERSION = 3
_TABLES = """
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY, stamp TEXT NOT NULL, started TEXT NOT NULL, plan TEXT NOT NULL, plan_hash TEXT NOT NULL,
  target TEXT NOT NULL, verdict TEXT NOT NULL, smoke INTEGER NOT NULL, exit_code INTEGER, headline TEXT NOT NULL,
  why TEXT NOT NULL, offered_rate REAL, proven REAL, forecast_peak REAL, headroom REAL,
  drill INTEGER NOT NULL);
CREATE TABLE checks (
  run_id TEXT NOT NULL, place INTEGER NOT NULL, slo TEXT NOT NULL, gate TEXT NOT NULL, state TEXT NOT NULL,
  unit TEXT NOT NULL, limit_value REAL, value REAL, value_low REAL, value_high REAL, n INTEGER NOT NULL,
  PRIMARY KEY (run_id, place));
CREATE INDEX runs_started ON runs (started);
"""


@dataclass(frozen=True)
class PastRun:
    """One run of the history. `verdict` is empty where it ended before a verdict was written."""

    run_id: str
    started: str
    """ISO 8601, as the manifest says."""
    plan: str
    plan_hash: str
    target: str
    verdict: str
    smoke: bool
    exit_code: int | None
    headline: str
    why: str
    offered_rate: float | None
    proven: float | None
    forecast_peak: float | None
    headroom: float | None
    drill: bool = False
    """It was a drill: `verdict` is its own word (`HELD`, `DID NOT HOLD`, ...), `headline` its title."""


_CHECK_QUERY = """
SELECT c.run_id, r.started, c.slo, c.gate, c.state, c.unit, c.limit_value, c.value, c.value_low, c.value_high, c.n,
  r.verdict
FROM checks c JOIN runs r ON r.run_id = c.run_id"""
_RUN_COLUMNS = ", ".join(field.name for field in fields(PastRun))


@dataclass(frozen=True)
class PastCheck:
    """One SLO of one past run; values in `unit`, None where undefined, `inf` where so many failed."""

    run_id: str
    started: str
    slo: str
    gate: str
    state: str
    unit: str
    limit: float | None
    value: float | None
    value_low: float | None
    value_high: float | None
    n: int
    verdict: str


def history(
    root: Path, *, limit: int = 20, plan: str = "", target: str = "", verdict: str = "", before: str = ""
) -> list[PastRun]:
    """Runs under `root`, newest first; only those of a plan (name or hash), a target, a verdict, or started before an
    ISO time, where given."""
    conditions, values = ["1"], list[Any]()
    for condition, value in (
        ("(plan = ? OR plan_hash = ?)", plan),
        ("target = ?", target),
        ("verdict = ?", verdict),
        ("started < ?", before),
    ):
        if value:
            conditions.append(condition)
            values += [value] * condition.count("?")
    chosen = " AND ".join(conditions)
    query = f"SELECT {_RUN_COLUMNS} FROM runs WHERE {chosen} ORDER BY started DESC, run_id DESC LIMIT ?"  # noqa: S608 -- constants; values are bound
    with _index(root) as index:
        return [_past_run(row) for row in index.execute(query, (*values, limit))]


def past_run(root: Path, run_id: str) -> tuple[PastRun, list[PastCheck]]:
    """One run, by its id or an unambiguous beginning of it, with its checks. Raises `UsageError` with those near it."""
    with _index(root) as index:
        query = f"SELECT {_RUN_COLUMNS} FROM runs WHERE run_id = ?1 OR substr(run_id, 1, length(?1)) = ?1"  # noqa: S608 -- as above
        found = [_past_run(row) for row in index.execute(query, (run_id,))]
        exact = [run for run in found if run.run_id == run_id]
        if len(exact or found) != 1:
            near = ", ".join(run.run_id for run in found[:8])
            what = f"several runs begin with {run_id!r}" if found else f"there is no run {run_id!r}"
            raise UsageError(Problem(what, near or "peakproof history list shows them", file=str(root)))
        run = (exact or found)[0]
        checks = index.execute(f"{_CHECK_QUERY} WHERE c.run_id = ? ORDER BY place", (run.run_id,))
        return run, [PastCheck(*row) for row in checks]


def trend(root: Path, slo: str = "", *, plan: str = "", limit: int = 50) -> list[PastCheck]:
    """Checks of past runs whose SLO text begins with `slo` (`ttft p95`), oldest first, the last `limit` of them."""
    query = (
        f"{_CHECK_QUERY} WHERE substr(c.slo, 1, length(?1)) = ?1 AND (?2 = '' OR r.plan = ?2 OR r.plan_hash = ?2)"
        " ORDER BY r.started DESC, r.run_id DESC, place LIMIT ?3"
    )
    with _index(root) as index:
        return [PastCheck(*row) for row in index.execute(query, (slo, plan, limit))][::-1]


def last_good(root: Path, run: RunFolder) -> RunFolder | None:
    """The last run before `run` of the same plan and target that passed; None where there is none."""
    facts = run.read_manifest()
    plan, started = str(facts.get("plan", "")), str(facts.get("started", ""))
    same = history(root, limit=1, plan=plan, target=_target(facts), verdict="PASS", before=started)
    return RunFolder(root, same[0].run_id) if same and plan and started else None


@contextmanager
def _index(root: Path) -> Iterator[sqlite3.Connection]:
    """The index of `root`, up to date. In memory where the folder cannot be written."""
    if not root.is_dir():
        raise UsageError(Problem("there is no such folder of runs", "peakproof run PLAN makes one", file=str(root)))
    with closing(_opened(root)) as connection:
        yield connection


def _opened(root: Path) -> sqlite3.Connection:
    path = root / INDEX_NAME
    for place in (str(path), str(path), ":memory:"):
        connection = None
        try:
            connection = sqlite3.connect(place, timeout=10)
            _bring_up_to_date(connection, root)
        except sqlite3.OperationalError:
            # Locked for long, read-only or no room: the answer is made without keeping it.
            if connection is not None:
                connection.close()
            if place == ":memory:":
                raise
        except sqlite3.DatabaseError:
            # Not a database, or a damaged one: it holds nothing that the folders do not.
            if connection is not None:
                connection.close()
            path.unlink(missing_ok=True)
        else:
            return connection
    raise AssertionError("an index in memory opens")


def _bring_up_to_date(index: sqlite3.Connection, root: Path) -> None:
    with index:
        index.execute("BEGIN IMMEDIATE")
        if index.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
            for table in ("runs", "checks"):
                index.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _TABLES.split(";"):
                index.execute(statement)
            index.execute(f"PRAGMA user_version = {_VERSION}")
        known = dict(index.execute("SELECT run_id, stamp FROM runs").fetchall())
        there = {manifest.parent.name: _stamp(manifest.parent) for manifest in root.glob("*/manifest.json")}
        for run_id in known.keys() - there.keys():
            _forget(index, run_id)
        for run_id, stamp in there.items():
            if known.get(run_id) != stamp:
                _forget(index, run_id)
                _remember(index, RunFolder(root, run_id), stamp)


def _forget(index: sqlite3.Connection, run_id: str) -> None:
    index.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))
    index.execute("DELETE FROM checks WHERE run_id = ?", (run_id,))


def _remember(index: sqlite3.Connection, run: RunFolder, stamp: str) -> None:
    try:
        facts = run.read_manifest()
        verdict = run.read_json(run.verdict) if run.verdict.exists() else _drilled(run)
    except EvidenceError:
        return  # not readable as a run: it is asked for again when it changes
    capacity = _object(verdict.get("capacity"))
    texts = [*(str(facts.get(name, "")) for name in ("started", "plan", "plan_hash")), _target(facts)]
    numbers = [_number(v) for v in (verdict.get("offered_rate"), capacity.get("proven"), capacity.get("forecast_peak"))]
    row = [
        run.run_id, stamp, *texts, str(verdict.get("verdict", "")), int(bool(verdict.get("smoke"))),
        _number(verdict.get("exit_code")), str(verdict.get("headline", "")), str(verdict.get("why", "")),
        *numbers, _number(verdict.get("headroom")), int(bool(verdict.get("drill"))),
    ]  # fmt: skip
    index.execute(f"INSERT INTO runs VALUES ({','.join('?' * len(row))})", row)  # noqa: S608 -- only question marks
    for place, check in enumerate(c for c in verdict.get("checks", ()) if isinstance(c, dict)):
        named = [str(check.get(name, "")) for name in ("slo", "gate", "state", "unit")]
        values = [_number(check.get(name)) for name in ("limit", "value", "value_low", "value_high")]
        cells = (run.run_id, place, *named, *values, int(_number(check.get("n")) or 0))
        index.execute("INSERT INTO checks VALUES (?,?,?,?,?,?,?,?,?,?,?)", cells)


def _drilled(run: RunFolder) -> Mapping[str, Any]:
    """The fields of a verdict that a drill's result can fill, and `drill`; none where the run was no drill."""
    path = run.path / "drill.json"
    if not path.exists():
        return {}
    drill = run.read_json(path)
    told = {name: drill.get(name) for name in ("exit_code", "why")}
    return {**told, "drill": True, "verdict": drill.get("result", ""), "headline": drill.get("title", "")}


def _past_run(row: tuple[Any, ...]) -> PastRun:
    values = dict(zip((field.name for field in fields(PastRun)), row, strict=True))
    return PastRun(**{**values, "smoke": bool(values["smoke"]), "drill": bool(values["drill"])})


def _stamp(folder: Path) -> str:
    """Changes whenever the manifest or the result does."""
    parts = []
    for name in ("manifest.json", "verdict.json", "drill.json"):
        try:
            facts = (folder / name).stat()
        except OSError:
            parts.append("-")
        else:
            parts.append(f"{facts.st_mtime_ns}.{facts.st_size}.{facts.st_ino}")
    return " ".join(parts)


def _target(facts: Mapping[str, Any]) -> str:
    """What was tested, by a name that lasts: a mock that the plan starts has another port in every run."""
    return str(facts.get("target_name") or facts.get("target", ""))


def _number(value: object) -> float | None:
    """A JSON number, or the strings that stand for infinities; None for everything else."""
    if value in ("inf", "-inf"):
        return float(str(value))
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
