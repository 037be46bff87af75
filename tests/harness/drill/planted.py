"""Drills on paper: rows and upstream logs with degraded mode planted at a known moment, as an app leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.drill import Drill, Seen, UpstreamCalls

DRILL = {
    "title": "planted",
    "plan": "plan.yaml",
    "steady_state": {"for": "20s", "errors": "< 1%", "degraded": "< 2%"},
    "faults": [{"on": "llm/primary", "fault": "error", "for": "60s"}],
    "expect": {
        "degraded": {
            "within": "10s",
            "signal": ["header x-served-by == fallback", "upstream share llm/fallback >= 50%"],
            "success": ">= 90%",
        },
        "amplification": "<= 2",
        "recovered": {"within": "15s"},
    },
}
BASELINE_S, INJECT_S = 5.0, 25.0


def drill(**changes: object) -> Drill:
    return Drill.model_validate({**DRILL, **changes}, context={"folder": Path()})


@dataclass(frozen=True)
class World:
    """What is true: the app degrades `delay_s` after the fault (infinity: never), is back `back_s` after its end."""

    delay_s: float = 1.0
    back_s: float = 1.0
    rate_per_s: float = 30.0
    fault_s: float = 60.0
    after_s: float = 60.0
    marked: bool = True
    fails_until_degraded: float = 0.9
    noise: float = 0.0
    """Share of errors and of degraded answers at any time."""
    effect: bool = True
    hint_s: float = 0.0
    attempts: int = 1


def seen(world: World, seed: int) -> Seen:
    """One run of that world."""
    rng = np.random.default_rng(seed)
    revert_s = INJECT_S + world.fault_s
    end_s = revert_s + world.after_s
    n = rng.poisson(world.rate_per_s * end_s)
    due = np.sort(rng.uniform(0, end_s, n))
    latency = rng.lognormal(np.log(0.3), 0.4, n)
    answered = due + latency
    degraded_now = (answered >= INJECT_S + world.delay_s) & (answered < revert_s + world.back_s)
    hit = (answered >= INJECT_S) & (answered < revert_s) & world.effect
    failing = hit & ~degraded_now & (rng.random(n) < world.fails_until_degraded)
    failing |= rng.random(n) < world.noise
    success = ~failing
    degraded = success & (degraded_now | (rng.random(n) < world.noise))
    said = degraded & world.marked
    seq = np.arange(n)
    # The upstreams: a primary that fails under the fault, a fallback that answers in degraded mode.
    primary = np.repeat(seq[~degraded_now | ((seq % 20 == 0) & hit)], 1)
    primary = np.concatenate([primary, np.repeat(seq[hit & ~degraded_now], world.attempts - 1)])
    fallback = seq[degraded]
    which = np.concatenate([primary, fallback])
    name = np.concatenate([np.ones(primary.size, np.int64), np.zeros(fallback.size, np.int64)])
    bad = (name == 1) & (failing[which] | (hit[which] & degraded_now[which]))
    calls = UpstreamCalls(
        names=("llm/fallback", "llm/primary"),
        name=name,
        seq=which,
        started_s=answered[which] - 0.2,
        finished_s=answered[which] - 0.01,
        status=np.where(bad, 503, 200),
        hint_s=np.where(bad & (world.hint_s > 0), world.hint_s, np.nan),
    )
    return Seen(
        seq=seq,
        due_s=due,
        answered_s=answered,
        finished_s=answered + rng.lognormal(np.log(0.3), 0.3, n),
        success=success,
        marked=said,
        labels=("", "header x-served-by == fallback"),
        label=said.astype(np.int64),
        served_names=("", "primary", "fallback"),
        served_by=np.where(said, 2, 1),
        written_names=("",),
        written_by=np.zeros(n, np.int64),
        calls=calls,
        baseline_s=BASELINE_S,
        inject_s=INJECT_S,
        revert_s=revert_s,
        end_s=end_s,
        rate_per_s=world.rate_per_s,
    )
