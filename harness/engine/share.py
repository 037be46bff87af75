"""One worker's share of the plan: columns that give plain integers by index, at no cost for each arrival."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ArrivalArray = npt.NDArray[np.void]
_COLUMNS = {"due_ns": "i8", "tokens_in": "u4", "tokens_out": "u4", "phase": "u1", "journey": "u1", "tenant": "u1"}
"""What the engine reads of an arrival. Not imported from the forecast: its libraries are 70 MB no worker needs."""


def load_arrivals(path: Path) -> ArrivalArray:
    """The plan's arrivals, mapped rather than read: every worker looks at the same pages."""
    array: ArrivalArray = np.load(path, mmap_mode="r", allow_pickle=False)
    fields: Mapping[str, Any] = array.dtype.fields or {}
    held = {name: fields[name][0].str[1:] for name in _COLUMNS if name in fields}
    if held != _COLUMNS or array.ndim != 1:
        raise ValueError(f"not a list of arrivals: {array.dtype}")
    return array


class Share:
    """The arrivals `array[k::n]`, in order of due time. `due_ns` runs from the start of the load."""

    def __init__(self, array: ArrivalArray, seqs: npt.NDArray[np.int64]) -> None:
        own = array[seqs]
        self.count = int(own.size)
        self.seq = _column(seqs, np.int64)
        self.due_ns = _column(own["due_ns"], np.int64)
        self.tokens_in = _column(own["tokens_in"], np.uint32)
        self.tokens_out = _column(own["tokens_out"], np.uint32)
        self.phase = _column(own["phase"], np.uint8)
        self.journey = _column(own["journey"], np.uint8)
        self.tenant = _column(own["tenant"], np.uint8)

    @classmethod
    def deal(cls, array: ArrivalArray, worker: int, workers: int) -> Share:
        return cls(array, np.arange(worker, array.size, workers, dtype=np.int64))


def _column(values: npt.NDArray[np.generic], dtype: type[np.generic]) -> memoryview:
    return np.ascontiguousarray(values, dtype).data
