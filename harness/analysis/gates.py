"""The gates: every way in which a measurement can be spoiled, held against the evidence. One broken gate makes a run
INVALID.

A gate is a function of the scene and the SLOs. Its evidence absent: `not_fed` for rows of another tool, broken in
our own run. The gates live by what they look at: arrivals, generator, path, answers, keys, caches, other tools' rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.analysis import (
    gates_answers,
    gates_arrivals,
    gates_cache,
    gates_credentials,
    gates_foreign,
    gates_generator,
    gates_path,
)
from harness.analysis.scene import Scene
from harness.analysis.slo import Slo
from harness.analysis.verdict import Caveat

Gate = Callable[[Scene, Sequence[Slo]], Caveat | None]

GATES: tuple[Gate, ...] = (
    gates_answers.spool,
    gates_answers.possible,
    gates_arrivals.ledger,
    gates_arrivals.complete,
    gates_credentials.credentials,
    gates_arrivals.late_sends,
    gates_arrivals.send_lag,
    gates_generator.loop_lag,
    gates_generator.cpu,
    gates_generator.telemetry,
    gates_generator.workers,
    gates_generator.clock,
    gates_generator.clock_skew,
    gates_generator.little,
    gates_arrivals.certificate,
    gates_arrivals.mix,
    gates_path.path,
    gates_path.addresses,
    gates_path.connections,
    gates_answers.client_failures,
    gates_answers.target_count,
    gates_answers.mock_pacing,
    gates_answers.answer_length,
    gates_answers.degraded,
    gates_cache.cache_share,
    gates_cache.repeated_prompts,
    gates_foreign.doubled,
    gates_foreign.silence,
)


def hold_gates(scene: Scene, slos: Sequence[Slo]) -> tuple[Caveat, ...]:
    """Every gate's word, in the order of `GATES`; a gate that does not apply says nothing."""
    return tuple(caveat for gate in GATES if (caveat := gate(scene, slos)) is not None)
