"""A lie: a defect that is planted in a real run, and the verdict that must follow."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from harness.run.selftest.answers import honest
from harness.run.selftest.stage import Play, Stage

ROW_BYTES = 80


@dataclass(frozen=True)
class Seen:
    """What came of a row's run."""

    verdict: Mapping[str, Any]
    exit_code: int
    folder: Path
    took_s: float
    stage: Stage

    @property
    def reasons(self) -> tuple[str, ...]:
        return tuple(map(str, self.verdict.get("reasons", ())))

    @property
    def word(self) -> str:
        return str(self.verdict.get("verdict", f"exit {self.exit_code}"))

    def caveat(self, kind: str) -> str:
        """The status of one caveat (`held`, `broken`, ...); empty where there is none."""
        return next((str(c["status"]) for c in self.verdict["caveats"] if c["kind"] == kind), "")

    def said(self, kind: str) -> str:
        """What all caveats of one kind say."""
        return "; ".join(str(c["what"]) for c in self.verdict["caveats"] if c["kind"] == kind)

    def notes(self) -> str:
        return self.said("note")


@dataclass(frozen=True)
class Acting:
    """A run under way, to be acted on from outside as fate would."""

    pid: int
    runs: Path

    def folder(self) -> Path:
        """The run folder, once the engine was asked to load."""
        found: Path = wait_for(lambda: next((p.parent.parent for p in self.runs.glob("*/engine/job.json")), None))
        return found

    def wait_fired(self, count: int) -> None:
        """Until the spools hold that many rows: the load is under way."""
        spools = self.folder() / "engine"
        wait_for(lambda: sum(p.stat().st_size for p in spools.glob("*.spool")) >= count * ROW_BYTES or None)

    def processes(self, role: str) -> list[psutil.Process]:
        """The engine's processes of one role: `master` or `worker`."""
        found = []
        for child in psutil.Process(self.pid).children(recursive=True):
            try:
                line = child.cmdline()
            except psutil.Error:
                continue
            if "harness.engine.node" in line and role in line:
                found.append(child)
        return found


def wait_for(look: Callable[[], Any], within_s: float = 90.0) -> Any:
    """What `look` finds, asked until it is not None. Raises TimeoutError."""
    until = time.monotonic() + within_s
    while (found := look()) is None:
        if time.monotonic() > until:
            raise TimeoutError("the run did not come as far as the defect is planted at")
        time.sleep(0.02)
    return found


DISTURBED = frozenset({"send_lag", "loop_lag", "cpu", "late_sends", "arrivals", "warm_up"})
"""Gates by which a run says that this machine was too busy; the advice is to run again."""

Look = Callable[[Seen], str]
"""What is wrong with what was seen, in words; empty when nothing is."""


@dataclass(frozen=True)
class Apart:
    """A network namespace that belongs to one row: loopback alone, shaped as the row wants it."""

    commands: tuple[str, ...] = ()
    """Of tc or nft, run in it; without a shell."""
    ports: str = ""
    """`net.ipv4.ip_local_port_range` in it."""
    hosts: str = ""
    """Lines of an /etc/hosts of its own."""

    @property
    def tools(self) -> tuple[str, ...]:
        """Programs that must be on this machine."""
        return ("unshare", *dict.fromkeys(command.split()[0] for command in self.commands))


@dataclass(frozen=True)
class Lie:
    """One row of the lie detector. `row` is the number in docs/lies.md, with a letter where a row has several forms."""

    row: str
    planted: str
    expected: tuple[str, ...]
    """Any of these verdicts."""
    because: tuple[str, ...] = ()
    """Any of these must be among the verdict's reasons: a gate's name, or the beginning of an SLO."""
    outcomes: tuple[str, ...] = ()
    """Outcomes that the run must hold."""
    play: Callable[[], Play] = field(default=lambda: Play(honest))
    rate: int = 50
    seconds: int = 8
    slos: tuple[str, ...] = ("e2e p95 <= 4s",)
    """The lag that a generator may have is a share of the smallest limit: generous ones bear a busy machine."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the plan that take the place of the ordinary ones."""
    plant: str = ""
    """A load profile of `plants/`: code that the workers run."""
    hand: Callable[[Acting], None] | None = None
    """Acts on the run while it is under way."""
    after: Callable[[Path], None] | None = None
    """Alters the finished run folder, which is then judged again."""
    look: Look | None = None
    descriptors: int = 0
    """A limit on open files for the whole run; 0 leaves the machine's."""
    apart: Apart | None = None
    """Network and names of its own for the whole row, server and all; None tries it on the machine's."""
    host: str = "127.0.0.1"
    """What the plan calls the target."""
    lying_clock: bool = False
    """The wall clock of all the run's processes can be set by the row: see `clocks.py`."""

    def plan_text(self, target: str) -> str:
        """The plan file of its run, as JSON (which is YAML)."""
        ordinary: dict[str, Any] = {
            "target": target,
            "journeys": {"ask": {"kind": "http", "method": "GET", "path": "/ask"}},
            "arrivals": {
                "seed": 7,
                "segments": [{"phase": "peak", "hold": f"{self.rate}/s", "for": f"{self.seconds}s"}],
            },
            "slo": {"slos": list(self.slos)},
            "deadline": "2s",
            "idle_limit": "2s",
            "drain": "3s",
            "smoke": True,
        }
        if self.plant:
            del ordinary["journeys"]
            ordinary["profile"] = f"{self.plant}.py"
        return json.dumps({**ordinary, **self.plan}, indent=2)


@dataclass(frozen=True)
class Finding:
    """What one row came to."""

    lie: Lie
    got: str
    trouble: str
    """Why it is not as expected; empty when it is."""
    skipped: bool = False
    reasons: tuple[str, ...] = ()
    """Of the verdict: the gates and SLOs that spoke."""

    @property
    def ok(self) -> bool:
        return not self.trouble and not self.skipped


def was_disturbed(lie: Lie, seen: Seen) -> bool:
    """The machine spoiled the run, not the defect: it shows neither that the lie is caught nor that it is not."""
    reasons = set(seen.reasons)
    return seen.word == "INVALID" and bool(reasons) and reasons <= DISTURBED and not reasons & set(lie.because)


def held_against(lie: Lie, seen: Seen) -> str:
    """What of `seen` is not as `lie` expects; empty when all is."""
    if seen.word not in lie.expected:
        return f"said {seen.word} ({', '.join(seen.reasons) or 'no reason'})"
    if lie.because and not any(reason.startswith(lie.because) for reason in seen.reasons):
        return f"{seen.word} for another reason: {', '.join(seen.reasons) or 'none'}"
    counted = seen.verdict["outcomes"]
    if missing := [name for name in lie.outcomes if not counted.get(name)]:
        return f"no outcome {missing[0]}: {counted}"
    return lie.look(seen) if lie.look else ""
