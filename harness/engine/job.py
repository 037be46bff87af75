"""What the engine is asked to do: one JSON file, `engine/job.json` in the run folder. It holds no secret: header values
may carry `${env:NAME}`, which only the worker that sends them resolves."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from harness.errors import EvidenceError, Problem
from harness.results import ADVICE, FORMAT, of_format


@dataclass(frozen=True)
class JourneySpec:
    """A built-in journey, as the plan writes it."""

    name: str
    kind: str
    """`chat`, `embed`, `search`, `tool` or `http`; for a profile file, `profile`."""
    weight: float = 1.0
    path: str = ""
    """Joined to the target's base URL; empty takes the kind's default."""
    method: str = "POST"
    model: str = ""
    stream: bool = True
    dialect: str = "openai"
    """How the answer is read: `openai`, `responses`, `anthropic`, `gemini`, `sse`, `json`, `bytes`."""
    body: str = ""
    """A JSON template; empty takes the kind's own. `{{prompt}}`, `{{max_tokens}}`, `{{seq}}`, `{{nonce}}` go in."""
    headers: dict[str, str] = field(default_factory=dict)
    expect_nonce: bool = False

    @property
    def may_stream(self) -> bool:
        """Its answers may come in parts whose times count. Of a profile's nobody knows before."""
        return self.kind == "profile" or self.dialect == "sse" or (self.kind == "chat" and self.stream)


@dataclass(frozen=True)
class DegradedSignal:
    """When an answer counts as degraded: a header (`name`, and `equals`, or any value when empty)."""

    name: str
    equals: str = ""

    @property
    def label(self) -> str:
        return f"header {self.name}" + (f" == {self.equals}" if self.equals else "")


@dataclass(frozen=True)
class EngineJob:
    run_id: str
    target: str
    """Base URL."""
    allow_hosts: tuple[str, ...]
    """Hosts that the caller owns and listed, beside loopback."""
    journeys: tuple[JourneySpec, ...]
    """In the order of the arrivals' `journey` index."""
    phases: tuple[str, ...]
    profile: str = ""
    """Path of a load profile (locustfile) instead of the built-in journeys."""
    headers: dict[str, str] = field(default_factory=dict)
    degraded: tuple[DegradedSignal, ...] = ()
    served_by_header: str = "x-served-by"
    canary: bool = False
    """Look for the canary of mock models (`[served-by:NAME]`) in the text of every answer; each event is decoded."""
    prompts: str = ""
    """Path of a JSONL of prompts; empty draws prompts of the arrivals' token sizes from the seed."""
    seed: int = 0
    processes: int = 1
    in_flight_limit: int = 10_000
    deadline_s: float = 60.0
    idle_limit_s: float = 30.0
    body_limit_bytes: int = 16 * 1024 * 1024
    late_cut_s: float = 5.0
    """An arrival that the generator reaches later than this is `not_sent` (reason `late`), not fired in a burst."""
    drain_s: float = 30.0
    """How long answers may still come after the last arrival is due (the deadline bounds it too)."""
    warm_connections: int = 0
    """Connections opened before the start, each worker; 0 lets the engine choose from the plan."""
    limit_requests: int = 1_000_000
    ca_file: str = ""
    """PEM file of extra certificate authorities to trust; the public ones stay trusted."""
    kernel_stamps: bool = False
    """Take the time of an answer's bytes from the kernel's receive stamps, not from the moment the loop read them."""
    error_trailers: tuple[str, ...] = ("grpc-status", "x-error", "x-err", "x-stream-error")
    """Response trailers that say the answer failed, unless their value is empty, `0` or `ok`."""

    new_connections: float = 0.0
    """Share of the arrivals that are new users: each opens a connection of its own, closed behind it."""

    remote_workers: int = 0
    """Workers on other machines that join beside the `processes` of this one (`peakproof worker --master`)."""
    bind: str = "127.0.0.1"
    """Where the master listens for workers."""
    port: int = 0
    """The master's port; 0 takes a free one."""

    @property
    def workers(self) -> int:
        """All workers, here and elsewhere: an arrival's worker is `seq % workers`."""
        return self.processes + self.remote_workers

    def to_bytes(self) -> bytes:
        """What `read` reads, here or on another machine."""
        return orjson.dumps({"format": FORMAT, **asdict(self)}, option=orjson.OPT_INDENT_2)

    def write(self, path: Path) -> None:
        path.write_bytes(self.to_bytes())

    @classmethod
    def read(cls, path: Path) -> EngineJob:
        """What `write` wrote. Raises EvidenceError for a job of another format."""
        data: dict[str, Any] = dict(orjson.loads(path.read_bytes()))
        if (found := data.pop("format", None)) != FORMAT:
            raise EvidenceError(Problem(of_format(found), ADVICE, str(path)))
        data["journeys"] = tuple(JourneySpec(**j) for j in data["journeys"])
        data["degraded"] = tuple(DegradedSignal(**d) for d in data["degraded"])
        for name in ("allow_hosts", "phases", "error_trailers"):
            if name in data:
                data[name] = tuple(data[name])
        return cls(**data)
