"""Rows 42 to 47: the generator's own machine."""

from __future__ import annotations

from harness.run.selftest import answers
from harness.run.selftest.lie import Lie
from harness.run.selftest.stage import Play

MACHINE: tuple[Lie, ...] = (
    Lie(
        "43",
        "64 file descriptors, 100/s, answers take 1 s",
        ("INVALID",),
        play=lambda: Play(answers.late(1.0)),
        rate=100,
        slos=("e2e p95 <= 3s",),
        descriptors=64,
    ),
    Lie(
        "44",
        "the clock of one of two workers is 30 s ahead",
        ("PASS",),
        plant="skewed_clock",
        slos=("e2e p75 <= 4s",),
        plan={"processes": 2},
    ),
    Lie(
        "45", "the wall clock jumps an hour ahead and two back", ("PASS", "INVALID"), plant="stepping_clock", seconds=12
    ),
)
