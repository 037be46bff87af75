"""The master's side of workers on other machines: they join, are dealt a share, and send their rows home."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.engine.clocks import ROUNDS, Offset, estimate_offset
from harness.engine.facts import gaps_path, spool_path, telemetry_path
from harness.engine.job import EngineJob
from harness.engine.parcels import Parcel, ParcelError, cut
from harness.engine.roll import Roll
from harness.engine.share import ArrivalArray, arrivals_to

_MOST_DEALT = 300_000
LOST_AFTER_S = 10.0
"""Nobody here sees a remote worker's process end: after so much silence it is lost."""
HOME: dict[str, Callable[[Path, int], Path]] = {"spool": spool_path, "telemetry": telemetry_path, "gaps": gaps_path}
"""What a worker's load leaves behind, in the order in which it is asked for, and where it lies."""

Send = Callable[[str, dict[str, Any]], None]
"""`send(client, message)`"""


class Remotes:
    """All remote workers of a run; their numbers follow those of the local ones. `send` does not raise."""

    def __init__(self, job: EngineJob, folder: Path, arrivals: ArrivalArray, roll: Roll, send: Send) -> None:
        self._job = job
        self._folder = folder
        self._arrivals = arrivals
        self._roll = roll
        self._send = send
        self._numbers: dict[str, int] = {}
        self._pongs: dict[int, list[tuple[int, int, int]]] = {}
        self._parcels: dict[tuple[int, str], Parcel] = {}
        self.offsets: dict[int, Offset] = {}
        """Their clocks before the load."""

    @property
    def awaited(self) -> int:
        return self._job.remote_workers - len(self._numbers)

    def handle(self, kind: str, data: dict[str, Any], client: str) -> str:
        """One message of theirs; a sentence when it is refused."""
        if kind == "join":
            return self._join(client)
        number = self._numbers.get(client)
        if number is None or data["worker"] != number:
            return f"a message ({kind}) of a worker that has not joined was refused"
        match kind:
            case "fetch":
                self._send(client, {"kind": "piece", **self._plan_piece(number, data)})
            case "pong":
                return self._pong(number, client, data)
            case "home":
                self._pongs[number] = []
                self._ping(client)
                for name, path in HOME.items():
                    path(self._folder, number).unlink(missing_ok=True)
                    self._parcels[number, name] = Parcel(name)
                self._send(client, {"kind": "pull", "name": next(iter(HOME)), "offset": 0})
            case "piece":
                return self._take(number, client, data)
        return ""

    def packed(self, seqs: npt.NDArray[np.int64]) -> dict[str, bytes]:
        """Some arrivals of the plan, which a remote worker does not have, for a message that deals them to it. No more
        of them than a frame can hold: the others stay with the worker that was lost."""
        seqs = seqs[:_MOST_DEALT]
        return {"seqs": seqs.astype("<i8").tobytes(), "own": arrivals_to(self._arrivals[seqs])}

    def ask_clock(self, number: int) -> None:
        """Begins to estimate the clock of a worker that is ready; `offsets` will hold it."""
        client = next(client for client, held in self._numbers.items() if held == number)
        self._pongs[number] = []
        self._ping(client)

    def _join(self, client: str) -> str:
        if client in self._numbers:
            return ""
        if not self.awaited:
            return "a worker that joined too late, or one too many, was refused"
        number = self._job.processes + len(self._numbers)
        self._numbers[client] = number
        names = ["job", "arrivals", *(name for name in ("profile", "prompts") if getattr(self._job, name))]
        self._send(
            client,
            {"kind": "assign", "number": number, "planned": int(self._arrivals.size), "parcels": names},
        )
        return ""

    def _plan_piece(self, number: int, data: dict[str, Any]) -> dict[str, Any]:
        name, offset = str(data.get("name")), int(data.get("offset") or 0)
        match name:
            case "job":
                content = self._job.to_bytes()
            case "arrivals":
                content = arrivals_to(self._arrivals[number :: self._job.workers])
            case "profile" | "prompts":
                content = Path(getattr(self._job, name)).read_bytes()
            case _:
                content = b""
        return cut(name, memoryview(content), offset)

    def _ping(self, client: str) -> None:
        self._send(client, {"kind": "ping", "asked": time.monotonic_ns()})

    def _pong(self, number: int, client: str, data: dict[str, Any]) -> str:
        asked, theirs = data.get("asked"), data.get("theirs")
        pongs = self._pongs.get(number)
        if not isinstance(asked, int) or not isinstance(theirs, int) or pongs is None:
            return f"worker {number}: an answer about its clock that was not asked for was refused"
        pongs.append((asked, theirs, time.monotonic_ns()))
        if len(pongs) < ROUNDS:
            self._ping(client)
        elif number not in self.offsets:
            self.offsets[number] = estimate_offset(pongs)
        else:  # at the end again: what its run clock has strayed from ours since the start
            drift_ns = estimate_offset(pongs).offset_ns - self.offsets[number].offset_ns
            self._roll.entries[number].clock_offset_s = drift_ns / 1e9
        return ""

    def _take(self, number: int, client: str, data: dict[str, Any]) -> str:
        parcel = self._parcels.get((number, str(data.get("name"))))
        if parcel is None:
            return f"worker {number}: a piece that was not asked for was refused"
        try:
            piece = parcel.take(data)
        except ParcelError as error:
            return f"worker {number}: its {error}"
        if piece:
            with HOME[parcel.name](self._folder, number).open("ab") as file:
                file.write(piece)
        names = list(HOME)
        following = names.index(parcel.name) + parcel.is_whole
        if following == len(names):
            self._send(client, {"kind": "thanks"})
        else:
            offset = 0 if parcel.is_whole else parcel.size
            self._send(client, {"kind": "pull", "name": names[following], "offset": offset})
        return ""
