"""The view during a run: one line that is redrawn on a terminal, one line a stage and a heartbeat in a pipeline."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from harness.cli.terminal import environ, interactive

if TYPE_CHECKING:  # the engine's door is heavy; the command line starts without it
    from harness.engine import Progress
    from harness.run import Load

HEARTBEAT_S = 15.0


class Live:
    """A context that shows progress; leaves a clean line behind."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._interactive = interactive(stream, environ())
        self._state = ""
        self._said_s = float("-inf")
        self._open = False

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._open:
            self._stream.write("\n")
            self._stream.flush()

    def clear(self) -> None:
        """Make room for a line of text; the next word of a run is told again."""
        if self._open:
            self._stream.write("\r\x1b[2K")
            self._open = False
        self._state, self._said_s = "", float("-inf")

    def watch(self, progress: Progress, load: Load) -> None:
        """Show where the run stands."""
        line = line_of(progress, load)
        due = progress.state != self._state or progress.elapsed_s - self._said_s >= HEARTBEAT_S
        if self._interactive:
            self._stream.write(f"\r\x1b[2K{line}")
            self._open = True
        elif due:
            self._stream.write(line + "\n")
            self._said_s = progress.elapsed_s
        self._state = progress.state
        self._stream.flush()


def line_of(progress: Progress, load: Load) -> str:
    """One line: where am I, is the target alive, can I trust the numbers."""
    phase = next((p.name for p in load.shape.phases if p.start_s <= progress.elapsed_s < p.end_s), "")
    good = progress.outcomes.get("ok", 0) + progress.outcomes.get("degraded", 0)
    failed = progress.finished - good
    return (
        f"{progress.state:<9} {phase:<8} {max(0.0, progress.elapsed_s):5.0f} s of {load.shape.duration_s:.0f} s"
        f"   {progress.fired:,} of {progress.planned:,} sent   {failed:,} failed   {progress.in_flight:,} in flight"
        f"   send lag p99 {progress.send_lag_s_p99 * 1e3:.1f} ms"
    )
