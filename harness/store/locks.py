"""One run a target at a time: a lock that the kernel lets go of when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import Problem, RefusedError


@contextmanager
def target_lock(root: Path, target: str) -> Iterator[None]:
    """Hold `target` for runs under `root`. Raises RefusedError where another run holds it (lies.md, row 56)."""
    folder = root / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(target.encode()).hexdigest()[:16]}.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            what = f"another run is loading {target} right now"
            raise RefusedError(Problem(what, "two loads on one target measure each other: wait for its end")) from None
        yield
