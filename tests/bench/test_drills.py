from __future__ import annotations

from typing import Any

from bench.drills import table


def line(kind: str, word: str, degraded_s: float | None = None, **fields: Any) -> dict[str, Any]:
    ran = {"drill": "10-full-outage", "kind": kind, "word": word, "at": "2026-11-24 10:00", "why": ""}
    return {**ran, "degraded_s": degraded_s, "recover_s": None, "missed": [], **fields}


def test_the_table_tells_of_the_last_judged_runs_and_of_those_the_machine_spoiled() -> None:
    lines = [
        line("as it is", "DID NOT HOLD", 9.0),  # too long ago
        line("as it is", "HELD", 0.25),
        line("as it is", "INVALID"),
        line("as it is", "HELD", 0.35),
        line("weak", "DID NOT HOLD", missed=["degraded mode begins never"]),
    ]
    rows = table(lines, 2)
    assert rows[2:] == [
        (
            "| 10-full-outage | HELD 2 of 2 | 0.2 s, 0.3 s | -, - | DID NOT HOLD 1 of 1 | degraded mode begins never "
            "| 1 | 2026-11-24 |"
        )
    ]


def test_a_drill_that_was_only_spoiled_has_no_result() -> None:
    (row,) = table([line("as it is", "INVALID")], 1)[2:]
    assert row.startswith("| 10-full-outage | - |")
