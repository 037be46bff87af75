"""Wall clocks that lie for real: a small library before the C library's own, in every process of a run.

It is compiled when a row needs it (`plants/clock.c`); sleeps and monotonic clocks stay honest, as on a machine whose
clock is set while it works.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from harness.run.selftest.lie import Acting

SOURCE = Path(__file__).resolve().parent / "plants" / "clock.c"
FILE, VARIABLE = "clock.txt", "PEAKPROOF_LYING_CLOCK"
"""By how many seconds the clock is ahead: a file in the row's folder, and the variable that names it."""


def compiler() -> str | None:
    """This machine's C compiler; None without one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def environment(folder: Path) -> dict[str, str]:
    """Compiles the library into `folder`; the variables under which a process and its children believe it."""
    library = folder / "clock.so"
    command = [compiler() or "cc", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- our own source
    set_clock(folder, 0)
    return {"LD_PRELOAD": str(library), VARIABLE: str(folder / FILE)}


def set_clock(folder: Path, ahead_s: int) -> None:
    """All at once: nobody reads half a number."""
    fresh = folder / f"{FILE}.new"
    fresh.write_text(f"{ahead_s}\n")
    fresh.replace(folder / FILE)


def step(*steps: tuple[float, int]) -> Callable[[Acting], None]:
    """So many seconds after the last step (at first, after the load began) the clock is ahead by so many seconds."""

    def act(run: Acting) -> None:
        run.wait_fired(20)
        for after_s, ahead_s in steps:
            time.sleep(after_s)
            set_clock(run.runs.parent, ahead_s)

    return act
