from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.results import Gaps, read_gaps
from harness.results.gaps import BINS, binned, edge_s, encode_gaps

SOME = st.lists(st.integers(0, 10**12), min_size=1, max_size=60)


@given(st.integers(1001, 130 * 10**9))
def test_a_gap_lies_below_the_edge_of_its_bin_and_above_the_one_before(gap_ns: int) -> None:
    number = int(np.flatnonzero(binned(np.array([gap_ns])))[0])
    assert edge_s(number - 1) * (1 - 1e-9) < gap_ns / 1e9 <= edge_s(number) * (1 + 1e-9)
    assert edge_s(number) / edge_s(number - 1) < 1.091


@given(SOME, SOME)
def test_adding_tables_is_counting_together(some: list[int], others: list[int]) -> None:
    together = binned(np.array(some + others))
    assert (binned(np.array(some)) + binned(np.array(others)) == together).all()
    assert together.sum() == len(some) + len(others)


@given(SOME, st.floats(0.01, 1.0))
def test_a_quantile_is_the_nearest_rank_and_at_most_a_bin_high(some: list[int], q: float) -> None:
    gaps = Gaps(binned(np.array(some))[None, :])
    exact = sorted(some)[max(0, int(np.ceil(q * len(some) - 1e-9)) - 1)] / 1e9
    if 1e-6 < exact < 100:
        assert exact * (1 - 1e-9) <= gaps.quantile_s(0, q) <= exact * 1.091


def test_of_no_gap_there_is_no_quantile() -> None:
    assert np.isnan(Gaps(np.zeros((1, BINS), np.uint64)).quantile_s(0, 0.5))


def test_workers_files_are_put_together(tmp_path: Path) -> None:
    paths = []
    for worker in range(2):
        counts = np.zeros((2, BINS), np.uint64)
        counts[worker] = binned(np.array([20_000_000] * (worker + 1)))
        paths.append(tmp_path / f"worker-{worker}.gaps")
        paths[-1].write_bytes(encode_gaps(counts, worker))
    gaps = read_gaps(paths, 2)
    assert gaps is not None and gaps.damage == ()
    assert [gaps.count(0), gaps.count(1)] == [1, 2]
    assert gaps.quantile_s(1, 1.0) == pytest.approx(0.02, rel=0.09)
    assert read_gaps([], 2) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_or_a_cut_is_said_and_counts_nothing(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(encode_gaps(binned(np.array([5_000_000]))[None, :], 0))
    if data.draw(st.booleans()):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    path = tmp_path / "worker-0.gaps"
    path.write_bytes(whole)
    gaps = read_gaps([path], 1)
    assert gaps is not None
    assert gaps.count(0) == 0 and len(gaps.damage) == 1


def test_a_file_of_another_plan_is_not_added(tmp_path: Path) -> None:
    path = tmp_path / "worker-0.gaps"
    path.write_bytes(encode_gaps(np.ones((3, BINS), np.uint64), 0))
    gaps = read_gaps([path], 2)
    assert gaps is not None
    assert gaps.counts.sum() == 0 and "3 phases" in gaps.damage[0]
