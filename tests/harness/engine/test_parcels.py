from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine import parcels
from harness.engine.parcels import Parcel, ParcelError, cut


@given(st.binary(max_size=200), st.integers(1, 50))
def test_what_is_cut_comes_together_again(data: bytes, piece_bytes: int) -> None:
    parcel, got = Parcel("rows"), b""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parcels, "PIECE_BYTES", piece_bytes)
        while not parcel.is_whole:
            got += parcel.take(cut("rows", memoryview(data), parcel.size))
    assert got == data


def piece(**changed: Any) -> dict[str, Any]:
    return cut("rows", memoryview(b"abcdef"), 0) | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"data": b"abcdeX"},
        {"crc": 1},
        {"offset": 1},
        {"offset": None},
        {"total": 3},
        {"total": "x"},
        {"total": 1 << 40},
        {"name": "other"},
        {"data": "text"},
        {"data": b""},
    ],
)
def test_a_piece_that_does_not_fit_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ParcelError):
        Parcel("rows").take(piece(**changed))


def test_a_piece_twice_is_refused() -> None:
    parcel = Parcel("rows")
    parcel.take(piece())
    assert parcel.is_whole
    with pytest.raises(ParcelError):
        parcel.take(piece())


def test_a_size_that_changes_is_refused() -> None:
    parcel = Parcel("rows")
    parcel.take(piece(total=10))
    with pytest.raises(ParcelError):
        parcel.take(piece(offset=6, total=11))
