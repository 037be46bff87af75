"""Worker processes of this host: started, told the port, and asked for their last words."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from harness.engine.facts import engine_folder


def start_workers(run_folder: Path, arrivals_path: Path, count: int) -> list[subprocess.Popen[bytes]]:
    """Starts them before this process loads Locust, so that all load it at the same time. Their standard input is their
    lifeline to this process; what they print goes to `engine/worker-<k>.log`."""
    processes = []
    for number in range(count):
        command = [sys.executable, "-m", "harness.engine.node", "worker"]
        command += [str(run_folder), str(arrivals_path), str(number)]
        with (engine_folder(run_folder) / f"worker-{number}.log").open("wb") as log:
            processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log))  # noqa: S603 -- ours
    return processes


def tell(process: subprocess.Popen[bytes], line: str) -> None:
    """One line into its lifeline; a process that is dead already does not mind."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.write(line.encode())
        process.stdin.flush()


def last_words(run_folder_engine: Path, worker: int) -> str:
    """The last line of its log."""
    try:
        lines = (run_folder_engine / f"worker-{worker}.log").read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "it left no word"
