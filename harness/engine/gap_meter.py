"""The gaps between the pieces of streamed answers, counted by phase; see `harness.results.gaps`."""

from __future__ import annotations

import os
from array import array
from pathlib import Path

import numpy as np

from harness.results.gaps import BINS, binned, encode_gaps


class GapMeter:
    """`by_phase[phase]` takes gaps in ns as they are seen; `write` counts them, each second."""

    def __init__(self, path: Path, worker: int, phases: int) -> None:
        """No file before the first gap: most loads stream nothing."""
        self._path = path
        self._worker = worker
        self._fd = -1
        self._counts = np.zeros((phases, BINS), np.uint64)
        self.by_phase: tuple[array[int], ...] = tuple(array("q") for _ in range(phases))

    def write(self) -> str:
        """Why the table could not be written, or ""."""
        if not any(self.by_phase):
            return ""
        for phase, seen in enumerate(self.by_phase):
            if seen:
                self._counts[phase] += binned(np.array(seen, np.int64))
                del seen[:]
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            os.pwrite(self._fd, encode_gaps(self._counts, self._worker), 0)
        except OSError as error:
            return f"the gaps of streams cannot be written: {error.strerror or error}"
        return ""

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
