from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from harness.engine.exchange import Exchange, Request, Told
from harness.engine.facts import first_catalog
from harness.engine.job import DegradedSignal
from harness.engine.recorder import Recorder
from harness.engine.share import Share
from harness.results import Outcome, Reason, SpoolWriter, read_spools
from tests.harness.engine.flying import arrivals_at, job_with


def answered(**fields: Any) -> Exchange:
    exchange = Exchange(Request(b"GET", b"/"))
    known = {"outcome": Outcome.OK, "reason": Reason.NONE, "status": 200, "bytes_in": 99, "attempts": 1}
    for name, value in (known | {"sent_ns": 1_000, "finished_ns": 2_000} | fields).items():
        setattr(exchange, name, value)
    return exchange


def test_an_answer_that_was_told_leaves_the_row_that_it_would_have_left(tmp_path: Path) -> None:
    catalog = first_catalog(job_with(degraded=(DegradedSignal("x-degraded"),)))
    writer = SpoolWriter(tmp_path / "a.spool", 0)
    recorder = Recorder(writer, 0, catalog, time.monotonic_ns)
    recorder.begin(100)
    share = Share.deal(arrivals_at(*[0.0] * 8), 0, 1)
    for index, fields in enumerate(
        (
            {},
            {"outcome": Outcome.SERVER_ERROR, "status": 503},
            {"outcome": Outcome.DEGRADED, "degraded": 1, "served_by": "fallback"},
            {"attempts": 2, "flags": 10},
        )
    ):
        read = answered(**fields)
        recorder.arrival(share, 2 * index, read)
        again = answered(bytes_in=0, attempts=read.attempts, flags=read.flags, status=0)
        again.told = Told(read, b"", keep_alive=True)
        recorder.arrival(share, 2 * index + 1, again)
    writer.close()
    told = read_spools([tmp_path / "a.spool"], catalog)
    rows = told.array
    assert told.damage == ()
    assert rows.size == 8
    first, second = rows[0::2].copy(), rows[1::2].copy()
    assert (second["seq"] == first["seq"] + 1).all()
    first["seq"] = second["seq"] = 0
    assert np.array_equal(first, second)
    assert recorder.outcomes[Outcome.OK] == 4 and recorder.outcomes[Outcome.SERVER_ERROR] == 2
