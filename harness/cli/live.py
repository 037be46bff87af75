"""The view during a run, on stderr: a block of fixed height that is redrawn on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from harness.cli.terminal import color_wanted, environ, interactive

if TYPE_CHECKING:  # the engine's door is heavy; the command line starts without it
    from harness.analysis import Slo
    from harness.engine import Progress
    from harness.report import LivePlan, Moment
    from harness.run import Load, SloWatch
    from harness.store import RunFolder

FRAME_S = 0.5
_BY_A_PERSON = "stopped by SIGINT"
STOPPING = "stopping: waiting for the answers on their way, then judging what there is; Ctrl-C again ends at once"


class Live:
    """A context that shows a run's progress. `opened` is told of the run's folder, `watch` of each progress."""

    def __init__(
        self,
        stream: TextIO,
        slos: Sequence[Slo] = (),
        clock: Callable[[], float] = time.monotonic,
        tell: Callable[[Moment, LivePlan], None] | None = None,
    ) -> None:
        """`tell` is told of each moment that is shown."""
        self._stream = stream
        self._slos = slos
        self._clock = clock
        self._tell = tell
        size = shutil.get_terminal_size((100, 24))
        self._redraws = interactive(stream, environ()) and size.lines >= 14
        self._color = color_wanted(stream, environ())
        self._folder: RunFolder | None = None
        self._plan: LivePlan | None = None
        self._slo_watch: SloWatch | None = None
        self._seen: deque[Moment] = deque(maxlen=64)
        self._drawn = 0
        self._next_s = float("-inf")

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._drawn:
            self._stream.write("\n")
            self._stream.flush()

    def clear(self) -> None:
        """Leave what was shown and make ready for another run."""
        if self._drawn:
            self._stream.write("\n")
        self._folder, self._plan, self._slo_watch = None, None, None
        self._seen.clear()
        self._drawn, self._next_s = 0, float("-inf")

    def opened(self, folder: RunFolder) -> None:
        """The run has a folder: its rows will be read from there."""
        self._folder = folder

    def watch(self, progress: Progress, load: Load) -> None:
        """Show where the run stands; at most two frames a second, and one at each change of state."""
        now_s = self._clock()
        turned = not self._seen or self._seen[-1].state != progress.state or bool(progress.detail)
        if now_s < self._next_s and not turned:
            return
        self._next_s = now_s + 0.9 * FRAME_S  # progress comes twice a second: a little early is in time
        from harness.report import Moment

        plan = self._planned(progress, load)
        slos = self._slo_watch.look(progress.elapsed_s) if self._slo_watch else ()
        told = progress
        if progress.detail == _BY_A_PERSON and progress.state != "done":
            told = replace(progress, detail=STOPPING)
        self._seen.append(Moment.of(told, slos))
        if self._tell is not None:
            self._tell(self._seen[-1], plan)
        self._draw(plan)

    def _planned(self, progress: Progress, load: Load) -> LivePlan:
        if self._plan is None:
            from harness.run import live_plan

            self._plan = live_plan(load, self._slos)
        if self._slo_watch is None and self._folder is not None and progress.workers:
            from harness.run import SloWatch

            self._slo_watch = SloWatch(self._folder, self._slos, load, progress.workers)
        return self._plan

    def _draw(self, plan: LivePlan) -> None:
        from harness.report import live_lines, log_lines

        if not self._redraws:
            lines = log_lines(self._seen, plan)
            self._stream.write("".join(f"{line}\n" for line in lines))
        else:
            lines = live_lines(self._seen, plan, shutil.get_terminal_size((100, 24)).columns - 1, self._color)
            up = f"\x1b[{self._drawn}A\r" if self._drawn else ""
            self._stream.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
            self._drawn = len(lines)
        self._stream.flush()
