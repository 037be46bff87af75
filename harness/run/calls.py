"""What the dependencies saw of a run: the mocks' request log as arrays, on the run's clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from harness import store
from harness.analysis import Calls
from harness.run.mocks import PLACES_FILE


def read_calls(folder: store.RunFolder, start_ns: int, limits: Mapping[str, str]) -> Calls | None:
    """The calls of this run, joined to arrivals by seq; None where no mock kept a log. Lines that do not parse (a log
    cut by a kill) are left out: the log is evidence about dependencies, never the ledger."""
    if not folder.mocks_log.exists():
        return None
    lines = [line for line in _lines(folder.mocks_log) if str(line.get("seq", "")).isdigit()]
    names = tuple(sorted({line["service"] for line in lines}))
    start_s = start_ns / 1e9
    return Calls(
        names=names,
        name=np.array([names.index(line["service"]) for line in lines], dtype=np.uint8),
        seq=np.array([int(line["seq"]) for line in lines], dtype=np.int64),
        started_s=np.array([line["started_s"] - start_s for line in lines]),
        finished_s=np.array([line["finished_s"] - start_s for line in lines]),
        status=np.array([line["status"] for line in lines], dtype=np.uint16),
        limits={name: limits[name] for name in names if name in limits},
        places=_places(folder),
    )


def _places(folder: store.RunFolder) -> dict[str, int]:
    path = folder.mocks / PLACES_FILE
    return {name: int(count) for name, count in folder.read_json(path).items()} if path.exists() else {}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as log:
        for line in log:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
