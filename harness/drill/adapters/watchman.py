"""The lease of what knows no leases: a process of its own that runs the rollback when the runner is gone.

It is told the rollback first, `arm` just before the action begins, and from then on a line every few seconds. No line
for the TTL, a closed pipe, or the end of the total time: it rolls back, and looks whether that helped. The line `done`
says that the runner has done so itself. Before `arm` there is nothing to roll back.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.drill.adapters.activity import Action, OutsideFault, Probe
from harness.drill.adapters.carrying import carry_out, confirmed
from harness.errors import Problem, RefusedError
from harness.guard.targets import check_target

_READY_WITHIN_S = 60.0
_GONE_WITHIN_S = 5.0
_LOOK_AGAIN_S = 0.5
TRIES = 4


class Watchman:
    """The runner's end. Use as a context manager: whatever ends the block, the rollback is run by one of the two."""

    def __init__(
        self,
        fault: OutsideFault,
        *,
        ttl_s: float,
        total_s: float,
        allow_hosts: Iterable[str],
        log: Path,
    ) -> None:
        """`log` gets what the watchman did. Raises RefusedError where it does not come up."""
        order = {
            "rollback": fault.rollback.model_dump(by_alias=True),
            "gone": fault.gone.model_dump(by_alias=True),
            "settle_s": fault.action.provider.timeout_s,
            "ttl_s": ttl_s,
            "total_s": total_s,
            "allow_hosts": list(allow_hosts),
        }
        self._every_s = ttl_s / 3
        self._over = threading.Event()
        with log.open("ab") as heard:
            self._child = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "import sys; from harness.drill.adapters.watchman import main; sys.exit(main())",
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=heard,
                start_new_session=True,
            )
        assert self._child.stdin is not None and self._child.stdout is not None
        self._say(json.dumps(order))
        with selectors.DefaultSelector() as selector:
            selector.register(self._child.stdout, selectors.EVENT_READ)
            if not selector.select(_READY_WITHIN_S) or self._child.stdout.readline() != b"ready\n":
                self._child.kill()
                self._child.wait()
                self._child.stdin.close()
                self._child.stdout.close()
                raise RefusedError(Problem("the watchman for the rollback did not come up", f"see {log}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the rollback to the watchman where it was armed and not dismissed, and waits until it has run."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._over.set()
        if not self._child.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()

    @property
    def pid(self) -> int:
        return self._child.pid

    def arm(self) -> bool:
        """The action begins now; from here on the watchman hears of us until `dismiss`. False where it is gone: then
        nothing may be done."""
        if self._child.poll() is not None or not self._say("arm"):
            return False
        threading.Thread(target=self._renew, name="watchman-renewal", daemon=True).start()
        return True

    def acted(self) -> None:
        """The action is over: what it did is all that it will do."""
        self._say("acted")

    def dismiss(self) -> None:
        """The rollback was run and confirmed."""
        self._over.set()
        self._say("done")

    def _renew(self) -> None:
        while not self._over.wait(self._every_s) and self._child.poll() is None and self._say("renew"):
            pass

    def _say(self, line: str) -> bool:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True


def watch(source: int, ttl_s: float, total_s: float, heard: set[bytes] | None = None) -> str:
    """Waits for the reason to roll back; empty where the runner said `done`. `source`: the pipe's descriptor; `heard`
    takes the lines that came."""
    started_s = renewed_s = time.monotonic()
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while True:
            now_s = time.monotonic()
            left_s = min(renewed_s + ttl_s, started_s + total_s) - now_s
            if left_s <= 0:
                return "total time over" if now_s >= started_s + total_s else "not renewed"
            if not selector.select(left_s):
                continue
            data = os.read(source, 4096)
            if not data:
                return "runner gone"
            *lines, rest = (rest + data).split(b"\n")
            if heard is not None:
                heard.update(lines)
            if b"done" in lines:
                return ""
            renewed_s = time.monotonic()


def _read_line(source: int) -> bytes:
    """One line, read byte by byte: what follows it belongs to `watch`. Empty at the end of the pipe."""
    line = bytearray()
    while (byte := os.read(source, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


def main() -> int:
    """The watchman's own process. Exit code 1: the rollback could not be seen to have gone well."""
    source = sys.stdin.fileno()
    order: dict[str, Any] = json.loads(_read_line(source))
    os.write(sys.stdout.fileno(), b"ready\n")
    if _read_line(source) != b"arm":
        return 0
    heard: set[bytes] = set()
    reason = watch(source, order["ttl_s"], order["total_s"], heard)
    if not reason:
        return 0
    # an action that was under way when the runner died may still have its effect, after the rollback
    problem = roll_back(order, settle_s=0.0 if b"acted" in heard else order["settle_s"])
    sys.stderr.write(json.dumps({"rolled_back": not problem, "reason": reason, "problem": problem}) + "\n")
    return 1 if problem else 0


def roll_back(order: Mapping[str, Any], settle_s: float) -> str:
    """Rolls back until the fault is seen to be gone, and stays so for `settle_s`; a few rounds at most. Returns what
    speaks against it, empty where nothing does."""
    rollback, gone = Action.model_validate(order["rollback"]), Probe.model_validate(order["gone"])
    until_s = time.monotonic() + settle_s

    def permit(url: str) -> object:
        # whoever started the drill said that the hosts are theirs
        return check_target(url, order["allow_hosts"], owned=True)

    problem = ""
    for number in range(TRIES):
        time.sleep(number)
        seen = carry_out(rollback, os.environ, permit)
        if not confirmed(gone, os.environ, permit, _GONE_WITHIN_S):
            said = "" if seen.ok else seen.problem or seen.stderr[-500:] or f"it ended with {seen.status}"
            problem = said or f"the probe {gone.name!r} does not see it gone"
            continue
        problem = "it came back after the rollback"
        while confirmed(gone, os.environ, permit, 0.0):  # believed on this alone, whatever the rollback itself said
            if time.monotonic() >= until_s:
                return ""
            time.sleep(_LOOK_AGAIN_S)
    return problem
