"""Child processes that cannot outlive us: the kernel ends them when we die, and we end them by pid, never by name."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


def die_with(parent_pid: int) -> None:
    """Ask the kernel for SIGTERM when the parent dies (Linux; elsewhere nothing). For `preexec_fn`."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent_pid:  # it died between fork and prctl
        os._exit(int(signal.SIGTERM))


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stderr: Path,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a child in its own process group (a Ctrl-C at the terminal reaches us, and we end it in order), its stderr
    appended to a file. Raises OSError where it cannot be started."""
    parent = os.getpid()
    with stderr.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 -- argv is built from our own constants, no shell
            list(argv),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=log,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 -- it only calls C, and we have one thread at the time
        )


def end(child: subprocess.Popen[bytes], grace_s: float) -> int:
    """SIGTERM, `grace_s` to comply, then SIGKILL to the child's own group. Returns its exit code."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(grace_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()
