from __future__ import annotations

from pathlib import Path

from harness.engine.gap_meter import GapMeter
from harness.results import read_gaps


def test_gaps_are_counted_by_phase_and_added_up_over_the_seconds(tmp_path: Path) -> None:
    path = tmp_path / "worker-0.gaps"
    meter = GapMeter(path, 0, 2)
    assert meter.write() == ""
    assert not path.exists(), "nothing was streamed"
    for _ in range(3):
        meter.by_phase[1].extend([20_000_000, 21_000_000])
        assert meter.write() == ""
    meter.close()
    gaps = read_gaps([path], 2)
    assert gaps is not None and gaps.damage == ()
    assert [gaps.count(0), gaps.count(1)] == [0, 6]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    meter = GapMeter(tmp_path / "absent" / "worker-0.gaps", 0, 1)
    meter.by_phase[0].append(1)
    assert "cannot be written" in meter.write()
    meter.close()
