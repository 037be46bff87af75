"""Notes: what the hot path writes down of a finished request, in as few operations as Python allows; rows come later.

A row has 24 fields, and to gather them one by one costs more than sending the request does in some clients. So a note
holds only what the exchange alone knows, by absolute times; what the plan knows already (due time, number, journey,
phase, tenant) is filled in for a whole block at once, when the block is written.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.engine.share import Share
from harness.results import NEVER, RESULT_DTYPE

NOTE_DTYPE = np.dtype(
    [
        ("index", "<u4"),
        ("share", "<u2"),
        ("status", "<u2"),
        ("sent_ns", "<i8"),
        ("finished_ns", "<i8"),
        ("bytes_in", "<u4"),
        ("flags", "<u2"),
        ("outcome", "u1"),
        ("reason", "u1"),
        ("attempts", "u1"),
        ("degraded", "u1"),
        ("served_by", "u1"),
        ("step", "u1"),
        ("whole", "u1"),
        ("written_by", "u1"),
        ("pad", "V2"),
        ("asked_ns", "<i8"),
        ("first_token_ns", "<i8"),
        ("last_token_ns", "<i8"),
        ("tokens_in", "<u4"),
        ("tokens_out", "<u4"),
        ("events", "<u4"),
        ("max_gap_us", "<u4"),
    ]
)
PLAIN = struct.Struct("<IHHqqIHBBBBB45x")
"""An arrival's answer without tokens: the fields up to `served_by`. The others become zeros, `whole` among them."""
WHOLE = struct.Struct("<IHHqqIHBBBBBBBB2xqqqIIII")
"""Every field; `whole` is 1."""
AGAIN = struct.Struct("<IHHqq11s45x")
"""The same, the fields from `bytes_in` to `served_by` packed beforehand by `ENDING`."""
ENDING = struct.Struct("<IHBBBBB")
SIZE = NOTE_DTYPE.itemsize
assert PLAIN.size == WHOLE.size == AGAIN.size == SIZE and ENDING.size == 11, (PLAIN.size, WHOLE.size, SIZE)

_U8, _U16, _U32, _I64 = 0xFF, 0xFFFF, 0xFFFFFFFF, 2**63 - 1
_LOW = (0, 0, 0, NEVER, NEVER, *(0,) * 10, *(NEVER,) * 3, *(0,) * 4)
_HIGH = (_U32, _U16, _U16, _I64, _I64, _U32, _U16, *(_U8,) * 8, *(_I64,) * 3, *(_U32,) * 4)
_SAME = ("status", "flags", "outcome", "reason", "attempts", "degraded", "served_by", "written_by", "step", "bytes_in")
_SAME_TOO = ("tokens_in", "tokens_out", "events", "max_gap_us")


def fitted(note: tuple[int, ...]) -> tuple[int, ...]:
    """The fields of a whole note, each cut to what it can hold: a server may claim any number of tokens."""
    return tuple(map(min, map(max, note, _LOW), _HIGH))


def rows_of(data: bytearray, shares: list[Share], worker: int, start_ns: int) -> npt.NDArray[np.void]:
    """The rows of packed notes: `share` counts in `shares`, and times become times from `start_ns`."""
    notes: Any = np.frombuffer(data, NOTE_DTYPE)
    rows: Any = np.zeros(notes.size, RESULT_DTYPE)
    for number, share in enumerate(shares):
        mine = notes["share"] == number
        if mine.all():
            mine = slice(None)
        index = notes["index"][mine]
        for name in ("due_ns", "seq", "journey", "phase", "tenant"):
            rows[name][mine] = np.asarray(getattr(share, name))[index]
    for name in ("sent_ns", "finished_ns"):
        rows[name] = np.where(notes[name] >= 0, notes[name] - start_ns, NEVER)
    whole = notes["whole"] == 1
    for name in ("first_token_ns", "last_token_ns"):
        rows[name] = np.where(whole & (notes[name] >= 0), notes[name] - start_ns, NEVER)
    asked = notes["step"] > 0
    rows["due_ns"][asked] = notes["asked_ns"][asked]
    rows["worker"] = worker
    for name in _SAME + _SAME_TOO:
        rows[name] = notes[name]
    array: npt.NDArray[np.void] = rows
    return array
