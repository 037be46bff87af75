from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.errors import EvidenceError
from harness.results import FORMAT, TELEMETRY_DTYPE, TELEMETRY_HEAD, read_telemetry


def seconds(count: int) -> bytes:
    records = np.zeros(count, TELEMETRY_DTYPE)
    records["t_s"] = np.arange(count) + 1.0
    return records.tobytes()


@pytest.mark.parametrize("cut", [0, 1, TELEMETRY_DTYPE.itemsize - 1])
def test_whole_records_are_read_and_half_a_one_is_not(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t"
    path.write_bytes((TELEMETRY_HEAD + seconds(4))[: -cut or None])
    assert read_telemetry(path)["t_s"].tolist() == [1.0, 2.0, 3.0, 4.0][: 4 if cut == 0 else 3]


@pytest.mark.parametrize("data", [None, b"", TELEMETRY_HEAD[:5], TELEMETRY_HEAD])
def test_where_nothing_was_recorded_there_is_nothing(tmp_path: Path, data: bytes | None) -> None:
    path = tmp_path / "t"
    if data is not None:
        path.write_bytes(data)
    assert read_telemetry(path).size == 0


def test_records_of_another_format_are_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(seconds(3))  # as before files had a head
    with pytest.raises(EvidenceError, match=r"format 1 or older, this version reads \d+ \(run it again"):
        read_telemetry(path)
    newer = FORMAT + 1
    path.write_bytes(TELEMETRY_HEAD[:8] + newer.to_bytes(2, "little") + TELEMETRY_HEAD[10:] + seconds(3))
    with pytest.raises(EvidenceError, match=f"format {newer}, this version reads {FORMAT}"):
        read_telemetry(path)
