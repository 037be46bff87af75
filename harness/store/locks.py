"""One run a target at a time: a lock that the kernel lets go of when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.errors import PeakproofError, Problem, RefusedError
from harness.guard.targets import normal_host, split_target

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@contextmanager
def target_lock(root: Path, target: str, machine: Path | None = None) -> Iterator[None]:
    """Hold `target` for runs under `root` (machines may share it) and for all runs of this user on this machine,
    whose locks lie in `machine` (a folder under the system's temporary one where None). The same host and port is
    the same target. Raises RefusedError where another run holds it (lies.md, row 56)."""
    name = f"{hashlib.sha256(_place(target).encode()).hexdigest()[:16]}.lock"
    with ExitStack() as held:
        for folder in (root / ".locks", machine or _machine_folder()):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = held.enter_context((folder / name).open("a+"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                what = f"another run is loading {target} right now"
                advice = "two loads on one target measure each other: wait for its end"
                raise RefusedError(Problem(what, advice)) from None
        yield


def _machine_folder() -> Path:
    """A folder that is ours: one that somebody else made under its name is not believed in."""
    folder = Path(tempfile.gettempdir()) / f"peakproof-locks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise RefusedError(Problem("somebody else made this folder of locks", "remove it, or set TMPDIR", str(folder)))
    return folder


def _place(target: str) -> str:
    """`http://localhost:80/v1` and `http://127.0.0.1/` are one place."""
    try:
        _, host, port = split_target(target)
    except PeakproofError:
        return target
    host = normal_host(host)
    return f"{'127.0.0.1' if host in _LOOPBACK else host}:{port}"
