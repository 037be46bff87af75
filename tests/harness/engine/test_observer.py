from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest

from harness.engine.observer import Observer
from harness.results import read_telemetry

RECORDER: Any = SimpleNamespace(start_ns=0, in_flight=3, finished=7, not_sent=1, area_s=lambda _now: 2.5)


@pytest.fixture
def observer(tmp_path: Path, loop: Any) -> Iterator[Observer]:
    watching = Observer(loop, time.monotonic_ns, tmp_path / "t", 4)
    watching.begin()
    yield watching
    watching.close()
    assert watching._on_collection not in gc.callbacks


def record(observer: Observer, path: Path, lags_ms: tuple[float, ...] = ()) -> Any:
    from array import array

    lags = array("q", [round(lag * 1e6) for lag in lags_ms])
    assert observer.record(RECORDER, fired=9, lags_ns=lags, connects=2, client_failures=0) == ""
    assert len(lags) == 0
    return read_telemetry(path / "t")[-1]


def test_a_record_holds_the_counts_and_the_lag(observer: Observer, tmp_path: Path) -> None:
    line = record(observer, tmp_path, tuple(range(100)))
    assert (line["worker"], line["fired"], line["finished"], line["not_sent"], line["in_flight"]) == (4, 9, 7, 1, 3)
    assert line["in_flight_area_s"] == 2.5
    assert line["send_lag_s_p99"] == pytest.approx(0.099)


def test_a_blocked_loop_is_seen_and_a_free_one_is_not(observer: Observer, tmp_path: Path) -> None:
    gevent.sleep(0.05)
    free = record(observer, tmp_path)["loop_lag_s_max"]
    gevent.sleep(0.02)
    time.sleep(0.3)
    gevent.sleep(0.02)
    assert record(observer, tmp_path)["loop_lag_s_max"] > 0.25
    assert free < 0.25


def test_a_loop_that_is_still_blocked_is_seen_too(observer: Observer, tmp_path: Path) -> None:
    time.sleep(0.2)
    assert record(observer, tmp_path)["loop_lag_s_max"] > 0.15


def test_a_collection_is_measured(observer: Observer, tmp_path: Path) -> None:
    gc.collect()
    assert record(observer, tmp_path)["gc_pause_s_max"] > 0
    assert record(observer, tmp_path)["gc_pause_s_max"] == 0


def test_a_busy_second_is_seen_and_a_moment_is_no_measure(observer: Observer, tmp_path: Path) -> None:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    time.sleep(0.4)
    share = record(observer, tmp_path)["cpu_share"]
    assert 0 < share <= 1.05
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    assert record(observer, tmp_path)["cpu_share"] == share
