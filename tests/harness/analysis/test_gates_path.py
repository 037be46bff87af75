"""The path, the addresses and the connections: a healthy run holds all three, each planted defect breaks its own."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analysis import Verdict, Word
from harness.analysis.verdict import Caveat
from tests.harness.analysis.worlds import World, run


def caveat(verdict: Verdict, kind: str) -> Caveat | None:
    return next((c for c in verdict.caveats if c.kind == kind), None)


def status(verdict: Verdict, kind: str) -> str:
    found = caveat(verdict, kind)
    return found.status if found else "silent"


def lose(world: World, share: float, name: str = "segments_resent", of: str = "segments_sent") -> World:
    record = world.evidence.telemetry
    record[name] = np.rint(record[of] * share).astype(np.int64)
    return world


def test_a_clean_path_is_held() -> None:
    assert status(run().judged(), "path") == "held"


@pytest.mark.parametrize(
    ("name", "of"), [("segments_resent", "segments_sent"), ("segments_unordered", "segments_received")]
)
def test_a_path_that_loses_segments_either_way_is_invalid(name: str, of: str) -> None:
    verdict = lose(run(), 0.1, name, of).judged()
    assert verdict.word is Word.INVALID
    assert "path" in verdict.reasons
    assert "path-limited" in (caveat(verdict, "path") or pytest.fail()).what


def test_a_little_loss_is_noted_and_a_handful_of_segments_proves_nothing() -> None:
    assert status(lose(run(rate=100), 0.01).judged(), "path") == "noted"
    assert status(lose(run(rate=5), 0.05).judged(), "path") == "held", "eleven segments"


def test_loss_before_the_judged_phase_is_no_matter() -> None:
    world = run()
    world.evidence.telemetry["segments_resent"][:] = 500
    assert status(world.judged(), "path") == "held"


def test_a_queue_on_the_path_is_invalid_and_a_late_acknowledgement_is_none() -> None:
    world = run()
    record = world.evidence.telemetry
    record["round_trip_s"][record["t_s"] > 12] = 0.2
    assert status(world.judged(), "path") == "held"
    record["round_trip_s"][record["t_s"] > 12] = 0.6
    assert status(world.judged(), "path") == "broken"
    record["round_trip_s"][record["t_s"] > 12] = 0.001
    record["round_trip_s"][record["t_s"] > 50] = 2.0
    assert status(world.judged(), "path") == "held", "five seconds of it are a spell, not the path"


def test_a_kernel_that_does_not_count_is_said_to_be_that() -> None:
    world = run()
    for name in ("segments_sent", "segments_received", "round_trip_s"):
        world.evidence.telemetry[name] = 0
    assert status(world.judged(), "path") == "not_fed"
    assert world.judged().word is Word.PASS


def test_one_address_of_three_is_invalid_and_turns_are_not() -> None:
    world = run()
    record = world.evidence.telemetry
    record["addresses"], record["busiest_address"] = 3, 0.34
    assert status(world.judged(), "addresses") == "held"
    record["busiest_address"] = 1.0
    assert "addresses" in world.judged().reasons
    record["addresses"] = 1
    assert status(world.judged(), "addresses") == "silent"


def connect(world: World, each: float) -> World:
    """So many connections for each arrival."""
    record = world.evidence.telemetry
    for worker in (0, 1):
        mine = record["worker"] == worker
        sent = np.sort(world.array["sent_ns"][world.array["worker"] == worker] * 1e-9)
        record["connects"][mine] = 5 + each * np.searchsorted(sent, record["t_s"][mine], side="right")
    return world


@pytest.mark.parametrize(
    ("declared", "each", "said"),
    [
        (None, 0.0, "silent"),
        (1.0, 1.0, "held"),
        (1.0, 3.0, "held"),
        (1.0, 0.02, "broken"),
        (0.3, 0.3, "held"),
        (0.3, 0.1, "broken"),
        (0.0, 0.02, "held"),
        (0.0, 1.0, "broken"),
    ],
)
def test_connections_are_those_declared(declared: float | None, each: float, said: str) -> None:
    verdict = connect(run(), each).change(new_connections=declared).judged()
    assert status(verdict, "connections") == said
    assert (verdict.word is Word.INVALID) == (said == "broken")
