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
_PACKED = np.dtype([(name, "<" + kind) for name, kind in _COLUMNS.items()])


def load_arrivals(path: Path) -> ArrivalArray:
    """The plan's arrivals, mapped rather than read: every worker looks at the same pages."""
    array: ArrivalArray = np.load(path, mmap_mode="r", allow_pickle=False)
    fields: Mapping[str, Any] = array.dtype.fields or {}
    held = {name: fields[name][0].str[1:] for name in _COLUMNS if name in fields}
    if held != _COLUMNS or array.ndim != 1:
        raise ValueError(f"not a list of arrivals: {array.dtype}")
    return array


def arrivals_to(array: ArrivalArray) -> bytes:
    """The columns of some arrivals, packed for another machine."""
    packed = np.empty(array.size, _PACKED)
    for name in _COLUMNS:
        packed[name] = array[name]
    return packed.tobytes()


def arrivals_from(data: bytes) -> ArrivalArray:
    """What `arrivals_to` packed."""
    array: ArrivalArray = np.frombuffer(data, _PACKED)
    return array


class Share:
    """One worker's arrivals, `seqs[i]` being the number of `own[i]`, in order of due time. `due_ns` runs from the start
    of the load."""

    def __init__(self, own: ArrivalArray, seqs: npt.NDArray[np.int64]) -> None:
        assert own.size == seqs.size
        self.count = int(own.size)
        self.seq = _column(seqs, np.int64)
        self.due_ns = _column(own["due_ns"], np.int64)
        self.tokens_in = _column(own["tokens_in"], np.uint32)
        self.tokens_out = _column(own["tokens_out"], np.uint32)
        self.phase = _column(own["phase"], np.uint8)
        self.journey = _column(own["journey"], np.uint8)
        self.tenant = _column(own["tenant"], np.uint8)

    @classmethod
    def of_lost(cls, array: ArrivalArray, *, lost: int, workers: int, after_ns: int, part: int, parts: int) -> Share:
        """What living worker `part` of `parts` takes over of a lost one: of its arrivals due after `after_ns`."""
        seqs = lost_seqs(array, lost=lost, workers=workers, after_ns=after_ns, part=part, parts=parts)
        return cls(array[seqs], seqs)

    @classmethod
    def deal(cls, array: ArrivalArray, worker: int, workers: int) -> Share:
        """Every `workers`-th arrival of the plan, from number `worker` on."""
        return cls(array[worker::workers], np.arange(worker, array.size, workers, dtype=np.int64))


def lost_seqs(
    array: ArrivalArray, *, lost: int, workers: int, after_ns: int, part: int, parts: int
) -> npt.NDArray[np.int64]:
    """The numbers of the arrivals of `Share.of_lost`, ascending."""
    seqs = np.arange(lost, array.size, workers, dtype=np.int64)
    taken: npt.NDArray[np.int64] = seqs[array["due_ns"][seqs] > after_ns][part::parts]
    return taken


def _column(values: npt.NDArray[np.generic], dtype: type[np.generic]) -> memoryview:
    return np.ascontiguousarray(values, dtype).data
