"""Arrivals as data: one row a planned arrival, in order of due time, seeded and the same for any number of workers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ARRIVAL_DTYPE = np.dtype(
    [
        ("due_ns", "<i8"),  # from the start of the run
        ("tokens_in", "<u4"),  # prompt tokens to send
        ("tokens_out", "<u4"),  # output tokens to ask for
        ("phase", "u1"),
        ("journey", "u1"),
        ("tenant", "u1"),
        ("reserved", "u1"),
    ]
)

ArrivalArray = npt.NDArray[np.void]


@dataclass(frozen=True)
class Arrivals:
    """The plan of one run. `array` is sorted by `due_ns`; an arrival's `seq` is its index; worker k of n fires
    `array[k::n]`, so the superposition is the plan itself, whatever n."""

    array: ArrivalArray
    phases: tuple[str, ...]
    journeys: tuple[str, ...]
    seed: int
    process: str

    def __post_init__(self) -> None:
        assert self.array.dtype == ARRIVAL_DTYPE, self.array.dtype
        due = self.array["due_ns"]
        assert due.size == 0 or (due[0] >= 0 and bool(np.all(due[1:] >= due[:-1]))), "due times ascend from 0"

    def __len__(self) -> int:
        return int(self.array.size)

    def of_worker(self, worker: int, workers: int) -> ArrivalArray:
        """The share of worker `worker` of `workers`: arrivals with `seq % workers == worker`."""
        assert 0 <= worker < workers
        share: ArrivalArray = self.array[worker::workers]
        return share
