"""The three words of a gate, so that each gate reads as a sentence."""

from __future__ import annotations

from harness.analysis.scene import Scene
from harness.analysis.verdict import Caveat

HELD = "held"
BROKEN = "broken"
NOT_FED = "not_fed"
WAIVED = "waived"
NOTED = "noted"


def held(kind: str, what: str) -> Caveat:
    return Caveat(kind, HELD, what)


def broken(kind: str, what: str, advice: str, at_s: float | None = None) -> Caveat:
    return Caveat(kind, BROKEN, what, advice, at_s)


def absent(kind: str, what: str, scene: Scene) -> Caveat:
    """The evidence is not there: a gap in our own run, or rows of another tool that cannot feed this gate."""
    if scene.evidence.own_run:
        return broken(
            kind, f"{what}: the run did not record it", "run again; if it stays, the run folder is incomplete"
        )
    return Caveat(kind, NOT_FED, f"{what}: these rows cannot show it")
