"""How large, how slow and how hungry the HTML report is at ten million rows and fifty thousand distinct errors.

`make study-report`; the figures stand in docs/studies.md. Prints one line: bytes of the page, CPU seconds, and the
memory at its highest beside that of the rows themselves.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from harness.analysis import Capacity, FailureMode, Verdict, Word
from harness.report import Report, Run, html
from harness.report.page import SIZE_MAX
from harness.results import RESULT_DTYPE, Catalog, Rows

_NS = 10**9


def planted(rows: int, errors: int, seed: int = 8) -> Report:
    """An hour of `rows` arrivals in order of their end, as spools hold them; one in twenty failed, in `errors` ways."""
    rng = np.random.default_rng(seed)
    array = np.zeros(rows, RESULT_DTYPE)
    array["due_ns"] = rng.integers(0, 3600 * _NS, rows)
    array["sent_ns"] = array["due_ns"] + 100_000
    array["first_token_ns"] = array["due_ns"] + rng.integers(_NS // 100, _NS, rows)
    array["last_token_ns"] = array["finished_ns"] = array["first_token_ns"] + rng.integers(_NS, 3 * _NS, rows)
    array["seq"] = np.arange(rows)
    array["outcome"] = (rng.random(rows) < 0.05) * rng.integers(0, 15, rows)
    modes = tuple(
        FailureMode("server_error", f"upstream {i} said no", errors - i, 1 / errors, 1.0, 2.0, "chat", "answer")
        for i in range(errors)
    )
    verdict = Verdict(Word.FAIL, False, "not sustained", "why", (), (), (), Capacity(), None, modes, judged=("peak",))
    return Report(verdict, Run("7f3k", "http://127.0.0.1:8080", "repeat"), Rows(array, Catalog(("chat",), ("peak",))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--errors", type=int, default=50_000)
    asked = parser.parse_args()
    report = planted(asked.rows, asked.errors)
    before_mb = _high_water_mb()
    start_s = time.process_time()
    size = len(html(report).encode())
    spent_s = time.process_time() - start_s
    print(
        f"{asked.rows:,} rows, {asked.errors:,} errors: {size:,} bytes, {spent_s:.1f} s of CPU, "
        f"{_high_water_mb():,.0f} MB at most ({before_mb:,.0f} MB before)"
    )
    assert size <= SIZE_MAX, size


def _high_water_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
