"""The lease of what knows no leases: a process of its own that runs the rollback when the runner is gone.

It is told the rollback first and then a line every few seconds. No line for the TTL, a closed pipe, or the end of the
total time: it rolls back. The line `done` says that the runner has done so itself.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.drill.adapters.activity import Action
from harness.drill.adapters.carrying import carry_out
from harness.errors import Problem, RefusedError
from harness.guard.targets import check_target

_READY_WITHIN_S = 20.0
TRIES = 3


class Watchman:
    """The runner's end. Use as a context manager: whatever ends the block, the rollback is run by one of the two."""

    def __init__(
        self, rollback: Action, *, ttl_s: float, total_s: float, allow_hosts: Iterable[str], log: Path
    ) -> None:
        """`log` gets what the watchman did. Raises RefusedError where it does not come up."""
        order = {
            "rollback": rollback.model_dump(by_alias=True),
            "ttl_s": ttl_s,
            "total_s": total_s,
            "allow_hosts": list(allow_hosts),
        }
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
                raise RefusedError(Problem("the watchman for the rollback did not come up", f"see {log}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the rollback to the watchman where `dismiss` was not called, and waits until it has run."""
        assert self._child.stdin is not None and self._child.stdout is not None
        if not self._child.stdin.closed:
            self._child.stdin.close()
        self._child.wait()
        self._child.stdout.close()

    def renew(self) -> bool:
        """Once every third of the TTL at least. False where the watchman is gone: it has rolled back, or died."""
        return self._child.poll() is None and self._say("renew")

    def dismiss(self) -> None:
        """The rollback was run and confirmed."""
        self._say("done")

    def _say(self, line: str) -> bool:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(line.encode() + b"\n")
            self._child.stdin.flush()
        except (BrokenPipeError, ValueError):
            return False
        return True


def watch(source: int, ttl_s: float, total_s: float) -> str:
    """Waits for the reason to roll back; empty where the runner said `done`. `source`: the pipe's descriptor."""
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
            if b"done" in lines:
                return ""
            renewed_s = time.monotonic()


def _read_order(source: int) -> dict[str, Any]:
    """The first line, read byte by byte: what follows it belongs to `watch`."""
    line = bytearray()
    while (byte := os.read(source, 1)) not in (b"", b"\n"):
        line += byte
    order: dict[str, Any] = json.loads(line)
    return order


def main() -> int:
    """The watchman's own process. Exit code 1: the rollback did not go well, in three tries."""
    source = sys.stdin.fileno()
    order = _read_order(source)
    rollback = Action.model_validate(order["rollback"])
    os.write(sys.stdout.fileno(), b"ready\n")
    reason = watch(source, order["ttl_s"], order["total_s"])
    if not reason:
        return 0
    seen = None
    for number in range(TRIES):
        time.sleep(number)
        # whoever started the drill said that the hosts are theirs
        seen = carry_out(rollback, os.environ, lambda url: check_target(url, order["allow_hosts"], owned=True))
        if seen.ok:
            break
    assert seen is not None
    problem = seen.problem or seen.stderr[-500:]
    sys.stderr.write(json.dumps({"rolled_back": seen.ok, "reason": reason, "problem": problem}) + "\n")
    return 0 if seen.ok else 1
