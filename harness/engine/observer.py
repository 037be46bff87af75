"""A worker watches itself: send lag, loop lag, CPU, collector pauses, in-flight, one record a second."""

from __future__ import annotations

import gc
import os
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.engine.alarm import Alarm
from harness.engine.recorder import Recorder
from harness.engine.transport.path import PathCounts
from harness.results import TELEMETRY_DTYPE, TELEMETRY_HEAD

_PROBE_NS = 10_000_000
"""The loop is asked a hundred times a second how late it is."""

_LEAST_NS = 500_000_000
"""A share of the processor over less time than this is noise: the last record, just after a full second, keeps it."""


_NOTHING = PathCounts()


class Observer:
    """Appends TELEMETRY_DTYPE records to a file, the first of them behind the head."""

    def __init__(self, loop: Any, clock_ns: Callable[[], int], path: Path, worker: int) -> None:
        self._clock_ns = clock_ns
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._worker = worker
        self._head = TELEMETRY_HEAD
        self._alarm = Alarm(loop, self._probe, urgent=False)
        self._probe_due_ns = 0
        self._loop_lags_ns = array("q")
        self._gc_began_ns = 0
        self._gc_pause_ns = 0
        self._cpu_s = time.process_time()
        self._wall_ns = clock_ns()
        self.send_lag_s_p99 = 0.0
        self.cpu_share = 0.0

    def begin(self) -> None:
        gc.callbacks.append(self._on_collection)
        self._probe_due_ns = self._clock_ns() + _PROBE_NS
        self._alarm.set(self._probe_due_ns)

    def record(
        self,
        recorder: Recorder,
        *,
        fired: int,
        lags_ns: array[int],
        connects: int,
        client_failures: int,
        receive_lag_ns: int = 0,
        round_trip_s: float = 0.0,
        path: PathCounts = _NOTHING,
        spread: tuple[int, float] = (0, 0.0),
    ) -> str:
        """One record for the time since the last; empties `lags_ns`. Returns why it could not be written, or "".

        `receive_lag_ns`: the longest that an answer lay unread by the kernel's stamps, 0 without them. It counts as a
        lag of the loop: a loop that is busy with reading is late for answers before it is late for its own probe."""
        now = self._clock_ns()
        if now - self._wall_ns >= _LEAST_NS:
            cpu_s = time.process_time()
            self.cpu_share = (cpu_s - self._cpu_s) / ((now - self._wall_ns) / 1e9)
            self._cpu_s, self._wall_ns = cpu_s, now
        self.send_lag_s_p99 = _quantile_s(lags_ns, 0.99)
        overdue_ns = max(0, now - self._probe_due_ns)  # a probe that has not come back yet is a lag too
        self._loop_lags_ns.append(max(overdue_ns, receive_lag_ns))
        line = np.zeros(1, TELEMETRY_DTYPE)
        line["t_s"] = (now - recorder.start_ns) / 1e9
        line["worker"] = self._worker
        line["cpu_share"] = self.cpu_share
        line["loop_lag_s_max"] = max(self._loop_lags_ns) / 1e9
        line["loop_lag_s_p99"] = _quantile_s(self._loop_lags_ns, 0.99)
        line["send_lag_s_p99"] = self.send_lag_s_p99
        line["gc_pause_s_max"] = self._gc_pause_ns / 1e9
        line["in_flight"] = recorder.in_flight
        line["in_flight_area_s"] = recorder.area_s(now)
        line["fired"] = fired
        line["finished"] = recorder.finished
        line["not_sent"] = recorder.not_sent
        line["connects"] = connects
        line["client_failures"] = client_failures
        line["segments_sent"], line["segments_resent"] = path.sent, path.resent
        line["segments_received"], line["segments_unordered"] = path.received, path.unordered
        line["round_trip_s"] = round_trip_s
        line["addresses"], line["busiest_address"] = spread
        del lags_ns[:]
        del self._loop_lags_ns[:]
        self._gc_pause_ns = 0
        try:
            os.write(self._fd, self._head + line.tobytes())
        except OSError as error:
            return f"telemetry cannot be written: {error.strerror or error}"
        self._head = b""
        return ""

    def close(self) -> None:
        self._alarm.close()
        if self._on_collection in gc.callbacks:
            gc.callbacks.remove(self._on_collection)
        os.close(self._fd)

    def _probe(self) -> None:
        now = self._clock_ns()
        self._loop_lags_ns.append(max(0, now - self._probe_due_ns))
        self._probe_due_ns = now + _PROBE_NS
        self._alarm.set(self._probe_due_ns)

    def _on_collection(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._gc_began_ns = self._clock_ns()
        else:
            self._gc_pause_ns = max(self._gc_pause_ns, self._clock_ns() - self._gc_began_ns)


def _quantile_s(values_ns: array[int], q: float) -> float:
    """The nearest-rank quantile in seconds; 0 of nothing."""
    if not values_ns:
        return 0.0
    rank = min(len(values_ns) - 1, int(q * len(values_ns)))
    return float(np.partition(np.array(values_ns), rank)[rank]) / 1e9
